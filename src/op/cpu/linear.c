/* Kernel attention in the right order, phi(Q) (phi(K)' V), forward (Katharopoulos et al. 2020;
 * Choromanski et al. 2021). Time O(N C E); memory beyond input and output O(C E), whatever N: rows
 * pass through in tiles and their features are forgotten. */
#include "op/cpu/linear.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

static Status take_state(const FeatureMapping *f, Arena *arena, LinearState *state) {
    state->s = arena_take_zeroed(arena, (size_t)f->cm * f->ep * sizeof(float));
    state->z = arena_take_zeroed(arena, f->cp * sizeof(float));
    state->m = arena_take_zeroed(arena, f->cp * sizeof(float));
    state->negative = arena_take_zeroed(arena, f->cp * sizeof(float));
    return state->s && state->z && state->m && state->negative ? STATUS_OK : STATUS_MEMORY;
}

Status linear_scratch(const FeatureMapping *f, int backward, Arena *arena, LinearScratch *s) {
    const size_t e = (size_t)f->e, t = TILE_ROWS;
    const int causal = f->attention->causal;
    /* Right operands of a tile: features of rows or of the state, [cn] columns over a tile's rows
     * or over E; the state itself, [en] columns over C. Never C x C. */
    const size_t depth = e > t ? e : t, longest = depth > f->cp ? depth : f->cp;
    const size_t wide = (size_t)f->cn * depth, deep = (size_t)f->en * longest;
    const size_t panels = wide > deep ? wide : deep;
    *s = (LinearScratch){0};
    struct {
        float **to;
        size_t count;
        int wanted;
    } const parts[] = {
        {&s->xq, t * e, 1},
        {&s->xk, t * e, 1},
        {&s->rawq, t * f->cp, 1},
        {&s->rawk, t * f->cp, 1},
        {&s->fq, t * f->cp, 1},
        {&s->fk, t * f->cp, 1},
        {&s->dphi, t * f->cp, backward},
        {&s->rows, t * f->ep, 1},
        {&s->dx, t * f->ep, backward},
        {&s->g, t * e, backward},
        {&s->panels, panels, 1},
        {&s->scores, t * t, causal},
        {&s->dscores, t * t, causal && backward},
        {&s->logq, t, 1},
        {&s->logk, t, 1},
        {&s->shift, t, 1},
        {&s->top, t, 1},
        {&s->zero, t, 1},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].wanted) continue;
        if (!(*parts[i].to = arena_take_zeroed(arena, parts[i].count * sizeof(float))))
            return STATUS_MEMORY;
    }
    STATUS_TRY(take_state(f, arena, &s->state));
    if (backward) STATUS_TRY(take_state(f, arena, &s->gradient));
    return STATUS_OK;
}

void linear_reset(const FeatureMapping *f, LinearState *state) {
    memset(state->s, 0, (size_t)f->cm * f->ep * sizeof(float));
    memset(state->z, 0, f->cp * sizeof(float));
    for (size_t c = 0; c < f->cp; c++) state->m[c] = f->logarithmic ? -INFINITY : 0;
    if (f->attention->map == FEATURE_TRIGONOMETRIC) state->m[0] = -INFINITY;
    memset(state->negative, 0, f->cp * sizeof(float));
    state->empty = 1;
}

static void scale_state(const FeatureMapping *f, LinearState *state, int from, int to,
                        float factor) {
    for (int c = from; c < to; c++) {
        float *s = state->s + (size_t)c * f->ep;
        for (int e = 0; e < f->en; e++) s[e] *= factor;
        state->z[c] *= factor;
    }
}

/* excerpt: causal-state */
void linear_absorb(const FeatureMapping *f, LinearState *state, int rows, const float *raw,
                   const float *log, const float *v, size_t v_stride, const float *weight,
                   LinearScratch *s, float *used) {
    if (f->logarithmic) {
        /* negative still holds the old maxima; S and z shrink where a maximum has grown. */
        for (int i = 0; i < rows; i++)
            f->kernel->raise_columns(state->m, raw + (size_t)i * f->cp, log[i], (int)f->cp);
        for (int c = 0; c < f->c; c++) {
            float shrink = state->empty ? 0 : exp2f(-state->negative[c] - state->m[c]);
            if (shrink != 1) scale_state(f, state, c, c + 1, shrink);
        }
        for (int c = 0; c < f->c; c++) state->negative[c] = -state->m[c];
        feature_expand(f, rows, raw, state->negative, log, used);
    } else {
        float old = state->m[0], m = old;
        for (int i = 0; i < rows; i++) m = log[i] > m ? log[i] : m;
        if (m > old && !state->empty) scale_state(f, state, 0, f->c, exp2f(old - m));
        state->m[0] = m;
        for (int i = 0; i < rows; i++) s->shift[i] = log[i] - m;
        feature_expand(f, rows, raw, NULL, s->shift, used);
    }
    state->empty = 0;
    for (int i = 0; i < rows; i++)
        f->kernel->add_row(state->z, used + (size_t)i * f->cp, weight ? weight[i] : 1, (int)f->cp);
    f->kernel->pack(v, v_stride, rows, f->e, 1, s->panels, TILE_ROWS);
    f->kernel->multiply(f->cm, f->en, TILE_ROWS, used, 1, f->cp, s->panels, TILE_ROWS, state->s,
                        f->ep, 1); /* S += phi(K)' V */
}
/* end excerpt */

