#include "model/ngram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t used;
    double score;     /* log-probability so far */
    double bound;     /* with what is expected of the words left: what hypotheses compete by */
    int last[2];      /* indices into the bag, n for the begin */
    int parent, word; /* in the layer before */
} Path;

typedef struct {
    const Ngram *model;
    const uint32_t *word;
    int n, beam;
    double *logs;   /* [n + 1, n + 1, n + 1]: of w after u, v; u, v = n: begin, w = n: end */
    double *future; /* [n] */
    Path *path;     /* [n + 1, beam] layers */
    Path *fresh;    /* [beam * n] */
    int *count;     /* [n + 1] */
} Bag;

static double *log_at(const Bag *b, int u, int v, int w) {
    const size_t m = (size_t)b->n + 1;
    return &b->logs[((size_t)u * m + (size_t)v) * m + (size_t)w];
}

static void fill_tables(const Bag *b, double weight) {
    for (int u = 0; u <= b->n; u++)
        for (int v = 0; v <= b->n; v++)
            for (int w = 0; w <= b->n; w++)
                *log_at(b, u, v, w) = log(ngram_probability(
                    b->model, u < b->n ? b->word[u] : NGRAM_BEGIN,
                    v < b->n ? b->word[v] : NGRAM_BEGIN, w < b->n ? b->word[w] : NGRAM_END));
    for (int w = 0; w < b->n; w++) {
        double best = -INFINITY;
        for (int v = 0; v <= b->n; v++) {
            if (v == w) continue;
            const double p =
                log(ngram_bigram(b->model, v < b->n ? b->word[v] : NGRAM_BEGIN, b->word[w]));
            if (p > best) best = p;
        }
        b->future[w] = weight * best;
    }
}

static int compare_paths(const void *a, const void *b) {
    const Path *x = a, *y = b;
    if (x->bound != y->bound) return x->bound > y->bound ? -1 : 1;
    return x->parent != y->parent ? x->parent - y->parent : x->word - y->word;
}

/* Of equal words left only the first is tried: the others would be the same sentence. */
static int is_repeated(const Bag *b, const Path *p, int word) {
    for (int j = 0; j < word; j++)
        if (b->word[j] == b->word[word] && !(p->used >> j & 1)) return 1;
    return 0;
}

static int same_state(const Bag *b, const Path *x, const Path *y) {
    if (x->used != y->used) return 0;
    for (int k = 0; k < 2; k++)
        if (x->last[k] != y->last[k] && (x->last[k] == b->n || y->last[k] == b->n ||
                                         b->word[x->last[k]] != b->word[y->last[k]]))
            return 0;
    return 1;
}

/* A set of states by hash: the number of those that have been kept grows with the beam, and
 * comparing each with all would take its square. */
static uint64_t hash_state(const Bag *b, const Path *p) {
    uint64_t h = p->used;
    for (int k = 0; k < 2; k++)
        h = (h ^ (p->last[k] == b->n ? NGRAM_BEGIN : b->word[p->last[k]])) *
            UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 31;
}

static int keep_best(const Bag *b, const Path *fresh, int count, int *slot, size_t slots,
                     Path *kept) {
    int number = 0;
    memset(slot, -1, slots * sizeof *slot);
    for (int i = 0; i < count && number < b->beam; i++) {
        size_t at = (size_t)hash_state(b, &fresh[i]) & (slots - 1);
        while (slot[at] >= 0 && !same_state(b, &kept[slot[at]], &fresh[i]))
            at = (at + 1) & (slots - 1);
        if (slot[at] >= 0) continue;
        slot[at] = number;
        kept[number++] = fresh[i];
    }
    return number;
}

static void extend(const Bag *b, int t, int *slot, size_t slots) {
    const Path *layer = b->path + (size_t)t * (size_t)b->beam;
    int count = 0;
    for (int i = 0; i < b->count[t]; i++)
        for (int w = 0; w < b->n; w++) {
            const Path *p = &layer[i];
            if (p->used >> w & 1 || is_repeated(b, p, w)) continue;
            const double step = *log_at(b, p->last[0], p->last[1], w);
            double end = 0;
            if (t == b->n - 1) end = *log_at(b, p->last[1], w, b->n);
            b->fresh[count++] = (Path){.used = p->used | UINT64_C(1) << w,
                                       .score = p->score + step + end,
                                       .bound = p->bound - b->future[w] + step + end,
                                       .last = {p->last[1], w},
                                       .parent = i,
                                       .word = w};
        }
    qsort(b->fresh, (size_t)count, sizeof *b->fresh, compare_paths);
    b->count[t + 1] =
        keep_best(b, b->fresh, count, slot, slots, b->path + (size_t)(t + 1) * (size_t)b->beam);
}

static void search(const Bag *b, double weight, int *slot, size_t slots, int *order,
                   double *score) {
    Path begin = {.last = {b->n, b->n}};
    fill_tables(b, weight);
    for (int w = 0; w < b->n; w++) begin.bound += b->future[w];
    b->path[0] = begin;
    b->count[0] = 1;
    for (int t = 0; t < b->n; t++) extend(b, t, slot, slots);
    const Path *p = b->path + (size_t)b->n * (size_t)b->beam;
    if (score) *score = p->score;
    for (int t = b->n; t > 0; t--) {
        order[t - 1] = p->word;
        p = b->path + (size_t)(t - 1) * (size_t)b->beam + p->parent;
    }
}

Status ngram_search(const Ngram *model, const uint32_t *word, int n, const NgramSearch *options,
                    int *order, double *score) {
    if (n < 1 || n > NGRAM_BAG_MAX || options->beam < 1 || options->beam > 1 << 20)
        return status_fail(STATUS_ARGUMENT,
                           "ngram: a bag of %d words, a beam of %d; expected 1 to %d, 1 to %d", n,
                           options->beam, NGRAM_BAG_MAX, 1 << 20);
    const size_t m = (size_t)n + 1, beam = (size_t)options->beam;
    size_t slots = 64;
    while (slots < 2 * beam) slots *= 2;
    Bag b = {.model = model, .word = word, .n = n, .beam = options->beam};
    b.logs = malloc(m * m * m * sizeof *b.logs);
    b.future = malloc(m * sizeof *b.future);
    b.path = malloc(m * beam * sizeof *b.path);
    b.fresh = malloc(beam * m * sizeof *b.fresh);
    b.count = malloc(m * sizeof *b.count);
    int *slot = malloc(slots * sizeof *slot);
    const int there = b.logs && b.future && b.path && b.fresh && b.count && slot;
    if (there) search(&b, options->future, slot, slots, order, score);
    free(b.logs), free(b.future), free(b.path), free(b.fresh), free(b.count), free(slot);
    return there ? STATUS_OK : status_fail(STATUS_MEMORY, "ngram: no memory for a search");
}
