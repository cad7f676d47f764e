#include "data/synthetic.h"
#include "base/hash.h"
#include "base/rng.h"

#define LENGTH_BITS 24 /* of the index of a random number; the others are the sequence's */

/* The numbers of one sequence: they are drawn in the order of their position. */
typedef struct {
    uint64_t seed, stream, index;
} Draws;

static Draws draws_of(const SyntheticTask *task, SyntheticSplit split, uint64_t index, int length) {
    const int32_t what[] = {(int32_t)task->kind, (int32_t)split, length,      task->alphabet,
                            task->pairs,         task->queries,  task->others};
    uint64_t stream = rng_stream("synthetic");
    return (Draws){task->seed, hash_bytes(stream, what, sizeof what), index << LENGTH_BITS};
}

static int32_t draw_below(Draws *draws, int bound) {
    return (int32_t)rng_below(draws->seed, draws->stream, draws->index++, (uint64_t)bound);
}

/* --- the symbols ----------------------------------------------------------------------------- */

static int symbols(const SyntheticTask *task) {
    switch (task->kind) {
    case SYNTHETIC_PARITY:
        return 2;
    case SYNTHETIC_PAIRS:
        return 2 * task->alphabet;
    case SYNTHETIC_RECALL:
        return task->alphabet + task->others;
    case SYNTHETIC_COPY:
    case SYNTHETIC_REVERSE:
        break;
    }
    return task->alphabet;
}

int synthetic_start(const SyntheticTask *task) {
    return symbols(task);
}

static int query_mark(const SyntheticTask *task) {
    return symbols(task) + 1;
}

int synthetic_vocabulary(const SyntheticTask *task) {
    return symbols(task) + 2;
}

static int queries_of(const SyntheticTask *task) {
    return task->queries > 0 ? task->queries : 1;
}

int synthetic_pairs_length(const SyntheticTask *task) {
    return 2 * task->pairs + queries_of(task);
}

Status synthetic_check(const SyntheticTask *task, int length) {
    int least = task->kind == SYNTHETIC_RECALL ? 2 : 1;
    if ((unsigned)task->kind > SYNTHETIC_PARITY)
        return status_fail(STATUS_ARGUMENT,
                           "synthetic task: kind %d; expected one of SyntheticKind",
                           (int)task->kind);
    if (task->kind != SYNTHETIC_PARITY && (task->alphabet < 1 || task->alphabet > 1 << 24))
        return status_fail(STATUS_ARGUMENT, "synthetic task: alphabet of %d; expected 1 to 2^24",
                           task->alphabet);
    if (task->others < 0 || task->others > 1 << 24 || task->queries < 0)
        return status_fail(STATUS_ARGUMENT,
                           "synthetic task: %d other symbols, %d queries; expected 0 or more",
                           task->others, task->queries);
    if (task->kind == SYNTHETIC_PAIRS && (task->pairs < 1 || task->pairs > task->alphabet))
        return status_fail(
            STATUS_ARGUMENT,
            "synthetic task: %d pairs of distinct keys; expected 1 to the alphabet's "
            "%d",
            task->pairs, task->alphabet);
    if (length < least || length >= 1 << (LENGTH_BITS - 2))
        return status_fail(STATUS_ARGUMENT, "synthetic task: length %d; expected %d to %d", length,
                           least, (1 << (LENGTH_BITS - 2)) - 1);
    if (task->kind == SYNTHETIC_PAIRS && length != synthetic_pairs_length(task))
        return status_fail(STATUS_ARGUMENT,
                           "synthetic task: length %d; %d pairs and %d queries make %d", length,
                           task->pairs, queries_of(task), synthetic_pairs_length(task));
    return STATUS_OK;
}

/* --- the tasks -------------------------------------------------------------------------------- */

static void draw_recall(const SyntheticTask *task, Draws *draws, int length, int32_t *source,
                        int32_t *target) {
    source[0] = draw_below(draws, task->alphabet);
    for (int t = 1; t < length - 1; t++)
        source[t] = task->others ? task->alphabet + draw_below(draws, task->others)
                                 : draw_below(draws, task->alphabet);
    source[length - 1] = query_mark(task);
    for (int t = 0; t < length - 1; t++) target[t] = SYNTHETIC_UNSCORED;
    target[length - 1] = source[0];
}

static void swap(int32_t *a, int32_t *b) {
    int32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Floyd's sample of `count` out of 0 .. bound - 1 (Bentley and Floyd 1987), which needs no room but
 * the result's; then shuffled, since its order is not random. */
static void draw_distinct(Draws *draws, int count, int bound, int32_t *out) {
    for (int n = 0; n < count; n++) {
        int32_t last = (int32_t)(bound - count + n), pick = draw_below(draws, (int)last + 1);
        for (int i = 0; i < n; i++)
            if (out[i] == pick) {
                pick = last;
                break;
            }
        out[n] = pick;
    }
    for (int i = count - 1; i > 0; i--) swap(&out[i], &out[draw_below(draws, i + 1)]);
}

static void draw_pairs(const SyntheticTask *task, Draws *draws, int32_t *source, int32_t *target) {
    int pairs = task->pairs, queries = queries_of(task);
    int32_t *order = target; /* which pair is asked, until the targets are written */
    draw_distinct(draws, pairs, task->alphabet, source);
    for (int p = pairs - 1; p >= 0; p--) source[2 * p] = source[p];
    for (int p = 0; p < pairs; p++)
        source[2 * p + 1] = task->alphabet + draw_below(draws, task->alphabet);
    for (int q = 0; q < queries; q++) {
        int turn = q % pairs;
        if (turn == 0)
            for (int p = 0; p < pairs; p++) order[p] = p;
        swap(&order[turn], &order[turn + draw_below(draws, pairs - turn)]);
        source[2 * pairs + q] = source[2 * order[turn]];
        target[2 * pairs + q] = source[2 * order[turn] + 1];
    }
    for (int t = 0; t < 2 * pairs; t++) target[t] = SYNTHETIC_UNSCORED;
}

static void draw_parity(Draws *draws, int length, int32_t *source, int32_t *target) {
    int32_t parity = 0;
    for (int t = 0; t < length; t++) {
        source[t] = draw_below(draws, 2);
        target[t] = parity ^= source[t];
    }
}

void synthetic_draw(const SyntheticTask *task, SyntheticSplit split, uint64_t index, int length,
                    int32_t *source, int32_t *target) {
    Draws draws = draws_of(task, split, index, length);
    switch (task->kind) {
    case SYNTHETIC_COPY:
    case SYNTHETIC_REVERSE:
        for (int t = 0; t < length; t++) source[t] = draw_below(&draws, task->alphabet);
        for (int t = 0; t < length; t++)
            target[t] = source[task->kind == SYNTHETIC_COPY ? t : length - 1 - t];
        return;
    case SYNTHETIC_RECALL:
        draw_recall(task, &draws, length, source, target);
        return;
    case SYNTHETIC_PAIRS:
        draw_pairs(task, &draws, source, target);
        return;
    case SYNTHETIC_PARITY:
        draw_parity(&draws, length, source, target);
        return;
    }
}
