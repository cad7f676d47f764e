/* Kernel attention in the right order, backward. With g_i = dO_i / D_i and c_i = -(dO_i . O_i) /
 * D_i the gradient of O_i = N_i / D_i, N = phi(Q) S, D = phi(Q) z, is
 *
 *     dphi(q_i) = S g_i + z c_i        dS = phi(Q)' g     dz = phi(Q)' c
 *     dphi(k_j) = dS v_j + dz          dV = phi(K) dS
 *
 * and every stabiliser cancels in phi dphi, which is all that the exponential maps need. */
#include "op/cpu/linear.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

/* g [TILE_ROWS, E] and c from the gradient of the output and the normalisers. */
static void output_gradient(const FeatureMapping *f, const CpuTask *t, const CpuBackward *b,
                            int first, int rows, const float *normaliser, float *g, float *c) {
    for (int r = 0; r < rows; r++) {
        const float *dout = in_row(b->dout, t->first_query + first + r, t->head);
        const float *out = in_row(b->out, t->first_query + first + r, t->head);
        const float inverse = 1 / normaliser[r];
        for (int e = 0; e < f->e; e++) g[r * f->e + e] = dout[e] * inverse;
        c[r] = -dot(dout, out, f->e) * inverse;
    }
    memset(g + rows * f->e, 0, (size_t)((TILE_ROWS - rows) * f->e) * sizeof *g);
}

/* dphi = left S' + factor z', the gradient of phi(x) S and of phi(x) z. factor NULL: ones. */
static void features_gradient(const FeatureMapping *f, int rows, const float *left,
                              const LinearState *state, const float *factor, LinearScratch *s) {
    f->kernel->pack_transposed(state->s, f->ep, f->c, f->e, 1, s->panels, (size_t)f->e);
    f->kernel->multiply(TILE_ROWS, f->cn, f->e, left, (size_t)f->e, 1, s->panels, (size_t)f->e,
                        s->dphi, f->cp, 0);
    for (int r = 0; r < rows; r++)
        f->kernel->add_row(s->dphi + (size_t)r * f->cp, state->z, factor ? factor[r] : 1, f->c);
}

/* One tile of keys against the gradient of the state that they went into: 2^(raw + column + row)
 * are their features in its scale. */
static void keys_backward(const FeatureMapping *f, const CpuTask *t, const CpuBackward *b,
                          int first, int rows, const float *column, const float *row,
                          int accumulate, LinearScratch *s) {
    feature_expand(f, rows, s->rawk, column, row, s->fk);
    cpu_gather(in_row(b->v, t->first_key + first, t->head), b->v.row, rows, TILE_ROWS, f->e, 1,
               s->g);
    features_gradient(f, rows, s->g, &s->gradient, NULL, s);
    feature_backward(f, rows, 1, s->xk, s->rawk, s->fk, row, s->dphi, s->dx,
                     out_row(b->dk, t->first_key + first, t->head), b->dk.row, accumulate);
    f->kernel->pack(s->gradient.s, f->ep, f->c, f->e, 1, s->panels, (size_t)f->c);
    f->kernel->multiply(TILE_ROWS, f->en, f->c, s->fk, f->cp, 1, s->panels, (size_t)f->c, s->rows,
                        f->ep, 0); /* dV = phi(K) dS */
    for (int r = 0; r < rows; r++) {
        float *dv = out_row(b->dv, t->first_key + first + r, t->head);
        const float *from = s->rows + (size_t)r * f->ep;
        for (int e = 0; e < f->e; e++) dv[e] = accumulate ? dv[e] + from[e] : from[e];
    }
}

