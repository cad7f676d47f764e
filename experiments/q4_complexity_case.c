#include "q4_complexity_case.h"
#include "base/clock.h"
#include "base/rng.h"
#include "op/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const Variant case_variants[VARIANT_COUNT] = {
    {"materialised", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 0, PRECISION_F32},
    {"tiled", ATTENTION_TILED, FEATURE_POSITIVE, 0, PRECISION_F32},
    {"materialised_causal", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 1, PRECISION_F32},
    {"tiled_causal", ATTENTION_TILED, FEATURE_POSITIVE, 1, PRECISION_F32},
    {"wrong_order", ATTENTION_KERNEL_QUADRATIC, FEATURE_POSITIVE, 0, PRECISION_F32},
    {"favor_positive", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 0, PRECISION_F32},
    {"favor_trigonometric", ATTENTION_KERNEL_LINEAR, FEATURE_TRIGONOMETRIC, 0, PRECISION_F32},
    {"favor_causal", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 1, PRECISION_F32},
    {"elu", ATTENTION_KERNEL_LINEAR, FEATURE_ELU1, 0, PRECISION_F32},
    {"elu_causal", ATTENTION_KERNEL_LINEAR, FEATURE_ELU1, 1, PRECISION_F32},
    {"relu", ATTENTION_KERNEL_LINEAR, FEATURE_RELU, 0, PRECISION_F32},
    {"value", ATTENTION_VALUE, FEATURE_POSITIVE, 0, PRECISION_F32},
    {"materialised_tf32", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 0, PRECISION_TF32},
    {"materialised_bf16", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 0, PRECISION_BF16},
    {"tiled_bf16", ATTENTION_TILED, FEATURE_POSITIVE, 0, PRECISION_BF16},
    {"materialised_causal_bf16", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 1, PRECISION_BF16},
    {"tiled_causal_bf16", ATTENTION_TILED, FEATURE_POSITIVE, 1, PRECISION_BF16},
    {"wrong_order_tf32", ATTENTION_KERNEL_QUADRATIC, FEATURE_POSITIVE, 0, PRECISION_TF32},
    {"favor_positive_tf32", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 0, PRECISION_TF32},
    {"favor_causal_tf32", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 1, PRECISION_TF32},
    {"elu_tf32", ATTENTION_KERNEL_LINEAR, FEATURE_ELU1, 0, PRECISION_TF32},
    {"elu_causal_tf32", ATTENTION_KERNEL_LINEAR, FEATURE_ELU1, 1, PRECISION_TF32},
    {"relu_tf32", ATTENTION_KERNEL_LINEAR, FEATURE_RELU, 0, PRECISION_TF32},
};

int case_variant_find(const char *slug, size_t length) {
    for (int v = 0; v < VARIANT_COUNT; v++)
        if (strlen(case_variants[v].slug) == length &&
            strncmp(case_variants[v].slug, slug, length) == 0)
            return v;
    return -1;
}

const Variant *case_variant(const char *slug) {
    int v = case_variant_find(slug, strlen(slug));
    return v < 0 ? NULL : &case_variants[v];
}

const char *case_direction_name(Direction direction) {
    return direction == DIRECTION_FORWARD ? "forward" : "backward";
}

/* --- workspace ----------------------------------------------------------------------------- */

static Status take_arrays(Workspace *workspace, int gradients) {
    float **taken[] = {&workspace->query,  &workspace->key,   &workspace->value,
                       &workspace->output, &workspace->dout,  &workspace->dquery,
                       &workspace->dkey,   &workspace->dvalue};
    for (size_t i = 0; i < (gradients ? 8 : 4); i++)
        *taken[i] = arena_take(&workspace->inputs, workspace->floats * sizeof(float));
    workspace->projection =
        arena_take(&workspace->inputs, workspace->projection_floats * sizeof(float));
    return workspace->projection ? STATUS_OK : STATUS_MEMORY;
}

static Status fill_arrays(Workspace *workspace, uint64_t seed, int gradients) {
    const Device *device = workspace->room->device;
    const struct {
        float *to;
        const char *name; /* NULL: zeros */
    } part[] = {{workspace->query, "q4.query"}, {workspace->key, "q4.key"},
                {workspace->value, "q4.value"}, {workspace->output, NULL},
                {workspace->dout, "q4.dout"},   {workspace->dquery, NULL},
                {workspace->dkey, NULL},        {workspace->dvalue, NULL}};
    for (size_t i = 0; i < (gradients ? 8 : 4); i++) {
        if (part[i].name)
            STATUS_TRY(room_fill_normal(device, part[i].to, workspace->floats, seed, part[i].name));
        else
            STATUS_TRY(device->memory->zero(part[i].to, workspace->floats * sizeof(float)));
    }
    STATUS_TRY(
        device->memory->zero(workspace->projection, workspace->projection_floats * sizeof(float)));
    return device->memory->wait();
}

Status workspace_open(Workspace *workspace, Room *room, size_t floats, size_t projection_floats,
                      uint64_t seed, int gradients, size_t work_bytes) {
    *workspace =
        (Workspace){.room = room, .floats = floats, .projection_floats = projection_floats};
    size_t arrays = gradients ? 8 : 4;
    size_t bytes = (floats * arrays + projection_floats) * sizeof(float) + 64 * (arrays + 1);
    Status status = room_arena(room, bytes, &workspace->inputs);
    if (status == STATUS_OK)
        status = room_arena(room, room_is_gpu(room) ? work_bytes : 0, &workspace->work);
    if (status == STATUS_OK) status = take_arrays(workspace, gradients);
    if (status == STATUS_OK) status = fill_arrays(workspace, seed, gradients);
    if (status != STATUS_OK) workspace_close(workspace);
    return status;
}

