/* The tables and facts of question 6 that sum up whole splits; q6_cola_groups.c cuts them up. */
#include "q6_cola_report.h"
#include "base/threads.h"
#include "metric/classification.h"
#include "stat/summary.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ColaFile *q6_raw_file(const Q6Data *data, int split) {
    int part = split == Q6_OUT_OF_DOMAIN ? COLA_OUT_OF_DOMAIN_DEV
               : split == Q6_IN_DOMAIN   ? COLA_IN_DOMAIN_DEV
                                         : COLA_IN_DOMAIN_TRAIN;
    return data->raw[part] ? data->raw[part] : data->file[part];
}

Status q6_answers_open(Q6Answers *answers, const Q6Plan *plan, const Q6Data *data,
                       const Q6Seed *seed, size_t seeds, Results *results) {
    *answers =
        (Q6Answers){.plan = plan, .data = data, .seed = seed, .seeds = seeds, .results = results};
    for (int s = 0; s < Q6_SPLITS; s++) {
        size_t count = data->split[s].count;
        answers->predicted[s] = malloc(seeds * count + 1);
        if (!answers->predicted[s])
            return status_fail(STATUS_MEMORY, "no memory for %zu answers", seeds * count);
        for (size_t k = 0; k < seeds; k++)
            for (size_t i = 0; i < count; i++)
                answers->predicted[s][k * count + i] = seed[k].margin[s][i] > 0;
    }
    return STATUS_OK;
}

void q6_answers_close(Q6Answers *answers) {
    for (int s = 0; s < Q6_SPLITS; s++) free(answers->predicted[s]);
}

/* --- run.tsv and card.tsv -------------------------------------------------------------------- */

static Status write_run(const Q6Answers *a) {
    const Q6Plan *p = a->plan;
    Results *r = a->results;
    char seeds[256] = "";
    size_t used = 0;
    for (size_t k = 0; k < a->seeds && used < sizeof seeds - 16; k++)
        used += (size_t)snprintf(seeds + used, sizeof seeds - used, "%s%d", k ? "," : "",
                                 a->seed[k].seed);
    const char *slash = strrchr(p->model, '/');
    STATUS_TRY(results_run(r, "profile", "%s", p->quick ? "quick" : "full"));
    STATUS_TRY(results_run(r, "model", "%s%s", slash ? slash + 1 : p->model,
                           p->random_weights ? " (architecture only, random weights)" : ""));
    STATUS_TRY(results_run(r, "seeds", "%s", seeds));
    STATUS_TRY(results_run(r, "form", "%s", p->form ? "tokenized" : "raw"));
    STATUS_TRY(results_run(r, "recipe",
                           "epochs %d, batch %d, rate %g, warm-up %g, weight decay %g, layer decay "
                           "%g, average %g",
                           p->epochs, p->batch, p->rate, p->warmup, p->weight_decay, p->layer_decay,
                           p->average));
    double seconds = 0, tokens = (double)a->data->split[Q6_TRAIN].tokens * p->epochs;
    for (size_t k = 0; k < a->seeds; k++) seconds += a->seed[k].seconds;
    STATUS_TRY(results_run(r, "epochs", "%d", p->epochs));
    STATUS_TRY(results_run(r, "batch", "%d", p->batch));
    STATUS_TRY(results_run(r, "rate", "%g", p->rate));
    STATUS_TRY(results_run(r, "hold_out", "%g, drawn by seed %d", p->hold_out, p->split_seed));
    STATUS_TRY(results_run(r, "precision", "%s", p->precision ? "bf16" : "f32"));
    STATUS_TRY(results_run(r, "products", "%s", matmul_backend((Precision)p->precision)));
    STATUS_TRY(results_run(r, "training_seconds", "%.3f", seconds));
    STATUS_TRY(results_run(r, "tokens_per_second", "%.1f", tokens * (double)a->seeds / seconds));
    return results_run(r, "threads_of_training", "%d", threads_count());
}

