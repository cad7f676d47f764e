/* reorderer_file: a trained word orderer in one file: its shape, its words, its weights.
 *
 *     STATUS_TRY(reorderer_save(model, &words, 21000, "reorder.safetensors"));
 *     ReorderWords words = {0};
 *     STATUS_TRY(reorderer_load(&model, PRECISION_F32, "reorder.safetensors", &words));
 *     ... reorder_words_find(&words, text, size): its id; REORDER_NONE: known by its affixes ...
 *
 * A safetensors file: weights as bfloat16, which is what products round them to, the shape and the
 * words with a vector of their own (one a line, by id) in its metadata.
 */
#ifndef MODEL_REORDERER_FILE_H
#define MODEL_REORDERER_FILE_H

#include "data/reorder_words.h"
#include "model/reorderer.h"

/* Words 0 .. known - 1 are kept with their vectors; the others share one anyway. STATUS_IO. */
Status reorderer_save(const Reorderer *model, const ReorderWords *words, size_t known,
                      const char *path);

/* *out is the caller's to reorderer_close, the words, added to an empty list, to
 * reorder_words_free. STATUS_FORMAT for a file that is none of these. */
Status reorderer_load(Reorderer **out, Precision precision, const char *path, ReorderWords *words);

#endif