static void linear_head(const FeatureMapping *f, const CpuTask *t, LinearScratch *s,
                        const CpuBackward *b, float *unused_centre, float *unused_normaliser) {
    (void)unused_centre, (void)unused_normaliser;
    float normaliser[TILE_ROWS], c[TILE_ROWS];
    if (t->keys == 0) { /* the output was zeros whatever the query */
        cpu_zero_head(b->dq, t->first_query, t->queries, t->head, f->e);
        return;
    }
    linear_reset(f, &s->state);
    linear_reset(f, &s->gradient);
    for (int j = 0; j < t->keys; j += TILE_ROWS) {
        const int rows = t->keys - j < TILE_ROWS ? t->keys - j : TILE_ROWS;
        feature_raw(f, in_row(b->k, t->first_key + j, t->head), b->k.row, rows, s->xk, s->rawk,
                    s->logk);
        linear_absorb(f, &s->state, rows, s->rawk, s->logk, in_row(b->v, t->first_key + j, t->head),
                      b->v.row, NULL, s, s->fk);
    }
    for (int i = 0; i < t->queries; i += TILE_ROWS) {
        const int rows = t->queries - i < TILE_ROWS ? t->queries - i : TILE_ROWS;
        float *dq = out_row(b->dq, t->first_query + i, t->head);
        feature_raw(f, in_row(b->q, t->first_query + i, t->head), b->q.row, rows, s->xq, s->rawq,
                    s->logq);
        linear_query(f, &s->state, rows, s->rawq, s->top, s->shift, s->fq);
        for (int r = 0; r < rows; r++)
            normaliser[r] = dot(s->fq + (size_t)r * f->cp, s->state.z, f->c);
        output_gradient(f, t, b, i, rows, normaliser, s->g, c);
        /* S keeps its scale 2^-m; dS is collected in the same scale, whose product is free of it.
         */
        f->kernel->pack(s->g, (size_t)f->e, TILE_ROWS, f->e, 1, s->panels, TILE_ROWS);
        f->kernel->multiply(f->cm, f->en, TILE_ROWS, s->fq, 1, f->cp, s->panels, TILE_ROWS,
                            s->gradient.s, f->ep, 1);
        for (int r = 0; r < rows; r++)
            f->kernel->add_row(s->gradient.z, s->fq + (size_t)r * f->cp, c[r], f->c);
        features_gradient(f, rows, s->g, &s->state, c, s);
        feature_backward(f, rows, 0, s->xq, s->rawq, s->fq, s->shift, s->dphi, s->dx, dq, b->dq.row,
                         0);
    }
    for (int j = 0; j < t->keys; j += TILE_ROWS) {
        const int rows = t->keys - j < TILE_ROWS ? t->keys - j : TILE_ROWS;
        feature_raw(f, in_row(b->k, t->first_key + j, t->head), b->k.row, rows, s->xk, s->rawk,
                    s->logk);
        for (int r = 0; r < rows; r++)
            s->shift[r] = f->logarithmic ? 0 : s->logk[r] - s->state.m[0];
        keys_backward(f, t, b, j, rows, f->logarithmic ? s->state.negative : NULL, s->shift, 0, s);
    }
}

/* A chunk's queries against its own keys: writes dq, dk and dv of the chunk. */
static void chunk_backward(const FeatureMapping *f, const CpuTask *t, const CpuBackward *b, int i,
                           int rows, const float *centre, const float *key_log, const float *c,
                           LinearScratch *s) {
    const CpuKernels *kernel = f->kernel;
    float factor[TILE_ROWS];
    /* dA = g V' + c, through the scales and the mask */
    kernel->pack_transposed(in_row(b->v, t->first_key + i, t->head), b->v.row, rows, f->e, 1,
                            s->panels, (size_t)f->e);
    kernel->multiply(TILE_ROWS, TILE_ROWS, f->e, s->g, (size_t)f->e, 1, s->panels, (size_t)f->e,
                     s->dscores, TILE_ROWS, 0);
    for (int r = 0; r < TILE_ROWS; r++) {
        float *d = s->dscores + r * TILE_ROWS;
        const int seen = r < rows ? r + 1 : 0;
        if (seen) kernel->exp2_row(factor, key_log, NULL, s->logq[r] - centre[r], seen);
        for (int j = 0; j < seen; j++) d[j] = (d[j] + c[r]) * factor[j];
        memset(d + seen, 0, (size_t)(TILE_ROWS - seen) * sizeof *d);
    }
    /* N = A V: dV = A' g */
    kernel->pack(s->g, (size_t)f->e, TILE_ROWS, f->e, 1, s->panels, TILE_ROWS);
    kernel->multiply(TILE_ROWS, f->en, TILE_ROWS, s->scores, 1, TILE_ROWS, s->panels, TILE_ROWS,
                     s->rows, f->ep, 0);
    for (int r = 0; r < rows; r++)
        memcpy(out_row(b->dv, t->first_key + i + r, t->head), s->rows + (size_t)r * f->ep,
               (size_t)f->e * sizeof(float));
    /* A = phi(Q) phi(K)': dphi(Q) = dA phi(K), dphi(K) = dA' phi(Q) */
    kernel->pack(s->fk, f->cp, TILE_ROWS, f->c, 1, s->panels, TILE_ROWS);
    kernel->multiply(TILE_ROWS, f->cn, TILE_ROWS, s->dscores, TILE_ROWS, 1, s->panels, TILE_ROWS,
                     s->dphi, f->cp, 0);
    feature_backward(f, rows, 0, s->xq, s->rawq, s->fq, s->zero, s->dphi, s->dx,
                     out_row(b->dq, t->first_query + i, t->head), b->dq.row, 0);
    kernel->pack(s->fq, f->cp, TILE_ROWS, f->c, 1, s->panels, TILE_ROWS);
    kernel->multiply(TILE_ROWS, f->cn, TILE_ROWS, s->dscores, 1, TILE_ROWS, s->panels, TILE_ROWS,
                     s->dphi, f->cp, 0);
    feature_backward(f, rows, 1, s->xk, s->rawk, s->fk, s->zero, s->dphi, s->dx,
                     out_row(b->dk, t->first_key + i, t->head), b->dk.row, 0);
}

