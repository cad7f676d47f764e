#include "q5_batches.h"

typedef struct {
    const Q5Sentences *data;
    const Q5Network *network;
    Q5Batches batches; /* of the LSTM */
    uint64_t seed;
} Training;

/* An example is a sentence. */
static Status loss_of_sentences(void *context, Tape *tape, const uint32_t *example, size_t count,
                                Value **out, TrainCount *counted) {
    const Training *t = context;
    return q5_pointer_loss(t->network, tape, t->data, &t->data->train, example, 0, count, out,
                           counted);
}

/* An example is a batch of one length, whose words are given in another order in every pass. */
static Status loss_of_batch(void *context, Tape *tape, const uint32_t *example, size_t count,
                            Value **out, TrainCount *counted) {
    const Training *t = context;
    (void)count; /* 1 */
    return q5_lstm_loss(t->network, tape, t->data, t->data->train.set,
                        &t->batches.batch[example[0]], t->seed, (tape->step + 1) << 32, out,
                        counted);
}

static Status evaluate(void *context, Arena *arena, double *score) {
    const Training *t = context;
    return q5_loss(t->network, arena, t->data, &t->data->dev, &score[0], &score[1]);
}

Status q5_train(const Q5ReorderPlan *plan, const Q5Sentences *data, const Q5Network *network,
                const char *checkpoint, TrainLog **log) {
    Training t = {.data = data, .network = network, .seed = (uint64_t)plan->seed};
    const int grouped = network->lstm != NULL;
    if (grouped) STATUS_TRY(q5_batches_open(&t.batches, &data->train, plan->batch, t.seed));
    const TrainTask task = {.name = grouped ? "q5 lstm" : "q5 reorder",
                            .parameters = q5_network_parameters(network),
                            .examples = grouped ? t.batches.count : data->train.count,
                            .context = &t,
                            .loss = grouped ? loss_of_batch : loss_of_sentences,
                            .evaluate = evaluate,
                            .scores = 2,
                            .score_names = {"loss", "accuracy"},
                            .select = 0,
                            .select_least = 1};
    TrainPlan how = train_plan_default();
    how.steps = (uint64_t)plan->steps;
    how.batch = grouped ? 1 : (size_t)plan->batch;
    how.pool = 1;
    how.rate = plan->rate;
    how.schedule = SCHEDULE_HOLD;
    how.rise = (uint64_t)plan->rise;
    how.fall = (uint64_t)plan->fall;
    how.decay = plan->decay;
    how.beta2 = plan->beta2;
    how.seed = (uint64_t)plan->seed;
    how.evaluations_per_epoch = plan->evaluations;
    how.checkpoint = checkpoint;
    how.checkpoint_seconds = 120;
    how.progress = stderr;
    const Status status = train_run(&task, &how, log);
    if (grouped) q5_batches_close(&t.batches);
    return status;
}
