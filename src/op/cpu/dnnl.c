#include "op/cpu/dnnl.h"

#if defined(TAMRIN_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_version.h>
#endif

#if defined(TAMRIN_ONEDNN) && DNNL_VERSION_MAJOR == 2

#include "base/threads.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHAPES = 256 };
/* The order of a packed operand is the one that oneDNN likes for so many rows. */
enum { TYPICAL_ROWS = 256 };

struct OnednnPacked {
    OnednnType type;
    int k, n;
    dnnl_memory_desc_t order;
    dnnl_memory_t memory;
    int is_set;
};

/* What is compiled for. A primitive must be run by as many threads as it was made for: oneDNN cuts
 * the work, and measures its scratch, when it makes it. */
typedef struct {
    int m, n, k;
    OnednnType type;
    int accumulate, has_bias, threads;
    const dnnl_memory_desc_t *order; /* of a packed B; NULL for A' B with B plain */
} Shape;

/* A shape that oneDNN refused has no primitive. */
typedef struct {
    Shape shape;
    dnnl_memory_desc_t order; /* where shape.order points */
    long used;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, bias; /* without data; b only where it is not packed */
} Kept;

static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    Kept kept[SHAPES];
    int count;
    long clock, made;
} one;

static Status failed(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return STATUS_OK;
    Status code = status == dnnl_out_of_memory ? STATUS_MEMORY : STATUS_UNSUPPORTED;
    return status_fail(code, "matmul: oneDNN: %s failed with its status %d", what, (int)status);
}

#define ONEDNN_TRY(call) STATUS_TRY(failed(call, #call))

static Status start(void) {
    if (!one.engine) ONEDNN_TRY(dnnl_engine_create(&one.engine, dnnl_cpu, 0));
    if (!one.stream)
        ONEDNN_TRY(dnnl_stream_create(&one.stream, one.engine, dnnl_stream_default_flags));
    return STATUS_OK;
}

static dnnl_data_type_t type_of(OnednnType type) {
    return type == ONEDNN_BF16 ? dnnl_bf16 : dnnl_f32;
}

static Status describe(dnnl_memory_desc_t *out, dnnl_data_type_t type, int rows, int columns,
                       dnnl_format_tag_t order) {
    dnnl_dims_t dims = {rows, columns};
    ONEDNN_TRY(dnnl_memory_desc_init_by_tag(out, 2, dims, type, order));
    return STATUS_OK;
}

/* C [m, n] = A [m, k] B [k, n] with A and B in the orders given, C plain; a bias or NULL. */
static Status product(dnnl_primitive_desc_t *out, int m, int n, const dnnl_memory_desc_t *a,
                      const dnnl_memory_desc_t *b, const dnnl_memory_desc_t *bias,
                      dnnl_memory_desc_t *c, int accumulate) {
    dnnl_matmul_desc_t operation;
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t after = NULL;
    STATUS_TRY(describe(c, dnnl_f32, m, n, dnnl_ab));
    ONEDNN_TRY(dnnl_matmul_desc_init(&operation, a, b, bias, c));
    ONEDNN_TRY(dnnl_primitive_attr_create(&attributes));
    dnnl_status_t status = dnnl_success;
    if (accumulate) {
        status = dnnl_post_ops_create(&after);
        if (status == dnnl_success) status = dnnl_post_ops_append_sum(after, 1);
        if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, after);
    }
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &operation, attributes, one.engine, NULL);
    if (after) dnnl_post_ops_destroy(after);
    dnnl_primitive_attr_destroy(attributes);
    return failed(status, "a product of this shape");
}

/* --- shapes that are kept -------------------------------------------------------------------- */

static void drop(Kept *kept) {
    if (kept->primitive) dnnl_primitive_destroy(kept->primitive);
    if (kept->a) dnnl_memory_destroy(kept->a);
    if (kept->b) dnnl_memory_destroy(kept->b);
    if (kept->c) dnnl_memory_destroy(kept->c);
    if (kept->bias) dnnl_memory_destroy(kept->bias);
    *kept = (Kept){0};
}

static int is_same(const Shape *s, const Shape *t) {
    return s->m == t->m && s->n == t->n && s->k == t->k && s->type == t->type &&
           s->accumulate == t->accumulate && s->has_bias == t->has_bias &&
           s->threads == t->threads && !s->order == !t->order &&
           (!s->order || dnnl_memory_desc_equal(s->order, t->order));
}

static void place(Kept *kept, const Shape *shape) {
    *kept = (Kept){.shape = *shape};
    if (!shape->order) return;
    kept->order = *shape->order;
    kept->shape.order = &kept->order;
}

