#include "op/operations.h"

#include "base/rng.h"
#include "nn/convolution.h"
#include "op/cpu/adamw.h"
#include "op/layer_problem.h"
#include "op/problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --------------------------------------------------------------------------------- */

/* Inputs are the same for every device; outputs start as NaN. */
static float *draw(Arena *arena, size_t count, const char *stream) {
    float *x = arena_take(arena, count * sizeof *x);
    if (!x) abort();
    rng_fill_normal(x, count, 11, rng_stream(stream));
    for (size_t i = 0; i < count; i++) x[i] *= .5f;
    return x;
}

static float *blank(Arena *arena, size_t count) {
    float *x = arena_take(arena, count * sizeof *x);
    if (!x) abort();
    for (size_t i = 0; i < count; i++) x[i] = NAN;
    return x;
}

static void put(OperationNumbers *out, const float *x, size_t count) {
    for (size_t i = 0; i < count && out->count < OPERATION_NUMBERS; i++)
        out->value[out->count++] = x[i];
}

/* --- attention: the operator table's variants ------------------------------------------------- */

static Status run_attention(const Operation *o, const Device *device, Precision precision,
                            Direction direction, Arena *arena, OperationNumbers *out) {
    const OpVariant *variant = table_variant(o->index);
    const OpShape *shape = NULL;
    for (int s = 0; !shape && s < table_shapes(); s++)
        if (table_holds(variant, table_shape(s), USE_BACKWARD)) shape = table_shape(s);
    if (!shape) return status_fail(STATUS_ARGUMENT, "no shape of the table holds %s", o->name);
    const int back = direction == DIRECTION_BACKWARD;
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    problem.attention.precision = precision;
    Status status = problem_forward(&problem, device, back, arena);
    if (status == STATUS_OK && back) status = problem_backward(&problem, device, arena);
    for (int t = back ? TENSOR_DQ : TENSOR_OUT; status == STATUS_OK; t++) {
        float *bits = problem_read_bits(&problem, (TensorName)t);
        put(out, bits, problem_count(&problem, (TensorName)t));
        free(bits);
        if (t == TENSOR_OUT || t == TENSOR_DV) break;
    }
    problem_close(&problem);
    return status;
}

/* --- layers ---------------------------------------------------------------------------------- */

enum { ROWS = 5, COLUMNS = 37, ALL = ROWS * COLUMNS };

static Status run_activation(const Operation *o, const Device *device, Precision precision,
                             Direction direction, Arena *arena, OperationNumbers *out) {
    (void)precision;
    const Activation f = (Activation)o->index;
    float *x = draw(arena, ALL, "x"), *y = blank(arena, ALL);
    device->layers->activate(f, ROWS, COLUMNS, draw(arena, COLUMNS, "bias"), x, y);
    if (direction == DIRECTION_BACKWARD) {
        float *dx = blank(arena, ALL), *dbias = blank(arena, COLUMNS);
        device->layers->activate_backward(f, ROWS, COLUMNS, x, y, draw(arena, ALL, "dy"), dx, dbias,
                                          0);
        put(out, dx, ALL);
        put(out, dbias, COLUMNS);
    } else {
        put(out, y, ALL);
    }
    return STATUS_OK;
}

static Status run_norm(const Operation *o, const Device *device, Precision precision,
                       Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)precision;
    const Dropout dropout = {.25f, 3, 4};
    float *x = draw(arena, ALL, "x"), *residual = draw(arena, ALL, "residual");
    float *gain = draw(arena, COLUMNS, "gain"), *shift = draw(arena, COLUMNS, "shift");
    float *s = blank(arena, ALL), *y = blank(arena, ALL), *statistics = blank(arena, 2 * ROWS);
    device->layers->norm(ROWS, COLUMNS, x, residual, &dropout, gain, shift, 1e-5f, s, y,
                         statistics);
    if (direction == DIRECTION_BACKWARD) {
        float *dgain = blank(arena, COLUMNS), *dshift = blank(arena, COLUMNS);
        float *dresidual = blank(arena, ALL), *dx = blank(arena, ALL);
        device->layers->norm_backward(ROWS, COLUMNS, s, statistics, &dropout, gain,
                                      draw(arena, ALL, "dy"), dgain, dshift, 0, dresidual, 0, dx,
                                      0);
        put(out, dgain, COLUMNS), put(out, dshift, COLUMNS);
        put(out, dresidual, ALL), put(out, dx, ALL);
    } else {
        put(out, s, ALL), put(out, y, ALL), put(out, statistics, 2 * ROWS);
    }
    return STATUS_OK;
}

