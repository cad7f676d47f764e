#include "data/reorder_build.h"
#include "base/hash.h"
#include "base/rng.h"
#include "data/near_duplicates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_TEST       REORDER_CORPORA_MAX
#define MARK_VALIDATION (REORDER_CORPORA_MAX + 1)

typedef struct {
    const PersianPool *pool;
    const ReorderPlan *plan;
    int corpora;
    ReorderFlow *flow;
    uint8_t *split; /* [documents] */
    uint32_t *slot; /* [slots]: sentences met, by hash; UINT32_MAX: free */
    size_t slots;
    NearIndex near;
    uint32_t *kept[REORDER_SPLITS]; /* sentences of the pool */
    size_t kept_count[REORDER_SPLITS];
    uint32_t *renamed; /* [words of the pool]: ids in the data */
    ReorderData *data;
} Build;

static const uint32_t *words_of(const Build *build, size_t sentence, int *length) {
    const PersianPool *pool = build->pool;
    *length = (int)(pool->start[sentence + 1] - pool->start[sentence]);
    return pool->word + pool->start[sentence];
}

/* --- documents -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t key;
    uint32_t document;
} Keyed;

static int compare_keyed(const void *a, const void *b) {
    const Keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->document > y->document) - (x->document < y->document);
}

/* The first documents by hash are test, the next validation. Each part gets one where the corpus
 * has enough for all three. */
static void split_corpus(Build *build, int corpus, Keyed *keyed, const uint8_t *used) {
    const PersianPool *pool = build->pool;
    size_t count = 0;
    for (size_t d = 0; d < pool->documents; d++)
        if (pool->of[d] == corpus && used[d])
            keyed[count++] = (Keyed){rng_bits(build->plan->seed, pool->hash[d], 0), (uint32_t)d};
    qsort(keyed, count, sizeof *keyed, compare_keyed);
    size_t test = (size_t)llround(build->plan->test * (double)count);
    size_t validation = (size_t)llround(build->plan->validation * (double)count);
    if (count >= 3 && test == 0 && build->plan->test > 0) test = 1;
    if (count >= 3 && validation == 0 && build->plan->validation > 0) validation = 1;
    for (size_t i = 0; i < count; i++) {
        int split = i < test                ? REORDER_TEST
                    : i < test + validation ? REORDER_VALIDATION
                                            : REORDER_TRAIN;
        if (build->plan->role[corpus] == REORDER_TRAIN_ONLY) split = REORDER_TRAIN;
        if (build->plan->role[corpus] == REORDER_TEST_ONLY) split = REORDER_TEST;
        build->split[keyed[i].document] = (uint8_t)split;
        build->flow[corpus].documents[split]++;
    }
}

static Status split_documents(Build *build) {
    const PersianPool *pool = build->pool;
    Keyed *keyed = malloc((pool->documents + 1) * sizeof *keyed);
    uint8_t *used = calloc(pool->documents + 1, 1);
    if (!keyed || !used) {
        free(keyed);
        free(used);
        return status_fail(STATUS_MEMORY, "no memory for %zu documents", pool->documents);
    }
    for (size_t s = 0; s < pool->sentences; s++) used[pool->document[s]] = 1;
    for (int corpus = 0; corpus < build->corpora; corpus++)
        split_corpus(build, corpus, keyed, used);
    free(keyed);
    free(used);
    return STATUS_OK;
}

/* --- sentences -------------------------------------------------------------------------------- */

/* 1 where these words were met before; else they are met now. */
static int is_repeated(Build *build, size_t sentence) {
    int length, other_length;
    const uint32_t *word = words_of(build, sentence, &length);
    uint64_t hash = hash_bytes(HASH_BEGIN, word, (size_t)length * sizeof *word);
    size_t mask = build->slots - 1, at = (size_t)(hash ^ hash >> 32) & mask;
    for (; build->slot[at] != UINT32_MAX; at = (at + 1) & mask) {
        const uint32_t *other = words_of(build, build->slot[at], &other_length);
        if (length == other_length && memcmp(word, other, (size_t)length * sizeof *word) == 0)
            return 1;
    }
    build->slot[at] = (uint32_t)sentence;
    return 0;
}