static Status compile(Kept *kept) {
    const Shape *s = &kept->shape;
    dnnl_memory_desc_t a, b, c, bias;
    dnnl_primitive_desc_t description;
    STATUS_TRY(describe(&bias, dnnl_f32, 1, s->n, dnnl_ab));
    STATUS_TRY(describe(&a, type_of(s->type), s->m, s->k, s->order ? dnnl_ab : dnnl_ba));
    if (!s->order) STATUS_TRY(describe(&b, type_of(s->type), s->k, s->n, dnnl_ab));
    STATUS_TRY(product(&description, s->m, s->n, &a, s->order ? s->order : &b,
                       s->has_bias ? &bias : NULL, &c, s->accumulate));
    dnnl_status_t status = dnnl_memory_create(&kept->a, &a, one.engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        status = dnnl_memory_create(&kept->c, &c, one.engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success && !s->order)
        status = dnnl_memory_create(&kept->b, &b, one.engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success && s->has_bias)
        status = dnnl_memory_create(&kept->bias, &bias, one.engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success) status = dnnl_primitive_create(&kept->primitive, description);
    dnnl_primitive_desc_destroy(description);
    one.made++;
    return failed(status, "a product of this shape");
}

static Status find(const Shape *shape, Kept **out) {
    Kept *kept = NULL, *oldest = one.kept;
    for (int i = 0; i < one.count && !kept; i++) {
        if (is_same(&one.kept[i].shape, shape)) kept = &one.kept[i];
        if (one.kept[i].used < oldest->used) oldest = &one.kept[i];
    }
    *out = kept;
    if (kept) {
        kept->used = ++one.clock;
        return kept->primitive
                   ? STATUS_OK
                   : status_fail(STATUS_UNSUPPORTED, "matmul: oneDNN has no product of this shape");
    }
    STATUS_TRY(start());
    kept = *out = one.count < SHAPES ? &one.kept[one.count++] : oldest;
    drop(kept);
    place(kept, shape);
    Status status = compile(kept);
    if (status != STATUS_OK) {
        /* What failed half-way keeps its place, to be refused at once the next time. */
        drop(kept);
        place(kept, shape);
    }
    kept->used = ++one.clock;
    return status;
}

static Status run(Kept *kept, const void *a, dnnl_memory_t b, const float *bias, float *c) {
    /* oneDNN reads a and bias; its interface has one kind of pointer for everything. */
    ONEDNN_TRY(dnnl_memory_set_data_handle(kept->a, (void *)a));
    ONEDNN_TRY(dnnl_memory_set_data_handle(kept->c, c));
    if (bias) ONEDNN_TRY(dnnl_memory_set_data_handle(kept->bias, (void *)bias));
    const dnnl_exec_arg_t operands[] = {{DNNL_ARG_SRC, kept->a},
                                        {DNNL_ARG_WEIGHTS, b},
                                        {DNNL_ARG_DST, kept->c},
                                        {DNNL_ARG_BIAS, kept->bias}};
    ONEDNN_TRY(dnnl_primitive_execute(kept->primitive, one.stream, bias ? 4 : 3, operands));
    ONEDNN_TRY(dnnl_stream_wait(one.stream));
    return STATUS_OK;
}

int onednn_shapes_kept(void) {
    return one.count;
}

long onednn_shapes_made(void) {
    return one.made;
}

void onednn_forget(void) {
    for (int i = 0; i < one.count; i++) drop(&one.kept[i]);
    one.count = 0;
    if (one.stream) dnnl_stream_destroy(one.stream);
    if (one.engine) dnnl_engine_destroy(one.engine);
    one.stream = NULL;
    one.engine = NULL;
}

/* --- products -------------------------------------------------------------------------------- */

Status onednn_sgemm(int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc) {
    ONEDNN_TRY(dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a, lda, b,
                          ldb, beta, c, ldc));
    return STATUS_OK;
}

Status onednn_packed_open(OnednnPacked **out, OnednnType type, int k, int n) {
    *out = NULL;
    STATUS_TRY(start());
    dnnl_memory_desc_t a, any, c;
    dnnl_primitive_desc_t description;
    STATUS_TRY(describe(&a, type_of(type), TYPICAL_ROWS, k, dnnl_ab));
    STATUS_TRY(describe(&any, type_of(type), k, n, dnnl_format_tag_any));
    STATUS_TRY(product(&description, TYPICAL_ROWS, n, &a, &any, NULL, &c, 0));
    OnednnPacked *b = calloc(1, sizeof *b);
    if (!b) {
        dnnl_primitive_desc_destroy(description);
        return status_fail(STATUS_MEMORY, "matmul: no memory for a weight");
    }
    b->type = type;
    b->k = k;
    b->n = n;
    b->order = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    dnnl_primitive_desc_destroy(description);
    Status status =
        failed(dnnl_memory_create(&b->memory, &b->order, one.engine, DNNL_MEMORY_ALLOCATE),
               "memory for a weight");
    if (status != STATUS_OK) {
        free(b);
        return status;
    }
    *out = b;
    return STATUS_OK;
}