/* Dropout is its own backward. */
static Status run_dropout(const Operation *o, const Device *device, Precision precision,
                          Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)precision, (void)direction;
    const Dropout dropout = {.25f, 3, 4};
    float *y = blank(arena, ALL);
    device->layers->dropout(ALL, &dropout, draw(arena, ALL, "x"), y, 0);
    put(out, y, ALL);
    return STATUS_OK;
}

static Status run_add(const Operation *o, const Device *device, Precision precision,
                      Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)precision, (void)direction;
    float *y = draw(arena, ALL, "y");
    device->layers->add(ALL, draw(arena, ALL, "x"), y);
    put(out, y, ALL);
    return STATUS_OK;
}

static Status run_cross_entropy(const Operation *o, const Device *device, Precision precision,
                                Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)precision;
    const int32_t label[ROWS] = {0, COLUMNS - 1, -1, 3, 17};
    int32_t best[ROWS] = {-2, -2, -2, -2, -2};
    float *z = draw(arena, ALL, "z"), *loss = blank(arena, ROWS);
    float *statistics = blank(arena, 2 * ROWS);
    device->layers->cross_entropy(ROWS, COLUMNS, z, label, loss, best, statistics);
    if (direction == DIRECTION_BACKWARD) {
        float *dz = blank(arena, ALL);
        device->layers->cross_entropy_backward(ROWS, COLUMNS, z, label, statistics, .2f, dz, 0);
        put(out, dz, ALL);
    } else {
        put(out, loss, ROWS);
        for (int r = 0; r < ROWS; r++) put(out, (float[]){(float)best[r]}, 1);
    }
    return STATUS_OK;
}

/* --- recurrent cells -------------------------------------------------------------------------- */

static Status run_cell(const Operation *o, const Device *device, Precision precision,
                       Direction direction, Arena *arena, OperationNumbers *out) {
    (void)precision;
    enum { STEPS = 4, BATCH = 3, WIDTH = 10, STATE = BATCH * WIDTH };
    const Recurrent r = {
        .kind = (RecurrentKind)o->index, .steps = STEPS, .batch = BATCH, .width = WIDTH};
    const size_t gates = (size_t)recurrent_gates(r.kind);
    const int lstm = r.kind == RECURRENT_LSTM, back = direction == DIRECTION_BACKWARD;
    float *x = draw(arena, gates * STEPS * STATE, "gates");
    float *weight = draw(arena, gates * WIDTH * WIDTH, "weight");
    float *h = blank(arena, STEPS * STATE), *c = lstm ? blank(arena, STEPS * STATE) : NULL;
    const size_t bytes = recurrent_saved_bytes(&r);
    void *saved = back && bytes ? blank(arena, bytes / sizeof(float) + 1) : NULL;
    STATUS_TRY(device->recurrent->forward(&r, x, weight, NULL, NULL, NULL, h, c, saved, arena));
    if (!back) {
        put(out, h, STEPS * STATE);
        return STATUS_OK;
    }
    float *dgates = blank(arena, gates * STEPS * STATE);
    float *dweight = blank(arena, gates * WIDTH * WIDTH);
    STATUS_TRY(device->recurrent->backward(&r, weight, NULL, NULL, h, c, saved,
                                           draw(arena, STEPS * STATE, "dh"), NULL, dgates, dweight,
                                           NULL, NULL, NULL, 0, arena));
    put(out, dgates, gates * STEPS * STATE);
    put(out, dweight, gates * WIDTH * WIDTH);
    return STATUS_OK;
}

/* --- products --------------------------------------------------------------------------------- */

enum { M = 6, N = 9, K = 11 };

static Status run_gemm(const Operation *o, const Device *device, Precision precision,
                       Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)precision, (void)direction;
    float *c = blank(arena, (size_t)M * N);
    STATUS_TRY(device->gemm(0, 1, M, N, K, 1, draw(arena, (size_t)M * K, "a"), K,
                            draw(arena, (size_t)N * K, "b"), K, 0, c, N));
    put(out, c, (size_t)M * N);
    return STATUS_OK;
}

