#include "q3_parallelism_device.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

struct Q3DeviceLayer {
    Q3LayerKind kind;
    Q3Shape shape;
    const Device *device;
    /* W and b of the first product, U of the LSTM, W and b of the last, and their gradients */
    float *in, *in_bias, *recurrent, *out, *out_bias, *projection;
    float *d_in, *d_in_bias, *d_recurrent, *d_out, *d_out_bias;
};

/* --- weights --------------------------------------------------------------------------------- */

/* A weight and room for its gradient; nothing where the layer has none. */
static Status send(Q3DeviceLayer *layer, Arena *arena, const Parameter *from, float **to,
                   float **gradient) {
    if (!from) return STATUS_OK;
    const size_t bytes = from->count * sizeof(float);
    *to = arena_take(arena, bytes);
    *gradient = arena_take(arena, bytes);
    if (!*to || !*gradient) return STATUS_MEMORY;
    return layer->device->memory->upload(*to, from->value, bytes);
}

static Status send_all(Q3DeviceLayer *layer, const Q3Layer *from, Arena *arena) {
    const Q3LayerWeights w = q3_layer_weights(from);
    STATUS_TRY(send(layer, arena, w.in, &layer->in, &layer->d_in));
    STATUS_TRY(send(layer, arena, w.in_bias, &layer->in_bias, &layer->d_in_bias));
    STATUS_TRY(send(layer, arena, w.recurrent, &layer->recurrent, &layer->d_recurrent));
    STATUS_TRY(send(layer, arena, w.out, &layer->out, &layer->d_out));
    STATUS_TRY(send(layer, arena, w.out_bias, &layer->out_bias, &layer->d_out_bias));
    if (w.projection) {
        const size_t bytes = (size_t)layer->shape.features *
                             (size_t)(layer->shape.width / layer->shape.heads) * sizeof(float);
        if (!(layer->projection = arena_take(arena, bytes))) return STATUS_MEMORY;
        STATUS_TRY(layer->device->memory->upload(layer->projection, w.projection, bytes));
    }
    return layer->device->memory->wait();
}

Status q3_device_layer_open(Q3DeviceLayer **out, const Q3Layer *layer, const Device *device,
                            Arena *arena) {
    const Q3LayerWeights w = q3_layer_weights(layer);
    *out = NULL;
    Q3DeviceLayer *there = calloc(1, sizeof *there);
    if (!there) return status_fail(STATUS_MEMORY, "no memory for a layer");
    *there = (Q3DeviceLayer){.kind = w.kind, .shape = w.shape, .device = device};
    Status status = send_all(there, layer, arena);
    if (status != STATUS_OK) {
        q3_device_layer_close(there);
        return status_prefix(status, "layer %s on %s", q3_layer_slug[w.kind], device->name);
    }
    *out = there;
    return STATUS_OK;
}

void q3_device_layer_close(Q3DeviceLayer *layer) {
    free(layer);
}

/* --- a linear layer -------------------------------------------------------------------------- */

/* y [rows, outputs] = x [rows, inputs] W' + b. */
static Status linear(const Q3DeviceLayer *l, int rows, int outputs, int inputs, const float *x,
                     const float *weight, const float *bias, float *y) {
    STATUS_TRY(l->device->gemm(0, 1, rows, outputs, inputs, 1, x, (size_t)inputs, weight,
                               (size_t)inputs, 0, y, (size_t)outputs));
    l->device->layers->activate(ACTIVATION_NONE, rows, outputs, bias, y, y);
    return STATUS_OK;
}

static void bias_backward(const Q3DeviceLayer *l, int rows, int outputs, float *dy, float *dbias) {
    l->device->layers->activate_backward(ACTIVATION_NONE, rows, outputs, dy, dy, dy, dy, dbias, 0);
}

/* y = x W' + b: dW = dy' x, db = sum of dy, dx = dy W. */
static Status linear_backward(const Q3DeviceLayer *l, int rows, int outputs, int inputs,
                              const float *x, const float *weight, float *dy, float *dweight,
                              float *dbias, float *dx) {
    STATUS_TRY(l->device->gemm(1, 0, outputs, inputs, rows, 1, dy, (size_t)outputs, x,
                               (size_t)inputs, 0, dweight, (size_t)inputs));
    bias_backward(l, rows, outputs, dy, dbias);
    return l->device->gemm(0, 0, rows, inputs, outputs, 1, dy, (size_t)outputs, weight,
                           (size_t)inputs, 0, dx, (size_t)inputs);
}

