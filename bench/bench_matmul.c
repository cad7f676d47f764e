/* The micro-benchmark of a linear layer's products: the shapes of BERT-base and of MiniLM.
 *
 *     build/bin/bench_matmul --benchmark_filter=f32/forward/768x3072
 *     build/bin/bench_matmul --benchmark_repetitions=9 --benchmark_enable_random_interleaving
 *     OMP_NUM_THREADS=1 build/bin/bench_matmul
 *
 * Names: <precision>/<product>/<outputs>x<inputs>/rows:<rows>, where product is forward, input (its
 * gradient) or weight (its gradient), or set: taking new values, which bf16 converts and packs;
 * gemm/<library>/2048 is one large product in f32. Rows are tokens of a batch: 128, 352 (about 32
 * sentences of CoLA), 1024. Weights take turns among several, as the layers of a model do, so that
 * they come from memory. Counter flops: multiplies and adds a second.
 */
#include "hayai.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/threads.h"
#include "op/cpu/dnnl.h"
#include "op/matmul.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GEMM_SIZE = 2048, TURNS = 6 };

typedef enum { FORWARD, INPUT, WEIGHT, SET, PRODUCTS } Product;
static const char *const product_names[PRODUCTS] = {"forward", "input", "weight", "set"};
static const char *const precision_names[] = {"f32", "bf16"};

/* Attention's four projections, the three of them at once, and the feed-forward layer's two. */
static const struct {
    int outputs, inputs;
} shapes[] = {{768, 768}, {2304, 768}, {3072, 768}, {768, 3072},
              {384, 384}, {1152, 384}, {1536, 384}, {384, 1536}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
    Product product;
    Precision precision;
    int outputs, inputs;
} Case;

typedef struct {
    MatmulWeight *weight[TURNS];
    float *value[TURNS], *gradient[TURNS];
    float *x, *y;
} Layer;

static float *numbers(size_t count, const char *name) {
    float *x = malloc(count * sizeof *x);
    if (x) rng_fill_normal(x, count, 1, rng_stream(name));
    return x;
}

static void layer_close(Layer *l) {
    for (int t = 0; t < TURNS; t++) {
        matmul_weight_close(l->weight[t]);
        free(l->value[t]), free(l->gradient[t]);
    }
    free(l->x), free(l->y);
}

static Status layer_open(Layer *l, const Case *c, int rows) {
    size_t count = (size_t)c->outputs * (size_t)c->inputs;
    *l = (Layer){.x = numbers((size_t)rows * (size_t)c->inputs, "bench x"),
                 .y = numbers((size_t)rows * (size_t)c->outputs, "bench y")};
    if (!l->x || !l->y) return status_fail(STATUS_MEMORY, "no memory for %d rows", rows);
    for (int t = 0; t < TURNS; t++) {
        l->value[t] = numbers(count, "bench w");
        l->gradient[t] = calloc(count, sizeof(float));
        if (!l->value[t] || !l->gradient[t]) return status_fail(STATUS_MEMORY, "no memory");
        STATUS_TRY(matmul_weight_open(&l->weight[t], c->outputs, c->inputs, c->precision));
        STATUS_TRY(matmul_weight_set(l->weight[t], l->value[t]));
    }
    return STATUS_OK;
}

static Status launch(const Case *c, Layer *l, int turn, int rows) {
    MatmulWeight *weight = l->weight[turn];
    switch (c->product) {
    case FORWARD:
        return matmul_forward(weight, rows, l->x, l->y);
    case INPUT:
        return matmul_backward_input(weight, rows, l->y, l->x, 0);
    case WEIGHT:
        return matmul_backward_weight(weight, rows, l->y, l->x, l->gradient[turn], 0);
    default:
        return matmul_weight_set(weight, l->value[turn]);
    }
}