void linear_query(const FeatureMapping *f, const LinearState *state, int rows, const float *raw,
                  float *top, float *shift, float *used) {
    if (f->logarithmic) feature_row_maximum(f, rows, raw, state->m, top);
    for (int i = 0; i < rows; i++) {
        if (!f->logarithmic) top[i] = state->m[0];
        shift[i] = f->logarithmic ? -top[i] : 0;
    }
    feature_expand(f, rows, raw, f->logarithmic ? state->m : NULL, shift, used);
}

/* excerpt: right-order */
static void linear_head(const FeatureMapping *f, const CpuTask *t, LinearScratch *s, AttentionIn q,
                        AttentionIn k, AttentionIn v, AttentionOut out) {
    if (t->keys == 0) { /* nothing to attend to: zeros */
        cpu_zero_head(out, t->first_query, t->queries, t->head, f->e);
        return;
    }
    linear_reset(f, &s->state);
    for (int j = 0; j < t->keys; j += TILE_ROWS) { /* phi(K)' V and phi(K)' 1 */
        const int rows = t->keys - j < TILE_ROWS ? t->keys - j : TILE_ROWS;
        feature_raw(f, in_row(k, t->first_key + j, t->head), k.row, rows, s->xk, s->rawk, s->logk);
        linear_absorb(f, &s->state, rows, s->rawk, s->logk, in_row(v, t->first_key + j, t->head),
                      v.row, NULL, s, s->fk);
    }
    f->kernel->pack(s->state.s, f->ep, f->c, f->e, 1, s->panels, (size_t)f->c);
    for (int i = 0; i < t->queries; i += TILE_ROWS) { /* phi(Q) S / phi(Q) z */
        const int rows = t->queries - i < TILE_ROWS ? t->queries - i : TILE_ROWS;
        feature_raw(f, in_row(q, t->first_query + i, t->head), q.row, rows, s->xq, s->rawq,
                    s->logq);
        linear_query(f, &s->state, rows, s->rawq, s->top, s->shift, s->fq);
        f->kernel->multiply(TILE_ROWS, f->en, f->c, s->fq, f->cp, 1, s->panels, (size_t)f->c,
                            s->rows, f->ep, 0);
        for (int r = 0; r < rows; r++) {
            float *o = out_row(out, t->first_query + i + r, t->head);
            const float normaliser = dot(s->fq + (size_t)r * f->cp, s->state.z, f->c);
            const float inverse = 1 / normaliser;
            for (int e = 0; e < f->e; e++) o[e] = s->rows[(size_t)r * f->ep + (size_t)e] * inverse;
        }
    }
}
/* end excerpt */

void linear_chunk_weights(const FeatureMapping *f, int rows, LinearScratch *s, const float *top,
                          float *centre, float *key_log, float *weights) {
    const CpuKernels *kernel = f->kernel;
    float *query_log = s->logq, factor[TILE_ROWS];
    if (f->logarithmic) {
        feature_row_maximum(f, rows, s->rawq, NULL, query_log);
        feature_row_maximum(f, rows, s->rawk, NULL, key_log);
    } else {
        memset(query_log, 0, TILE_ROWS * sizeof *query_log);
        memcpy(key_log, s->logk, (size_t)rows * sizeof *key_log);
    }
    for (int i = 0; i < rows; i++) s->shift[i] = f->logarithmic ? -query_log[i] : 0;
    feature_expand(f, rows, s->rawq, NULL, s->shift, s->fq);
    for (int i = 0; i < rows; i++) s->shift[i] = f->logarithmic ? -key_log[i] : 0;
    feature_expand(f, rows, s->rawk, NULL, s->shift, s->fk);
    kernel->pack_transposed(s->fk, f->cp, TILE_ROWS, f->c, 1, s->panels, (size_t)f->c);
    kernel->multiply(TILE_ROWS, TILE_ROWS, f->c, s->fq, f->cp, 1, s->panels, (size_t)f->c, weights,
                     TILE_ROWS, 0);
    float most = -INFINITY;
    for (int i = 0; i < TILE_ROWS; i++) {
        float *w = weights + i * TILE_ROWS;
        if (i >= rows) {
            memset(w, 0, TILE_ROWS * sizeof *w);
            continue;
        }
        most = key_log[i] > most ? key_log[i] : most;
        centre[i] = query_log[i] + most > top[i] ? query_log[i] + most : top[i];
        kernel->exp2_row(factor, key_log, NULL, query_log[i] - centre[i], i + 1);
        for (int j = 0; j <= i; j++) w[j] *= factor[j];
        memset(w + i + 1, 0, (size_t)(TILE_ROWS - 1 - i) * sizeof *w);
    }
}

