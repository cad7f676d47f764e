#include "op/op.h"
#include "base/phase.h"
#include "op/cpu/attention.h"
#include "op/cpu/kernels.h"
#include "op/cpu/layers.h"
#include "op/cpu/memory.h"
#include "op/cpu/recurrent.h"
#include "op/cpu/score.h"
#include "op/cpu/step.h"

#include <cblas.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const CpuKernels *cpu_kernels(void) {
    static const CpuKernels *chosen;
    if (chosen) return chosen;
    const CpuKernels *best = &cpu_kernels_baseline;
#if defined(__x86_64__)
    const char *limit = getenv("TAMRIN_ISA");
    int most = !limit ? 2 : strcmp(limit, "avx512") == 0 ? 2 : strcmp(limit, "avx2") == 0 ? 1 : 0;
    __builtin_cpu_init();
    if (most >= 1 && __builtin_cpu_supports("x86-64-v3")) best = &cpu_kernels_avx2;
    if (most >= 2 && __builtin_cpu_supports("x86-64-v4")) best = &cpu_kernels_avx512;
#endif
    return chosen = best;
}

const char *device_cpu_isa(void) {
    return cpu_kernels()->name;
}

static Status gemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                   const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                   size_t ldc) {
    if (m < 0 || n < 0 || k < 0 || lda > INT_MAX || ldb > INT_MAX || ldc > INT_MAX)
        return status_fail(STATUS_ARGUMENT, "gemm: %d x %d x %d with strides %zu, %zu, %zu", m, n,
                           k, lda, ldb, ldc);
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
                transpose_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, (int)lda, b, (int)ldb,
                beta, c, (int)ldc);
    return STATUS_OK;
}

static Status gemm_at(Precision precision, int transpose_a, int transpose_b, int m, int n, int k,
                      float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                      float beta, float *c, size_t ldc, Arena *arena) {
    (void)arena;
    if (precision != PRECISION_F32)
        return status_fail(STATUS_UNSUPPORTED, "cpu: gemm in %s is not there; expected f32",
                           precision_name(precision));
    return gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static Status check(const Attention *a) {
    STATUS_TRY(attention_check(a));
    if (a->precision != PRECISION_F32 && a->kind != ATTENTION_VALUE)
        return status_fail(STATUS_UNSUPPORTED, "cpu: attention in %s is not there; expected f32",
                           precision_name(a->precision));
    return STATUS_OK;
}

static Status attention_forward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                                AttentionOut out, void *saved, Arena *arena) {
    STATUS_TRY(check(a));
    const double begun = phase_begin();
    size_t mark = arena_mark(arena);
    Status status = STATUS_OK;
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        status = cpu_materialised(a, q, k, v, out, saved, arena);
        break;
    case ATTENTION_TILED:
        status = cpu_tiled(a, q, k, v, out, saved, arena);
        break;
    case ATTENTION_KERNEL_QUADRATIC:
        status = cpu_quadratic(a, q, k, v, out, saved, arena);
        break;
    case ATTENTION_KERNEL_LINEAR:
        status = a->causal ? cpu_linear_causal(a, q, k, v, out, arena)
                           : cpu_linear(a, q, k, v, out, arena);
        break;
    case ATTENTION_VALUE:
        cpu_copy_rows(a, v, out);
        break;
    }
    if (phase_is_heard())
        phase_end(PHASE_ATTENTION, begun, attention_work(a, DIRECTION_FORWARD).flops);
    arena_rewind(arena, mark);
    return status;
}

static Status attention_backward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                                 AttentionIn out, AttentionIn dout, const void *saved,
                                 AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena) {
    STATUS_TRY(check(a));
    if (!saved && attention_saved_bytes(a) > 0)
        return status_fail(STATUS_ARGUMENT,
                           "attention backward: saved is NULL; expected the %zu "
                           "bytes that forward filled",
                           attention_saved_bytes(a));
    const double begun = phase_begin();
    size_t mark = arena_mark(arena);
    CpuBackward b = {q, k, v, out, dout, dq, dk, dv};
    Status status = STATUS_OK;
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        status = cpu_materialised_backward(a, &b, saved, arena);
        break;
    case ATTENTION_TILED:
        status = cpu_tiled_backward(a, &b, saved, arena);
        break;
    case ATTENTION_KERNEL_QUADRATIC:
        status = cpu_quadratic_backward(a, &b, saved, arena);
        break;
    case ATTENTION_KERNEL_LINEAR:
        status = a->causal ? cpu_linear_causal_backward(a, &b, arena)
                           : cpu_linear_backward(a, &b, arena);
        break;
    case ATTENTION_VALUE: /* out = v: the gradient passes to v alone */
        cpu_copy_rows(a, dout, dv);
        cpu_zero_rows(a, a->query_offsets, dq);
        cpu_zero_rows(a, a->key_offsets, dk);
        break;
    }
    if (phase_is_heard())
        phase_end(PHASE_ATTENTION_BACKWARD, begun, attention_work(a, DIRECTION_BACKWARD).flops);
    arena_rewind(arena, mark);
    return status;
}

const Device *device_cpu(void) {
    static const Device cpu = {.name = "cpu",
                               .gemm = gemm,
                               .gemm_at = gemm_at,
                               .attention_forward = attention_forward,
                               .attention_backward = attention_backward,
                               .memory = &cpu_memory,
                               .scores = &cpu_scores,
                               .layers = &cpu_layers,
                               .steps = &cpu_steps,
                               .recurrent = &cpu_recurrent_ops};
    return &cpu;
}