/* --- one pass -------------------------------------------------------------------------------- */

typedef struct {
    Q3DeviceLayer *layer;
    Arena *arena;
    int batch, length, rows, *offsets; /* offsets on the host */
    const float *x;
    float *dout;
    float *first, *second, *y; /* gates and c of the LSTM; parts and context of attention */
    float *d_first, *d_second, *dx;
    void *saved;
    Recurrent cells;
    Attention attention;
} Pass;

typedef Status Step(const Pass *pass);

static AttentionIn third(const Pass *p, float *parts, int part) {
    const size_t d = (size_t)p->layer->shape.width;
    return (AttentionIn){parts + (size_t)part * d, 3 * d, (size_t)p->attention.width};
}

static AttentionOut third_out(const Pass *p, float *parts, int part) {
    const AttentionIn in = third(p, parts, part);
    return (AttentionOut){parts + (size_t)part * (size_t)p->layer->shape.width, in.row, in.head};
}

static Status forward_lstm(const Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const int d = l->shape.width;
    STATUS_TRY(linear(l, p->rows, 4 * d, d, p->x, l->in, l->in_bias, p->first));
    return l->device->recurrent->forward(&p->cells, p->first, l->recurrent, NULL, NULL, NULL, p->y,
                                         p->second, p->saved, p->arena);
}

static Status backward_lstm(const Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const int d = l->shape.width;
    STATUS_TRY(l->device->recurrent->backward(&p->cells, l->recurrent, NULL, NULL, p->y, p->second,
                                              p->saved, p->dout, NULL, p->d_first, l->d_recurrent,
                                              NULL, NULL, NULL, 0, p->arena));
    return linear_backward(l, p->rows, 4 * d, d, p->x, l->in, p->d_first, l->d_in, l->d_in_bias,
                           p->dx);
}

static Status forward_attention(const Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const int d = l->shape.width;
    STATUS_TRY(linear(l, p->rows, 3 * d, d, p->x, l->in, l->in_bias, p->first));
    const AttentionOut context = {p->second, (size_t)d, (size_t)p->attention.width};
    STATUS_TRY(l->device->attention_forward(&p->attention, third(p, p->first, 0),
                                            third(p, p->first, 1), third(p, p->first, 2), context,
                                            p->saved, p->arena));
    return linear(l, p->rows, d, d, p->second, l->out, l->out_bias, p->y);
}

static Status backward_attention(const Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const int d = l->shape.width;
    const size_t row = (size_t)d, head = (size_t)p->attention.width;
    STATUS_TRY(linear_backward(l, p->rows, d, d, p->second, l->out, p->dout, l->d_out,
                               l->d_out_bias, p->d_second));
    STATUS_TRY(l->device->attention_backward(
        &p->attention, third(p, p->first, 0), third(p, p->first, 1), third(p, p->first, 2),
        (AttentionIn){p->second, row, head}, (AttentionIn){p->d_second, row, head}, p->saved,
        third_out(p, p->d_first, 0), third_out(p, p->d_first, 1), third_out(p, p->d_first, 2),
        p->arena));
    return linear_backward(l, p->rows, 3 * d, d, p->x, l->in, p->d_first, l->d_in, l->d_in_bias,
                           p->dx);
}

/* Rows of one sequence that tap j sees: output row `at` .. at + rows - 1 reads input row at + shift
 * ... */
typedef struct {
    int shift, at, rows;
} Tap;

static Tap tap_of(const Pass *p, int j) {
    const int shift = j - (p->layer->shape.taps - 1) / 2;
    const int away = shift < 0 ? -shift : shift, rows = p->length - away;
    return (Tap){shift, shift < 0 ? away : 0, rows > 0 ? rows : 0};
}

