#define _POSIX_C_SOURCE 200809L
#include "toy_training.h"
#include "base/rng.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <string.h>

typedef struct {
    ToyTraining *toy;
    const uint32_t *example;
    size_t count;
    float *mean;  /* [count, WIDTH] after dropout */
    float *mask;  /* [count, WIDTH] */
    float *error; /* [count] prediction - target */
    Value *loss;
} Record;

static int32_t token(uint32_t example, int k) {
    return (int32_t)(rng_below(4, example, (uint64_t)k, TOY_ROWS * 3 / 4)); /* some never come */
}

static float target(const ToyTraining *toy, uint32_t example) {
    float sum = 0;
    for (int k = 0; k < toy->length[example]; k++)
        sum += sinf((float)token(example, k)) / (float)toy->length[example];
    return 2 * sum + .5f;
}

/* y = bias + weight . mean(table[tokens]) * mask; returns y - target. */
static float predict(const ToyTraining *toy, uint32_t example, const float *mask, float *mean) {
    float y = toy->bias->value[0];
    int length = toy->length[example];
    for (int d = 0; d < TOY_WIDTH; d++) {
        mean[d] = 0;
        for (int k = 0; k < length; k++)
            mean[d] += toy->table->value[token(example, k) * TOY_WIDTH + d] / (float)length;
        if (mask) mean[d] *= mask[d];
        y += toy->weight->value[d] * mean[d];
    }
    return y - target(toy, example);
}

static Status backward(Tape *tape, void *record) {
    (void)tape;
    const Record *r = record;
    ToyTraining *toy = r->toy;
    int add_weight, add_bias, add_table, add_clock;
    float *dweight = parameter_gradient(toy->weight, &add_weight);
    float *dbias = parameter_gradient(toy->bias, &add_bias);
    float *dtable = parameter_gradient(toy->table, &add_table);
    float *dclock = parameter_gradient(toy->clock, &add_clock);
    if (!add_clock) dclock[0] = 0;
    dclock[0] += r->loss->gradient[0];
    if (!add_weight) memset(dweight, 0, TOY_WIDTH * sizeof(float));
    if (!add_bias) dbias[0] = 0;
    if (!add_table && !toy->table->by_rows) memset(dtable, 0, toy->table->count * sizeof(float));
    for (size_t i = 0; i < r->count; i++) {
        /* loss += error^2 / (2 count) */
        float dy = r->loss->gradient[0] * r->error[i] / (float)r->count;
        int length = toy->length[r->example[i]];
        dbias[0] += dy;
        for (int d = 0; d < TOY_WIDTH; d++) {
            size_t at = i * TOY_WIDTH + (size_t)d;
            dweight[d] += dy * r->mean[at];
            for (int k = 0; k < length; k++)
                dtable[token(r->example[i], k) * TOY_WIDTH + d] +=
                    dy * toy->weight->value[d] * r->mask[at] / (float)length;
        }
    }
    return STATUS_OK;
}

static Status use_rows(ToyTraining *toy, uint32_t example) {
    Parameter *table = toy->table;
    for (int k = 0; table->by_rows && k < toy->length[example]; k++) {
        int32_t row = token(example, k);
        STATUS_TRY(table->freshen(table->freshen_context, table, &row, 1));
        parameter_touch_rows(table, &row, 1);
    }
    return STATUS_OK;
}

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    ToyTraining *toy = context;
    if (toy->bias_seen) toy->bias_seen[toy->passes] = toy->bias->value[0];
    /* Passes are numbered through: dropout never repeats. */
    ck_assert(toy->passes == 0 || tape->step > toy->last_pass);
    toy->last_pass = tape->step;
    toy->passes++;
    if (toy->passes == toy->die_at) raise(SIGKILL);
    if (toy->passes == toy->interrupt_at) raise(SIGINT);
    Record *r = tape_take(tape, sizeof *r);
    size_t numbers = count * TOY_WIDTH;
    *r = (Record){.toy = toy,
                  .example = example,
                  .count = count,
                  .mean = tape_take(tape, numbers * sizeof(float)),
                  .mask = tape_take(tape, numbers * sizeof(float)),
                  .error = tape_take(tape, count * sizeof(float)),
                  .loss = tape_value(tape, 1, 1)};
    uint64_t stream = tape_stream(tape);
    r->loss->data[0] = 0;
    for (size_t i = 0; i < count; i++) {
        STATUS_TRY(use_rows(toy, example[i]));
        float *mask = r->mask + i * TOY_WIDTH;
        for (size_t d = 0; d < TOY_WIDTH; d++)
            mask[d] = !toy->dropout                                             ? 1
                      : rng_uniform(tape->seed, stream, i * TOY_WIDTH + d) < .1 ? 0
                                                                                : 1 / .9f;
        r->error[i] = predict(toy, example[i], mask, r->mean + i * TOY_WIDTH);
        r->loss->data[0] += r->error[i] * r->error[i] / (2 * (float)count);
        counted->right += fabsf(r->error[i]) < .3f;
        counted->counted += 1;
    }
    if (toy->passes == toy->nan_at) r->loss->data[0] = NAN;
    tape_record(tape, r->loss, backward, r);
    *out = r->loss;
    return STATUS_OK;
}

