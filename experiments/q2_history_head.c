#include "q2_history_head.h"
#include "base/rng.h"
#include "nn/linear.h"
#include "nn/multihead.h"
#include "nn/position.h"

#include <math.h>
#include <string.h>

enum { KINDS = 64 }; /* of tokens */

/* excerpt: previous-token-head */
/* Queries turn every pair of sinusoids back by `offset` steps, keys are the sinusoids as they
 * stand, values are what the token says: x = [what the token says | sinusoids], [2 d]. */
void head_build(const HeadShape *shape, float *weights) {
    const int d = shape->width, columns = 2 * d;
    float *query = weights, *key = query + d * columns, *value = key + d * columns;
    memset(weights, 0, 3 * (size_t)(d * columns) * sizeof *weights);
    for (int s = 0; s < d; s += 2) { /* the sine's row ... */
        const int c = s + 1;         /* ... and the cosine's */
        const double omega = pow(10000, -(double)s / d);
        const double turn_cos = shape->beta * cos(omega * shape->offset);
        const double turn_sin = shape->beta * sin(omega * shape->offset);
        query[s * columns + d + s] = (float)turn_cos;  /* sin w(t - o) = */
        query[s * columns + d + c] = (float)-turn_sin; /*   sin wt cos wo - cos wt sin wo */
        query[c * columns + d + s] = (float)turn_sin;  /* cos w(t - o) = */
        query[c * columns + d + c] = (float)turn_cos;  /*   sin wt sin wo + cos wt cos wo */
        key[s * columns + d + s] = key[c * columns + d + c] = 1;
        value[s * columns + s] = value[c * columns + c] = 1;
    }
}
/* end excerpt */

double head_gap(int width, int length) {
    double second = -width;
    for (int n = 1; n < length; n++) {
        double sum = 0;
        for (int s = 0; s < width; s += 2) sum += cos(pow(10000, -(double)s / width) * n);
        second = fmax(second, sum);
    }
    return width / 2.0 - second;
}

/* Inputs [length, 2 d]; says [KINDS, d]. */
static Status draw(const HeadShape *shape, int length, uint64_t seed, Arena *arena, float **x,
                   float **says, int **kind) {
    const size_t d = (size_t)shape->width, n = (size_t)length;
    *x = arena_take(arena, n * 2 * d * sizeof **x);
    *says = arena_take(arena, KINDS * d * sizeof **says);
    *kind = arena_take(arena, n * sizeof **kind);
    if (!*x || !*says || !*kind) return STATUS_MEMORY;
    rng_fill_normal(*says, KINDS * d, seed, rng_stream("q2.head.says"));
    for (int t = 0; t < length; t++) {
        float *row = *x + (size_t)t * 2 * d;
        (*kind)[t] = (int)rng_below(seed, rng_stream("q2.head.kind"), (uint64_t)t, KINDS);
        memcpy(row, *says + (size_t)(*kind)[t] * d, d * sizeof *row);
        nn_sinusoid(t, shape->width, row + d);
    }
    return STATUS_OK;
}

static int nearest(const float *says, int width, const float *row) {
    int best = 0;
    double least = INFINITY;
    for (int k = 0; k < KINDS; k++) {
        double distance = 0;
        for (int c = 0; c < width; c++) {
            const double away = (double)row[c] - (double)says[k * width + c];
            distance += away * away;
        }
        if (distance < least) least = distance, best = k;
    }
    return best;
}

static void judge(const HeadShape *shape, int length, const float *weights, const Value *context,
                  const float *says, const int *kind, HeadScore *out) {
    const int positions = length - shape->offset;
    int right = 0, copied = 0;
    double sum = 0;
    *out = (HeadScore){.least = 1};
    for (int i = shape->offset; i < length; i++) {
        const float *row = weights + (size_t)i * (size_t)length;
        const float *said = context->data + (size_t)i * (size_t)shape->width;
        const int wanted = i - shape->offset;
        int best = 0;
        for (int j = 1; j <= i; j++)
            if (row[j] > row[best]) best = j;
        sum += (double)row[wanted];
        out->least = fmin(out->least, (double)row[wanted]);
        right += best == wanted;
        copied += nearest(says, shape->width, said) == kind[wanted];
    }
    out->mean = sum / positions;
    out->accuracy = (double)right / positions;
    out->copied = (double)copied / positions;
    out->bound = 1 / (1 + (length - 1) * exp(-shape->beta * head_gap(shape->width, length) /
                                             sqrt(shape->width)));
}

static Status attend(const HeadShape *shape, int length, uint64_t seed, ParameterSet *set,
                     Arena *arena, HeadScore *out, float *weights) {
    const int d = shape->width, offsets[] = {0, length};
    float *input, *says;
    int *kind;
    Tape tape;
    Parameter *w = parameters_add(set, "head", 2, (size_t[]){3 * (size_t)d, 2 * (size_t)d});
    if (!w) return STATUS_MEMORY;
    head_build(shape, w->value);
    STATUS_TRY(parameter_use_products(w, PRECISION_F32));
    STATUS_TRY(parameters_changed(set));
    STATUS_TRY(draw(shape, length, seed, arena, &input, &says, &kind));
    const float *probabilities = NULL;
    const MultiheadShape attention = {.kind = ATTENTION_MATERIALISED,
                                      .heads = 1,
                                      .sequences = 1,
                                      .query_offsets = offsets,
                                      .key_offsets = offsets,
                                      .causal = 1,
                                      .probabilities = &probabilities};
    tape_open(&tape, arena, TAPE_INFER, 1, 0);
    Value *x = tape_input(&tape, input, length, 2 * d);
    Value *qkv = nn_linear(&tape, x, w, NULL, ACTIVATION_NONE);
    Value *context = nn_attention(&tape, (AttentionPart){qkv, 0}, (AttentionPart){qkv, d},
                                  (AttentionPart){qkv, 2 * d}, d, &attention);
    STATUS_TRY(tape_status(&tape));
    judge(shape, length, probabilities, context, says, kind, out);
    if (weights) memcpy(weights, probabilities, (size_t)length * (size_t)length * sizeof *weights);
    return STATUS_OK;
}

Status head_measure(const HeadShape *shape, int length, uint64_t seed, HeadScore *out,
                    float *weights) {
    ParameterSet set;
    Arena arena;
    if (shape->width < 2 || shape->width % 2 || shape->offset < 0 || shape->offset >= length)
        return status_fail(STATUS_ARGUMENT,
                           "head: width %d, %d steps back of %d positions; expected an even width "
                           "and fewer steps than positions",
                           shape->width, shape->offset, length);
    STATUS_TRY(parameters_open(&set));
    Status status = arena_open(&arena, 0);
    if (status == STATUS_OK) {
        status = attend(shape, length, seed, &set, &arena, out, weights);
        arena_close(&arena);
    }
    parameters_close(&set);
    return status;
}
