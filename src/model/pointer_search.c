#include "model/pointer_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Hypotheses that are worked on together, about: large enough for products, small enough for their
 * keys and values to stay near. */
#define ROWS_TOGETHER 512
#define ENDS          3 /* unless asked otherwise */
#define ENDS_MAX      8
#define SETS          (REORDERER_WORDS_MAX / 64)

typedef struct {
    uint64_t used[SETS]; /* words of the bag */
    int *trail;          /* [longest]: rows of its past steps */
    int *placed;         /* [longest]: what stands where, as indices into the bag */
    double score;
} Hypothesis;

typedef struct {
    int parent, word; /* of the sentence's hypotheses; index into the bag */
    double score;
} Candidate;

typedef struct {
    PointerSteps *steps;
    Tape tape;
    ReorderBatch bags; /* sorted where steps->sorts */
    int *from;         /* [T]: where a word of these bags stands in the given one */
    int beam, ends, longest;
    const Ngram *ngram;
    double ngram_weight;
    Hypothesis *now, *next; /* [B * beam] */
    int *alive;             /* [B] hypotheses of each sentence */
    int *begins;            /* [B] row of its first hypothesis in this step */
    PointerRow *row;        /* [B * beam] */
    int *left;              /* [B * beam, longest] */
    Candidate *candidate;   /* [beam * longest] */
} Search;

/* --- the bags in an order of their own ----------------------------------------------------------
 */

typedef struct {
    const int32_t *feature;
    uint32_t word;
    int at;
} Item;

static int compare_items(const void *a, const void *b) {
    const Item *x = a, *y = b;
    for (int f = 0; f < REORDERER_FEATURES; f++)
        if (x->feature[f] != y->feature[f]) return x->feature[f] < y->feature[f] ? -1 : 1;
    if (x->word != y->word) return x->word < y->word ? -1 : 1;
    return x->at - y->at;
}

static Status take_bags(Search *s, const ReorderBatch *bags) {
    const size_t rows = (size_t)bags->offsets[bags->sequences];
    uint32_t *words = tape_take(&s->tape, rows * sizeof *words);
    int32_t *features = tape_take(&s->tape, rows * REORDERER_FEATURES * sizeof *features);
    Item *item = tape_take(&s->tape, rows * sizeof *item);
    s->from = tape_take(&s->tape, rows * sizeof *s->from);
    if (!words || !features || !item || !s->from) return tape_status(&s->tape);
    for (int b = 0; b < bags->sequences; b++) {
        const int first = bags->offsets[b], count = bags->offsets[b + 1] - first;
        for (int i = 0; i < count; i++)
            item[first + i] = (Item){bags->features + (size_t)(first + i) * REORDERER_FEATURES,
                                     bags->words[first + i], i};
        if (s->steps->sorts) qsort(item + first, (size_t)count, sizeof *item, compare_items);
        for (int i = first; i < first + count; i++) {
            words[i] = item[i].word;
            s->from[i] = item[i].at;
            memcpy(features + (size_t)i * REORDERER_FEATURES, item[i].feature,
                   REORDERER_FEATURES * sizeof *features);
        }
    }
    s->bags = (ReorderBatch){bags->sequences, bags->offsets, words, features};
    return STATUS_OK;
}

/* --- hypotheses ----------------------------------------------------------------------------------
 */

static int is_used(const Hypothesis *h, int word) {
    return (int)(h->used[word / 64] >> (word % 64) & 1);
}

static int length_of(const Search *s, int b) {
    return s->bags.offsets[b + 1] - s->bags.offsets[b];
}

static Status take_hypotheses(Search *s) {
    const size_t count = (size_t)s->bags.sequences * (size_t)s->beam, each = (size_t)s->longest;
    Hypothesis **list[] = {&s->now, &s->next};
    for (int k = 0; k < 2; k++) {
        int *ints = tape_take(&s->tape, count * each * 2 * sizeof *ints);
        *list[k] = tape_take(&s->tape, count * sizeof **list[k]);
        if (!ints || !*list[k]) return tape_status(&s->tape);
        for (size_t i = 0; i < count; i++)
            (*list[k])[i] =
                (Hypothesis){.trail = ints + 2 * i * each, .placed = ints + (2 * i + 1) * each};
    }
    s->alive = tape_take(&s->tape, (size_t)s->bags.sequences * sizeof *s->alive);
    s->begins = tape_take(&s->tape, (size_t)s->bags.sequences * sizeof *s->begins);
    s->row = tape_take(&s->tape, count * sizeof *s->row);
    s->left = tape_take(&s->tape, count * each * sizeof *s->left);
    s->candidate = tape_take(&s->tape, (size_t)s->beam * each * sizeof *s->candidate);
    for (int b = 0; s->alive && b < s->bags.sequences; b++) s->alive[b] = 1;
    return tape_status(&s->tape);
}