void workspace_close(Workspace *workspace) {
    if (workspace->room) {
        room_arena_close(workspace->room, &workspace->work);
        room_arena_close(workspace->room, &workspace->inputs);
    }
    *workspace = (Workspace){0};
}

Status workspace_project(Workspace *workspace, int features, int width, uint64_t seed,
                         uint64_t draw) {
    if ((size_t)features * (size_t)width > workspace->projection_floats)
        return status_fail(STATUS_ARGUMENT, "workspace: a projection of %d x %d, room for %zu",
                           features, width, workspace->projection_floats);
    const size_t count = (size_t)features * (size_t)width;
    float *host = malloc((count + 1) * sizeof *host);
    if (!host) return status_fail(STATUS_MEMORY, "no memory for %zu floats", count);
    Status status = projection_draw(host, features, width, PROJECTION_ORTHOGONAL, seed,
                                    rng_stream("q4.projection") + draw);
    const DeviceMemory *memory = workspace->room->device->memory;
    if (status == STATUS_OK)
        status = memory->upload(workspace->projection, host, count * sizeof *host);
    if (status == STATUS_OK) status = memory->wait();
    free(host);
    return status;
}

/* --- one case ------------------------------------------------------------------------------ */

static double view_bytes(Shape shape) {
    return (double)shape.heads * shape.length * shape.width * sizeof(float);
}

double case_inputs_bytes(Shape shape, Direction direction) {
    return view_bytes(shape) * (direction == DIRECTION_FORWARD ? 4 : 8);
}

static int uses_projection(const Variant *variant) {
    return (variant->kind == ATTENTION_KERNEL_QUADRATIC ||
            variant->kind == ATTENTION_KERNEL_LINEAR) &&
           variant->map != FEATURE_ELU1;
}

void case_make(Case *one, const Variant *variant, Shape shape, const Workspace *workspace) {
    *one = (Case){.variant = variant, .shape = shape, .offsets = {0, shape.length}};
    one->attention = (Attention){
        .kind = variant->kind,
        .map = variant->map,
        .causal = variant->causal,
        .sequences = 1,
        .heads = shape.heads,
        .width = shape.width,
        .features = shape.features,
        .query_offsets = one->offsets,
        .key_offsets = one->offsets,
        .projection = workspace && uses_projection(variant) ? workspace->projection : NULL,
        .scale = 1 / sqrtf((float)shape.width),
        .precision = variant->precision,
    };
}

double case_need_bytes(const Case *one, Direction direction) {
    double formula = attention_work(&one->attention, direction).bytes;
    double saved = (double)attention_saved_bytes(&one->attention);
    return case_inputs_bytes(one->shape, direction) + fmax(formula, saved);
}

static Status call(Workspace *workspace, const Case *one, void *saved, Direction direction) {
    size_t row = (size_t)one->shape.width, head = row * (size_t)one->shape.length;
    AttentionIn q = {workspace->query, row, head}, k = {workspace->key, row, head};
    AttentionIn v = {workspace->value, row, head}, dout = {workspace->dout, row, head};
    AttentionOut out = {workspace->output, row, head};
    const Device *device = workspace->room->device;
    if (direction == DIRECTION_FORWARD)
        return device->attention_forward(&one->attention, q, k, v, out, saved, &workspace->work);
    AttentionOut dq = {workspace->dquery, row, head}, dk = {workspace->dkey, row, head};
    AttentionOut dv = {workspace->dvalue, row, head};
    return device->attention_backward(&one->attention, q, k, v, (AttentionIn){out.data, row, head},
                                      dout, saved, dq, dk, dv, &workspace->work);
}

static Status measure(Workspace *workspace, const Case *one, void *saved, Direction direction,
                      int calls, Sample *out) {
    arena_high_water_reset(&workspace->work);
    long switches = clock_involuntary_switches();
    const DeviceMemory *memory = workspace->room->device->memory;
    STATUS_TRY(memory->time_begin());
    for (int i = 0; i < calls; i++) STATUS_TRY(call(workspace, one, saved, direction));
    STATUS_TRY(memory->time_end(&out->seconds));
    out->seconds /= calls;
    out->disturbed = clock_involuntary_switches() != switches;
    out->counted_bytes = (double)workspace->work.high_water;
    return STATUS_OK;
}

Status case_measure(Workspace *workspace, const Case *one, const int calls[2], Sample out[2]) {
    Shape shape = one->shape;
    size_t floats = (size_t)shape.heads * (size_t)shape.length * (size_t)shape.width;
    if (floats > workspace->floats || (calls[1] > 0 && !workspace->dout))
        return status_fail(STATUS_ARGUMENT,
                           "%s: %d heads of %d rows of %d do not fit into the workspace",
                           one->variant->slug, shape.heads, shape.length, shape.width);
    size_t mark = arena_mark(&workspace->work);
    size_t bytes = attention_saved_bytes(&one->attention);
    void *saved = NULL;
    if (bytes && !(saved = arena_take(&workspace->work, bytes))) return STATUS_MEMORY;
    Status status = STATUS_OK;
    for (int d = 0; d < 2 && status == STATUS_OK; d++) {
        if (calls[d] <= 0) continue;
        if (d == DIRECTION_BACKWARD && workspace->before_backward)
            workspace->before_backward(workspace);
        status = measure(workspace, one, saved, (Direction)d, calls[d], &out[d]);
    }
    arena_rewind(&workspace->work, mark);
    if (status == STATUS_OK) return status;
    return status_prefix(status, "%s, %d heads of %d rows of %d, %d features", one->variant->slug,
                         shape.heads, shape.length, shape.width, shape.features);
}
