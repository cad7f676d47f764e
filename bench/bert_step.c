#include "bert_step.h"
#include "nn/loss.h"

#include <math.h>
#include <stdlib.h>

#define RATE 2e-5
#define CLIP 1.

Status bert_step_open(BertStep **out, const char *folder, Precision precision, double dropout) {
    *out = NULL;
    BertStep *step = calloc(1, sizeof *step);
    if (!step) return status_fail(STATUS_MEMORY, "bert_step: no memory");
    Status status = bert_open(&step->bert, folder,
                              &(BertOptions){.labels = 2, .seed = 1, .precision = precision});
    if (status == STATUS_OK && dropout >= 0)
        step->bert->config.hidden_dropout = step->bert->config.attention_dropout =
            step->bert->config.classifier_dropout = (float)dropout;
    if (status == STATUS_OK)
        status = adamw_open(&step->adamw, &step->bert->parameters,
                            &(AdamwOptions){.9, .999, 1e-8, .01, .layer_decay = 1});
    if (status == STATUS_OK) status = arena_open(&step->arena, 0);
    if (status == STATUS_OK) {
        parameters_clear_gradients(&step->bert->parameters);
        *out = step;
        return STATUS_OK;
    }
    bert_step_close(step);
    return status;
}

Status bert_step_run(BertStep *step, const BertStepBatch *batch) {
    Tape tape;
    arena_rewind(&step->arena, 0);
    tape_open(&tape, &step->arena, TAPE_TRAIN, 1, step->steps);
    Value *logits = bert_classify(step->bert, &tape, &batch->tokens, NULL);
    Value *loss = nn_cross_entropy(&tape, logits, batch->labels, NULL);
    STATUS_TRY(tape_status(&tape));
    step->loss = (double)loss->data[0];
    STATUS_TRY(tape_backward(&tape, loss, 1));
    step->norm = adamw_norm(step->adamw);
    if (!isfinite(step->loss) || !isfinite(step->norm))
        return status_fail(STATUS_ARGUMENT, "bert_step: step %llu: loss %g, norm of gradients %g",
                           (unsigned long long)step->steps + 1, step->loss, step->norm);
    /* As torch.nn.utils.clip_grad_norm_, with its 1e-6. */
    STATUS_TRY(adamw_step(step->adamw, RATE, fmin(1, CLIP / (step->norm + 1e-6))));
    step->steps++;
    return STATUS_OK;
}

void bert_step_close(BertStep *step) {
    if (!step) return;
    adamw_close(step->adamw);
    bert_close(step->bert);
    arena_close(&step->arena);
    free(step);
}