static void causal_head(const FeatureMapping *f, const CpuTask *t, LinearScratch *s, AttentionIn q,
                        AttentionIn k, AttentionIn v, AttentionOut out) {
    const CpuKernels *kernel = f->kernel;
    float centre[TILE_ROWS], key_log[TILE_ROWS], inner[TILE_ROWS];
    linear_reset(f, &s->state);
    for (int i = 0; i < t->queries; i += TILE_ROWS) {
        const int rows = t->queries - i < TILE_ROWS ? t->queries - i : TILE_ROWS;
        const float *values = in_row(v, t->first_key + i, t->head);
        feature_raw(f, in_row(q, t->first_query + i, t->head), q.row, rows, s->xq, s->rawq,
                    s->logq);
        feature_raw(f, in_row(k, t->first_key + i, t->head), k.row, rows, s->xk, s->rawk, s->logk);
        if (s->state.empty) { /* what earlier chunks contribute */
            for (int r = 0; r < rows; r++) s->top[r] = -INFINITY, inner[r] = 0;
            memset(s->rows, 0, TILE_ROWS * f->ep * sizeof(float));
        } else {
            linear_query(f, &s->state, rows, s->rawq, s->top, s->shift, s->fq);
            kernel->pack(s->state.s, f->ep, f->c, f->e, 1, s->panels, (size_t)f->c);
            kernel->multiply(TILE_ROWS, f->en, f->c, s->fq, f->cp, 1, s->panels, (size_t)f->c,
                             s->rows, f->ep, 0);
            for (int r = 0; r < rows; r++)
                inner[r] = dot(s->fq + (size_t)r * f->cp, s->state.z, f->c);
        }
        linear_chunk_weights(f, rows, s, s->top, centre, key_log, s->scores);
        for (int r = 0; r < rows; r++) {
            float *o = s->rows + (size_t)r * f->ep;
            const float factor = exp2f(s->top[r] - centre[r]);
            for (int e = 0; e < f->en; e++) o[e] *= factor;
            inner[r] *= factor;
            for (int j = 0; j <= r; j++) inner[r] += s->scores[r * TILE_ROWS + j];
        }
        kernel->pack(values, v.row, rows, f->e, 1, s->panels, TILE_ROWS);
        kernel->multiply(TILE_ROWS, f->en, TILE_ROWS, s->scores, TILE_ROWS, 1, s->panels, TILE_ROWS,
                         s->rows, f->ep, 1);
        for (int r = 0; r < rows; r++) {
            float *o = out_row(out, t->first_query + i + r, t->head);
            for (int e = 0; e < f->e; e++) o[e] = s->rows[(size_t)r * f->ep + (size_t)e] / inner[r];
        }
        linear_absorb(f, &s->state, rows, s->rawk, s->logk, values, v.row, NULL, s, s->fk);
    }
}

static Status run(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v, AttentionOut out,
                  Arena *arena,
                  void (*head)(const FeatureMapping *, const CpuTask *, LinearScratch *,
                               AttentionIn, AttentionIn, AttentionIn, AttentionOut)) {
    const int threads = threads_count();
    FeatureMapping f;
    STATUS_TRY(feature_mapping(a, 0, arena, &f));
    LinearScratch *scratch = arena_take(arena, (size_t)threads * sizeof *scratch);
    if (!scratch) return STATUS_MEMORY;
    for (int i = 0; i < threads; i++) STATUS_TRY(linear_scratch(&f, 0, arena, &scratch[i]));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int index = 0; index < a->sequences * a->heads; index++) {
        const CpuTask t = cpu_task(a, index);
        head(&f, &t, &scratch[omp_get_thread_num()], q, k, v, out);
    }
    return STATUS_OK;
}

Status cpu_linear(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v, AttentionOut out,
                  Arena *arena) {
    return run(a, q, k, v, out, arena, linear_head);
}

Status cpu_linear_causal(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                         AttentionOut out, Arena *arena) {
    return run(a, q, k, v, out, arena, causal_head);
}
