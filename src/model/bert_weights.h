/* bert_weights: where the tensors of a Hugging Face folder go, and back.
 *
 * Old names (a `bert.` or `mpnet.` prefix or none, LayerNorm.gamma and .beta) are understood; heads
 * of pre-training and question answering (cls.*, lm_head.*, qa_outputs.*), position_ids, and the
 * pooler of a bare MPNet, which its classifier does not use, are passed over. Any other tensor that
 * has no place is an error: it belongs to another architecture or another config.json. Queries,
 * keys and values are three tensors there and one parameter here.
 *
 *     STATUS_TRY(bert_weights_load(bert, "bert-base-uncased"));
 *     STATUS_TRY(parameters_changed(&bert->parameters));
 *     STATUS_TRY(bert_weights_export(bert, "out"));   // model.safetensors, config.json, vocab.txt
 *     BertSlice slice;
 *     for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++) puts(slice.name);
 */
#ifndef MODEL_BERT_WEIGHTS_H
#define MODEL_BERT_WEIGHTS_H

#include "model/bert.h"
#include "store/safetensors.h"

/* One tensor of the layout of BertForSequenceClassification or MPNetForSequenceClassification. */
typedef struct {
    char name[PARAMETER_NAME_MAX]; /* "bert.encoder.layer.0.attention.self.query.weight" */
    int rank;
    size_t shape[2];
    size_t count;         /* of numbers */
    Parameter *parameter; /* NULL while the Bert has none at that place */
    size_t offset;        /* of its first number in the parameter's value and gradient */
    int optional; /* 1: drawn by seed where a folder does not hold it (pooler, classifier) */
} BertSlice;

/* 1 and slice `index`, or 0 past the last. Ordered as transformers lists them. */
int bert_weights_slice(const Bert *bert, size_t index, BertSlice *out);

/* Every weight by the seed of bert->options: matrices and tables normal with initializer_range,
 * biases 0, gains 1, shifts 0. A pure function of (seed, name). parameters_changed is the
 * caller's to call. */
void bert_weights_draw(Bert *bert);

/* Every weight from the folder, also the classifier of another training where there is one (its
 * shape then must fit); needs no draw before: optional ones that the folder does not hold are drawn
 * as bert_weights_draw would. F16 and BF16 are widened. Everything is checked before the first
 * number is copied, except that numbers are finite; after a failure the weights are not to be used.
 * STATUS_IO; STATUS_FORMAT names file, tensor, expected, found: a tensor that is missing, unknown,
 * there under two names, of another shape or dtype, or not finite. STATUS_MEMORY.
 * parameters_changed is the caller's to call. */
Status bert_weights_load(Bert *bert, const char *folder);

/* The same from an opened file. */
Status bert_weights_read(Bert *bert, const Safetensors *model);

/* Writes `folder` (made if missing, its parent must be there): config.json, the files of the
 * tokenizer that bert->folder holds (vocab.txt, tokenizer.json ...), and last model.safetensors, in
 * F32 in the layout above. config.json is the original's with architectures, labels and dtype set;
 * names of labels are kept where their number fits. Each file appears whole or not at all.
 * STATUS_IO, STATUS_FORMAT for an original config.json that no longer reads, STATUS_MEMORY. */
Status bert_weights_export(const Bert *bert, const char *folder);

#endif