/* The middle tap sees every row: it writes, the others add. */
static int tap_number(const Pass *p, int i) {
    const int middle = (p->layer->shape.taps - 1) / 2;
    return i == 0 ? middle : i <= middle ? i - 1 : i;
}

static Status forward_convolution(const Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const size_t d = (size_t)l->shape.width, weight_row = (size_t)l->shape.taps * d;
    for (int b = 0; b < p->batch; b++)
        for (int i = 0; i < l->shape.taps; i++) {
            const int j = tap_number(p, i);
            const Tap tap = tap_of(p, j);
            const size_t from = (size_t)(p->offsets[b] + tap.at);
            const size_t source = (size_t)(p->offsets[b] + tap.at + tap.shift);
            STATUS_TRY(l->device->gemm(0, 1, tap.rows, (int)d, (int)d, 1, p->x + source * d, d,
                                       l->in + (size_t)j * d, weight_row, i ? 1 : 0,
                                       p->y + from * d, d));
        }
    l->device->layers->activate(ACTIVATION_NONE, p->rows, (int)d, l->in_bias, p->y, p->y);
    return STATUS_OK;
}

/* y[t] = sum over j of W_j x[t + shift]: dx[t + shift] += dy[t] W_j, dW_j = sum of dy[t]' x[t +
 * shift]. */
static Status backward_convolution(const Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const size_t d = (size_t)l->shape.width, weight_row = (size_t)l->shape.taps * d;
    for (int b = 0; b < p->batch; b++)
        for (int i = 0; i < l->shape.taps; i++) {
            const int j = tap_number(p, i);
            const Tap tap = tap_of(p, j);
            const float *dy = p->dout + (size_t)(p->offsets[b] + tap.at) * d;
            const size_t source = (size_t)(p->offsets[b] + tap.at + tap.shift);
            STATUS_TRY(l->device->gemm(0, 0, tap.rows, (int)d, (int)d, 1, dy, d,
                                       l->in + (size_t)j * d, weight_row, i ? 1 : 0,
                                       p->dx + source * d, d));
            STATUS_TRY(l->device->gemm(1, 0, (int)d, (int)d, tap.rows, 1, dy, d, p->x + source * d,
                                       d, b ? 1 : 0, l->d_in + (size_t)j * d, weight_row));
        }
    bias_backward(l, p->rows, (int)d, p->dout, l->d_in_bias);
    return STATUS_OK;
}

static Step *forward_of(Q3LayerKind kind) {
    return kind == Q3_LSTM          ? forward_lstm
           : kind == Q3_CONVOLUTION ? forward_convolution
                                    : forward_attention;
}

static Step *backward_of(Q3LayerKind kind) {
    return kind == Q3_LSTM          ? backward_lstm
           : kind == Q3_CONVOLUTION ? backward_convolution
                                    : backward_attention;
}

