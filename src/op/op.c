#include "op/op.h"

#include <math.h>

static int is_kernel(const Attention *a) {
    return a->kind == ATTENTION_KERNEL_QUADRATIC || a->kind == ATTENTION_KERNEL_LINEAR;
}

static Status check_offsets(const char *what, const int *offsets, int sequences) {
    if (!offsets)
        return status_fail(STATUS_ARGUMENT, "attention: %s_offsets is NULL; expected %d numbers",
                           what, sequences + 1);
    if (offsets[0] != 0)
        return status_fail(STATUS_ARGUMENT, "attention: %s_offsets[0] is %d; expected 0", what,
                           offsets[0]);
    for (int b = 0; b < sequences; b++)
        if (offsets[b + 1] < offsets[b])
            return status_fail(STATUS_ARGUMENT,
                               "attention: %s_offsets falls from %d to %d at sequence %d; "
                               "expected ascending offsets",
                               what, offsets[b], offsets[b + 1], b);
    return STATUS_OK;
}

Status attention_check(const Attention *a) {
    if (a->kind < ATTENTION_MATERIALISED || a->kind > ATTENTION_VALUE)
        return status_fail(STATUS_ARGUMENT, "attention: unknown kind %d", (int)a->kind);
    if (a->sequences < 1 || a->heads < 1 || a->width < 1)
        return status_fail(STATUS_ARGUMENT,
                           "attention: %d sequences, %d heads, width %d; each must be at least 1",
                           a->sequences, a->heads, a->width);
    STATUS_TRY(check_offsets("query", a->query_offsets, a->sequences));
    STATUS_TRY(check_offsets("key", a->key_offsets, a->sequences));
    for (int b = 0; b <= a->sequences; b++)
        if ((a->causal || a->remaining || a->kind == ATTENTION_VALUE) &&
            a->query_offsets[b] != a->key_offsets[b])
            return status_fail(STATUS_ARGUMENT,
                               "attention: offset %d is %d for queries and %d for keys; causal "
                               "attention and 'value' need the same rows",
                               b, a->query_offsets[b], a->key_offsets[b]);
    if (!(a->scale > 0) || !isfinite(a->scale))
        return status_fail(STATUS_ARGUMENT, "attention: scale is %g; expected a positive number",
                           (double)a->scale);
    if (a->precision < PRECISION_F32 || a->precision > PRECISION_TF32)
        return status_fail(STATUS_ARGUMENT, "attention: unknown precision %d", (int)a->precision);
    if (a->remaining && (a->causal || a->kind != ATTENTION_MATERIALISED || a->relative_bias))
        return status_fail(STATUS_UNSUPPORTED, "attention: what remains is attended to by "
                                               "'materialised' alone, not causal and without bias");
    if (a->kind != ATTENTION_MATERIALISED && (a->relative_bias || a->dropout != 0))
        return status_fail(STATUS_UNSUPPORTED,
                           "attention: %s needs the probabilities; only 'materialised' stores them",
                           a->relative_bias ? "a relative bias" : "dropout");
    if (!(a->dropout >= 0) || a->dropout >= 1)
        return status_fail(STATUS_ARGUMENT, "attention: dropout is %g; expected 0 <= dropout < 1",
                           (double)a->dropout);
    if (a->relative_bias) {
        for (int b = 0; b < a->sequences; b++) {
            int queries = a->query_offsets[b + 1] - a->query_offsets[b];
            int keys = a->key_offsets[b + 1] - a->key_offsets[b];
            if (queries > a->relative_span || keys > a->relative_span)
                return status_fail(
                    STATUS_ARGUMENT,
                    "attention: sequence %d has %d queries and %d keys; the relative "
                    "bias spans %d",
                    b, queries, keys, a->relative_span);
        }
    }
    if (!is_kernel(a)) return STATUS_OK;
    if (a->map < FEATURE_POSITIVE || a->map > FEATURE_RELU)
        return status_fail(STATUS_ARGUMENT, "attention: unknown feature map %d", (int)a->map);
    if (a->map != FEATURE_ELU1 && (a->features < 1 || !a->projection))
        return status_fail(STATUS_ARGUMENT,
                           "attention: %d features and %s projection; this feature map needs both",
                           a->features, a->projection ? "a" : "no");
    return STATUS_OK;
}

int attention_feature_columns(const Attention *a) {
    if (!is_kernel(a)) return 0;
    switch (a->map) {
    case FEATURE_TRIGONOMETRIC:
        return 2 * a->features;
    case FEATURE_ELU1:
        return a->width;
    default:
        return a->features;
    }
}

/* Sum over the batch of N_query * N_key: entries of all score matrices of one head. */
static size_t score_entries(const Attention *a) {
    size_t entries = 0;
    for (int b = 0; b < a->sequences; b++)
        entries += (size_t)(a->query_offsets[b + 1] - a->query_offsets[b]) *
                   (size_t)(a->key_offsets[b + 1] - a->key_offsets[b]);
    return entries;
}

size_t attention_saved_bytes(const Attention *a) {
    size_t rows = (size_t)a->query_offsets[a->sequences], heads = (size_t)a->heads;
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        return heads * score_entries(a) * sizeof(float);
    case ATTENTION_TILED:
        return heads * rows * sizeof(float);
    case ATTENTION_KERNEL_QUADRATIC:
        return heads * (score_entries(a) + rows) * sizeof(float);
    default:
        return 0;
    }
}