static Status run_gemm_at(const Operation *o, const Device *device, Precision precision,
                          Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)direction;
    float *c = blank(arena, (size_t)M * N);
    STATUS_TRY(device->gemm_at(precision, 0, 1, M, N, K, 1, draw(arena, (size_t)M * K, "a"), K,
                               draw(arena, (size_t)N * K, "b"), K, 0, c, N, arena));
    put(out, c, (size_t)M * N);
    return STATUS_OK;
}

/* A linear layer's three products, which the tape asks of op/matmul.h. */
static Status run_products(MatmulWeight *weight, Direction direction, Arena *arena,
                           OperationNumbers *out) {
    float *x = draw(arena, (size_t)M * K, "x"), *y = blank(arena, (size_t)M * N);
    STATUS_TRY(matmul_weight_set(weight, draw(arena, (size_t)N * K, "w")));
    if (direction == DIRECTION_FORWARD) {
        STATUS_TRY(matmul_forward(weight, M, x, y));
        put(out, y, (size_t)M * N);
        return STATUS_OK;
    }
    float *dy = draw(arena, (size_t)M * N, "dy");
    float *dx = blank(arena, (size_t)M * K), *dw = blank(arena, (size_t)N * K);
    STATUS_TRY(matmul_backward_input(weight, M, dy, dx, 0));
    STATUS_TRY(matmul_backward_weight(weight, M, dy, x, dw, 0));
    put(out, dx, (size_t)M * K);
    put(out, dw, (size_t)N * K);
    return STATUS_OK;
}

static Status run_matmul(const Operation *o, const Device *device, Precision precision,
                         Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)device;
    MatmulWeight *weight;
    STATUS_TRY(matmul_weight_open(&weight, N, K, precision));
    Status status = run_products(weight, direction, arena, out);
    matmul_weight_close(weight);
    return status;
}

/* --- attention of a recurrent decoder, and one token at a time -------------------------------- */

static Status run_score(const Operation *o, const Device *device, Precision precision,
                        Direction direction, Arena *arena, OperationNumbers *out) {
    (void)precision;
    enum { B = 2, QUERIES = 3, KEYS = 5, A = 8, D = 6 };
    const Score score = {.batch = B, .queries = QUERIES, .keys = KEYS, .width = A, .values = D};
    const int additive = o->index;
    const size_t queries = (size_t)QUERIES * B, keys = (size_t)KEYS * B;
    float *q = draw(arena, queries * A, "q"), *k = draw(arena, keys * A, "k");
    float *v = additive ? draw(arena, A, "v") : NULL, *memory = draw(arena, keys * D, "memory");
    float *weights = blank(arena, queries * KEYS), *context = blank(arena, queries * D);
    STATUS_TRY(device->scores->forward(&score, q, k, v, memory, weights, context));
    if (direction == DIRECTION_FORWARD) {
        put(out, weights, queries * KEYS), put(out, context, queries * D);
        return STATUS_OK;
    }
    float *dq = blank(arena, queries * A), *dk = blank(arena, keys * A);
    float *dv = additive ? blank(arena, A) : NULL, *dmemory = blank(arena, keys * D);
    STATUS_TRY(device->scores->backward(&score, q, k, v, memory, weights,
                                        draw(arena, queries * D, "dcontext"), dq, 0, dk, 0, dv, 0,
                                        dmemory, 0, arena));
    put(out, dq, queries * A), put(out, dk, keys * A), put(out, dmemory, keys * D);
    if (dv) put(out, dv, A);
    return STATUS_OK;
}

enum { STEP_ATTEND, STEP_ABSORB, STEP_RECALL };

static Status run_step(const Operation *o, const Device *device, Precision precision,
                       Direction direction, Arena *arena, OperationNumbers *out) {
    (void)precision, (void)direction;
    enum { HEADS = 2, E = 5, WIDTH = HEADS * E, KEPT = 4 };
    float *q = draw(arena, WIDTH, "q"), *k = draw(arena, (size_t)KEPT * WIDTH, "k");
    float *v = draw(arena, (size_t)KEPT * WIDTH, "v"), *y = blank(arena, WIDTH);
    const size_t floats = step_state_floats(HEADS, E);
    float *state = draw(arena, floats, "state");
    for (size_t i = 0; i < floats; i++) state[i] = fabsf(state[i]); /* phi(k) is positive */
    if (o->index == STEP_ATTEND)
        device->steps->attend(HEADS, E, KEPT, .4f, q, k, WIDTH, v, WIDTH, blank(arena, KEPT), y);
    else if (o->index == STEP_RECALL)
        device->steps->recall(HEADS, E, q, state, blank(arena, E), y);
    else
        device->steps->absorb(HEADS, E, k, v, state);
    if (o->index == STEP_ABSORB)
        put(out, state, floats);
    else
        put(out, y, WIDTH);
    return STATUS_OK;
}

