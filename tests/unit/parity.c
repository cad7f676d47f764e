#include "parity.h"
#include "model/bert_weights.h"
#include "nn/loss.h"
#include "store/safetensors.h"
#include "train/adamw.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNS 32

typedef struct {
    Safetensors *file;
    Bert *bert;
    BertBatch batch;
    int offsets[65];
    int32_t *ids;
    uint8_t labels[64];
    Arena arena;
} Run;

static void must(Status status) {
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
}

static float *load(const Safetensors *file, const char *name, size_t *count) {
    const SafetensorsEntry *entry = safetensors_find(file, name);
    ck_assert_msg(entry != NULL, "no tensor %s", name);
    float *data = malloc(entry->count * sizeof *data + 1);
    ck_assert_ptr_nonnull(data);
    must(safetensors_read(entry, data));
    if (count) *count = entry->count;
    return data;
}

static double number(const Safetensors *file, const char *name) {
    float *data = load(file, name, NULL);
    double first = data[0];
    free(data);
    return first;
}

static void read_batch(Run *run) {
    size_t sequences, tokens;
    float *lengths = load(run->file, "lengths", &sequences);
    float *ids = load(run->file, "ids", &tokens);
    float *labels = load(run->file, "labels", NULL);
    ck_assert_uint_le(sequences, 64);
    run->ids = malloc((tokens + 1) * sizeof *run->ids);
    ck_assert_ptr_nonnull(run->ids);
    for (size_t b = 0; b < sequences; b++) {
        run->offsets[b + 1] = run->offsets[b] + (int)lengths[b];
        run->labels[b] = (uint8_t)labels[b];
    }
    ck_assert_int_eq(run->offsets[sequences], (int)tokens);
    for (size_t t = 0; t < tokens; t++) run->ids[t] = (int32_t)ids[t];
    run->batch = (BertBatch){.sequences = (int)sequences, .offsets = run->offsets, .ids = run->ids};
    free(lengths);
    free(ids);
    free(labels);
}

/* The vectors of a real model come with the classifier that they were made with. */
static void take_classifier(Run *run) {
    if (!safetensors_find(run->file, "classifier.weight") &&
        !safetensors_find(run->file, "classifier.out_proj.weight"))
        return;
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(run->bert, i, &slice); i++)
        if (strncmp(slice.name, "classifier", 10) == 0)
            must(safetensors_load(run->file, slice.name, slice.rank, slice.shape,
                                  slice.parameter->value + slice.offset));
    must(parameters_changed(&run->bert->parameters));
}

static double squares(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum;
}

static double nmse(const float *ours, const float *theirs, size_t count) {
    double all = 0;
    for (size_t i = 0; i < count; i++) all += (double)theirs[i] * theirs[i];
    return squares(ours, theirs, count) / all;
}