static Status evaluate(void *context, Arena *arena, double *score) {
    ToyTraining *toy = context;
    float *mean = arena_take(arena, TOY_WIDTH * sizeof *mean);
    if (!mean) return STATUS_MEMORY;
    double sum = 0;
    for (uint32_t i = 0; i < TOY_EXAMPLES; i++) {
        double error = predict(toy, i, NULL, mean);
        sum += error * error / (2 * TOY_EXAMPLES);
    }
    toy->bias_evaluated[toy->evaluations] = toy->bias->value[0];
    score[0] = sum;
    score[1] = toy->script ? toy->script[toy->evaluations] : -fabs(toy->clock->value[0] + .35);
    toy->evaluations++;
    return STATUS_OK;
}

void toy_open(ToyTraining *toy, int by_rows) {
    *toy = (ToyTraining){.dropout = 1};
    ck_assert_int_eq(parameters_open(&toy->set), STATUS_OK);
    toy->table = parameters_add(&toy->set, "table", 2, (size_t[]){TOY_ROWS, TOY_WIDTH});
    toy->weight = parameters_add(&toy->set, "weight", 2, (size_t[]){1, TOY_WIDTH});
    toy->bias = parameters_add(&toy->set, "bias", 1, (size_t[]){1});
    toy->clock = parameters_add(&toy->set, "clock", 1, (size_t[]){1});
    toy->clock->value[0] = 0;
    toy->clock->depth = 1;
    toy->table->decays = toy->weight->decays = 1;
    toy->weight->depth = toy->bias->depth = 1;
    if (by_rows) ck_assert_int_eq(parameter_use_rows(&toy->set, toy->table), STATUS_OK);
    for (size_t i = 0; i < 2; i++)
        rng_fill_normal(toy->set.item[i]->value, toy->set.item[i]->count, 8, i);
    toy->bias->value[0] = 0;
    for (uint64_t i = 0; i < TOY_EXAMPLES; i++) toy->length[i] = 2 + (int)rng_below(8, 9, i, 7);
    toy->task = (TrainTask){.name = "toy",
                            .parameters = &toy->set,
                            .examples = TOY_EXAMPLES,
                            .length = toy->length,
                            .context = toy,
                            .loss = loss,
                            .evaluate = evaluate,
                            .scores = 2,
                            .score_names = {"loss", "score"},
                            .select = 1};
}

void toy_close(ToyTraining *toy) {
    parameters_close(&toy->set);
}

TrainPlan toy_plan(void) {
    TrainPlan plan = train_plan_default();
    plan.epochs = 3;
    plan.batch = 8;
    plan.pool = 3;
    plan.rate = .05;
    plan.seed = 11;
    plan.layer_decay = .7;
    plan.evaluations_per_epoch = 2;
    return plan;
}

TrainLog *toy_run(ToyTraining *toy, const TrainPlan *plan) {
    TrainLog *log;
    Status status = train_run(&toy->task, plan, &log);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    return log;
}

void toy_compare(const ToyTraining *one, const TrainLog *log, const ToyTraining *other,
                 const TrainLog *other_log) {
    for (size_t i = 0; i < one->set.count; i++)
        ck_assert_mem_eq(one->set.item[i]->value, other->set.item[i]->value,
                         one->set.item[i]->count * sizeof(float));
    ck_assert_uint_eq(log->steps, other_log->steps);
    ck_assert_uint_eq(log->planned_steps, other_log->planned_steps);
    ck_assert_mem_eq(log->batch, other_log->batch, log->steps * sizeof *log->batch);
    ck_assert_uint_eq(log->evaluations, other_log->evaluations);
    ck_assert_mem_eq(log->evaluation, other_log->evaluation,
                     log->evaluations * sizeof *log->evaluation);
    ck_assert_uint_eq(log->best, other_log->best);
}
