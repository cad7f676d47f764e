/* One cell: a subset of the sentences, a training with its moments, or a trigram; its answers. */
#include "base/clock.h"
#include "base/rng.h"
#include "q5_scaling.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const scaling_slug[SCALING_SYSTEMS] = {"pointer", "kn3"};

#define RARE         2 /* words seen less often are known by their affixes alone */
#define CURVE_POINTS 40
#define PATH         1600

/* --- moments ------------------------------------------------------------------------------------
 */

int scaling_moment(const ScalingPlan *plan, int moment) {
    return plan->steps >> (plan->moments - 1 - moment);
}

int scaling_fall(const ScalingPlan *plan, int moment) {
    const int fall = (int)lround(plan->fall * scaling_moment(plan, moment));
    return fall > 1 ? fall : 1;
}

int scaling_steps(const ScalingPlan *plan) {
    const int last = plan->moments - 1;
    int steps = scaling_moment(plan, last) - scaling_fall(plan, last);
    for (int m = 0; m <= last; m++) steps += scaling_fall(plan, m);
    return steps;
}

double scaling_cost(void *context, size_t cell) {
    const ScalingPlan *plan = context;
    const double sentences = (double)(plan->sentences.dev.count + plan->sentences.test.count);
    if (scaling_system(cell) == SCALING_TRIGRAM)
        return .2 + 1e-5 * sentences * plan->ngram_beam; /* seconds */
    return 7e-4 * scaling_steps(plan) * plan->batch + 2e-3 * sentences * (plan->moments + 2);
}

void scaling_name(void *context, size_t cell, char *name, size_t size) {
    const ScalingPlan *plan = context;
    snprintf(name, size, "%s_%zu_s%d", scaling_slug[scaling_system(cell)],
             plan->size[scaling_size(plan, cell)], plan->seeds.values[scaling_run_of(plan, cell)]);
}

/* --- a subset -----------------------------------------------------------------------------------
 */

typedef struct {
    uint32_t id, seen;
} Counted;

