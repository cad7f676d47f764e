#include "model/reorderer_file.h"
#include "model/reorderer_parts.h"
#include "store/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE                                                                                      \
    "encoder %d decoder %d width %d heads %d feed %d words %d affixes %d places %d left %d"

static Status no_memory(void) {
    return status_fail(STATUS_MEMORY, "reorderer: no memory for a file");
}

/* --- saving ----------------------------------------------------------------------------------- */

static char *list_words(const ReorderWords *words, size_t known) {
    size_t bytes = 1, at = 0;
    for (size_t i = 0; i < known; i++) bytes += strlen(reorder_words_text(words, (uint32_t)i)) + 1;
    char *list = malloc(bytes);
    for (size_t i = 0; list && i < known; i++) {
        const char *word = reorder_words_text(words, (uint32_t)i);
        const size_t size = strlen(word);
        memcpy(list + at, word, size);
        at += size;
        list[at++] = '\n';
    }
    if (list) list[at] = 0;
    return list;
}

Status reorderer_save(const Reorderer *model, const ReorderWords *words, size_t known,
                      const char *path) {
    const ReordererConfig *c = &model->config;
    const ParameterSet *set = &model->body->parameters;
    char shape[256];
    if (known > (size_t)c->words) known = (size_t)c->words;
    if (known > words->count) known = words->count;
    snprintf(shape, sizeof shape, SHAPE, c->encoder_layers, c->decoder_layers, c->width, c->heads,
             c->feed_forward, (int)known, c->affixes, c->places, c->left_only);
    char *list = list_words(words, known);
    SafetensorsTensor *tensor = calloc(set->count, sizeof *tensor);
    Status status = list && tensor ? STATUS_OK : no_memory();
    for (size_t i = 0; status == STATUS_OK && i < set->count; i++) {
        const Parameter *p = set->item[i];
        tensor[i] = (SafetensorsTensor){
            .name = p->name, .type = SAFETENSORS_BF16, .rank = p->rank, .data = p->value};
        memcpy(tensor[i].shape, p->shape, (size_t)p->rank * sizeof *p->shape);
        if (p == model->words) tensor[i].shape[0] = known + REORDERER_FIRST;
    }
    const SafetensorsPair pairs[] = {{"reorderer.shape", shape}, {"reorderer.words", list}};
    if (status == STATUS_OK) status = safetensors_write(path, tensor, set->count, pairs, 2);
    free(list), free(tensor);
    return status;
}

/* --- loading -----------------------------------------------------------------------------------
 */

static Status read_words(const char *path, const char *list, int known, ReorderWords *words) {
    int count = 0;
    for (const char *at = list; *at; count++) {
        const size_t size = strcspn(at, "\n");
        uint32_t id;
        if (!size || !at[size])
            return status_fail(STATUS_FORMAT, "%s: its list of words is damaged at word %d", path,
                               count);
        STATUS_TRY(reorder_words_add(words, at, size, &id));
        if (id != (uint32_t)count)
            return status_fail(STATUS_FORMAT, "%s: its word %d stands there twice", path, count);
        at += size + 1;
    }
    if (count == known) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: %d words; its shape says %d", path, count, known);
}

static Status read_weights(Reorderer *model, const Safetensors *file) {
    ParameterSet *set = &model->body->parameters;
    for (size_t i = 0; i < set->count; i++) {
        const Parameter *p = set->item[i];
        STATUS_TRY(safetensors_load(file, p->name, p->rank, p->shape, p->value));
    }
    return parameters_changed(set);
}

static Status load_from(Reorderer **out, const Safetensors *file, Precision precision,
                        const char *path, ReorderWords *words) {
    const char *shape = safetensors_metadata_find(file, "reorderer.shape");
    const char *list = safetensors_metadata_find(file, "reorderer.words");
    ReordererConfig c = {.precision = precision};
    if (!shape || !list ||
        sscanf(shape, SHAPE, &c.encoder_layers, &c.decoder_layers, &c.width, &c.heads,
               &c.feed_forward, &c.words, &c.affixes, &c.places, &c.left_only) != 9)
        return status_fail(STATUS_FORMAT,
                           "%s: holds no word orderer; expected what q5_reorder --model writes",
                           path);
    STATUS_TRY(read_words(path, list, c.words, words));
    STATUS_TRY(reorderer_open(out, &c, 1));
    return read_weights(*out, file);
}

Status reorderer_load(Reorderer **out, Precision precision, const char *path, ReorderWords *words) {
    Safetensors *file;
    *out = NULL;
    STATUS_TRY(safetensors_open(&file, path));
    Status status = load_from(out, file, precision, path, words);
    safetensors_close(file);
    if (status == STATUS_OK) return status;
    reorderer_close(*out);
    *out = NULL;
    return status;
}
