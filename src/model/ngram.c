#include "model/ngram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known of a context: how often it was seen, and with how many words once, twice, oftener.
 */
typedef struct {
    uint32_t total, kinds[3];
} Context;

/* Open addressing; a key is up to three ids of 21 bits, its top bit set so that 0 means free. */
typedef struct {
    uint64_t *key;
    uint32_t *count;
    size_t slots, used;
} Counts;

typedef struct {
    uint64_t *key;
    Context *context;
    size_t slots, used;
} Contexts;

struct Ngram {
    size_t words;
    int finished;
    Counts trigram, bigram, unigram; /* below the highest order: numbers of words before */
    Contexts pair, one;              /* contexts of trigrams and of bigrams */
    Context all;                     /* of unigrams */
    double discount[3][3];           /* [order - 1][D1, D2, D3+] */
};

static uint64_t key_of(uint32_t u, uint32_t v, uint32_t w) {
    return UINT64_C(1) << 63 | (uint64_t)u << 42 | (uint64_t)v << 21 | w;
}

static size_t place_of(uint64_t key, size_t slots) {
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(key ^ key >> 29) & (slots - 1);
}

static size_t find(const uint64_t *keys, size_t slots, uint64_t key) {
    size_t at = place_of(key, slots);
    while (keys[at] && keys[at] != key) at = (at + 1) & (slots - 1);
    return at;
}

/* --- counting -----------------------------------------------------------------------------------
 */

static Status grow_counts(Counts *c) {
    const size_t slots = c->slots ? 2 * c->slots : 1024;
    uint64_t *key = calloc(slots, sizeof *key);
    uint32_t *count = calloc(slots, sizeof *count);
    if (!key || !count) {
        free(key), free(count);
        return status_fail(STATUS_MEMORY, "ngram: no memory for %zu counts", slots);
    }
    for (size_t i = 0; i < c->slots; i++)
        if (c->key[i]) {
            const size_t at = find(key, slots, c->key[i]);
            key[at] = c->key[i], count[at] = c->count[i];
        }
    free(c->key), free(c->count);
    *c = (Counts){key, count, slots, c->used};
    return STATUS_OK;
}

static Status add_count(Counts *c, uint64_t key) {
    if (3 * (c->used + 1) > 2 * c->slots) STATUS_TRY(grow_counts(c));
    const size_t at = find(c->key, c->slots, key);
    if (!c->key[at]) c->key[at] = key, c->used++;
    if (c->count[at] < UINT32_MAX) c->count[at]++;
    return STATUS_OK;
}

static uint32_t count_of(const Counts *c, uint64_t key) {
    return c->slots ? c->count[find(c->key, c->slots, key)] : 0;
}

Status ngram_open(Ngram **out, size_t words) {
    *out = NULL;
    if (words < 1 || words > NGRAM_WORDS_MAX)
        return status_fail(STATUS_ARGUMENT, "ngram: %zu words; expected 1 to %u", words,
                           (unsigned)NGRAM_WORDS_MAX);
    *out = calloc(1, sizeof **out);
    if (!*out) return status_fail(STATUS_MEMORY, "ngram: no memory");
    (*out)->words = words;
    return STATUS_OK;
}

Status ngram_add(Ngram *m, const uint32_t *word, int length) {
    uint32_t u = NGRAM_BEGIN, v = NGRAM_BEGIN;
    if (m->finished) return status_fail(STATUS_ARGUMENT, "ngram: sentences after its discounts");
    for (int t = 0; t < length; t++)
        if (word[t] >= m->words)
            return status_fail(STATUS_ARGUMENT, "ngram: word %u; there are %zu", (unsigned)word[t],
                               m->words);
    for (int t = 0; t <= length; t++) {
        const uint32_t w = t < length ? word[t] : NGRAM_END;
        STATUS_TRY(add_count(&m->trigram, key_of(u, v, w)));
        u = v, v = w;
    }
    return STATUS_OK;
}

/* --- discounts ----------------------------------------------------------------------------------
 */

static Status grow_contexts(Contexts *c) {
    const size_t slots = c->slots ? 2 * c->slots : 1024;
    uint64_t *key = calloc(slots, sizeof *key);
    Context *context = calloc(slots, sizeof *context);
    if (!key || !context) {
        free(key), free(context);
        return status_fail(STATUS_MEMORY, "ngram: no memory for %zu contexts", slots);
    }
    for (size_t i = 0; i < c->slots; i++)
        if (c->key[i]) {
            const size_t at = find(key, slots, c->key[i]);
            key[at] = c->key[i], context[at] = c->context[i];
        }
    free(c->key), free(c->context);
    *c = (Contexts){key, context, slots, c->used};
    return STATUS_OK;
}

