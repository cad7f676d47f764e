/* What each system makes of the shuffled words of a part: arrays of word ids,
 * sentence by sentence as the part lists them. */
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "base/rng.h"
#include "q5_reorder.h"

#include <stdlib.h>
#include <string.h>

/* Sentences that are handed to the search together. */
#define TOGETHER 64

Status q5_answers_open(const Q5Part *part, Q5Answers *out) {
    *out = (Q5Answers){0};
    out->start = malloc((part->count + 1) * sizeof *out->start);
    out->word = malloc((part->words + 1) * sizeof *out->word);
    if (!out->start || !out->word) {
        q5_answers_close(out);
        return status_fail(STATUS_MEMORY, "no memory for %zu answers", part->count);
    }
    out->start[0] = 0;
    for (size_t i = 0; i < part->count; i++)
        out->start[i + 1] = out->start[i] + (size_t)reorder_length(part->set, part->sentence[i]);
    return STATUS_OK;
}

void q5_answers_close(Q5Answers *answers) {
    free(answers->start), free(answers->word);
    *answers = (Q5Answers){0};
}

/* --- by the network
 * ------------------------------------------------------------------------------
 */

/* The shuffled words, as they are given. */
static Status pack_shuffled(Arena *arena, const Q5Sentences *data, const Q5Part *part, size_t first,
                            size_t count, ReorderBatch *batch) {
    int *offsets = arena_take(arena, (count + 1) * sizeof *offsets);
    if (!offsets) return STATUS_MEMORY;
    offsets[0] = 0;
    for (size_t i = 0; i < count; i++)
        offsets[i + 1] = offsets[i] + reorder_length(part->set, part->sentence[first + i]);
    uint32_t *words = arena_take(arena, (size_t)offsets[count] * sizeof *words);
    int32_t *features =
        arena_take(arena, (size_t)offsets[count] * REORDERER_FEATURES * sizeof *features);
    if (!words || !features) return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const uint32_t *from = reorder_shuffled_of(part->set, part->sentence[first + i]);
        for (int t = offsets[i]; t < offsets[i + 1]; t++) {
            words[t] = from[t - offsets[i]];
            memcpy(features + (size_t)t * REORDERER_FEATURES,
                   data->feature + (size_t)words[t] * REORDERER_FEATURES,
                   REORDERER_FEATURES * sizeof *features);
        }
    }
    *batch = (ReorderBatch){(int)count, offsets, words, features};
    return STATUS_OK;
}

static Status answer_some(const Q5Network *network, Arena *arena, const Q5Sentences *data,
                          const Q5Part *part, size_t first, size_t count,
                          const ReordererSearch *search, Q5Answers *out) {
    ReorderBatch batch;
    STATUS_TRY(pack_shuffled(arena, data, part, first, count, &batch));
    int *order = arena_take(arena, (size_t)batch.offsets[count] * sizeof *order);
    if (!order) return STATUS_MEMORY;
    STATUS_TRY(q5_network_search(network, arena, &batch, search, order));
    for (size_t i = 0; i < count; i++)
        for (int t = batch.offsets[i]; t < batch.offsets[i + 1]; t++)
            out->word[out->start[first] + (size_t)t] = batch.words[batch.offsets[i] + order[t]];
    return STATUS_OK;
}

Status q5_answer_network(const Q5Network *network, const Q5Sentences *data, const Q5Part *part,
                         const ReordererSearch *search, const char *what, Q5Answers *out) {
    Arena arena;
    Progress progress;
    STATUS_TRY(arena_open(&arena, 0));
    progress_begin(&progress, what ? stderr : NULL, what, (double)part->count);
    const double began = clock_seconds();
    Status status = STATUS_OK;
    for (size_t first = 0; status == STATUS_OK && first < part->count; first += TOGETHER) {
        const size_t left = part->count - first, count = left < TOGETHER ? left : TOGETHER;
        status = interrupt_requested()
                     ? status_fail(STATUS_INTERRUPTED, "stopped while answering")
                     : answer_some(network, &arena, data, part, first, count, search, out);
        arena_rewind(&arena, 0);
        progress_step(&progress, (double)(first + count), "sentences");
    }
    out->seconds = clock_seconds() - began;
    if (status == STATUS_OK) progress_end(&progress);
    arena_close(&arena);
    return status;
}

/* --- by the trigram, and by chance
 * ----------------------------------------------------------------- */

Status q5_train_ngram(const Q5Sentences *data, Ngram **out) {
    const Q5Part *part = &data->train;
    STATUS_TRY(ngram_open(out, data->data.words.count));
    Status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < data->distinct; i++)
        status = ngram_add(*out, reorder_words_of(part->set, part->sentence[i]),
                           reorder_length(part->set, part->sentence[i]));
    if (status == STATUS_OK) status = ngram_finish(*out);
    if (status == STATUS_OK) return status;
    ngram_close(*out);
    *out = NULL;
    return status;
}

Status q5_answer_ngram(const Ngram *model, const Q5Part *part, const NgramSearch *search,
                       const char *what, Q5Answers *out) {
    Progress progress;
    Status failed = STATUS_OK;
    progress_begin(&progress, what ? stderr : NULL, what, (double)part->count);
    const double began = clock_seconds();
    for (size_t first = 0; failed == STATUS_OK && first < part->count; first += TOGETHER) {
        const size_t left = part->count - first, count = left < TOGETHER ? left : TOGETHER;
        if (interrupt_requested())
            return status_fail(STATUS_INTERRUPTED, "stopped while answering");
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t i = first; i < first + count; i++) {
            int order[NGRAM_BAG_MAX];
            const uint32_t *word = reorder_shuffled_of(part->set, part->sentence[i]);
            const int n = (int)(out->start[i + 1] - out->start[i]);
            Status status = ngram_search(model, word, n, search, order, NULL);
            if (status != STATUS_OK) {
#pragma omp atomic write
                failed = status;
                continue;
            }
            for (int t = 0; t < n; t++) out->word[out->start[i] + (size_t)t] = word[order[t]];
        }
        progress_step(&progress, (double)(first + count), "sentences");
    }
    out->seconds = clock_seconds() - began;
    if (failed == STATUS_OK) progress_end(&progress);
    return failed == STATUS_OK
               ? STATUS_OK
               : status_fail(failed,
                             "the trigram could not order a sentence: no memory, or more "
                             "than %d words",
                             NGRAM_BAG_MAX);
}

void q5_answer_chance(const Q5Part *part, Q5Answers *out) {
    for (size_t i = 0; i < part->count; i++)
        memcpy(out->word + out->start[i], reorder_shuffled_of(part->set, part->sentence[i]),
               (out->start[i + 1] - out->start[i]) * sizeof *out->word);
}

/* --- scores
 * --------------------------------------------------------------------------------------
 */

Status q5_score(const Q5Part *part, const Q5Answers *answers, OrderScore *scores) {
    for (size_t i = 0; i < part->count; i++) {
        const int n = (int)(answers->start[i + 1] - answers->start[i]);
        STATUS_TRY(order_score(reorder_words_of(part->set, part->sentence[i]), n,
                               answers->word + answers->start[i], n, &scores[i]));
    }
    return STATUS_OK;
}
