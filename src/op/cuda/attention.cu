/* Attention: which kind goes where. */
#include "attention.h"

Status cuda_attention_forward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                              AttentionOut out, void *saved, Arena *arena) {
    Status status = cuda_host->attention_check(a);
    if (status != STATUS_OK) return status;
    const size_t mark = cuda_host->mark(arena);
    CudaRows rows;
    status = cuda_rows_open(&rows, a, arena);
    if (status == STATUS_OK) switch (a->kind) {
        case ATTENTION_VALUE:
            status = cuda_value(a, &rows, v, out);
            break;
        default:
            status = cuda_host->fail(STATUS_UNSUPPORTED, "cuda: attention kind %d is not there yet",
                                     (int)a->kind);
        }
    (void)q, (void)k, (void)saved;
    cuda_host->rewind(arena, mark);
    return status;
}

Status cuda_attention_backward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                               AttentionIn out, AttentionIn dout, const void *saved,
                               AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena) {
    Status status = cuda_host->attention_check(a);
    if (status != STATUS_OK) return status;
    const size_t mark = cuda_host->mark(arena);
    CudaRows rows;
    status = cuda_rows_open(&rows, a, arena);
    if (status == STATUS_OK) switch (a->kind) {
        case ATTENTION_VALUE:
            status = cuda_value_backward(a, &rows, dout, dq, dk, dv);
            break;
        default:
            status = cuda_host->fail(STATUS_UNSUPPORTED, "cuda: attention kind %d is not there yet",
                                     (int)a->kind);
        }
    (void)q, (void)k, (void)v, (void)out, (void)saved;
    cuda_host->rewind(arena, mark);
    return status;
}