static void see(Context *c, uint32_t count) {
    c->total += count;
    c->kinds[count < 3 ? count - 1 : 2]++;
}

static Status see_in(Contexts *c, uint64_t key, uint32_t count) {
    if (3 * (c->used + 1) > 2 * c->slots) STATUS_TRY(grow_contexts(c));
    const size_t at = find(c->key, c->slots, key);
    if (!c->key[at]) c->key[at] = key, c->used++;
    see(&c->context[at], count);
    return STATUS_OK;
}

static const Context *context_of(const Contexts *c, uint64_t key) {
    static const Context none = {0};
    return c->slots ? &c->context[find(c->key, c->slots, key)] : &none;
}

#define LOW21 UINT64_C(0x1fffff)

/* D_k = k - (k + 1) Y n_{k+1} / n_k, Y = n_1 / (n_1 + 2 n_2). */
static void set_discounts(const Counts *c, double *discount) {
    double n[5] = {0};
    for (size_t i = 0; i < c->slots; i++)
        if (c->key[i] && c->count[i] <= 4) n[c->count[i]]++;
    const double y = n[1] / (n[1] + 2 * n[2]);
    for (int k = 1; k <= 3; k++) {
        const double d = k - (k + 1) * y * n[k + 1] / n[k];
        discount[k - 1] = isfinite(d) && d > 0 && d < k ? d : k / 2.;
    }
}

Status ngram_finish(Ngram *m) {
    if (m->finished || !m->trigram.used)
        return status_fail(STATUS_ARGUMENT, "ngram: %s",
                           m->finished ? "finished twice" : "no sentence was counted");
    m->finished = 1;
    for (size_t i = 0; i < m->trigram.slots; i++) {
        const uint64_t key = m->trigram.key[i];
        if (!key) continue;
        const uint32_t u = (uint32_t)(key >> 42 & LOW21), v = (uint32_t)(key >> 21 & LOW21);
        const uint32_t w = (uint32_t)(key & LOW21);
        STATUS_TRY(see_in(&m->pair, key_of(0, u, v), m->trigram.count[i]));
        STATUS_TRY(add_count(&m->bigram, key_of(0, v, w)));
    }
    for (size_t i = 0; i < m->bigram.slots; i++) {
        const uint64_t key = m->bigram.key[i];
        if (!key) continue;
        const uint32_t v = (uint32_t)(key >> 21 & LOW21), w = (uint32_t)(key & LOW21);
        STATUS_TRY(see_in(&m->one, key_of(0, 0, v), m->bigram.count[i]));
        STATUS_TRY(add_count(&m->unigram, key_of(0, 0, w)));
    }
    for (size_t i = 0; i < m->unigram.slots; i++)
        if (m->unigram.key[i]) see(&m->all, m->unigram.count[i]);
    set_discounts(&m->unigram, m->discount[0]);
    set_discounts(&m->bigram, m->discount[1]);
    set_discounts(&m->trigram, m->discount[2]);
    return STATUS_OK;
}

const double *ngram_discounts(const Ngram *m, int order) {
    return m->discount[order - 1];
}

/* --- probabilities -------------------------------------------------------------------------------
 */

/* excerpt: kneser-ney */
/* (count - D) / total, and what the discounts have saved is handed to the lower order. */
static double smooth(const Context *c, uint32_t count, const double *discount, double lower) {
    if (!c->total) return lower; /* a context that was never seen */
    const double saved =
        discount[0] * c->kinds[0] + discount[1] * c->kinds[1] + discount[2] * c->kinds[2];
    const double own = count ? count - discount[count < 3 ? count - 1 : 2] : 0;
    return (own + saved * lower) / c->total;
}

double ngram_bigram(const Ngram *m, uint32_t v, uint32_t w) {
    const double p0 = 1. / ((double)m->words + 1); /* the words and NGRAM_END */
    const double p1 = smooth(&m->all, count_of(&m->unigram, key_of(0, 0, w)), m->discount[0], p0);
    return smooth(context_of(&m->one, key_of(0, 0, v)), count_of(&m->bigram, key_of(0, v, w)),
                  m->discount[1], p1);
}

double ngram_probability(const Ngram *m, uint32_t u, uint32_t v, uint32_t w) {
    return smooth(context_of(&m->pair, key_of(0, u, v)), count_of(&m->trigram, key_of(u, v, w)),
                  m->discount[2], ngram_bigram(m, v, w));
}
/* end excerpt */

void ngram_close(Ngram *m) {
    if (!m) return;
    free(m->trigram.key), free(m->trigram.count), free(m->bigram.key), free(m->bigram.count);
    free(m->unigram.key), free(m->unigram.count);
    free(m->pair.key), free(m->pair.context), free(m->one.key), free(m->one.context);
    free(m);
}
