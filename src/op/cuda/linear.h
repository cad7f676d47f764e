/* linear: the state of kernel attention in the right order, collected chunk by chunk. For
 * src/op/cuda only.
 *
 * [S z] = sum_j phi(k_j) [v_j 1], [heads][C][W], is kept divided by 2^m, one m a feature, so that
 * no term exceeds 1. Every chunk's sum is one product; a scan over the chunks then adds them and
 * leaves in their place what came before each.
 */
#ifndef OP_CUDA_LINEAR_H
#define OP_CUDA_LINEAR_H

#include "kernel.h"

/* Rows a chunk and a panel at most. Where it is emulated, sequences of tests have several. */
enum { CUDA_CHUNK = 64, CUDA_SUM = EMULATED ? 64 : 512, CUDA_PANEL = EMULATED ? 128 : 8192 };

struct CudaState {
    float *s;      /* [heads][C][W] */
    float *m, *m2; /* [heads][C]; m2: where the next goes */
    int begun;
};

/* Scratch of a panel; what a map or a pass does not need is NULL. */
struct CudaLinear {
    CudaKernel f;
    int chunk;                  /* rows of one, of the longest sequences */
    float *raw_q, *raw_k;       /* [heads][panel][C] */
    float *own_q, *own_k;       /* the same rows' features, each by the row's own scale */
    float *past_q, *past_k;     /* and by the state's */
    float *dphi, *dphi2;        /* [heads][panel][C] */
    float *log_q, *log_k;       /* [heads][panel] */
    float *v, *g, *n;           /* [heads][panel][W]: [v 1], [g c], products */
    float *normaliser, *centre; /* [heads][panel], or of a whole sequence where it is causal */
    float *weights, *dweights;  /* [heads][panel][chunk] */
    float *sums, *top, *before; /* [heads][chunks][C][W], [heads][chunks][C] twice */
    CudaState state, gradient;
};

Status cuda_linear_open(const Attention *a, const CudaRows *rows, int backward, Arena *arena,
                        CudaLinear *l);

/* Panel number `index` of a sequence of `rows` rows from `first`. */
CudaPanel cuda_linear_panel(const CudaLinear *l, int first, int rows, int index);
int cuda_linear_panels(int rows);

/* l->v = [v 1]; l->g = [dout c] / normaliser with c = -dout . out. */
Status cuda_linear_values(CudaLinear *l, CudaPanel p, AttentionIn v);
Status cuda_linear_gradients(CudaLinear *l, CudaPanel p, AttentionIn out, AttentionIn dout,
                             const float *normaliser);

/* state += phi(rows)' right. `raw` features count 2^(sign * row) each; l->top and `room` are
 * written. Before each chunk stood l->sums with exponents l->before. */
Status cuda_linear_absorb(CudaLinear *l, CudaPanel p, CudaState *state, const float *raw,
                          const float *row, float sign, const float *right, float *room,
                          int backwards);

/* The same of features that are used as they are. */
Status cuda_linear_collect(CudaLinear *l, CudaPanel p, CudaState *state, const float *phi,
                           const float *right, int scaled, int backwards);

/* out = n's rows, each divided by its last column (divide), or added to what is there. */
Status cuda_linear_store(CudaLinear *l, CudaPanel p, AttentionOut out, int divide, int accumulate);

/* A sequence without queries or without keys: zeros. */
Status cuda_linear_nothing(const Attention *a, int b, AttentionOut dq, AttentionOut dk,
                           AttentionOut dv);

/* Row factors of keys' features: exp(|x|^2 / 2) of TRIGONOMETRIC, none else. */
static inline const float *cuda_key_row(const CudaLinear *l) {
    return l->f.map == FEATURE_TRIGONOMETRIC ? l->log_k : NULL;
}

#endif
