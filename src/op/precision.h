/* precision: how the operands of a matrix product are rounded before it. Numbers in memory stay
 * f32, sums are f32, and so is everything that is no product.
 *
 *     Attention a = {.kind = ATTENTION_TILED, .precision = PRECISION_BF16, ...};
 *     printf("%s\n", precision_name(a.precision));     // "bf16"
 *
 * What has which: linear layers f32 and bf16 (op/matmul.h). Attention on the CPU f32. On a GPU:
 *
 *     MATERIALISED        f32, tf32, bf16    by cuBLAS
 *     TILED               f32, bf16          on tensor cores, heads of at most 128
 *     KERNEL_*            f32, tf32          by cuBLAS
 *     VALUE               any                there is no product
 *
 * The rest is STATUS_UNSUPPORTED, by name.
 */
#ifndef OP_PRECISION_H
#define OP_PRECISION_H

typedef enum {
    PRECISION_F32,
    PRECISION_BF16, /* 8 bits of significand, nearest, ties to even (Micikevicius et al. 2018) */
    PRECISION_TF32  /* 11 bits; the tensor core drops or rounds the others (Ampere and later) */
} Precision;

/* "f32", "bf16", "tf32"; "?" for what is none. */
static inline const char *precision_name(Precision precision) {
    static const char *const names[] = {"f32", "bf16", "tf32"};
    return (unsigned)precision < sizeof names / sizeof *names ? names[precision] : "?";
}

#endif
