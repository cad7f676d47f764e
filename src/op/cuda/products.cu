/* Matrix products, by cuBLAS. Row-major: cuBLAS is column-major, and C' = op(B)' op(A)'.
 *
 * f32 and tf32 read the operands where they are. bf16 first writes both, rounded, to scratch:
 * cuBLAS would convert f32 operands itself (CUBLAS_COMPUTE_32F_FAST_16BF), but only promises that
 * it may, and what is measured should be what is named. */
#include "attention.h"

namespace {

const int THREADS = 256;

struct Products {
    Precision precision;
    Arena *arena;
};
Products products = {PRECISION_F32, NULL};

/* `count` matrices of [rows, columns], `row` and `next` apart, as bfloat16 in [rows][padded]. */
KERNEL(THREADS)
round_matrices(int rows, int columns, int padded, const float *from, size_t row, size_t next,
               __nv_bfloat16 *to) {
    const size_t numbers = (size_t)rows * (size_t)padded;
    from += blockIdx.y * next;
    to += blockIdx.y * numbers;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < numbers;
         i += (size_t)gridDim.x * blockDim.x) {
        const size_t r = i / (size_t)padded, c = i % (size_t)padded;
        to[i] = __float2bfloat16_rn(c < (size_t)columns ? from[r * row + c] : 0.f);
    }
}

struct Operand {
    const void *at;
    size_t row, next;
};

/* One matrix where next is 0. */
Status rounded(int count, int rows, int columns, const float *from, size_t row, size_t next,
               Operand *out) {
    const int matrices = next ? count : 1, padded = (columns + 7) / 8 * 8;
    const size_t numbers = (size_t)rows * (size_t)padded;
    __nv_bfloat16 *to = (__nv_bfloat16 *)cuda_host->take(
        products.arena, ((size_t)matrices * numbers + 1) * sizeof *to);
    if (!to) return STATUS_MEMORY;
    const size_t most = 65535; /* of a grid's y */
    for (size_t m = 0; m < (size_t)matrices && numbers; m += most) {
        const size_t now = (size_t)matrices - m < most ? (size_t)matrices - m : most;
        LAUNCH(round_matrices, dim3(cuda_blocks(numbers, 4 * THREADS), (unsigned)now),
               dim3(THREADS), 0, rows, columns, padded, from + m * next, row, next,
               to + m * numbers);
    }
    *out = {to, (size_t)padded, next ? numbers : 0};
    return cuda_launched("rounding %d matrices of %d x %d to bf16", matrices, rows, columns);
}

struct Product {
    int count, transpose_a, transpose_b, m, n, k;
    float alpha, beta;
};

/* One product is asked for as one: cuBLAS then chooses among more ways. */
Status multiply_low(const Product &p, cudaDataType_t type, cublasComputeType_t compute, Operand a,
                    Operand b, float *c, size_t c_row, size_t c_next) {
    const cublasOperation_t op_b = p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t op_a = p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasStatus_t status =
        p.count == 1 ? cublasGemmEx(cuda_blas(), op_b, op_a, p.n, p.m, p.k, &p.alpha, b.at, type,
                                    (int)b.row, a.at, type, (int)a.row, &p.beta, c, CUDA_R_32F,
                                    (int)c_row, compute, CUBLAS_GEMM_DEFAULT)
                     : cublasGemmStridedBatchedEx(cuda_blas(), op_b, op_a, p.n, p.m, p.k, &p.alpha,
                                                  b.at, type, (int)b.row, (long long)b.next, a.at,
                                                  type, (int)a.row, (long long)a.next, &p.beta, c,
                                                  CUDA_R_32F, (int)c_row, (long long)c_next,
                                                  p.count, compute, CUBLAS_GEMM_DEFAULT);
    BLAS_TRY(status, "%d gemms of %d x %d x %d in %s", p.count, p.m, p.n, p.k,
             precision_name(products.precision));
    return STATUS_OK;
}