Status onednn_packed_set(OnednnPacked *b, const void *values, int transposed) {
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t reorder = NULL;
    STATUS_TRY(describe(&plain, type_of(b->type), b->k, b->n, transposed ? dnnl_ba : dnnl_ab));
    /* Not kept here: oneDNN's own cache finds it again, and this is once a step. */
    dnnl_status_t status = dnnl_memory_create(&from, &plain, one.engine, (void *)values);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(&description, &plain, one.engine, &b->order,
                                                    one.engine, NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&reorder, description);
    if (status == dnnl_success) {
        const dnnl_exec_arg_t operands[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, b->memory}};
        status = dnnl_primitive_execute(reorder, one.stream, 2, operands);
    }
    if (status == dnnl_success) status = dnnl_stream_wait(one.stream);
    if (reorder) dnnl_primitive_destroy(reorder);
    if (description) dnnl_primitive_desc_destroy(description);
    if (from) dnnl_memory_destroy(from);
    b->is_set = status == dnnl_success;
    return failed(status, "packing a weight");
}

Status onednn_packed_product(OnednnPacked *b, int m, const void *a, float *c, int accumulate) {
    return onednn_packed_product_bias(b, m, a, NULL, c, accumulate);
}

Status onednn_packed_product_bias(OnednnPacked *b, int m, const void *a, const float *bias,
                                  float *c, int accumulate) {
    Kept *kept;
    Shape shape = {m,        b->n, b->k, b->type, accumulate != 0, bias != NULL, threads_count(),
                   &b->order};
    if (!b->is_set) return status_fail(STATUS_ARGUMENT, "matmul: a product before its weight");
    STATUS_TRY(find(&shape, &kept));
    return run(kept, a, b->memory, bias, c);
}

Status onednn_transposed_product(OnednnType type, int m, int n, int k, const void *a, const void *b,
                                 float *c, int accumulate) {
    Kept *kept;
    Shape shape = {m, n, k, type, accumulate != 0, 0, threads_count(), NULL};
    STATUS_TRY(find(&shape, &kept));
    ONEDNN_TRY(dnnl_memory_set_data_handle(kept->b, (void *)b));
    return run(kept, a, kept->b, NULL, c);
}

void onednn_packed_close(OnednnPacked *b) {
    if (!b) return;
    dnnl_memory_destroy(b->memory);
    free(b);
}

/* --- what there is --------------------------------------------------------------------------- */

const char *onednn_version(void) {
    static char text[32];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

static int has(dnnl_cpu_isa_t wanted) {
    return (dnnl_get_effective_cpu_isa() & wanted) == wanted;
}

const char *onednn_bf16_unit(void) {
    static int known;
    static const char *unit;
    if (known) return unit;
    known = 1;
    if (!has(dnnl_cpu_isa_avx512_core_bf16)) return NULL;
    OnednnPacked *probe;
    if (onednn_packed_open(&probe, ONEDNN_BF16, 64, 64) != STATUS_OK) return NULL;
    onednn_packed_close(probe);
    return unit = has(dnnl_cpu_isa_avx512_core_amx) ? "AMX" : "AVX-512";
}

#else

static Status absent(void) {
    return status_fail(STATUS_UNSUPPORTED, "matmul: this build has no oneDNN 2 (libdnnl-dev)");
}

const char *onednn_version(void) {
    return 0;
}

const char *onednn_bf16_unit(void) {
    return 0;
}

Status onednn_sgemm(int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc) {
    (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b;
    (void)ldb, (void)beta, (void)c, (void)ldc;
    return absent();
}

Status onednn_packed_open(OnednnPacked **out, OnednnType type, int k, int n) {
    (void)type, (void)k, (void)n;
    *out = 0;
    return absent();
}

Status onednn_packed_set(OnednnPacked *b, const void *values, int transposed) {
    (void)b, (void)values, (void)transposed;
    return absent();
}

Status onednn_packed_product(OnednnPacked *b, int m, const void *a, float *c, int accumulate) {
    (void)b, (void)m, (void)a, (void)c, (void)accumulate;
    return absent();
}

Status onednn_packed_product_bias(OnednnPacked *b, int m, const void *a, const float *bias,
                                  float *c, int accumulate) {
    (void)b, (void)m, (void)a, (void)bias, (void)c, (void)accumulate;
    return absent();
}

Status onednn_transposed_product(OnednnType type, int m, int n, int k, const void *a, const void *b,
                                 float *c, int accumulate) {
    (void)type, (void)m, (void)n, (void)k, (void)a, (void)b, (void)c, (void)accumulate;
    return absent();
}

void onednn_packed_close(OnednnPacked *b) {
    (void)b;
}

int onednn_shapes_kept(void) {
    return 0;
}

long onednn_shapes_made(void) {
    return 0;
}

void onednn_forget(void) {}

#endif