/* --- what the tape and the optimiser compute on the host ---------------------------------------
 */

/* The first variant of that kind in the table of layers. */
static Status run_taped(const Operation *o, const Device *device, Precision precision,
                        Direction direction, Arena *arena, OperationNumbers *out) {
    (void)device, (void)precision;
    const LayerVariant *variant = NULL;
    const LayerShape *shape = NULL;
    for (int v = 0; !variant && v < layer_variants(); v++)
        if (layer_variant(v)->kind == (LayerKind)o->index) variant = layer_variant(v);
    for (int s = 0; variant && !shape && s < layer_shapes(); s++)
        if (layer_holds(variant, layer_shape(s), USE_BACKWARD) && layer_shape(s)->rows > 2)
            shape = layer_shape(s);
    if (!shape)
        return status_fail(STATUS_ARGUMENT, "the table of layers has no case of %s", o->name);
    LayerProblem p;
    layer_open(&p, variant, shape, arena);
    Status status = layer_forward(&p);
    if (status == STATUS_OK && direction == DIRECTION_FORWARD) put(out, p.out.data, p.out.count);
    if (status == STATUS_OK && direction == DIRECTION_BACKWARD) {
        status = layer_backward(&p);
        for (int i = 0; status == STATUS_OK && i < LAYER_INPUTS; i++)
            if (p.gradient[i].data) put(out, p.gradient[i].data, p.gradient[i].count);
    }
    layer_close(&p);
    return status;
}

static Status run_unfold(const Operation *o, const Device *device, Precision precision,
                         Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)device, (void)precision;
    static const int offsets[] = {0, 2, ROWS};
    Tape tape;
    tape_open(&tape, arena, TAPE_EXACT, 1, 1);
    Value *x = tape_input(&tape, draw(arena, ALL, "x"), ROWS, COLUMNS);
    Value *y = nn_unfold(&tape, x, 3, 2, offsets);
    STATUS_TRY(tape_status(&tape));
    if (direction == DIRECTION_FORWARD) {
        put(out, y->data, 3 * ALL);
        return STATUS_OK;
    }
    STATUS_TRY(tape_backward_from(&tape, y, draw(arena, 3 * ALL, "dy")));
    put(out, x->gradient, ALL);
    return STATUS_OK;
}

static Status run_adamw(const Operation *o, const Device *device, Precision precision,
                        Direction direction, Arena *arena, OperationNumbers *out) {
    (void)o, (void)device, (void)precision, (void)direction;
    const AdamwNumbers numbers = {.rest1 = .1f, .beta2 = .999f, .rest2 = .001f, .epsilon = 1e-8f};
    const AdamwStep step = {.keep = 1, .move = .01f, .root = .03f};
    float *w = draw(arena, ALL, "w"), *m = draw(arena, ALL, "m"), *v = draw(arena, ALL, "v");
    for (int i = 0; i < ALL; i++) v[i] *= v[i];
    adamw_kernels()->update(&numbers, &step, 1, w, m, v, draw(arena, ALL, "g"), ALL);
    put(out, w, ALL), put(out, m, ALL), put(out, v, ALL);
    return STATUS_OK;
}

/* --- the list --------------------------------------------------------------------------------- */

#define NO   OPERATION_NO_SLOT
#define F32  (1 << PRECISION_F32)
#define BF16 (1 << PRECISION_BF16)
#define TF32 (1 << PRECISION_TF32)
#define LAYER                                                                                      \
    OPERATION_OF_LAYERS, {                                                                         \
        offsetof(LayerOps, activate), offsetof(LayerOps, activate_backward)                        \
    }
#define CELL                                                                                       \
    OPERATION_OF_RECURRENT, {                                                                      \
        offsetof(RecurrentOps, forward), offsetof(RecurrentOps, backward)                          \
    }