static void raw_chunk(const FeatureMapping *f, const CpuTask *t, const CpuBackward *b, int i,
                      int rows, LinearScratch *s) {
    feature_raw(f, in_row(b->q, t->first_query + i, t->head), b->q.row, rows, s->xq, s->rawq,
                s->logq);
    feature_raw(f, in_row(b->k, t->first_key + i, t->head), b->k.row, rows, s->xk, s->rawk,
                s->logk);
}

/* Two walks: forwards with the state of the past for dq, backwards with the gradient collected
 * from the future for dk and dv. centre and normaliser [N] remember each row's scale. */
static void causal_head(const FeatureMapping *f, const CpuTask *t, LinearScratch *s,
                        const CpuBackward *b, float *centre, float *normaliser) {
    float key_log[TILE_ROWS], c[TILE_ROWS];
    const int last = (t->queries - 1) / TILE_ROWS * TILE_ROWS;
    linear_reset(f, &s->state);
    linear_reset(f, &s->gradient);
    for (int i = 0; i < t->queries; i += TILE_ROWS) {
        const int rows = t->queries - i < TILE_ROWS ? t->queries - i : TILE_ROWS;
        const int past = !s->state.empty;
        raw_chunk(f, t, b, i, rows, s);
        if (past) linear_query(f, &s->state, rows, s->rawq, s->top, s->shift, s->fq);
        for (int r = 0; r < rows; r++) {
            normaliser[i + r] = past ? dot(s->fq + (size_t)r * f->cp, s->state.z, f->c) : 0;
            if (!past) s->top[r] = -INFINITY;
        }
        linear_chunk_weights(f, rows, s, s->top, centre + i, key_log, s->scores);
        for (int r = 0; r < rows; r++) {
            normaliser[i + r] *= exp2f(s->top[r] - centre[i + r]);
            for (int j = 0; j <= r; j++) normaliser[i + r] += s->scores[r * TILE_ROWS + j];
        }
        output_gradient(f, t, b, i, rows, normaliser + i, s->g, c);
        chunk_backward(f, t, b, i, rows, centre + i, key_log, c, s);
        if (past) {
            for (int r = 0; r < rows; r++)
                s->shift[r] = (f->logarithmic ? 0 : s->top[r]) - centre[i + r];
            feature_expand(f, rows, s->rawq, f->logarithmic ? s->state.m : NULL, s->shift, s->fq);
            features_gradient(f, rows, s->g, &s->state, c, s);
            feature_backward(f, rows, 0, s->xq, s->rawq, s->fq, s->shift, s->dphi, s->dx,
                             out_row(b->dq, t->first_query + i, t->head), b->dq.row, 1);
        }
        if (i < last)
            linear_absorb(f, &s->state, rows, s->rawk, s->logk,
                          in_row(b->v, t->first_key + i, t->head), b->v.row, NULL, s, s->fk);
    }
    for (int i = last; i >= 0; i -= TILE_ROWS) {
        const int rows = t->queries - i < TILE_ROWS ? t->queries - i : TILE_ROWS;
        raw_chunk(f, t, b, i, rows, s);
        if (!s->gradient.empty) {
            for (int r = 0; r < rows; r++)
                s->shift[r] = f->logarithmic ? 0 : s->logk[r] + s->gradient.m[0];
            keys_backward(f, t, b, i, rows, f->logarithmic ? s->gradient.m : NULL, s->shift, 1, s);
        }
        if (i == 0) break;
        output_gradient(f, t, b, i, rows, normaliser + i, s->g, c);
        for (int r = 0; r < rows; r++) s->logq[r] = -centre[i + r];
        linear_absorb(f, &s->gradient, rows, s->rawq, s->logq, s->g, (size_t)f->e, c, s, s->fq);
    }
}

static Status run(const Attention *a, const CpuBackward *b, Arena *arena,
                  void (*head)(const FeatureMapping *, const CpuTask *, LinearScratch *,
                               const CpuBackward *, float *, float *)) {
    const int threads = threads_count();
    const size_t rows = a->causal ? (size_t)cpu_longest(a->query_offsets, a->sequences) : 0;
    FeatureMapping f;
    STATUS_TRY(feature_mapping(a, 1, arena, &f));
    LinearScratch *scratch = arena_take(arena, (size_t)threads * sizeof *scratch);
    float *scales = arena_take(arena, (size_t)threads * 2 * rows * sizeof *scales);
    if (!scratch || !scales) return STATUS_MEMORY;
    for (int i = 0; i < threads; i++) STATUS_TRY(linear_scratch(&f, 1, arena, &scratch[i]));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int index = 0; index < a->sequences * a->heads; index++) {
        const CpuTask t = cpu_task(a, index);
        float *own = scales + (size_t)omp_get_thread_num() * 2 * rows;
        head(&f, &t, &scratch[omp_get_thread_num()], b, own, own + rows);
    }
    return STATUS_OK;
}

Status cpu_linear_backward(const Attention *a, const CpuBackward *b, Arena *arena) {
    return run(a, b, arena, linear_head);
}

Status cpu_linear_causal_backward(const Attention *a, const CpuBackward *b, Arena *arena) {
    return run(a, b, arena, causal_head);
}