/* Why a sentence does not stay in its split: counted. */
static Status is_left_out(Build *build, size_t sentence, int split, int *out) {
    ReorderFlow *flow = &build->flow[build->pool->corpus[sentence]];
    NearMatch match;
    int length;
    const uint32_t *word = words_of(build, sentence, &length);
    *out = 1;
    if (is_repeated(build, sentence)) {
        flow->repeated[split]++;
        return STATUS_OK;
    }
    if (split != REORDER_TEST) {
        STATUS_TRY(near_index_find(&build->near, word, length, &match));
        if (match.share > NEAR_SHARE) {
            if (match.mark == MARK_TEST)
                flow->near_test++;
            else if (match.mark == MARK_VALIDATION)
                flow->near_validation++;
            else
                flow->near_own[match.mark]++;
            return STATUS_OK;
        }
    }
    *out = 0;
    return STATUS_OK;
}

static Status take_split(Build *build, int split) {
    const PersianPool *pool = build->pool;
    for (size_t s = 0; s < pool->sentences; s++) {
        int corpus = pool->corpus[s], out, length;
        if (build->split[pool->document[s]] != split ||
            build->plan->role[corpus] == REORDER_TEST_ONLY)
            continue;
        STATUS_TRY(is_left_out(build, s, split, &out));
        if (out) continue;
        build->kept[split][build->kept_count[split]++] = (uint32_t)s;
        build->flow[corpus].kept[split]++;
        words_of(build, s, &length);
        build->flow[corpus].words[split] += (size_t)length;
    }
    /* Looked up only by the splits that come later: a split may repeat itself nearly. */
    if (split == REORDER_TRAIN) return STATUS_OK;
    for (size_t i = 0; i < build->kept_count[split]; i++) {
        int length;
        const uint32_t *word = words_of(build, build->kept[split][i], &length);
        STATUS_TRY(near_index_add(&build->near, word, length,
                                  split == REORDER_TEST ? MARK_TEST : MARK_VALIDATION));
    }
    return STATUS_OK;
}

/* Published test sets are known to the index alone: what repeats them word for word is counted as
 * near too. */
static Status take_own(Build *build) {
    const PersianPool *pool = build->pool;
    for (size_t s = 0; s < pool->sentences; s++) {
        int corpus = pool->corpus[s], length;
        if (build->plan->role[corpus] != REORDER_TEST_ONLY) continue;
        const uint32_t *word = words_of(build, s, &length);
        STATUS_TRY(near_index_add(&build->near, word, length, corpus));
        build->flow[corpus].kept[REORDER_TEST]++;
        build->flow[corpus].words[REORDER_TEST] += (size_t)length;
    }
    return STATUS_OK;
}

/* --- sets ------------------------------------------------------------------------------------- */

static Status add_to_set(Build *build, ReorderSet *set, size_t sentence) {
    uint32_t word[REORDER_LENGTH_HIGH];
    int length;
    const uint32_t *from = words_of(build, sentence, &length);
    for (int i = 0; i < length; i++) {
        uint32_t *id = &build->renamed[from[i]];
        if (*id == REORDER_NONE) {
            const char *text = reorder_words_text(&build->pool->words, from[i]);
            STATUS_TRY(reorder_words_add(&build->data->words, text, strlen(text), id));
        }
        word[i] = *id;
    }
    return reorder_set_add(set, &build->data->words, word, length, build->plan->seed);
}