#define SCORE                                                                                      \
    OPERATION_OF_SCORES, {                                                                         \
        offsetof(ScoreOps, forward), offsetof(ScoreOps, backward)                                  \
    }
#define STEP(member)                                                                               \
    OPERATION_OF_STEPS, {                                                                          \
        offsetof(StepOps, member), NO                                                              \
    }
#define TAPE                                                                                       \
    OPERATION_OF_TAPE, {                                                                           \
        NO, NO                                                                                     \
    }

/* clang-format off */
static const Operation others[] = {
    {"product", "gemm",   NULL,   OPERATION_OF_DEVICE, {offsetof(Device, gemm), NO}, run_gemm, 0, 1, F32},
    {"product", "gemm_at", NULL, OPERATION_OF_DEVICE, {offsetof(Device, gemm_at), NO}, run_gemm_at, 0, 1, F32 | BF16 | TF32},
    {"product", "matmul", "tape", TAPE, run_matmul, 0, 0, F32 | BF16},
    {"layer", "bias", NULL, LAYER, run_activation, ACTIVATION_NONE, 0, F32},
    {"layer", "gelu", NULL, LAYER, run_activation, ACTIVATION_GELU, 0, F32},
    {"layer", "tanh", NULL, LAYER, run_activation, ACTIVATION_TANH, 0, F32},
    {"layer", "relu", NULL, LAYER, run_activation, ACTIVATION_RELU, 0, F32},
    {"layer", "norm", NULL, OPERATION_OF_LAYERS, {offsetof(LayerOps, norm), offsetof(LayerOps, norm_backward)}, run_norm, 0, 0, F32},
    {"layer", "dropout", NULL, OPERATION_OF_LAYERS, {offsetof(LayerOps, dropout), offsetof(LayerOps, dropout)}, run_dropout, 0, 0, F32},
    {"layer", "add", NULL, OPERATION_OF_LAYERS, {offsetof(LayerOps, add), offsetof(LayerOps, add)}, run_add, 0, 0, F32},
    {"layer", "cross_entropy", NULL, OPERATION_OF_LAYERS, {offsetof(LayerOps, cross_entropy), offsetof(LayerOps, cross_entropy_backward)}, run_cross_entropy, 0, 0, F32},
    {"recurrent", "tanh", NULL, CELL, run_cell, RECURRENT_TANH, 0, F32},
    {"recurrent", "gru",  NULL, CELL, run_cell, RECURRENT_GRU,  0, F32},
    {"recurrent", "lstm", NULL, CELL, run_cell, RECURRENT_LSTM, 0, F32},
    {"decoder", "dot",      "decoder", SCORE, run_score, 0, 0, F32},
    {"decoder", "additive", "decoder", SCORE, run_score, 1, 0, F32},
    {"generation", "attend", "generation", STEP(attend), run_step, STEP_ATTEND, 1, F32},
    {"generation", "absorb", "generation", STEP(absorb), run_step, STEP_ABSORB, 1, F32},
    {"generation", "recall", "generation", STEP(recall), run_step, STEP_RECALL, 1, F32},
    {"training", "linear",        "tape", TAPE, run_taped, LAYER_LINEAR, 0, F32},
    {"training", "embed",         "tape", TAPE, run_taped, LAYER_EMBED, 0, F32},
    {"training", "take_rows",     "tape", TAPE, run_taped, LAYER_TAKE_ROWS, 0, F32},
    {"training", "relative_bias", "tape", TAPE, run_taped, LAYER_RELATIVE_BIAS, 0, F32},
    {"training", "few_classes",   "tape", TAPE, run_taped, LAYER_CROSS_ENTROPY, 0, F32},
    {"training", "unfold",        "tape", TAPE, run_unfold, 0, 0, F32},
    {"training", "adamw",         "tape", TAPE, run_adamw, 0, 1, F32},
};
/* clang-format on */

enum { OTHERS = sizeof others / sizeof *others, VARIANTS_MAX = 64 };

int operations_count(void) {
    return table_variants() + OTHERS;
}

const Operation *operation_at(int index) {
    static Operation attention[VARIANTS_MAX];
    const int variants = table_variants();
    if (variants > VARIANTS_MAX) abort();
    if (index >= variants) return &others[index - variants];
    attention[index] =
        (Operation){"attention",
                    table_variant(index)->name,
                    NULL,
                    OPERATION_OF_DEVICE,
                    {offsetof(Device, attention_forward), offsetof(Device, attention_backward)},
                    run_attention,
                    index,
                    0,
                    F32 | BF16 | TF32};
    return &attention[index];
}

