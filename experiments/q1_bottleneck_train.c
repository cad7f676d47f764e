/* One training, and what is asked of the network afterwards. */
#include "base/rng.h"
#include "nn/loss.h"
#include "q1_bottleneck.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST          (1 << 16) /* rows of a batch, of sources and of targets */
#define CURVE_POINTS       40
#define VALIDATION_BATCHES 8
#define GROUP              64 /* sequences that are answered at once */
#define MAPS               3  /* alignments that a chosen cell leaves */

typedef struct {
    const Q1Session *session;
    const Q1Cell *cell;
    GridRecord *record;
    SyntheticTask task;
    Seq2seq *model;
    int vocabulary;
    int32_t *source, *input, *label; /* [ROWS_MOST], time-major */
    uint64_t seed;
    int evaluations; /* so far */
} Training;

/* --- batches ---------------------------------------------------------------------------------- */

static int32_t start_of(const Training *t) {
    return t->cell->part == Q1_TEXT ? q1_text_start(&t->session->text) : synthetic_start(&t->task);
}

/* A sequence of the test split has the same index and so the same symbols for every network. */
static int draw_pair(const Training *t, Q1Split split, uint64_t index, int length, int32_t *source,
                     int32_t *target) {
    static const SyntheticSplit splits[] = {SYNTHETIC_TRAIN, SYNTHETIC_VALIDATION, SYNTHETIC_TEST};
    if (t->cell->part == Q1_TEXT) {
        const Q1Text *text = &t->session->text;
        const uint64_t pick =
            rng_below(split == Q1_TRAIN ? t->seed : t->session->plan.seed,
                      rng_stream("q1.phrases") + (uint64_t)split, index * 64 + (uint64_t)length,
                      (uint64_t)text->phrases[split][length]);
        return q1_text_pair(text, &text->phrase[split][length][pick], source, target);
    }
    synthetic_draw(&t->task, splits[split], index, length, source, target);
    return length;
}

/* `length`, or of text the nearest one, shorter ones first, of which the split has phrases. */
static int nearest_length(const Training *t, Q1Split split, int length) {
    if (t->cell->part != Q1_TEXT) return length;
    const int *phrases = t->session->text.phrases[split];
    int found = length;
    while (found > 1 && !phrases[found]) found--;
    while (found < Q1_LETTERS_MAX && !phrases[found]) found++;
    return found;
}

/* Fills the buffers with `count` sequences whose sources have `length` symbols. */
static Seq2seqBatch make_batch(Training *t, Q1Split split, const uint64_t *index, int count,
                               int length) {
    int32_t source[Q1_TARGET_MAX], target[Q1_TARGET_MAX];
    int steps = 0;
    for (int b = 0; b < count; b++) {
        const int written = draw_pair(t, split, index[b], length, source, target);
        for (int i = 0; i < length; i++) t->source[i * count + b] = source[i];
        for (; steps < written; steps++) /* nobody before was so long */
            for (int k = 0; k < count; k++)
                t->label[steps * count + k] = SYNTHETIC_UNSCORED, t->input[steps * count + k] = 0;
        for (int i = 0; i < written; i++) {
            t->label[i * count + b] = target[i];
            t->input[i * count + b] = i ? target[i - 1] : start_of(t);
        }
    }
    return (Seq2seqBatch){.sequences = count,
                          .source_steps = length,
                          .target_steps = steps,
                          .source = t->source,
                          .input = t->input,
                          .label = t->label};
}

static int shortest_of(const Training *t) {
    return t->cell->part == Q1_TEXT ? t->session->plan.text_shortest : t->session->plan.shortest;
}

/* The length of a training step: all are as likely. */
static int draw_length(const Training *t, uint64_t step) {
    const int least = shortest_of(t);
    const int length = least + (int)rng_below(t->seed, rng_stream("q1.lengths"), step,
                                              (uint64_t)(t->cell->longest - least + 1));
    return nearest_length(t, Q1_TRAIN, length);
}