static Status make_sets(Build *build) {
    static const char *const names[REORDER_SPLITS] = {"train", "validation", "test"};
    const PersianPool *pool = build->pool;
    for (int split = 0; split < REORDER_SPLITS; split++) {
        ReorderSet *set = reorder_data_add(build->data, names[split]);
        if (!set) return STATUS_UNSUPPORTED;
        rng_shuffle(build->kept[split], build->kept_count[split], build->plan->seed,
                    rng_stream(names[split]));
        for (size_t i = 0; i < build->kept_count[split]; i++)
            STATUS_TRY(add_to_set(build, set, build->kept[split][i]));
    }
    for (int corpus = 0; corpus < build->corpora; corpus++) {
        char name[REORDER_NAME];
        int own = build->plan->role[corpus] == REORDER_TEST_ONLY;
        if (build->flow[corpus].kept[REORDER_TEST] == 0) continue;
        snprintf(name, sizeof name, "%s%s", own ? "" : "test_", build->plan->name[corpus]);
        ReorderSet *set = reorder_data_add(build->data, name);
        if (!set) return STATUS_UNSUPPORTED;
        if (own) {
            for (size_t s = 0; s < pool->sentences; s++)
                if (pool->corpus[s] == corpus) STATUS_TRY(add_to_set(build, set, s));
            continue;
        }
        for (size_t i = 0; i < build->kept_count[REORDER_TEST]; i++)
            if (pool->corpus[build->kept[REORDER_TEST][i]] == corpus)
                STATUS_TRY(add_to_set(build, set, build->kept[REORDER_TEST][i]));
    }
    return reorder_data_rank(build->data);
}

static Status run(Build *build) {
    STATUS_TRY(split_documents(build));
    STATUS_TRY(take_own(build));
    STATUS_TRY(take_split(build, REORDER_TEST));
    STATUS_TRY(take_split(build, REORDER_VALIDATION));
    STATUS_TRY(take_split(build, REORDER_TRAIN));
    if (build->kept_count[REORDER_TRAIN] == 0)
        return status_fail(STATUS_ARGUMENT,
                           "no sentence is left for training, of %zu; give more text",
                           build->pool->sentences);
    return make_sets(build);
}

static Status open_build(Build *build) {
    const PersianPool *pool = build->pool;
    if (pool->sentences >= UINT32_MAX / 4)
        return status_fail(STATUS_UNSUPPORTED, "%zu sentences are too many", pool->sentences);
    build->slots = 1024;
    while (build->slots < 2 * pool->sentences) build->slots *= 2;
    build->slot = malloc(build->slots * sizeof *build->slot);
    build->split = calloc(pool->documents + 1, 1);
    build->renamed = malloc((pool->words.count + 1) * sizeof *build->renamed);
    int complete = build->slot && build->split && build->renamed;
    for (int split = 0; split < REORDER_SPLITS; split++) {
        build->kept[split] = malloc((pool->sentences + 1) * sizeof *build->kept[split]);
        complete = complete && build->kept[split];
    }
    if (!complete)
        return status_fail(STATUS_MEMORY, "no memory for %zu sentences", pool->sentences);
    memset(build->slot, 0xFF, build->slots * sizeof *build->slot);
    memset(build->renamed, 0xFF, pool->words.count * sizeof *build->renamed);
    return STATUS_OK;
}

Status reorder_build(const PersianPool *pool, int corpora, const ReorderPlan *plan,
                     ReorderData *out, ReorderFlow *flow) {
    *out = (ReorderData){0};
    if (corpora < 1 || corpora > REORDER_CORPORA_MAX)
        return status_fail(STATUS_ARGUMENT, "%d corpora; expected 1 to %d", corpora,
                           REORDER_CORPORA_MAX);
    if (!(plan->test >= 0 && plan->validation >= 0 && plan->test + plan->validation < 1))
        return status_fail(STATUS_ARGUMENT,
                           "shares %g of test and %g of validation; expected a sum below 1",
                           plan->test, plan->validation);
    memset(flow, 0, (size_t)corpora * sizeof *flow);
    for (size_t s = 0; s < pool->sentences; s++) flow[pool->corpus[s]].sentences++;
    Build build = {.pool = pool, .plan = plan, .corpora = corpora, .flow = flow, .data = out};
    Status status = open_build(&build);
    if (status == STATUS_OK) status = run(&build);
    near_index_free(&build.near);
    free(build.slot);
    free(build.split);
    free(build.renamed);
    for (int split = 0; split < REORDER_SPLITS; split++) free(build.kept[split]);
    if (status != STATUS_OK) reorder_data_free(out);
    return status;
}