static void card(FILE *f, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void card(FILE *f, const char *key, const char *format, ...) {
    va_list arguments;
    fprintf(f, "%s\t", key);
    va_start(arguments, format);
    vfprintf(f, format, arguments);
    va_end(arguments);
    fputc('\n', f);
}

static Status write_card(const Q6Answers *a, const BertConfig *c) {
    const Q6Plan *p = a->plan;
    const Q6Data *d = a->data;
    FILE *f = results_table(a->results, "card", "key\tvalue");
    if (!f) return STATUS_IO;
    const char *slash = strrchr(p->model, '/');
    double dropout = p->dropout >= 0 ? p->dropout : (double)c->hidden_dropout;
    static const char *const selects[] = {"MCC", "accuracy", "loss"};
    card(f, "model", "%s%s", slash ? slash + 1 : p->model,
         p->random_weights ? ", nothing pretrained" : "");
    card(f, "loss", "cross-entropy of two classes, mean over the sentences of a batch");
    card(f, "optimiser", "AdamW, beta1 .9, beta2 .999, epsilon 1e-8, weight decay %g (matrices)",
         p->weight_decay);
    card(f, "rate",
         "peak %g, linear warm-up over %g of the steps, then linear to 0; times %g for each "
         "layer below the top",
         p->rate, p->warmup, p->layer_decay);
    card(f, "clipping", "global norm 1");
    card(f, "dropout", "%g (hidden states, attention probabilities)", dropout);
    card(f, "architecture",
         "%s: %d layers, width %d, %d heads, feed-forward %d, vocabulary %d; classifier: dense, "
         "tanh, "
         "linear to 2",
         c->kind == BERT_KIND_MPNET ? "MPNet" : "BERT", c->layers, c->width, c->heads,
         c->feed_forward, c->vocabulary);
    card(f, "epochs", "%d", p->epochs);
    card(f, "steps", "%zu", a->seed[0].batches);
    card(f, "batch",
         "%d sentences, packed without padding, grouped by length in pools of %d batches", p->batch,
         p->pool);
    card(f, "splits",
         "training %zu, validation %zu (%g of in_domain_train, drawn by seed %d), "
         "in_domain_dev %zu, out_of_domain_dev %zu",
         d->split[Q6_TRAIN].count, d->split[Q6_VALIDATION].count, p->hold_out, p->split_seed,
         d->split[Q6_IN_DOMAIN].count, d->split[Q6_OUT_OF_DOMAIN].count);
    card(f, "preprocessing",
         "%s text, stray backspaces removed, WordPiece (lower case), at most %d "
         "tokens",
         p->form ? "tokenized" : "raw", p->longest);
    card(f, "selection",
         p->keep_last ? "the last weights" : "best validation %s of the evaluations",
         selects[p->select]);
    card(f, "parameters", "%.0f", q6_parameters(c));
    card(f, "precision", "%s", matmul_backend((Precision)p->precision));
    card(f, "seeds", "%zu", a->seeds);
    return STATUS_OK;
}

/* --- curves ---------------------------------------------------------------------------------- */

static Status write_curves(const Q6Answers *a) {
    FILE *curve =
        results_table(a->results, "curve", "seed\tsplit\tstep\tepoch\tloss\taccuracy\tmcc\tf1");
    FILE *batches = results_table(a->results, "batches", "seed\tstep\tloss\tnorm\trate");
    if (!curve || !batches) return STATUS_IO;
    double per_epoch = q6_steps_per_epoch(a->plan, a->data);
    for (size_t k = 0; k < a->seeds; k++) {
        const Q6Seed *s = &a->seed[k];
        for (size_t i = 0; i < s->evaluations; i++) {
            const TrainEvaluation *e = &s->evaluation[i];
            double epoch = (double)e->step / per_epoch;
            unsigned long long step = e->step;
            fprintf(curve, "%d\ttraining\t%llu\t%.4g\t%.5f\t%.5f\tnan\tnan\n", s->seed, step, epoch,
                    e->training_loss, e->training_accuracy);
            fprintf(curve, "%d\tvalidation\t%llu\t%.4g\t%.5f\t%.5f\t%.5f\t%.5f\n", s->seed, step,
                    epoch, e->score[Q6_SCORE_LOSS], e->score[Q6_SCORE_ACCURACY],
                    e->score[Q6_SCORE_MCC], e->score[Q6_SCORE_F1]);
        }
        for (size_t i = 0; i < s->batches; i++)
            fprintf(batches, "%d\t%zu\t%.5f\t%.4g\t%.4g\n", s->seed, i + 1,
                    (double)s->batch[i].loss, (double)s->batch[i].norm, (double)s->batch[i].rate);
    }
    return STATUS_OK;
}

/* --- scores ---------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* median with the range over seeds, minimum, maximum, mean with the hierarchical interval. */
static Status score_facts(const Q6Answers *a, int split, const char *name, const double *value,
                          Interval mean) {
    double sorted[Q6_SEEDS_MAX];
    size_t n = a->seeds;
    memcpy(sorted, value, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_doubles);
    double median = summary_quantile(sorted, n, .5), low = sorted[0], high = sorted[n - 1];
    const char *of = q6_split_name(split);
    STATUS_TRY(
        results_aroundf(a->results, (Interval){median, low, high}, "1", "%s.%s.median", of, name));
    STATUS_TRY(results_exactf(a->results, low, "1", "%s.%s.min", of, name));
    STATUS_TRY(results_exactf(a->results, high, "1", "%s.%s.max", of, name));
    return results_aroundf(a->results, mean, "1", "%s.%s.mean", of, name);
}

static Status seed_rows(const Q6Answers *a, int split, FILE *table, double value[3][Q6_SEEDS_MAX]) {
    const Q6Sentences *s = &a->data->split[split];
    double per_epoch = q6_steps_per_epoch(a->plan, a->data);
    for (size_t k = 0; k < a->seeds; k++) {
        double score[Q6_SCORES];
        BootstrapSeeds one;
        q6_score(s->label, a->seed[k].margin[split], s->count, score);
        STATUS_TRY(bootstrap_seeds(s->label, a->predicted[split] + k * s->count, 1, s->count,
                                   BOOTSTRAP_OVER_SENTENCES, Q6_DRAWS, 1, &one));
        value[0][k] = score[Q6_SCORE_MCC];
        value[1][k] = score[Q6_SCORE_ACCURACY];
        value[2][k] = score[Q6_SCORE_F1];
        const TrainEvaluation *chosen = &a->seed[k].evaluation[a->seed[k].chosen];
        fprintf(table, "%d\t%s\t%zu\t%.5f\t%.5f\t%.5f\t%.5f\t%.5f\t%.4g\n", a->seed[k].seed,
                q6_split_name(split), s->count, one.mcc.value, one.mcc.low, one.mcc.high,
                value[1][k], value[2][k], (double)chosen->step / per_epoch);
        STATUS_TRY(results_aroundf(a->results, one.mcc, "1", "%s.mcc.seed%d", q6_split_name(split),
                                   a->seed[k].seed));
    }
    return STATUS_OK;
}

static Status write_scores(const Q6Answers *a) {
    FILE *table =
        results_table(a->results, "seeds",
                      "seed\tsplit\tsentences\tmcc\tmcc_low\tmcc_high\taccuracy\tf1\tchosen_epoch");
    if (!table) return STATUS_IO;
    for (int split = 0; split < Q6_SPLITS; split++) {
        const Q6Sentences *s = &a->data->split[split];
        double value[3][Q6_SEEDS_MAX];
        BootstrapSeeds all;
        STATUS_TRY(seed_rows(a, split, table, value));
        STATUS_TRY(bootstrap_seeds(s->label, a->predicted[split], a->seeds, s->count,
                                   BOOTSTRAP_OVER_BOTH, Q6_DRAWS, 1, &all));
        STATUS_TRY(score_facts(a, split, "mcc", value[0], all.mcc));
        STATUS_TRY(score_facts(a, split, "accuracy", value[1], all.accuracy));
        STATUS_TRY(score_facts(a, split, "f1", value[2], all.f1));
    }
    /* Which part of the interval more seeds could shrink. */
    const Q6Sentences *test = &a->data->split[Q6_OUT_OF_DOMAIN];
    BootstrapSeeds sentences, seeds;
    STATUS_TRY(bootstrap_seeds(test->label, a->predicted[Q6_OUT_OF_DOMAIN], a->seeds, test->count,
                               BOOTSTRAP_OVER_SENTENCES, Q6_DRAWS, 1, &sentences));
    STATUS_TRY(bootstrap_seeds(test->label, a->predicted[Q6_OUT_OF_DOMAIN], a->seeds, test->count,
                               BOOTSTRAP_OVER_SEEDS, Q6_DRAWS, 1, &seeds));
    STATUS_TRY(results_exactf(a->results, sentences.mcc.high - sentences.mcc.low, "1",
                              "interval_sentences.width"));
    return results_exactf(a->results, seeds.mcc.high - seeds.mcc.low, "1", "interval_seeds.width");
}

/* What is right about always answering "acceptable". */
static Status constant_facts(const Q6Answers *a) {
    const Q6Sentences *s = &a->data->split[Q6_OUT_OF_DOMAIN];
    uint64_t ones = 0;
    for (size_t i = 0; i < s->count; i++) ones += s->label[i];
    double share = (double)ones / (double)s->count;
    STATUS_TRY(results_exactf(a->results, classification_mcc_binary(ones, s->count - ones, 0, 0),
                              "1", "constant.mcc"));
    STATUS_TRY(results_exactf(a->results, share, "1", "constant.accuracy"));
    return results_exactf(a->results, 2 * share / (share + 1), "1", "constant.f1");
}

/* --- confusion matrices ---------------------------------------------------------------------- */

static size_t median_seed(const Q6Answers *a) {
    double key[Q6_SEEDS_MAX] = {0}, sorted[Q6_SEEDS_MAX] = {0};
    for (size_t k = 0; k < a->seeds; k++)
        sorted[k] = key[k] = a->seed[k].evaluation[a->seed[k].chosen].score[Q6_SCORE_MCC];
    qsort(sorted, a->seeds, sizeof *sorted, compare_doubles);
    for (size_t k = 0; k < a->seeds; k++)
        if (key[k] == sorted[(a->seeds - 1) / 2]) return k;
    return 0;
}

static Status write_confusions(const Q6Answers *a) {
    static const char *const files[] = {"confusion_train", "confusion_validation", NULL,
                                        "confusion_test"};
    FILE *all = results_table(a->results, "confusion_all", "seed\tsplit\ttruth\tpredicted\tcount");
    if (!all) return STATUS_IO;
    size_t shown = median_seed(a);
    STATUS_TRY(results_run(a->results, "confusion_seed",
                           "%d (the median of validation MCC); test: out_of_domain_dev",
                           a->seed[shown].seed));
    STATUS_TRY(results_exactf(a->results, a->seed[shown].seed, "seed", "confusion.seed"));
    for (int split = 0; split < Q6_SPLITS; split++) {
        const Q6Sentences *s = &a->data->split[split];
        FILE *one = NULL;
        if (files[split] &&
            !(one = results_table(a->results, files[split], "truth\tpredicted\tcount")))
            return STATUS_IO;
        for (size_t k = 0; k < a->seeds; k++) {
            Confusion matrix;
            STATUS_TRY(confusion_open(&matrix, 2));
            STATUS_TRY(
                confusion_add_all(&matrix, s->label, a->predicted[split] + k * s->count, s->count));
            for (int truth = 0; truth < 2; truth++)
                for (int predicted = 0; predicted < 2; predicted++) {
                    unsigned long long count = matrix.count[truth][predicted];
                    fprintf(all, "%d\t%s\t%d\t%d\t%llu\n", a->seed[k].seed, q6_split_name(split),
                            truth, predicted, count);
                    if (one && k == shown) fprintf(one, "%d\t%d\t%llu\n", truth, predicted, count);
                }
        }
    }
    return STATUS_OK;
}

/* --- data ------------------------------------------------------------------------------------ */

static Status write_splits(const Q6Answers *a) {
    FILE *table =
        results_table(a->results, "splits",
                      "split\tsentences\tacceptable\tunacceptable\ttokens_mean\ttokens_longest");
    if (!table) return STATUS_IO;
    for (int split = 0; split < Q6_SPLITS; split++) {
        const Q6Sentences *s = &a->data->split[split];
        size_t ones = 0;
        int longest = 0;
        for (size_t i = 0; i < s->count; i++) {
            ones += s->label[i];
            longest = s->length[i] > longest ? s->length[i] : longest;
        }
        double mean = (double)s->tokens / (double)s->count, share = (double)ones / (double)s->count;
        const char *name = q6_split_name(split);
        fprintf(table, "%s\t%zu\t%zu\t%zu\t%.2f\t%d\n", name, s->count, ones, s->count - ones, mean,
                longest);
        double count = (double)s->count;
        STATUS_TRY(results_exactf(a->results, count, "sentence", "data.%s.sentences", name));
        STATUS_TRY(results_exactf(a->results, share, "1", "data.%s.acceptable", name));
        STATUS_TRY(results_exactf(a->results, mean, "token", "data.%s.tokens_mean", name));
        STATUS_TRY(results_exactf(a->results, longest, "token", "data.%s.tokens_longest", name));
    }
    return STATUS_OK;
}

static Status write_quirks(const Q6Answers *a) {
    static const char *const marks[COLA_MARKS] = {"no mark", "mark ' '", "mark *",  "mark ?",
                                                  "mark ??", "mark ?*",  "mark *?", "other mark"};
    FILE *table = results_table(a->results, "quirks", "file\tquirk\tcount");
    if (!table) return STATUS_IO;
    for (int part = 0; part < COLA_PARTS; part++) {
        const ColaFile *file = a->data->file[part];
        const ColaQuirks *q = &file->quirks;
        const char *name = cola_part_name((ColaPart)part);
        fprintf(table, "%s\trows\t%zu\n%s\tbackspaces removed\t%zu\n", name, file->rows, name,
                q->backspaces);
        fprintf(table, "%s\trepeated sentences\t%zu\n%s\tthose with the other label\t%zu\n", name,
                q->repeats, name, q->contradictions);
        fprintf(table, "%s\tno newline at the end\t%d\n", name, q->missing_newline);
        for (int m = 0; m < COLA_MARKS; m++)
            if (q->marks[m]) fprintf(table, "%s\t%s\t%zu\n", name, marks[m], q->marks[m]);
    }
    const ColaQuirks *q = &a->data->file[COLA_IN_DOMAIN_TRAIN]->quirks;
    STATUS_TRY(results_exactf(a->results, (double)q->backspaces, "byte", "data.backspaces"));
    STATUS_TRY(results_exactf(a->results, (double)q->repeats, "sentence", "data.repeats"));
    STATUS_TRY(
        results_exactf(a->results, (double)q->contradictions, "sentence", "data.contradictions"));
    STATUS_TRY(results_exactf(a->results, (double)a->data->shared, "sentence", "data.shared"));
    return results_exactf(a->results, (double)a->data->overlap, "sentence", "data.overlap");
}

/* The first two training sentences of at most 16 tokens. */
static Status write_example(const Q6Answers *a) {
    FILE *table = results_table(a->results, "example", "sentence\tposition\ttoken\tid\tlabel");
    if (!table) return STATUS_IO;
    const Q6Sentences *s = &a->data->split[Q6_TRAIN];
    int shown = 0;
    for (size_t i = 0; i < s->count && shown < 2; i++) {
        if (s->length[i] > 16) continue;
        shown++;
        for (int t = 0; t < s->length[i]; t++) {
            int32_t id = s->ids[s->start[i] + (size_t)t];
            fprintf(table, "%d\t%d\t%s\t%d\t%d\n", shown, t, wordpiece_token(a->data->pieces, id),
                    (int)id, s->label[i]);
        }
    }
    return STATUS_OK;
}

static Status training_facts(const Q6Answers *a, const BertConfig *c) {
    double seconds[Q6_SEEDS_MAX] = {0};
    for (size_t k = 0; k < a->seeds; k++) seconds[k] = a->seed[k].seconds;
    qsort(seconds, a->seeds, sizeof *seconds, compare_doubles);
    double median = summary_quantile(seconds, a->seeds, .5);
    double low = seconds[0], high = seconds[a->seeds - 1];
    double tokens = (double)a->data->split[Q6_TRAIN].tokens * a->plan->epochs;
    double epochs = a->plan->epochs;
    STATUS_TRY(results_aroundf(a->results, (Interval){median, low, high}, "s", "training.seconds"));
    STATUS_TRY(results_aroundf(a->results, (Interval){median / epochs, low / epochs, high / epochs},
                               "s", "training.epoch_seconds"));
    STATUS_TRY(results_aroundf(a->results, (Interval){tokens / median, tokens / high, tokens / low},
                               "token/s", "training.tokens_per_second"));
    STATUS_TRY(results_exactf(a->results, epochs, "epoch", "epochs"));
    STATUS_TRY(results_exactf(a->results, a->plan->batch, "sentence", "batch"));
    STATUS_TRY(results_exactf(a->results, a->plan->rate, "rate", "rate"));
    STATUS_TRY(results_exactf(a->results, (double)a->seed[0].batches, "step", "steps"));
    STATUS_TRY(results_exactf(a->results, (double)a->seeds, "seed", "seeds"));
    return results_exactf(a->results, q6_parameters(c), "parameter", "parameters");
}

static Status write_all(const Q6Answers *a, const BertConfig *config) {
    STATUS_TRY(write_run(a));
    STATUS_TRY(results_prefix(a->results, "q6.%s.", a->plan->label));
    STATUS_TRY(write_card(a, config));
    STATUS_TRY(write_curves(a));
    STATUS_TRY(write_scores(a));
    STATUS_TRY(constant_facts(a));
    STATUS_TRY(write_confusions(a));
    STATUS_TRY(write_splits(a));
    STATUS_TRY(write_quirks(a));
    STATUS_TRY(write_example(a));
    STATUS_TRY(training_facts(a, config));
    return q6_report_groups(a);
}

Status q6_report_write(const Q6Plan *plan, const Q6Data *data, const BertConfig *config,
                       const Q6Seed *seed, size_t seeds, Results *results) {
    Q6Answers answers;
    Status status = q6_answers_open(&answers, plan, data, seed, seeds, results);
    if (status == STATUS_OK) status = write_all(&answers, config);
    q6_answers_close(&answers);
    return status;
}