int operation_has(const Operation *operation, Direction direction) {
    return direction == DIRECTION_FORWARD || !operation->is_one_way;
}

/* --- asking ----------------------------------------------------------------------------------- */

static const void *home(const Device *device, OperationHome which) {
    switch (which) {
    case OPERATION_OF_DEVICE:
        return device;
    case OPERATION_OF_LAYERS:
        return device->layers;
    case OPERATION_OF_RECURRENT:
        return device->recurrent;
    case OPERATION_OF_SCORES:
        return device->scores;
    case OPERATION_OF_STEPS:
        return device->steps;
    case OPERATION_OF_TAPE:
        break;
    }
    return NULL;
}

void (*operation_address(const Operation *operation, const Device *device,
                         Direction direction))(void) {
    const char *at = home(device, operation->home);
    const size_t slot = operation->slot[direction];
    void (*address)(void) = NULL;
    if (at && slot != NO) memcpy(&address, at + slot, sizeof address);
    return address;
}

static int is_offered(const Operation *operation, const Device *device, Precision precision,
                      Direction direction) {
    if (!(operation->precisions >> precision & 1) || !operation_has(operation, direction)) return 0;
    if (operation->home == OPERATION_OF_TAPE) return device == device_cpu();
    return operation_address(operation, device, DIRECTION_FORWARD) &&
           operation_address(operation, device, direction);
}

OperationAnswer operation_ask(const Operation *operation, const Device *device, Precision precision,
                              Direction direction, Arena *arena, OperationNumbers *out) {
    out->count = 0;
    if (!is_offered(operation, device, precision, direction)) return OPERATION_LACKS;
    const size_t mark = arena_mark(arena);
    Status status = operation->run(operation, device, precision, direction, arena, out);
    arena_rewind(arena, mark);
    if (status == STATUS_UNSUPPORTED) return OPERATION_LACKS;
    if (status != STATUS_OK) return OPERATION_FAILS;
    for (size_t i = 0; i < out->count; i++)
        if (!isfinite(out->value[i])) {
            status_fail(STATUS_FORMAT, "%s of %s: number %zu of %zu was not written",
                        operation->name, device->name, i, out->count);
            return OPERATION_FAILS;
        }
    return out->count ? OPERATION_RUNS : OPERATION_FAILS;
}

/* --- is the list whole? ------------------------------------------------------------------------
 */

static int is_listed(OperationHome which, size_t offset) {
    for (int i = 0; i < operations_count(); i++) {
        const Operation *o = operation_at(i);
        if (o->home == which && (o->slot[0] == offset || o->slot[1] == offset)) return 1;
    }
    return 0;
}

const char *operations_forgotten(void) {
    static char name[64];
    static const size_t apart[] = {/* of a device: pointers that are no operations */
                                   offsetof(Device, name),   offsetof(Device, recurrent),
                                   offsetof(Device, layers), offsetof(Device, steps),
                                   offsetof(Device, scores), offsetof(Device, memory)};
    static const struct {
        const char *name;
        OperationHome home;
        size_t bytes;
    } structs[] = {{"Device", OPERATION_OF_DEVICE, sizeof(Device)},
                   {"LayerOps", OPERATION_OF_LAYERS, sizeof(LayerOps)},
                   {"RecurrentOps", OPERATION_OF_RECURRENT, sizeof(RecurrentOps)},
                   {"ScoreOps", OPERATION_OF_SCORES, sizeof(ScoreOps)},
                   {"StepOps", OPERATION_OF_STEPS, sizeof(StepOps)}};
    for (size_t s = 0; s < sizeof structs / sizeof *structs; s++)
        for (size_t at = 0; at < structs[s].bytes; at += sizeof(void (*)(void))) {
            int known = is_listed(structs[s].home, at);
            for (size_t i = 0; structs[s].home == OPERATION_OF_DEVICE && i < 6; i++)
                known = known || apart[i] == at;
            if (known) continue;
            snprintf(name, sizeof name, "the pointer at byte %zu of %s", at, structs[s].name);
            return name;
        }
    return NULL;
}