/* --- what the loop asks for ------------------------------------------------------------------- */

static Status loss_of(void *context, Tape *tape, const uint32_t *example, size_t count,
                      Value **loss, TrainCount *counted) {
    Training *t = context;
    uint64_t index[1024];
    int right = 0, scored = 0;
    for (size_t i = 0; i < count; i++) index[i] = example[i];
    const Seq2seqBatch batch =
        make_batch(t, Q1_TRAIN, index, (int)count, draw_length(t, tape->step));
    if (tape->step % 32 == 0)
        grid_progress(t->record,
                      .95 * (double)tape->step / q1_steps(&t->session->plan, t->cell->part));
    Value *logits = seq2seq_forward(t->model, tape, &batch, NULL);
    *loss = nn_cross_entropy_ids(tape, logits, t->label, &right, &scored);
    *counted = (TrainCount){right, scored};
    return tape_status(tape);
}

/* Sums of a batch under teacher forcing: nats, symbols right, symbols. */
static Status force(Training *t, Arena *arena, const Seq2seqBatch *batch, double sums[3]) {
    Tape tape;
    int right = 0, scored = 0;
    const size_t mark = arena_mark(arena);
    tape_open(&tape, arena, TAPE_INFER, 0, 0);
    Value *loss = nn_cross_entropy_ids(&tape, seq2seq_forward(t->model, &tape, batch, NULL),
                                       batch->label, &right, &scored);
    STATUS_TRY(tape_status(&tape));
    sums[0] += (double)loss->data[0] * scored;
    sums[1] += right;
    sums[2] += scored;
    arena_rewind(arena, mark);
    return STATUS_OK;
}

static Status evaluate(void *context, Arena *arena, double *score) {
    Training *t = context;
    double sums[3] = {0};
    for (int k = 0; k < VALIDATION_BATCHES; k++) { /* the same ones every time */
        uint64_t index[GROUP];
        for (int b = 0; b < GROUP; b++) index[b] = (uint64_t)(k * GROUP + b);
        const int least = shortest_of(t);
        const int length = nearest_length(
            t, Q1_VALIDATE, least + (t->cell->longest - least) * k / (VALIDATION_BATCHES - 1));
        const Seq2seqBatch batch = make_batch(t, Q1_VALIDATE, index, GROUP, length);
        STATUS_TRY(force(t, arena, &batch, sums));
    }
    score[0] = sums[0] / sums[2];
    score[1] = sums[1] / sums[2];
    return STATUS_OK;
}

/* --- tests ------------------------------------------------------------------------------------ */