static uint64_t splitmix64(uint64_t x) {
    uint64_t z = x + UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Squared error of a gradient, and the reference's squares: exactly where the whole gradient was
 * kept, else by its products with random signs, whose squared differences have the squared error as
 * mean. */
static double gradient_error(const Run *run, const BertSlice *slice, const float *ours,
                             double *all) {
    char name[160];
    size_t count = slice->shape[0] * (slice->rank > 1 ? slice->shape[1] : 1);
    snprintf(name, sizeof name, "gradient.%s", slice->name);
    if (safetensors_find(run->file, name)) {
        float *theirs = load(run->file, name, NULL);
        double error = squares(ours, theirs, count);
        *all = 0;
        for (size_t i = 0; i < count; i++) *all += (double)theirs[i] * theirs[i];
        free(theirs);
        return error;
    }
    snprintf(name, sizeof name, "projection.%s", slice->name);
    float *theirs = load(run->file, name, NULL);
    double sums[SIGNS] = {0}, error = 0;
    for (size_t i = 0; i < count; i++) {
        if (ours[i] == 0) continue;
        uint64_t bits = splitmix64(i);
        for (int k = 0; k < SIGNS; k++) sums[k] += bits >> k & 1 ? -(double)ours[i] : ours[i];
    }
    *all = (double)theirs[0] + theirs[1];
    for (int k = 0; k < SIGNS; k++) {
        double d = sums[k] - ((double)theirs[2 * k + 2] + theirs[2 * k + 3]);
        error += d * d / SIGNS;
    }
    free(theirs);
    return error;
}

static void compare_gradients(const Run *run, Parity *out) {
    BertSlice slice;
    double error = 0, all = 0, worst_all = 0;
    for (size_t i = 0; bert_weights_slice(run->bert, i, &slice); i++) {
        double tensor_all;
        gradient_error(run, &slice, slice.parameter->gradient + slice.offset, &tensor_all);
        worst_all += tensor_all;
    }
    for (size_t i = 0; bert_weights_slice(run->bert, i, &slice); i++, out->tensors++) {
        double tensor_all;
        double tensor_error =
            gradient_error(run, &slice, slice.parameter->gradient + slice.offset, &tensor_all);
        error += tensor_error;
        all += tensor_all;
        if (tensor_all > 1e-12 * worst_all && tensor_error / tensor_all > out->worst_gradient) {
            out->worst_gradient = tensor_error / tensor_all;
            snprintf(out->worst_name, sizeof out->worst_name, "%s", slice.name);
        }
    }
    out->gradient_nmse = error / all;
}

static double backward(Run *run, Value **logits, Value **hidden) {
    Tape tape;
    tape_open(&tape, &run->arena, TAPE_EXACT, 0, 0);
    *logits = bert_classify(run->bert, &tape, &run->batch, hidden);
    Value *loss = nn_cross_entropy(&tape, *logits, run->labels, NULL);
    must(tape_status(&tape));
    must(tape_backward(&tape, loss, 1));
    return loss->data[0];
}

static void ten_steps(Run *run, double rate, Parity *out) {
    float *losses = load(run->file, "adamw.losses", NULL);
    float *norms = load(run->file, "adamw.norms", NULL);
    Adamw *adamw;
    must(adamw_open(&adamw, &run->bert->parameters,
                    &(AdamwOptions){.9, .999, 1e-8, .01, .layer_decay = 1}));
    for (int step = 0; step < PARITY_STEPS; step++) {
        Value *logits;
        size_t mark = arena_mark(&run->arena);
        double loss = backward(run, &logits, NULL), norm = adamw_norm(adamw);
        arena_rewind(&run->arena, mark);
        double error = fabs(loss - losses[step]) / fabs(losses[step]);
        if (!(error <= out->step_error)) out->step_error = error;
        error = fabs(norm - norms[step]) / norms[step];
        if (!(error <= out->norm_error)) out->norm_error = error;
        must(adamw_step(adamw, rate, norm > 1 ? 1 / (norm + 1e-6) : 1));
    }
    adamw_close(adamw);
    free(losses);
    free(norms);
}

void parity_run(Parity *out, const char *folder, const char *expected, Precision precision,
                double rate) {
    Run run = {0};
    *out = (Parity){0};
    must(safetensors_open(&run.file, expected));
    must(bert_open(&run.bert, folder,
                   &(BertOptions){.labels = 2, .seed = 1, .precision = precision}));
    must(arena_open(&run.arena, 0));
    take_classifier(&run);
    read_batch(&run);

    Value *hidden[64], *logits;
    ck_assert_int_lt(run.bert->config.layers, 64);
    double loss = backward(&run, &logits, hidden);
    for (int i = 0; i <= run.bert->config.layers; i++) {
        char name[32];
        size_t count;
        snprintf(name, sizeof name, "hidden.%d", i);
        float *theirs = load(run.file, name, &count);
        /* Of a large model the vectors hold the first sentences only. */
        ck_assert_uint_gt(count, (size_t)hidden[i]->columns);
        ck_assert_uint_le(count, (size_t)hidden[i]->rows * (size_t)hidden[i]->columns);
        double error = nmse(hidden[i]->data, theirs, count);
        if (!(error <= out->hidden_nmse)) out->hidden_nmse = error;
        free(theirs);
    }
    size_t count;
    float *theirs = load(run.file, "logits", &count);
    ck_assert_uint_eq(count, 2 * (size_t)run.batch.sequences);
    out->logits_nmse = nmse(logits->data, theirs, count);
    free(theirs);
    double wanted = number(run.file, "loss");
    out->loss_error = fabs(loss - wanted) / wanted;
    compare_gradients(&run, out);
    out->reference_bf16_logits = number(run.file, "bf16.logits_nmse");
    out->reference_bf16_gradient = number(run.file, "bf16.gradient_nmse");
    parameters_clear_gradients(&run.bert->parameters);
    ten_steps(&run, rate, out);

    bert_close(run.bert);
    safetensors_close(run.file);
    arena_close(&run.arena);
    free(run.ids);
}
