#include "op/cpu/matmul_f32.h"
#include "op/cpu/dnnl.h"

#include <cblas.h>

/* Up to so many multiply-adds OpenBLAS stays on one thread, and oneDNN wakes the others too soon.
 */
#define SMALL (1 << 18)

int matmul_f32_is_onednn(MatmulProduct product, int outputs, int inputs, int rows) {
#if defined(__x86_64__) /* elsewhere oneDNN's f32 product may be a plain loop */
    if (!onednn_version() || (double)outputs * inputs * rows <= SMALL) return 0;
    /* A wide right operand with few rows is what oneDNN packs badly: at 768 x 3072 and 128 rows it
     * takes twice as long. */
    return product != MATMUL_BACKWARD_INPUT || inputs <= outputs;
#else
    (void)product, (void)outputs, (void)inputs, (void)rows;
    return 0;
#endif
}

Status matmul_f32(MatmulProduct product, int outputs, int inputs, int rows, const float *left,
                  const float *right, float *out, int accumulate) {
    int m = product == MATMUL_BACKWARD_WEIGHT ? outputs : rows;
    int n = product == MATMUL_FORWARD ? outputs : inputs;
    int k = product == MATMUL_FORWARD ? inputs : product == MATMUL_BACKWARD_INPUT ? outputs : rows;
    /* Row strides of the operands as they lie in memory. */
    int lda = product == MATMUL_FORWARD ? inputs : outputs, ldb = inputs;
    int left_transposed = product == MATMUL_BACKWARD_WEIGHT;
    int right_transposed = product == MATMUL_FORWARD;
    float beta = accumulate ? 1 : 0;
    if (matmul_f32_is_onednn(product, outputs, inputs, rows))
        return onednn_sgemm(left_transposed, right_transposed, m, n, k, left, lda, right, ldb, beta,
                            out, n);
    cblas_sgemm(CblasRowMajor, left_transposed ? CblasTrans : CblasNoTrans,
                right_transposed ? CblasTrans : CblasNoTrans, m, n, k, 1, left, lda, right, ldb,
                beta, out, n);
    return STATUS_OK;
}