double q1_similarity(const int32_t *found, int found_length, const int32_t *wanted,
                     int wanted_length) {
    int row[Q1_TARGET_MAX + 1];
    const int longer = found_length > wanted_length ? found_length : wanted_length;
    if (longer == 0) return 1;
    for (int j = 0; j <= wanted_length; j++) row[j] = j;
    for (int i = 1; i <= found_length; i++) {
        int above_left = row[0];
        row[0] = i;
        for (int j = 1; j <= wanted_length; j++) {
            const int above = row[j];
            int best = above_left + (found[i - 1] != wanted[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            above_left = above;
        }
    }
    return 1 - (double)row[wanted_length] / longer;
}

/* The symbols of sequence b, one of B, before the text's end. */
static int column_of(const Training *t, const int32_t *rows, int steps, int B, int b,
                     int32_t *out) {
    const int32_t end = q1_text_end(&t->session->text);
    int length = 0;
    for (; length < steps && rows[length * B + b] != end; length++)
        out[length] = rows[length * B + b];
    return length;
}

/* How much of sequence b's answer is right: places of random symbols, order of text. */
static double judge(const Training *t, const Seq2seqBatch *batch, const int32_t *answer, int b) {
    const int B = batch->sequences, M = batch->target_steps;
    if (t->cell->part != Q1_TEXT) {
        int right = 0;
        for (int i = 0; i < M; i++) right += answer[i * B + b] == batch->label[i * B + b];
        return (double)right / M;
    }
    int32_t found[Q1_TARGET_MAX], wanted[Q1_TARGET_MAX];
    const int found_length = column_of(t, answer, M, B, b, found);
    return q1_similarity(found, found_length, wanted, column_of(t, batch->label, M, B, b, wanted));
}

/* What the source would score, were it handed in without a change. */
static double as_it_is(const Training *t, const Seq2seqBatch *batch, int b) {
    const int B = batch->sequences;
    int32_t found[Q1_TARGET_MAX], wanted[Q1_TARGET_MAX];
    if (t->cell->part != Q1_TEXT) return 0;
    for (int i = 0; i < batch->source_steps; i++) found[i] = batch->source[i * B + b];
    return q1_similarity(found, batch->source_steps, wanted,
                         column_of(t, batch->label, batch->target_steps, B, b, wanted));
}

static Status test_length(Training *t, Arena *arena, int length) {
    const Q1Plan *plan = &t->session->plan;
    int32_t *answer = arena_take(arena, ROWS_MOST * sizeof *answer);
    if (!answer) return STATUS_MEMORY;
    double sums[3] = {0}, accuracy = 0, exact = 0, untouched = 0;
    int done = 0;
    while (done < plan->test_sequences) {
        const int left = plan->test_sequences - done, count = left < GROUP ? left : GROUP;
        uint64_t index[GROUP];
        for (int b = 0; b < count; b++) index[b] = (uint64_t)(done + b);
        const Seq2seqBatch batch = make_batch(t, Q1_TEST, index, count, length);
        STATUS_TRY(force(t, arena, &batch, sums));
        STATUS_TRY(seq2seq_generate(t->model, arena, &batch, start_of(t), answer, NULL));
        for (int b = 0; b < count; b++) {
            const double share = judge(t, &batch, answer, b);
            accuracy += share;
            exact += share >= 1;
            untouched += as_it_is(t, &batch, b);
        }
        done += count;
    }
    grid_row(t->record, "test", "%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g", length, accuracy / done,
             exact / done, sums[1] / sums[2], sums[0] / sums[2], untouched / done);
    return STATUS_OK;
}

/* Which source symbol the decoder looked at when it wrote which target symbol. */
static Status write_alignment(Training *t, Arena *arena, int map, int length) {
    const uint64_t index = (uint64_t)map;
    const Seq2seqBatch batch = make_batch(t, Q1_TEST, &index, 1, length);
    const size_t cells = (size_t)batch.target_steps * (size_t)length;
    float *weights = arena_take(arena, cells * sizeof *weights);
    int32_t *answer = arena_take(arena, (size_t)batch.target_steps * sizeof *answer);
    if (!weights || !answer) return STATUS_MEMORY;
    STATUS_TRY(seq2seq_generate(t->model, arena, &batch, start_of(t), answer, weights));
    for (int i = 0; i < batch.target_steps; i++)
        for (int j = 0; j < length; j++)
            grid_row(t->record, "alignment", "%d\t%d\t%d\t%d\t%d\t%.4f", map, i, j, (int)answer[i],
                     (int)batch.source[j], (double)weights[(size_t)i * (size_t)length + (size_t)j]);
    return STATUS_OK;
}

static Status test_all(Training *t) {
    const Q1Plan *plan = &t->session->plan;
    const Q1List *lengths = t->cell->part == Q1_TEXT ? &plan->text_lengths : &plan->lengths;
    Arena arena;
    STATUS_TRY(arena_open(&arena, 0));
    Status status = STATUS_OK;
    for (int l = 0; status == STATUS_OK && l < lengths->count; l++) {
        if (t->cell->part == Q1_TEXT && t->session->text.phrases[Q1_TEST][lengths->value[l]] == 0)
            continue;
        status = test_length(t, &arena, lengths->value[l]);
        arena_rewind(&arena, 0);
    }
    const int shown = t->cell->score != SCORE_NONE && t->cell->seed == 1;
    for (int map = 0; shown && status == STATUS_OK && map < MAPS; map++) {
        status = write_alignment(t, &arena, map,
                                 nearest_length(t, Q1_TEST, t->cell->part == Q1_TEXT ? 20 : 12));
        arena_rewind(&arena, 0);
    }
    arena_close(&arena);
    return status;
}

/* --- one cell --------------------------------------------------------------------------------- */

static Status train(Training *t) {
    const Q1Plan *plan = &t->session->plan;
    const TrainTask task = {.name = "q1_bottleneck",
                            .parameters = &t->model->parameters,
                            .examples = (size_t)plan->batch * (size_t)q1_steps(plan, t->cell->part),
                            .context = t,
                            .loss = loss_of,
                            .evaluate = evaluate,
                            .scores = 2,
                            .score_names = {"loss", "accuracy"},
                            .select = 0,
                            .select_least = 1};
    TrainPlan how = train_plan_default();
    how.epochs = 1;
    how.steps = (uint64_t)q1_steps(plan, t->cell->part);
    how.batch = (size_t)plan->batch;
    how.pool = 1;
    how.rate = q1_rate(plan, t->cell->encoder);
    how.schedule = SCHEDULE_COSINE;
    how.warmup = plan->warmup;
    how.decay = plan->decay;
    how.seed = t->seed;
    how.evaluations_per_epoch = plan->evaluations;
    how.keep_best = 0;
    how.checkpoint = plan->full ? grid_checkpoint(t->record) : NULL;
    TrainLog *log;
    STATUS_TRY(train_run(&task, &how, &log));
    grid_log(t->record, &task, &how, log, 0, 1, CURVE_POINTS);
    train_log_free(log);
    return test_all(t);
}

static Status open_buffers(Training *t) {
    t->source = malloc(ROWS_MOST * sizeof *t->source);
    t->input = malloc(ROWS_MOST * sizeof *t->input);
    t->label = malloc(ROWS_MOST * sizeof *t->label);
    if (t->source && t->input && t->label) return STATUS_OK;
    return status_fail(STATUS_MEMORY, "no memory for a batch");
}

Status q1_train_cell(void *context, size_t index, GridRecord *record) {
    const Q1Session *session = context;
    const Q1Cell *cell = &session->cell[index];
    Training t = {.session = session, .cell = cell, .record = record};
    t.seed = session->plan.seed + (uint64_t)cell->seed - 1;
    t.task = (SyntheticTask){.kind = cell->part == Q1_REVERSE ? SYNTHETIC_REVERSE : SYNTHETIC_COPY,
                             .alphabet = session->plan.alphabet,
                             .seed = session->plan.seed};
    const Seq2seqConfig config = q1_cell_config(session, cell);
    Status status = seq2seq_open(&t.model, &config, t.seed);
    if (status == STATUS_OK) status = open_buffers(&t);
    if (status == STATUS_OK) status = train(&t);
    free(t.source);
    free(t.input);
    free(t.label);
    seq2seq_close(t.model);
    return status;
}

/* --- what accuracies and losses say about the bits that passed ---------------------------------
 */

double q1_bits_held(int length, int alphabet, double loss) {
    const double bits = length * (log2(alphabet) - loss / log(2));
    return bits > 0 ? bits : 0;
}

/* Bits that an error rate e leaves unknown of one symbol, at most (Fano). */
static double unknown(int alphabet, double e) {
    const double yes_no = e > 0 && e < 1 ? -e * log2(e) - (1 - e) * log2(1 - e) : 0;
    return yes_no + e * log2(alphabet - 1);
}

double q1_accuracy_allowed(int length, int alphabet, double bits) {
    const double missing = log2(alphabet) - bits / length;
    double low = 0, high = 1 - 1. / alphabet; /* guessing leaves all unknown */
    if (missing <= 0) return 1;
    if (bits <= 0) return 1. / alphabet;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        *(unknown(alphabet, middle) < missing ? &low : &high) = middle;
    }
    return 1 - high;
}