/* The rows of step t: every hypothesis of a sentence that has words left. */
static int make_rows(Search *s, int t) {
    int rows = 0;
    for (int b = 0; b < s->bags.sequences; b++) {
        const int first = s->bags.offsets[b], words = length_of(s, b);
        s->begins[b] = rows;
        for (int i = 0; i < s->alive[b] && t < words; i++, rows++) {
            Hypothesis *h = &s->now[b * s->beam + i];
            int *left = s->left + (size_t)rows * (size_t)s->longest, count = 0;
            for (int j = 0; j < words; j++)
                if (!is_used(h, j) || s->steps->all_seen) left[count++] = first + j;
            h->trail[t] = rows;
            s->row[rows] = (PointerRow){.sentence = b,
                                        .first = first,
                                        .words = words,
                                        .last = t ? first + h->placed[t - 1] : -1,
                                        .trail = h->trail,
                                        .left = left,
                                        .seen = count};
        }
    }
    return rows;
}

/* --- what comes next
 * ------------------------------------------------------------------------------ */

static float dot(const float *a, const float *b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* What the trigram makes of `words` words of which hypothesis h has placed t, and then `next`: its
 * weighted log-probability, and that of the sentence's end behind the last word. */
static double heard(const Search *s, const Hypothesis *h, int t, const uint32_t *word, int words,
                    uint32_t next) {
    const uint32_t u = t > 1 ? word[h->placed[t - 2]] : NGRAM_BEGIN;
    const uint32_t v = t > 0 ? word[h->placed[t - 1]] : NGRAM_BEGIN;
    double nats = log(ngram_probability(s->ngram, u, v, next));
    if (t + 1 == words) nats += log(ngram_probability(s->ngram, v, next, NGRAM_END));
    return s->ngram_weight * nats;
}

/* Adds the continuations of hypothesis `i` of sentence b: equal words are one, the first of them
 * that is left. */
static int continue_one(const Search *s, int b, int i, int t, Candidate *out) {
    const Hypothesis *h = &s->now[b * s->beam + i];
    const int d = s->steps->width, first = s->bags.offsets[b], words = length_of(s, b);
    const uint32_t *word = s->bags.words + first;
    const float *query = s->steps->query + (size_t)(s->begins[b] + i) * (size_t)d;
    const float scale = 1 / sqrtf((float)d);
    double z[REORDERER_WORDS_MAX], top = -INFINITY, sum = 0;
    int count = 0;
    for (int j = 0; j < words; j++) {
        if (is_used(h, j)) continue;
        z[j] = (double)(scale * dot(query, s->steps->keys + (size_t)(first + j) * (size_t)d, d));
        if (z[j] > top) top = z[j];
    }
    for (int j = 0; j < words; j++)
        if (!is_used(h, j)) sum += exp(z[j] - top);
    const double all = top + log(sum);
    for (int j = 0; j < words; j++) {
        if (is_used(h, j)) continue;
        int twin = count - 1;
        while (twin >= 0 && word[out[twin].word] != word[j]) twin--;
        if (twin >= 0) /* temporarily a probability in `score` */
            out[twin].score += exp(z[j] - all);
        else
            out[count++] = (Candidate){i, j, exp(z[j] - all)};
    }
    for (int k = 0; k < count; k++) {
        out[k].score = h->score + log(out[k].score);
        if (s->ngram) out[k].score += heard(s, h, t, word, words, word[out[k].word]);
    }
    return count;
}

static int compare_candidates(const void *a, const void *b) {
    const Candidate *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->parent != y->parent ? x->parent - y->parent : x->word - y->word;
}

/* 1 where both have placed the same words and end in the same ones; the last of each is at t. */
static int same_state(const Search *s, const Hypothesis *a, const Hypothesis *b, int t,
                      const uint32_t *word) {
    if (memcmp(a->used, b->used, sizeof a->used) != 0) return 0;
    for (int k = 0; k < s->ends && k <= t; k++)
        if (word[a->placed[t - k]] != word[b->placed[t - k]]) return 0;
    return 1;
}

static void follow(const Hypothesis *parent, const Candidate *c, int t, Hypothesis *out) {
    memcpy(out->used, parent->used, sizeof out->used);
    memcpy(out->trail, parent->trail, ((size_t)t + 1) * sizeof *out->trail);
    memcpy(out->placed, parent->placed, (size_t)t * sizeof *out->placed);
    out->used[c->word / 64] |= UINT64_C(1) << (c->word % 64);
    out->placed[t] = c->word;
    out->score = c->score;
}

static void choose(Search *s, int b, int t) {
    Hypothesis *now = s->now + b * s->beam, *next = s->next + b * s->beam;
    const uint32_t *word = s->bags.words + s->bags.offsets[b];
    int count = 0, kept = 0;
    for (int i = 0; i < s->alive[b]; i++) count += continue_one(s, b, i, t, s->candidate + count);
    qsort(s->candidate, (size_t)count, sizeof *s->candidate, compare_candidates);
    for (int k = 0; k < count && kept < s->beam; k++) {
        Hypothesis *h = &next[kept];
        follow(&now[s->candidate[k].parent], &s->candidate[k], t, h);
        int other = 0;
        while (other < kept && !same_state(s, &next[other], h, t, word)) other++;
        kept += other == kept;
    }
    s->alive[b] = kept;
    for (int i = 0; i < kept; i++) { /* what was next is now; its memory is exchanged */
        const Hypothesis swapped = now[i];
        now[i] = next[i];
        next[i] = swapped;
    }
}

/* --- some sentences --------------------------------------------------------------------------- */

/* The best of each; equal words are given out in ascending order of where they were. */
static void write_out(const Search *s, int *order, double *score) {
    for (int b = 0; b < s->bags.sequences; b++) {
        const Hypothesis *best = &s->now[b * s->beam];
        const int first = s->bags.offsets[b];
        for (int t = 0; t < length_of(s, b); t++)
            order[first + t] = s->from[first + best->placed[t]];
        if (score) score[b] = best->score;
    }
}

static Status search_some(PointerSteps *steps, Arena *arena, const ReorderBatch *bags,
                          const ReordererSearch *options, int *order, double *score) {
    Search s = {.steps = steps,
                .beam = options->beam,
                .ends = options->ends ? options->ends : ENDS,
                .ngram = options->ngram,
                .ngram_weight = options->ngram_weight};
    tape_open(&s.tape, arena, TAPE_INFER, 0, 0);
    STATUS_TRY(take_bags(&s, bags));
    for (int b = 0; b < bags->sequences; b++)
        if (length_of(&s, b) > s.longest) s.longest = length_of(&s, b);
    STATUS_TRY(take_hypotheses(&s));
    STATUS_TRY(steps->open(steps, &s.tape, &s.bags, s.longest, bags->sequences * s.beam));
    for (int t = 0; t < s.longest; t++) {
        const int rows = make_rows(&s, t);
        STATUS_TRY(steps->step(steps, t, rows, s.row));
        for (int b = 0; b < bags->sequences; b++)
            if (t < length_of(&s, b)) choose(&s, b, t);
    }
    write_out(&s, order, score);
    return STATUS_OK;
}

/* --- all of them --------------------------------------------------------------------------------
 */

static Status check(const ReorderBatch *bags, const ReordererSearch *options) {
    if (options->beam < 1 || options->beam > REORDERER_BEAM_MAX || options->ends < 0 ||
        options->ends > ENDS_MAX)
        return status_fail(
            STATUS_ARGUMENT,
            "search: a beam of %d, told apart by %d words; expected 1 to %d, 0 to %d",
            options->beam, options->ends, REORDERER_BEAM_MAX, ENDS_MAX);
    if (options->ngram && (!(options->ngram_weight >= 0) || options->ends == 1))
        return status_fail(
            STATUS_ARGUMENT,
            "search: a trigram of weight %g, states told apart by %d words; expected "
            "0 or more, and at least 2",
            options->ngram_weight, options->ends);
    for (int b = 0; b < bags->sequences; b++)
        if (bags->offsets[b + 1] - bags->offsets[b] < 1 ||
            bags->offsets[b + 1] - bags->offsets[b] > REORDERER_WORDS_MAX)
            return status_fail(STATUS_ARGUMENT,
                               "search: sentence %d has %d words; expected 1 to %d", b,
                               bags->offsets[b + 1] - bags->offsets[b], REORDERER_WORDS_MAX);
    return STATUS_OK;
}

Status pointer_search(PointerSteps *steps, Arena *arena, const ReorderBatch *bags,
                      const ReordererSearch *options, int *order, double *score) {
    STATUS_TRY(check(bags, options));
    int together = ROWS_TOGETHER / options->beam;
    if (together < 1) together = 1;
    for (int first = 0; first < bags->sequences; first += together) {
        const int left = bags->sequences - first, count = left < together ? left : together;
        const size_t mark = arena_mark(arena);
        const int at = bags->offsets[first];
        int *offsets = arena_take(arena, ((size_t)count + 1) * sizeof *offsets);
        if (!offsets) return STATUS_MEMORY;
        for (int b = 0; b <= count; b++) offsets[b] = bags->offsets[first + b] - at;
        const ReorderBatch some = {count, offsets, bags->words + at,
                                   bags->features + (size_t)at * REORDERER_FEATURES};
        STATUS_TRY(
            search_some(steps, arena, &some, options, order + at, score ? score + first : NULL));
        arena_rewind(arena, mark);
    }
    return STATUS_OK;
}