static void product(HayaiState *state) {
    const Case *c = hayai_context(state);
    int rows = c->product == SET ? 1 : (int)hayai_argument(state, 0), turn = 0;
    Layer layer;
    if (layer_open(&layer, c, rows)) hayai_skip_with_error(state, "%s", status_message());
    while (hayai_keep_running(state)) {
        if (launch(c, &layer, turn, rows)) hayai_skip_with_error(state, "%s", status_message());
        turn = (turn + 1) % TURNS;
    }
    double numbers_of_weight = (double)c->outputs * c->inputs;
    if (c->product == SET)
        hayai_counter(state, "bytes", 4 * numbers_of_weight, HAYAI_RATE | HAYAI_INVARIANT);
    else
        hayai_counter(state, "flops", 2 * numbers_of_weight * rows, HAYAI_RATE | HAYAI_INVARIANT);
    hayai_set_label(state, "%s", matmul_backend(c->precision));
    layer_close(&layer);
}

/* The scale of everything else: what a library reaches on this machine, now. */
static void gemm(HayaiState *state) {
    int is_onednn = hayai_context(state) != NULL;
    size_t count = (size_t)GEMM_SIZE * GEMM_SIZE;
    float *a = numbers(count, "bench a"), *b = numbers(count, "bench b");
    float *c = calloc(count, sizeof *c);
    if (is_onednn && !onednn_version()) hayai_skip_with_message(state, "built without oneDNN");
    if (!a || !b || !c) hayai_skip_with_error(state, "no memory for three matrices");
    while (hayai_keep_running(state)) {
        if (!is_onednn)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, GEMM_SIZE, GEMM_SIZE, GEMM_SIZE,
                        1, a, GEMM_SIZE, b, GEMM_SIZE, 0, c, GEMM_SIZE);
        else if (onednn_sgemm(0, 0, GEMM_SIZE, GEMM_SIZE, GEMM_SIZE, a, GEMM_SIZE, b, GEMM_SIZE, 0,
                              c, GEMM_SIZE))
            hayai_skip_with_error(state, "%s", status_message());
    }
    hayai_counter(state, "flops", 2. * GEMM_SIZE * GEMM_SIZE * GEMM_SIZE,
                  HAYAI_RATE | HAYAI_INVARIANT);
    free(a), free(b), free(c);
}

static void add(HayaiSuite *suite, const Case *c) {
    char name[96];
    snprintf(name, sizeof name, "%s/%s/%dx%d", precision_names[c->precision],
             product_names[c->product], c->outputs, c->inputs);
    HayaiBenchmark *benchmark = hayai_register(suite, name, product, (void *)c);
    hayai_use_real_time(benchmark);
    hayai_unit(benchmark, HAYAI_MILLISECOND);
    hayai_min_time(benchmark, .1); /* there are many */
    if (c->product == SET) return;
    hayai_arg_names(benchmark, 1, (const char *const[]){"rows"});
    hayai_arg(benchmark, 128);
    hayai_arg(benchmark, 352);
    hayai_arg(benchmark, 1024);
}

int main(int argc, char **argv) {
    static Case cases[2 * SHAPES * PRODUCTS];
    HayaiSuite *suite;
    int count = 0, onednn = 1;
    if (!getenv("OMP_NUM_THREADS")) threads_set(0);
    if (hayai_suite_create(&suite)) {
        fprintf(stderr, "%s: %s\n", argv[0], status_message());
        return 1;
    }
    HayaiBenchmark *peak = hayai_register(suite, "gemm/openblas/2048", gemm, NULL);
    hayai_use_real_time(peak);
    hayai_unit(peak, HAYAI_MILLISECOND);
    peak = hayai_register(suite, "gemm/onednn/2048", gemm, &onednn);
    hayai_use_real_time(peak);
    hayai_unit(peak, HAYAI_MILLISECOND);
    for (int precision = 0; precision < 2; precision++)
        for (int p = 0; p < PRODUCTS; p++)
            for (int s = 0; s < SHAPES; s++) {
                /* f32 takes a pointer, and no time */
                if (p == SET && precision == PRECISION_F32) continue;
                cases[count] = (Case){.product = (Product)p,
                                      .precision = (Precision)precision,
                                      .outputs = shapes[s].outputs,
                                      .inputs = shapes[s].inputs};
                add(suite, &cases[count++]);
            }
    interrupt_install();
    int status = hayai_run(suite, argc, argv, stdout, stderr);
    hayai_suite_free(suite);
    return status;
}
