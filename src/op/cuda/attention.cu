/* Attention: which kind goes where. */
#include "attention.h"

namespace {

struct Call {
    AttentionIn q, k, v, o, dout;
    AttentionOut out, dq, dk, dv;
    float *saved;
};

Status forward(const Attention *a, const CudaRows *rows, const Call &c, Arena *arena) {
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        return cuda_materialised(a, rows, c.q, c.k, c.v, c.out, c.saved, arena);
    case ATTENTION_TILED:
        if (a->precision == PRECISION_BF16)
            return cuda_tensor_tiled(a, rows, c.q, c.k, c.v, c.out, c.saved, arena);
        return cuda_tiled(a, rows, c.q, c.k, c.v, c.out, c.saved);
    case ATTENTION_KERNEL_QUADRATIC:
        return cuda_quadratic(a, rows, c.q, c.k, c.v, c.out, c.saved, arena);
    case ATTENTION_VALUE:
        return cuda_value(a, rows, c.v, c.out);
    case ATTENTION_KERNEL_LINEAR:
        if (a->causal) return cuda_linear_causal(a, rows, c.q, c.k, c.v, c.out, arena);
        return cuda_linear(a, rows, c.q, c.k, c.v, c.out, arena);
    }
    return cuda_host->fail(STATUS_UNSUPPORTED, "cuda: attention of kind %d is not there",
                           (int)a->kind);
}

Status backward(const Attention *a, const CudaRows *rows, const Call &c, Arena *arena) {
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        return cuda_materialised_backward(a, rows, c.q, c.k, c.v, c.dout, c.saved, c.dq, c.dk, c.dv,
                                          arena);
    case ATTENTION_TILED:
        if (a->precision == PRECISION_BF16)
            return cuda_tensor_tiled_backward(a, rows, c.q, c.k, c.v, c.o, c.dout, c.saved, c.dq,
                                              c.dk, c.dv, arena);
        return cuda_tiled_backward(a, rows, c.q, c.k, c.v, c.o, c.dout, c.saved, c.dq, c.dk, c.dv,
                                   arena);
    case ATTENTION_KERNEL_QUADRATIC:
        return cuda_quadratic_backward(a, rows, c.q, c.k, c.v, c.o, c.dout, c.saved, c.dq, c.dk,
                                       c.dv, arena);
    case ATTENTION_VALUE:
        return cuda_value_backward(a, rows, c.dout, c.dq, c.dk, c.dv);
    case ATTENTION_KERNEL_LINEAR:
        if (a->causal)
            return cuda_linear_causal_backward(a, rows, c.q, c.k, c.v, c.o, c.dout, c.dq, c.dk,
                                               c.dv, arena);
        return cuda_linear_backward(a, rows, c.q, c.k, c.v, c.o, c.dout, c.dq, c.dk, c.dv, arena);
    }
    return cuda_host->fail(STATUS_UNSUPPORTED, "cuda: attention of kind %d is not there",
                           (int)a->kind);
}

/* Which kind has which precision (op/precision.h). */
Status check(const Attention *a) {
    const Status status = cuda_host->attention_check(a);
    if (status != STATUS_OK || a->precision == PRECISION_F32) return status;
    const int bf16 = a->precision == PRECISION_BF16;
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
    case ATTENTION_VALUE:
        return STATUS_OK;
    case ATTENTION_TILED:
        if (bf16 && a->width <= 128) return STATUS_OK;
        if (bf16)
            return cuda_host->fail(STATUS_UNSUPPORTED,
                                   "cuda: tiled attention in bf16 of heads of %d; at most 128",
                                   a->width);
        return cuda_host->fail(STATUS_UNSUPPORTED,
                               "cuda: tiled attention in tf32 is not there; expected f32 or bf16");
    default:
        if (!bf16) return STATUS_OK;
        return cuda_host->fail(STATUS_UNSUPPORTED, "cuda: kernel attention in bf16 is not there; "
                                                   "expected f32 or tf32");
    }
}

typedef Status Pass(const Attention *a, const CudaRows *rows, const Call &call, Arena *arena);

Status run(Pass *pass, const Attention *a, const Call &call, Arena *arena) {
    Status status = check(a);
    if (status != STATUS_OK) return status;
    const size_t mark = cuda_host->mark(arena);
    CudaRows rows;
    cuda_products_at(a->precision, arena);
    status = cuda_rows_open(&rows, a, arena);
    if (status == STATUS_OK) status = pass(a, &rows, call, arena);
    cuda_products_at(PRECISION_F32, NULL);
    cuda_host->rewind(arena, mark);
    return status;
}

} // namespace

Status cuda_attention_forward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                              AttentionOut out, void *saved, Arena *arena) {
    Call call = Call();
    call.q = q, call.k = k, call.v = v, call.out = out, call.saved = (float *)saved;
    return run(forward, a, call, arena);
}

Status cuda_attention_backward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                               AttentionIn out, AttentionIn dout, const void *saved,
                               AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena) {
    Call call = Call();
    call.q = q, call.k = k, call.v = v, call.o = out, call.dout = dout;
    call.dq = dq, call.dk = dk, call.dv = dv;
    call.saved = (float *)const_cast<void *>(saved); /* only read */
    return run(backward, a, call, arena);
}