/* The most frequent first; equals by id. */
static int compare_counted(const void *a, const void *b) {
    const Counted *x = a, *y = b;
    if (x->seen != y->seen) return x->seen < y->seen ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* counted [words.count], all zero. */
static void rank_words(Q5Sentences *subset, const ReordererConfig *shape, Counted *counted) {
    const ReorderWords *words = &subset->data.words;
    const Q5Part *part = &subset->train;
    for (size_t i = 0; i < words->count; i++) counted[i].id = (uint32_t)i;
    for (size_t i = 0; i < part->count; i++) {
        const uint32_t *word = reorder_words_of(part->set, part->sentence[i]);
        for (int t = 0; t < reorder_length(part->set, part->sentence[i]); t++)
            counted[word[t]].seen++;
    }
    qsort(counted, words->count, sizeof *counted, compare_counted);
    for (size_t rank = 0; rank < words->count; rank++) {
        const uint32_t id = counted[rank].id;
        const int own = rank < (size_t)shape->words && counted[rank].seen >= RARE;
        subset->known += (size_t)own;
        reorderer_features(shape, reorder_words_text(words, id), own ? (uint32_t)rank : UINT32_MAX,
                           subset->feature + (size_t)id * REORDERER_FEATURES);
    }
}

Status scaling_subset_open(Q5Sentences *subset, const Q5Sentences *all,
                           const ReordererConfig *shape, size_t size, uint64_t seed) {
    const size_t words = all->data.words.count, count = all->train.count;
    Counted *counted = calloc(words + 1, sizeof *counted);
    *subset = *all;
    subset->known = 0;
    subset->train.sentence = malloc((count + 1) * sizeof *subset->train.sentence);
    subset->feature = malloc((words + 1) * REORDERER_FEATURES * sizeof *subset->feature);
    if (!counted || !subset->train.sentence || !subset->feature) {
        free(counted);
        scaling_subset_close(subset);
        return status_fail(STATUS_MEMORY, "no memory for a subset of %zu sentences", size);
    }
    memcpy(subset->train.sentence, all->train.sentence, count * sizeof *subset->train.sentence);
    rng_shuffle(subset->train.sentence, count, seed, rng_stream("q5.scaling.subset"));
    subset->train.count = subset->distinct = size < count ? size : count;
    subset->train.words = 0;
    for (size_t i = 0; i < subset->train.count; i++)
        subset->train.words += (size_t)reorder_length(all->train.set, subset->train.sentence[i]);
    rank_words(subset, shape, counted);
    free(counted);
    return STATUS_OK;
}

void scaling_subset_close(Q5Sentences *subset) {
    free(subset->train.sentence), free(subset->feature);
    subset->train.sentence = NULL, subset->feature = NULL;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static Status write_answers(GridRecord *record, int moment, ScalingSet set, int wide,
                            const Q5Part *part, const Q5Answers *answers) {
    for (size_t i = 0; i < part->count; i++) {
        const int n = (int)(answers->start[i + 1] - answers->start[i]);
        OrderScore o;
        STATUS_TRY(order_score(reorder_words_of(part->set, part->sentence[i]), n,
                               answers->word + answers->start[i], n, &o));
        grid_row(record, "answer",
                 "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.9g\t%.9g\t%.9g", moment,
                 (int)set, wide, o.length, o.answer_length, o.matches[0], o.matches[1],
                 o.matches[2], o.matches[3], o.grams[0], o.grams[1], o.grams[2], o.grams[3],
                 o.exact, (double)o.tau, (double)o.position, (double)o.substring);
    }
    return STATUS_OK;
}

/* By whichever of the two models there is. */
static Status answer(const ScalingPlan *plan, const Q5Sentences *data, GridRecord *record,
                     Reorderer *pointer, const Ngram *ngram, int moment, ScalingSet set, int wide) {
    const Q5Part *part = set == SCALING_DEV ? &data->dev : &data->test;
    Q5Answers answers;
    STATUS_TRY(q5_answers_open(part, &answers));
    Status status =
        pointer
            ? q5_answer_network(&(Q5Network){.pointer = pointer}, data, part,
                                &(ReordererSearch){.beam = wide ? plan->beam : 1}, NULL, &answers)
            : q5_answer_ngram(ngram, part, &(NgramSearch){plan->ngram_beam, 1}, NULL, &answers);
    if (status == STATUS_OK) status = write_answers(record, moment, set, wide, part, &answers);
    q5_answers_close(&answers);
    return status;
}

/* --- a trigram ----------------------------------------------------------------------------------
 */

static Status run_trigram(const ScalingPlan *plan, const Q5Sentences *data, GridRecord *record) {
    Ngram *model;
    const double began = clock_cpu_seconds();
    STATUS_TRY(q5_train_ngram(data, &model));
    grid_row(record, "moment", "%d\t0\t%.6g\tnan\tnan\t0\t%zu", plan->moments,
             clock_cpu_seconds() - began, data->train.words);
    Status status = STATUS_OK;
    for (int set = 0; status == STATUS_OK && set < SCALING_SETS; set++)
        status = answer(plan, data, record, NULL, model, plan->moments, (ScalingSet)set, 1);
    ngram_close(model);
    return status;
}

/* --- a training ---------------------------------------------------------------------------------
 */

typedef struct {
    const ScalingPlan *plan;
    const Q5Sentences *data;
    GridRecord *record;
    Reorderer *model;
    uint64_t seed;
    int done;           /* steps of all that the cell trains, when this part of it began */
    uint64_t resumed;   /* step at which this part of it began here */
    double own_seconds; /* of the processor, in steps that this process took */
    uint64_t own_steps;
    double evaluating; /* seconds of the processor, of the present part */
} Trainee;

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    Trainee *t = context;
    ReorderBatch batch;
    int right = 0;
    STATUS_TRY(q5_pack(tape, t->data, &t->data->train, example, 0, count, &batch));
    *out = reorderer_loss(t->model, tape, &batch, &right);
    *counted = (TrainCount){right, batch.offsets[count]};
    t->own_steps++;
    if (t->resumed == UINT64_MAX) t->resumed = tape->step;
    grid_progress(t->record,
                  (t->done + (double)(tape->step - t->resumed)) / (1.15 * scaling_steps(t->plan)));
    return tape_status(tape);
}

static Status evaluate(void *context, Arena *arena, double *score) {
    Trainee *t = context;
    const double began = clock_cpu_seconds();
    STATUS_TRY(q5_loss(&(Q5Network){.pointer = t->model}, arena, t->data, &t->data->dev, &score[0],
                       &score[1]));
    t->evaluating += clock_cpu_seconds() - began;
    return STATUS_OK;
}

/* To step `steps`, over the last `fall` of which the rate falls; the trunk is not evaluated, so
 * that its file can go on to another end. */
static Status train(Trainee *t, const char *checkpoint, int steps, int fall, TrainLog **log) {
    const ScalingPlan *plan = t->plan;
    const TrainTask task = {.name = "q5 scaling",
                            .parameters = reorderer_parameters(t->model),
                            .examples = t->data->train.count,
                            .context = t,
                            .loss = loss,
                            .evaluate = fall ? evaluate : NULL,
                            .scores = 2,
                            .score_names = {"loss", "accuracy"},
                            .select = 0,
                            .select_least = 1};
    TrainPlan how = train_plan_default();
    const int first = scaling_moment(plan, 0);
    how.steps = (uint64_t)steps;
    how.batch = (size_t)plan->batch;
    how.pool = 1;
    how.rate = plan->rate;
    how.schedule = SCHEDULE_HOLD;
    how.rise = (uint64_t)(first < 400 ? first / 4 : 100);
    how.fall = (uint64_t)fall;
    how.beta2 = .99;
    how.seed = t->seed;
    how.evaluations_per_epoch = 0;
    how.keep_best = 0; /* a point is the end of its training, whatever came before */
    how.checkpoint = checkpoint;
    how.checkpoint_seconds = 60;
    const double began = clock_cpu_seconds();
    t->resumed = UINT64_MAX;
    t->evaluating = 0;
    STATUS_TRY(train_run(&task, &how, log));
    t->own_seconds += clock_cpu_seconds() - began - t->evaluating;
    t->done += (int)((*log)->steps - (*log)->resumed_at);
    return STATUS_OK;
}

/* What a stopped run has left goes on; else a copy of what came before begins it. The copy appears
 * whole or not at all. */
static Status begin_from(const char *from, const char *path) {
    char new[PATH + 8], bytes[1 << 16];
    size_t size;
    if (access(path, F_OK) == 0) return STATUS_OK;
    snprintf(new, sizeof new, "%s.new", path);
    FILE *in = fopen(from, "rb"), *out = in ? fopen(new, "wb") : NULL;
    int failed = !out;
    while (!failed && (size = fread(bytes, 1, sizeof bytes, in)) > 0)
        failed = fwrite(bytes, 1, size, out) != size;
    failed |= in && ferror(in);
    int error = errno;
    if (in) fclose(in);
    if (out && fclose(out) && !failed) failed = 1, error = errno;
    if (!failed && rename(new, path)) failed = 1, error = errno;
    if (!failed) return STATUS_OK;
    unlink(new);
    return status_fail(STATUS_IO, "%s: cannot be copied to %s: %s", from, path, strerror(error));
}

/* Seconds of the processor for so many steps, from those that this process took; where it took
 * none, the wall's, which the file has kept. */
static double seconds_of(const Trainee *t, const TrainLog *log) {
    if (t->own_steps == 0) return log->seconds;
    return t->own_seconds / (double)t->own_steps * (double)log->steps;
}

static void write_curve(GridRecord *record, const TrainLog *log) {
    const uint64_t count = log->steps < CURVE_POINTS ? log->steps : CURVE_POINTS;
    for (uint64_t p = 0; p < count; p++) {
        const uint64_t from = log->steps * p / count, to = log->steps * (p + 1) / count;
        double sum = 0, right = 0, counted = 0;
        for (uint64_t i = from; i < to; i++) {
            sum += (double)log->batch[i].loss;
            right += (double)log->batch[i].right, counted += (double)log->batch[i].counted;
        }
        grid_row(record, "curve", "training\t%llu\t%.6g\t%.6g", (unsigned long long)to,
                 sum / (double)(to - from), counted > 0 ? right / counted : NAN);
    }
}

/* Of the weights as they are; the best moment answers the test part too. */
static Status write_moment(Trainee *t, int moment, const TrainLog *log) {
    const ScalingPlan *plan = t->plan;
    const int best = moment == plan->moments;
    const TrainEvaluation *at = &log->evaluation[log->evaluations - 1];
    grid_row(t->record, "moment", "%d\t%llu\t%.6g\t%.9g\t%.9g\t%zu\t%zu", moment,
             (unsigned long long)log->steps, seconds_of(t, log), at->score[0], at->score[1],
             parameters_count(reorderer_parameters(t->model)), t->data->train.words);
    for (int set = 0; set < (best ? SCALING_SETS : 1); set++)
        for (int wide = 0; wide < 2; wide++)
            STATUS_TRY(
                answer(plan, t->data, t->record, t->model, NULL, moment, (ScalingSet)set, wide));
    if (best) return STATUS_OK;
    grid_row(t->record, "curve", "validation\t%llu\t%.6g\t%.6g", (unsigned long long)log->steps,
             at->score[0], at->score[1]);
    if (moment == plan->moments - 1) write_curve(t->record, log);
    return STATUS_OK;
}

static void name_files(const Trainee *t, int moment, char trunk[PATH], char fall[PATH]) {
    snprintf(trunk, PATH, "%s.trunk%d", grid_checkpoint(t->record), moment);
    snprintf(fall, PATH, "%s.fall%d", grid_checkpoint(t->record), moment);
}

/* Every part has a file of its own, so that the same walk over all of them continues after a
 * stop: what is done is only read. *best is the moment of the least loss on dev. */
static Status run_moments(Trainee *t, int *best) {
    const ScalingPlan *plan = t->plan;
    char trunk[PATH], fall[PATH], before[PATH];
    double least = INFINITY;
    *best = 0;
    for (int m = 0; m < plan->moments; m++) {
        const int steps = scaling_moment(plan, m), falling = scaling_fall(plan, m);
        TrainLog *log;
        name_files(t, m, trunk, fall);
        if (m > 0) STATUS_TRY(begin_from(before, trunk));
        STATUS_TRY(train(t, trunk, steps - falling, 0, &log));
        train_log_free(log);
        STATUS_TRY(begin_from(trunk, fall));
        STATUS_TRY(train(t, fall, steps, falling, &log));
        Status status = write_moment(t, m, log);
        const double found = log->evaluation[log->evaluations - 1].score[0];
        if (found < least) least = found, *best = m;
        train_log_free(log);
        STATUS_TRY(status);
        memcpy(before, trunk, sizeof before);
    }
    return STATUS_OK;
}

/* Its weights are read from its file: no step is left to train. */
static Status return_to(Trainee *t, int best) {
    char trunk[PATH], fall[PATH];
    TrainLog *log;
    name_files(t, best, trunk, fall);
    STATUS_TRY(train(t, fall, scaling_moment(t->plan, best), scaling_fall(t->plan, best), &log));
    Status status = write_moment(t, t->plan->moments, log);
    train_log_free(log);
    return status;
}

static Status run_pointer(Trainee *t) {
    char trunk[PATH], fall[PATH];
    int best;
    STATUS_TRY(reorderer_open(&t->model, &t->plan->shape, t->seed));
    Status status = run_moments(t, &best);
    if (status == STATUS_OK) status = return_to(t, best);
    reorderer_close(t->model);
    for (int m = 0; status == STATUS_OK && m < t->plan->moments; m++) {
        name_files(t, m, trunk, fall);
        unlink(trunk), unlink(fall);
    }
    return status;
}

Status scaling_run(void *context, size_t cell, GridRecord *record) {
    const ScalingPlan *plan = context;
    const uint64_t seed = (uint64_t)plan->seeds.values[scaling_run_of(plan, cell)];
    Q5Sentences subset;
    STATUS_TRY(scaling_subset_open(&subset, &plan->sentences, &plan->shape,
                                   plan->size[scaling_size(plan, cell)], seed));
    Trainee t = {.plan = plan, .data = &subset, .record = record, .seed = seed};
    const Status status = scaling_system(cell) == SCALING_TRIGRAM
                              ? run_trigram(plan, &subset, record)
                              : run_pointer(&t);
    scaling_subset_close(&subset);
    return status;
}
