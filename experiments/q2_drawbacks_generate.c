#include "q2_drawbacks_generate.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/threads.h"
#include "nn/recurrent_step.h"

#include <stdlib.h>
#include <string.h>

const int generation_holds[GENERATES] = {HOLDS_LSTM, HOLDS_TILED, HOLDS_KERNEL};

typedef struct {
    Net net;
    RecurrentStep *step;     /* of the LSTM, or: */
    TransformerCache *cache; /* of a Transformer */
    float *state, *logits;
    int32_t id; /* the symbol before */
} Generator;

struct Generators {
    const DrawbacksPlan *plan;
    Generator of[GENERATES];
};

/* --- opening --------------------------------------------------------------------------------- */

static Status open_one(Generator *g, const DrawbacksPlan *plan, int k) {
    const NetShape shape = drawbacks_big_shape(plan, generation_holds[k]);
    STATUS_TRY(net_open(&g->net, &shape, plan->seed));
    const int width = shape.recurrent ? g->net.lstm_width : shape.width;
    g->state = calloc((size_t)width, sizeof *g->state);
    g->logits = calloc((size_t)shape.classes, sizeof *g->logits);
    if (!g->state || !g->logits) return status_fail(STATUS_MEMORY, "generation: no memory");
    if (shape.recurrent) return nn_recurrent_step_open(&g->step, &g->net.lstm);
    return transformer_cache_open(&g->cache, g->net.transformer, 1, plan->generated, NULL);
}

Status generation_open(Generation **out, const DrawbacksPlan *plan) {
    *out = NULL;
    Generation *g = calloc(1, sizeof *g);
    if (!g) return status_fail(STATUS_MEMORY, "generation: no memory");
    g->block = plan->block;
    g->blocks = plan->generated / plan->block;
    g->repetitions = plan->repetitions;
    const size_t points = (size_t)GENERATES * (size_t)g->blocks;
    g->seconds = calloc((size_t)g->repetitions * points, sizeof *g->seconds);
    g->bytes = calloc(points, sizeof *g->bytes);
    g->inner = calloc(1, sizeof *g->inner);
    Status status = STATUS_OK;
    if (!g->seconds || !g->bytes || !g->inner)
        status = status_fail(STATUS_MEMORY, "generation: no memory for %zu samples", points);
    if (g->inner) g->inner->plan = plan;
    for (int k = 0; k < GENERATES && status == STATUS_OK; k++) {
        status = open_one(&g->inner->of[k], plan, k);
        if (status == STATUS_OK)
            g->parameters[k] = parameters_count(g->inner->of[k].net.parameters);
    }
    if (status != STATUS_OK)
        generation_close(g);
    else
        *out = g;
    return status;
}

void generation_close(Generation *g) {
    if (!g) return;
    for (int k = 0; k < GENERATES && g->inner; k++) {
        Generator *one = &g->inner->of[k];
        transformer_cache_close(one->cache);
        nn_recurrent_step_close(one->step);
        if (one->net.parameters) net_close(&one->net);
        free(one->state), free(one->logits);
    }
    free(g->seconds), free(g->bytes), free(g->inner);
    free(g);
}

size_t generation_formula_bytes(const DrawbacksPlan *plan, int k, int t) {
    const NetShape shape = drawbacks_big_shape(plan, generation_holds[k]);
    const size_t d = (size_t)shape.width, e = (size_t)(shape.width / shape.heads);
    const size_t layers = (size_t)shape.layers;
    switch (generation_holds[k]) {
    case HOLDS_LSTM:
        return 2 * (size_t)shape.lstm_layers * (size_t)net_lstm_width(&shape) * sizeof(float);
    case HOLDS_KERNEL:
        return layers * (size_t)shape.heads * (e + 1) * e * sizeof(float);
    default:
        return 2 * layers * (size_t)t * d * sizeof(float);
    }
}

/* --- one symbol ------------------------------------------------------------------------------ */

static Status lstm_logits(Generator *g) {
    const Net *net = &g->net;
    const float *word = net->words->value + (size_t)g->id * (size_t)net->shape.width;
    STATUS_TRY(nn_recurrent_step(g->step, word, g->state));
    STATUS_TRY(matmul_forward(net->classes->products, 1, g->state, g->logits));
    for (size_t i = 0; i < net->bias->count; i++) g->logits[i] += net->bias->value[i];
    return STATUS_OK;
}

static Status step(Generator *g) {
    if (g->step)
        STATUS_TRY(lstm_logits(g));
    else
        STATUS_TRY(transformer_cache_step(g->cache, &g->id, g->logits));
    g->id = 0;
    for (int c = 1; c < g->net.shape.classes; c++)
        if (g->logits[c] > g->logits[g->id]) g->id = c;
    return STATUS_OK;
}

Status generation_step(Generation *g, int k, int32_t id, int32_t *next) {
    Generator *one = &g->inner->of[k];
    one->id = id;
    STATUS_TRY(step(one));
    *next = one->id;
    return STATUS_OK;
}

static void reset(Generator *g) {
    g->id = 0;
    if (g->step)
        nn_recurrent_step_reset(g->step);
    else
        transformer_cache_reset(g->cache);
}

static size_t held(const Generator *g) {
    return g->step ? nn_recurrent_step_bytes(g->step) : transformer_cache_bytes(g->cache);
}

/* --- all of them ----------------------------------------------------------------------------- */

/* Processor time: what else the machine does takes the processor away, but is not counted. */
static Status time_block(Generation *g, int k, double *seconds) {
    Generator *one = &g->inner->of[k];
    const long switches = clock_involuntary_switches();
    const double start = clock_cpu_seconds();
    for (int i = 0; i < g->block; i++) STATUS_TRY(step(one));
    *seconds = (clock_cpu_seconds() - start) / g->block;
    g->disturbed += clock_involuntary_switches() != switches;
    g->samples++;
    return STATUS_OK;
}

/* One generation of all, side by side; r below 0: a short one for warming up. */
static Status generate(Generation *g, int r, int blocks) {
    for (int k = 0; k < GENERATES; k++) reset(&g->inner->of[k]);
    for (int b = 0; b < blocks; b++) {
        uint32_t order[GENERATES] = {0, 1, 2};
        rng_shuffle(order, GENERATES, g->inner->plan->seed,
                    rng_stream("drawbacks.order") + (uint64_t)((r + 1) * g->blocks + b));
        if (interrupt_requested())
            return status_fail(STATUS_INTERRUPTED, "stopped while generation was timed");
        for (int i = 0; i < GENERATES; i++) {
            const int k = (int)order[i];
            double seconds;
            STATUS_TRY(time_block(g, k, &seconds));
            if (r < 0) continue;
            g->seconds[(size_t)((r * GENERATES + k) * g->blocks + b)] = seconds;
            g->bytes[k * g->blocks + b] = held(&g->inner->of[k]);
        }
    }
    return STATUS_OK;
}

Status generation_run(Generation *g, void (*done)(void *context, double share), void *context) {
    const int threads = threads_count();
    threads_set(1);
    Status status = generate(g, -1, g->blocks < 2 ? g->blocks : 2);
    g->disturbed = g->samples = 0;
    for (int r = 0; r < g->repetitions && status == STATUS_OK; r++) {
        status = generate(g, r, g->blocks);
        if (done) done(context, (r + 1.) / g->repetitions);
    }
    threads_set(threads);
    return status;
}