/* Everything that a pass writes. */
static Status take_all(Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    const size_t rows = (size_t)p->rows, d = (size_t)l->shape.width;
    const int lstm = l->kind == Q3_LSTM, plain = l->kind == Q3_CONVOLUTION;
    const size_t first = plain ? 0 : rows * d * (lstm ? 4 : 3), second = plain ? 0 : rows * d;
    const size_t saved = plain  ? 0
                         : lstm ? recurrent_saved_bytes(&p->cells)
                                : attention_saved_bytes(&p->attention);
    const struct {
        void **to;
        size_t bytes;
    } part[] = {{(void **)&p->first, first * sizeof(float)},
                {(void **)&p->second, second * sizeof(float)},
                {(void **)&p->y, rows * d * sizeof(float)},
                {&p->saved, saved},
                {(void **)&p->d_first, p->dout ? first * sizeof(float) : 0},
                {(void **)&p->d_second, p->dout && !lstm ? second * sizeof(float) : 0},
                {(void **)&p->dx, p->dout ? rows * d * sizeof(float) : 0}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (part[i].bytes && !(*part[i].to = arena_take(p->arena, part[i].bytes)))
            return STATUS_MEMORY;
    return STATUS_OK;
}

static Status open_pass(Pass *p) {
    const Q3DeviceLayer *l = p->layer;
    if (p->length < l->shape.taps && l->kind == Q3_CONVOLUTION)
        return status_fail(STATUS_ARGUMENT, "%d taps over %d rows", l->shape.taps, p->length);
    p->offsets = malloc(((size_t)p->batch + 1) * sizeof *p->offsets);
    if (!p->offsets) return status_fail(STATUS_MEMORY, "no memory for offsets");
    for (int b = 0; b <= p->batch; b++) p->offsets[b] = b * p->length;
    p->cells = (Recurrent){
        .kind = RECURRENT_LSTM, .steps = p->length, .batch = p->batch, .width = l->shape.width};
    p->attention = q3_layer_attention(l->kind, &l->shape, p->batch, p->offsets, l->projection);
    return take_all(p);
}

static Status repeat(const Pass *p, Step *step, int calls, double *seconds) {
    const DeviceMemory *memory = p->layer->device->memory;
    STATUS_TRY(memory->time_begin());
    for (int i = 0; i < calls; i++) STATUS_TRY(step(p));
    STATUS_TRY(memory->time_end(seconds));
    *seconds /= calls;
    return STATUS_OK;
}

Status q3_device_layer_run(Q3DeviceLayer *layer, Arena *arena, int batch, int length,
                           const float *x, float *dout, int calls, double seconds[2],
                           Q3DeviceResult *result) {
    const size_t mark = arena_mark(arena);
    Pass pass = {.layer = layer,
                 .arena = arena,
                 .batch = batch,
                 .length = length,
                 .rows = batch * length,
                 .x = x,
                 .dout = dout};
    seconds[1] = 0;
    Status status = open_pass(&pass);
    if (status == STATUS_OK) status = repeat(&pass, forward_of(layer->kind), calls, &seconds[0]);
    if (status == STATUS_OK && dout)
        status = repeat(&pass, backward_of(layer->kind), calls, &seconds[1]);
    free(pass.offsets);
    arena_rewind(arena, mark);
    if (result)
        *result = (Q3DeviceResult){
            pass.y,       pass.dx,          layer->d_in, layer->d_in_bias, layer->d_recurrent,
            layer->d_out, layer->d_out_bias};
    if (status == STATUS_OK) return status;
    return status_prefix(status, "layer %s on %s, batch %d, length %d", q3_layer_slug[layer->kind],
                         layer->device->name, batch, length);
}

/* --- what reaches what ----------------------------------------------------------------------- */

Status q3_device_layer_dependence(Q3DeviceLayer *layer, Arena *arena, int length, uint64_t seed,
                                  unsigned char *reaches) {
    const DeviceMemory *memory = layer->device->memory;
    const size_t width = (size_t)layer->shape.width, count = (size_t)length * width;
    const size_t bytes = count * sizeof(float), mark = arena_mark(arena);
    float *x = arena_take(arena, bytes), *dout = arena_take(arena, bytes);
    float *host = malloc(2 * bytes), *dx = host ? host + count : NULL;
    Status status = x && dout ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK && !host)
        status = status_fail(STATUS_MEMORY, "no memory for %zu floats", 2 * count);
    if (status == STATUS_OK) {
        rng_fill_normal(host, count, seed, rng_stream("q3.dependence"));
        status = memory->upload(x, host, bytes);
        if (status == STATUS_OK) status = memory->wait();
    }
    for (int i = 0; i < length && status == STATUS_OK; i++) {
        double seconds[2];
        Q3DeviceResult result;
        memset(host, 0, bytes);
        for (size_t c = 0; c < width; c++) host[(size_t)i * width + c] = 1;
        status = memory->upload(dout, host, bytes);
        if (status == STATUS_OK) status = memory->wait();
        if (status == STATUS_OK)
            status = q3_device_layer_run(layer, arena, 1, length, x, dout, 1, seconds, &result);
        if (status == STATUS_OK) status = memory->download(dx, result.dx, bytes);
        for (int j = 0; j < length && status == STATUS_OK; j++) {
            int any = 0;
            for (size_t c = 0; c < width; c++) any |= dx[(size_t)j * width + c] != 0;
            reaches[j * length + i] = (unsigned char)any;
        }
    }
    free(host);
    arena_rewind(arena, mark);
    return status;
}
