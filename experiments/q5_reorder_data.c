#include "base/hash.h"
#include "data/persian_corpus.h"
#include "q5_reorder.h"

#include <stdlib.h>
#include <string.h>

Status q5_part_open(Q5Part *part, const ReorderSet *set, int shortest, int longest, size_t most) {
    *part = (Q5Part){.set = set};
    part->sentence = malloc((set->sentences + 1) * sizeof *part->sentence);
    if (!part->sentence) return status_fail(STATUS_MEMORY, "%s: no memory", set->name);
    for (size_t s = 0; s < set->sentences && part->count < most; s++) {
        const int length = reorder_length(set, s);
        if (length < shortest || length > longest) continue;
        part->sentence[part->count++] = (uint32_t)s;
        part->words += (size_t)length;
    }
    return STATUS_OK;
}

void q5_part_close(Q5Part *part) {
    free(part->sentence);
    *part = (Q5Part){0};
}

static Status need(const Q5Sentences *data, const char *folder, const char *name,
                   const ReorderSet **out) {
    *out = reorder_data_set(&data->data, name);
    if (*out) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: there is no set '%s'; q5_data makes it", folder, name);
}

/* Words that training shows less often than plan->rare are known by their
 * affixes alone, so that what unseen words will look like is learned too. */
static Status make_features(Q5Sentences *data, const Q5ReorderPlan *plan) {
    const ReorderWords *words = &data->data.words;
    data->feature = malloc((words->count + 1) * REORDERER_FEATURES * sizeof *data->feature);
    if (!data->feature) return status_fail(STATUS_MEMORY, "no memory for %zu words", words->count);
    for (size_t i = 0; i < words->count; i++) {
        const int rare = words->occurrences[i] < (uint32_t)plan->rare;
        if (!rare && i < (size_t)plan->shape.words) data->known = i + 1;
        reorderer_features(&plan->shape, reorder_words_text(words, (uint32_t)i),
                           rare ? UINT32_MAX : (uint32_t)i, data->feature + i * REORDERER_FEATURES);
    }
    return STATUS_OK;
}

/* --- favoured sentences
 * ------------------------------------------------------------------------
 */

static uint64_t hash_sentence(const uint32_t *word, int length) {
    return hash_bytes(HASH_BEGIN, word, (size_t)length * sizeof *word);
}

static int compare_hashes(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Hashes of the sentences of a treebank's training part, ascending, as far as
 * their words are known.
 */
static Status hash_treebank(const ReorderWords *words, const PersianPool *pool, uint64_t **out,
                            size_t *count) {
    uint32_t word[UINT8_MAX];
    *count = 0;
    *out = malloc((pool->sentences + 1) * sizeof **out);
    if (!*out) return status_fail(STATUS_MEMORY, "no memory for %zu hashes", pool->sentences);
    for (size_t s = 0; s < pool->sentences; s++) {
        const size_t length = pool->start[s + 1] - pool->start[s];
        int known = length <= UINT8_MAX;
        for (size_t i = 0; known && i < length; i++) {
            const char *text = reorder_words_text(&pool->words, pool->word[pool->start[s] + i]);
            word[i] = reorder_words_find(words, text, strlen(text));
            known = word[i] != REORDER_NONE;
        }
        if (known) (*out)[(*count)++] = hash_sentence(word, (int)length);
    }
    qsort(*out, *count, sizeof **out, compare_hashes);
    return STATUS_OK;
}

/* Adds the sentences of the training part that also stand in the treebank
 * `repeat` - 1 times more.
 */
static Status favour(Q5Sentences *data, const Q5ReorderPlan *plan) {
    PersianPool pool = {0};
    PersianCounts counts;
    Q5Part *part = &data->train;
    uint64_t *hash = NULL;
    size_t hashes = 0;
    Status status =
        persian_corpus_read(persian_corpus_find("perdt_train"), plan->favour, 0, &pool, &counts);
    if (status == STATUS_OK) status = hash_treebank(&data->data.words, &pool, &hash, &hashes);
    persian_pool_free(&pool);
    if (status != STATUS_OK) return status;
    const size_t room = data->distinct * (size_t)plan->repeat + 1;
    uint32_t *grown = realloc(part->sentence, room * sizeof *grown);
    if (!grown) {
        free(hash);
        return status_fail(STATUS_MEMORY, "no memory for %zu sentences", room);
    }
    part->sentence = grown;
    for (size_t i = 0; i < data->distinct; i++) {
        const uint32_t s = part->sentence[i];
        const int length = reorder_length(part->set, s);
        const uint64_t own = hash_sentence(reorder_words_of(part->set, s), length);
        if (!bsearch(&own, hash, hashes, sizeof own, compare_hashes)) continue;
        data->favoured++;
        for (int k = 1; k < plan->repeat; k++) {
            part->sentence[part->count++] = s;
            part->words += (size_t)length;
        }
    }
    free(hash);
    return STATUS_OK;
}

/* --- all of it
 * ---------------------------------------------------------------------------------
 */

Status q5_sentences_open(Q5Sentences *data, const Q5ReorderPlan *plan) {
    const ReorderSet *train, *dev, *test;
    STATUS_TRY(reorder_data_load(plan->data, &data->data));
    STATUS_TRY(need(data, plan->data, "train", &train));
    STATUS_TRY(need(data, plan->data, "perdt_dev", &dev));
    STATUS_TRY(need(data, plan->data, "perdt_test", &test));
    STATUS_TRY(q5_part_open(&data->train, train, plan->shortest, plan->longest, SIZE_MAX));
    STATUS_TRY(q5_part_open(&data->dev, dev, Q5_SHORTEST, Q5_LONGEST, (size_t)plan->tested));
    STATUS_TRY(q5_part_open(&data->test, test, Q5_SHORTEST, Q5_LONGEST, (size_t)plan->tested));
    data->distinct = data->train.count;
    if (data->distinct == 0)
        return status_fail(STATUS_ARGUMENT, "%s: no sentence of %d to %d words in 'train'",
                           plan->data, plan->shortest, plan->longest);
    if (plan->repeat > 1) STATUS_TRY(favour(data, plan));
    return make_features(data, plan);
}

void q5_sentences_close(Q5Sentences *data) {
    q5_part_close(&data->train), q5_part_close(&data->dev), q5_part_close(&data->test);
    free(data->feature);
    reorder_data_free(&data->data);
}

Status q5_pack(Tape *tape, const Q5Sentences *data, const Q5Part *part, const uint32_t *example,
               size_t first, size_t count, ReorderBatch *batch) {
    int *offsets = tape_take(tape, (count + 1) * sizeof *offsets);
    if (!offsets) return tape_status(tape);
    offsets[0] = 0;
    for (size_t i = 0; i < count; i++)
        offsets[i + 1] =
            offsets[i] +
            reorder_length(part->set, part->sentence[example ? example[i] : first + i]);
    const size_t rows = (size_t)offsets[count];
    uint32_t *words = tape_take(tape, rows * sizeof *words);
    int32_t *features = tape_take(tape, rows * REORDERER_FEATURES * sizeof *features);
    if (!words || !features) return tape_status(tape);
    for (size_t i = 0; i < count; i++) {
        const uint32_t *from =
            reorder_words_of(part->set, part->sentence[example ? example[i] : first + i]);
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