Status multiply_f32(const Product &p, Operand a, Operand b, float *c, size_t c_row, size_t c_next) {
    const cublasOperation_t op_b = p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t op_a = p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const float *left = (const float *)a.at, *right = (const float *)b.at;
    const cublasStatus_t status =
        p.count == 1 ? cublasSgemm(cuda_blas(), op_b, op_a, p.n, p.m, p.k, &p.alpha, right,
                                   (int)b.row, left, (int)a.row, &p.beta, c, (int)c_row)
                     : cublasSgemmStridedBatched(cuda_blas(), op_b, op_a, p.n, p.m, p.k, &p.alpha,
                                                 right, (int)b.row, (long long)b.next, left,
                                                 (int)a.row, (long long)a.next, &p.beta, c,
                                                 (int)c_row, (long long)c_next, p.count);
    BLAS_TRY(status, "%d gemms of %d x %d x %d", p.count, p.m, p.n, p.k);
    return STATUS_OK;
}

Status multiply_bf16(const Product &p, const float *a, size_t a_row, size_t a_next, const float *b,
                     size_t b_row, size_t b_next, float *c, size_t c_row, size_t c_next) {
    const size_t mark = cuda_host->mark(products.arena);
    Operand left, right;
    Status status = rounded(p.count, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, a, a_row,
                            a_next, &left);
    if (status == STATUS_OK)
        status = rounded(p.count, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, b, b_row,
                         b_next, &right);
    if (status == STATUS_OK)
        status = multiply_low(p, CUDA_R_16BF, CUBLAS_COMPUTE_32F, left, right, c, c_row, c_next);
    cuda_host->rewind(products.arena, mark); /* what comes next waits for what was asked for */
    return status;
}

Status multiply(const Product &p, const float *a, size_t a_row, size_t a_next, const float *b,
                size_t b_row, size_t b_next, float *c, size_t c_row, size_t c_next) {
    const size_t most = 0x7fffffff;
    if (p.m < 0 || p.n < 0 || p.k < 0 || a_row > most || b_row > most || c_row > most)
        return cuda_host->fail(STATUS_ARGUMENT, "gemm: %d x %d x %d with strides %zu, %zu, %zu",
                               p.m, p.n, p.k, a_row, b_row, c_row);
    if (p.count == 0 || p.m == 0 || p.n == 0) return STATUS_OK;
    if (products.precision == PRECISION_BF16)
        return multiply_bf16(p, a, a_row, a_next, b, b_row, b_next, c, c_row, c_next);
    if (products.precision == PRECISION_TF32)
        return multiply_low(p, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, {a, a_row, a_next},
                            {b, b_row, b_next}, c, c_row, c_next);
    return multiply_f32(p, {a, a_row, a_next}, {b, b_row, b_next}, c, c_row, c_next);
}

} // namespace

void cuda_products_at(Precision precision, Arena *arena) {
    products = {precision, arena};
}

Status cuda_gemm_many(int count, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                      const float *a, size_t a_row, size_t a_next, const float *b, size_t b_row,
                      size_t b_next, float beta, float *c, size_t c_row, size_t c_next) {
    return multiply({count, transpose_a, transpose_b, m, n, k, alpha, beta}, a, a_row, a_next, b,
                    b_row, b_next, c, c_row, c_next);
}

Status cuda_gemm_heads(int heads, int transpose_a, int transpose_b, int m, int n, int k,
                       float alpha, const float *a, size_t a_row, size_t a_head, const float *b,
                       size_t b_row, size_t b_head, float *c, size_t c_row, size_t c_head) {
    return cuda_gemm_many(heads, transpose_a, transpose_b, m, n, k, alpha, a, a_row, a_head, b,
                          b_row, b_head, 0, c, c_row, c_head);
}

Status cuda_gemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    return cuda_gemm_many(1, transpose_a, transpose_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta,
                          c, ldc, 0);
}

Status cuda_gemm_at(Precision precision, int transpose_a, int transpose_b, int m, int n, int k,
                    float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                    float *c, size_t ldc, Arena *arena) {
    if ((unsigned)precision > PRECISION_TF32)
        return cuda_host->fail(STATUS_ARGUMENT, "gemm: unknown precision %d", (int)precision);
    cuda_products_at(precision, arena);
    Status status =
        cuda_gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    cuda_products_at(PRECISION_F32, NULL);
    return status;
}
