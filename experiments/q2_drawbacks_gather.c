#include "q2_drawbacks_gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Drawbacks *d;
    Gathered *g;
} Taking;

static int index_of(const char *const *slugs, int count, const char *word) {
    for (int i = 0; i < count; i++)
        if (strcmp(slugs[i], word) == 0) return i;
    return -1;
}

static int position(const DrawbacksList *list, int value) {
    for (int i = 0; i < list->count; i++)
        if (list->value[i] == value) return i;
    return -1;
}

static Status unreadable(const char *table, const char *row) {
    return status_fail(STATUS_FORMAT, "a row of '%s' cannot be read: %.80s", table, row);
}

static Status take_parity(void *context, size_t cell, const char *row) {
    const Taking *t = context;
    char net[16];
    int seed, length;
    double last, all, bits;
    (void)cell;
    if (sscanf(row, "%15s %d %d %lf %lf %lf", net, &seed, &length, &last, &all, &bits) != 6)
        return unreadable("parity", row);
    int k = index_of(drawbacks_net_slug, NET_KINDS, net);
    if (k < 0 || length < 1 || length > GATHER_LENGTHS) return unreadable("parity", row);
    GatheredParity *p = &t->g->parity[k][length];
    if (p->count == GATHER_SEEDS) return unreadable("parity", row);
    p->last[p->count] = last;
    p->all[p->count] = all;
    p->bits[p->count++] = bits;
    return STATUS_OK;
}

static Status take_language(void *context, size_t cell, const char *row) {
    const Taking *t = context;
    char net[16];
    int sentences, seed, updates;
    size_t parameters;
    double best, bits[3];
    (void)cell;
    if (sscanf(row, "%15s %d %d %d %lf %zu %lf %lf %lf", net, &sentences, &seed, &updates, &best,
               &parameters, &bits[0], &bits[1], &bits[2]) != 9)
        return unreadable("language", row);
    int k = index_of(drawbacks_net_slug, NET_KINDS, net),
        i = position(&t->d->plan.sentences, sentences);
    if (k < 0 || i < 0) return unreadable("language", row);
    GatheredLanguage *l = &t->g->language[k][i];
    if (l->count == GATHER_SEEDS) return unreadable("language", row);
    l->updates = updates;
    l->parameters = parameters;
    l->best_update[l->count] = best;
    l->training[l->count] = bits[0];
    l->validation[l->count] = bits[1];
    l->test[l->count++] = bits[2];
    return STATUS_OK;
}

static Status take_place(void *context, size_t cell, const char *row) {
    const Taking *t = context;
    char net[16];
    int seed, first, last;
    double bits;
    (void)cell;
    if (sscanf(row, "%15s %d %d %d %lf", net, &seed, &first, &last, &bits) != 5)
        return unreadable("place", row);
    int k = index_of(drawbacks_net_slug, NET_KINDS, net);
    if (k < 0 || last < first || first < 1) return unreadable("place", row);
    int i = (first - 1) / (last - first + 1);
    if (i >= GATHER_PLACES) return unreadable("place", row);
    GatheredPlace *p = &t->g->place[k][i];
    if (p->count == GATHER_SEEDS) return unreadable("place", row);
    p->first = first;
    p->last = last;
    p->bits[p->count++] = bits;
    if (i >= t->g->places) t->g->places = i + 1;
    return STATUS_OK;
}

static Status take_memory(void *context, size_t cell, const char *row) {
    const Taking *t = context;
    char kind[16];
    int length;
    GatheredMemory m;
    (void)cell;
    if (sscanf(row, "%15s %d %zu %lf %lf", kind, &length, &m.parameters, &m.counted, &m.seen) != 5)
        return unreadable("memory", row);
    int k = index_of(drawbacks_holds_slug, HOLDS_KINDS, kind),
        i = position(&t->d->plan.lengths, length);
    if (k < 0 || i < 0) return unreadable("memory", row);
    t->g->memory[k][i] = m;
    return STATUS_OK;
}

Status drawbacks_gather(Gathered **out, const Drawbacks *d, const Grid *grid) {
    Taking t = {d, calloc(1, sizeof *t.g)};
    *out = NULL;
    if (!t.g) return status_fail(STATUS_MEMORY, "no memory for the results");
    Status status = grid_rows(grid, "parity", take_parity, &t);
    if (status == STATUS_OK) status = grid_rows(grid, "language", take_language, &t);
    if (status == STATUS_OK) status = grid_rows(grid, "place", take_place, &t);
    if (status == STATUS_OK) status = grid_rows(grid, "memory", take_memory, &t);
    if (status != STATUS_OK)
        free(t.g);
    else
        *out = t.g;
    return status;
}

/* --- over seeds ------------------------------------------------------------------------------ */

enum { DRAWS = 2000 };

Status gather_mean(const double *values, int count, Interval *out) {
    return bootstrap_interval(values, (size_t)count, bootstrap_mean, NULL, DRAWS, 1, out);
}

Status gather_gap(const double *a, const double *b, int count, Interval *out) {
    double gap[GATHER_SEEDS];
    for (int i = 0; i < count; i++) gap[i] = a[i] - b[i];
    return gather_mean(gap, count, out);
}

/* The x at which one seed's curve has come down to `bits`; 0: nowhere, or before its first point.
 */
static double reaches(const double *x, int count, const GatheredLanguage *curve, int seed,
                      double bits) {
    for (int i = 0; i + 1 < count; i++) {
        const double from = curve[i].test[seed], to = curve[i + 1].test[seed];
        if (from >= bits && to <= bits && from > to)
            return exp(log(x[i]) + (log(x[i + 1]) - log(x[i])) * (from - bits) / (from - to));
    }
    return 0;
}

int gather_hunger(const double *x, int count, int at, const GatheredLanguage *slow,
                  const GatheredLanguage *fast, Interval *out) {
    double ratio[GATHER_SEEDS];
    const int seeds = fast[at].count;
    if (seeds < 1) return 0;
    for (int i = 0; i < count; i++)
        if (slow[i].count < seeds) return 0;
    for (int s = 0; s < seeds; s++) {
        const double reached = reaches(x, count, slow, s, fast[at].test[s]);
        if (!(reached > 0)) return 0;
        ratio[s] = reached / x[at];
    }
    return gather_mean(ratio, seeds, out) == STATUS_OK;
}

double gather_unigram_bits(const CharacterStream *train, const CharacterStream *test, int symbols) {
    double *seen = calloc((size_t)symbols, sizeof *seen), bits = 0;
    if (!seen) return NAN;
    for (int c = 0; c < symbols; c++) seen[c] = 1;
    for (size_t i = 0; i < train->count; i++) seen[train->id[i]]++;
    for (size_t i = 0; i < test->count; i++)
        bits -= log2(seen[test->id[i]] / ((double)train->count + symbols));
    free(seen);
    return bits / (double)test->count;
}
