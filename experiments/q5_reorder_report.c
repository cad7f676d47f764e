/* What describes the training, and its samples. */
#include "base/sha256.h"
#include "base/threads.h"
#include "q5_reorder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- run.tsv and card.tsv
 * -------------------------------------------------------------------- */

static Status write_run(const Q5Run *run) {
    const Q5ReorderPlan *p = run->plan;
    Results *r = run->results;
    char path[4200], hash[SHA256_TEXT];
    STATUS_TRY(results_run(r, "profile", "%s", p->quick ? "quick" : "full"));
    STATUS_TRY(results_run(r, "seed", "%d", p->seed));
    snprintf(path, sizeof path, "%s/train.tsv", p->data);
    STATUS_TRY(sha256_file(path, hash));
    STATUS_TRY(results_run(r, "sha256.train.tsv", "%s", hash));
    STATUS_TRY(results_run(r, "precision", "%s", matmul_backend(p->shape.precision)));
    STATUS_TRY(results_run(r, "training_seconds", "%.1f", run->log->seconds));
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

static void card_network(FILE *f, const Q5ReorderPlan *p) {
    const ReordererConfig *c = &p->shape;
    if (p->network == Q5_LSTM) {
        card(f, "model", "pointer network of LSTMs, from scratch");
        card(f, "dropout", "%g (embeddings, what points, what is pointed at)", (double)c->dropout);
        card(f, "architecture",
             "encoder %d layers of both directions, width %d each, over the words as they are "
             "given, shuffled anew in every epoch; decoder %d layers, width %d; %d word vectors, "
             "%d hashed affixes",
             p->lstm.layers, p->lstm.width, p->lstm.layers, 2 * p->lstm.width, c->words,
             c->affixes);
        return;
    }
    card(f, "model", "Transformer over a bag of words with a pointer decoder, from scratch");
    card(f, "dropout", "%g (embeddings, branches, attention probabilities)", (double)c->dropout);
    card(f, "architecture",
         "encoder %d layers without positions, decoder %d layers, width %d, %d "
         "heads, feed-forward "
         "%d, normalisation before each branch; %d word vectors, %d hashed "
         "affixes",
         c->encoder_layers, c->decoder_layers, c->width, c->heads, c->feed_forward, c->words,
         c->affixes);
}

static Status write_card(const Q5Run *run) {
    const Q5ReorderPlan *p = run->plan;
    const Q5Sentences *d = run->data;
    FILE *f = results_table(run->results, "card", "key\tvalue");
    if (!f) return STATUS_IO;
    card_network(f, p);
    card(f, "loss",
         "cross-entropy over the words left, equal words summed; mean over the "
         "words of a batch");
    card(f, "optimiser", "AdamW, beta1 .9, beta2 %g, epsilon 1e-8, weight decay %g (matrices)",
         p->beta2, p->decay);
    card(f, "rate",
         "%g after %d steps of linear rise; falls linearly to 0 over the last %d "
         "steps",
         p->rate, p->rise, p->fall);
    card(f, "clipping", "global norm 1");
    card(f, "epochs", "%.2f", (double)p->steps * p->batch / (double)d->train.count);
    card(f, "steps", "%d", p->steps);
    card(f, "batch", "%d sentences%s, about %.0f words", p->batch,
         p->network == Q5_LSTM ? " of one length" : ", packed without padding",
         p->batch * (double)d->train.words / (double)d->train.count);
    card(f, "splits",
         "training %zu sentences of %d to %d words (%zu of a treebank, shown %d "
         "times an epoch), "
         "validation %zu (PerDT dev), test %zu (PerDT test); documents held out "
         "of every corpus",
         d->distinct, p->shortest, p->longest, d->favoured, p->repeat, d->dev.count, d->test.count);
    card(f, "preprocessing",
         "normalisation, sentence splitting, punctuation removed, "
         "near-duplicates of test "
         "sentences removed");
    card(f, "selection", "best loss on PerDT dev among %zu evaluations", run->log->evaluations);
    card(f, "parameters", "%zu", parameters_count(q5_network_parameters(&run->network)));
    card(f, "precision", "%s%s", matmul_backend(p->shape.precision),
         p->network == Q5_LSTM ? "; through time f32" : "");
    card(f, "seeds", "%d", p->seed);
    return STATUS_OK;
}

/* --- curve.tsv
 * ---------------------------------------------------------------------------------
 */

#define POINTS 200

static Status write_curve(const Q5Run *run) {
    const TrainLog *log = run->log;
    FILE *f = results_table(run->results, "curve", "training\tseed\tsplit\tstep\tloss\taccuracy");
    if (!f) return STATUS_IO;
    const char *slug = q5_network_slug[run->plan->network];
    double loss = 0, right = 0, counted = 0;
    uint64_t first = 0;
    for (uint64_t i = 0; i < log->steps; i++) {
        loss += (double)log->batch[i].loss;
        right += (double)log->batch[i].right, counted += (double)log->batch[i].counted;
        if ((i + 1) * POINTS / log->steps == i * POINTS / log->steps) continue;
        fprintf(f, "%s\t%d\ttraining\t%llu\t%.5f\t%.5f\n", slug, run->plan->seed,
                (unsigned long long)i + 1, loss / (double)(i + 1 - first), right / counted);
        loss = right = counted = 0;
        first = i + 1;
    }
    fprintf(f, "%s\t%d\tvalidation\t0\t%.5f\t%.5f\n", slug, run->plan->seed, run->before_loss,
            run->before_accuracy);
    for (size_t e = 0; e < log->evaluations; e++)
        fprintf(f, "%s\t%d\tvalidation\t%llu\t%.5f\t%.5f\n", slug, run->plan->seed,
                (unsigned long long)log->evaluation[e].step, log->evaluation[e].score[0],
                log->evaluation[e].score[1]);
    return STATUS_OK;
}

static Status write_facts(const Q5Run *run) {
    const TrainLog *log = run->log;
    const Q5Sentences *d = run->data;
    const TrainEvaluation *best = &log->evaluation[log->best];
    double words = 0;
    for (uint64_t i = 0; i < log->steps; i++) words += (double)log->batch[i].counted;
    STATUS_TRY(results_exactf(run->results, (double)d->distinct, "1", "training.sentences"));
    STATUS_TRY(results_exactf(run->results, (double)d->favoured, "1", "training.favoured"));
    STATUS_TRY(results_exactf(run->results, (double)run->plan->repeat, "1", "training.repeat"));
    STATUS_TRY(results_exactf(run->results, (double)run->plan->longest, "1", "training.longest"));
    STATUS_TRY(
        results_exactf(run->results, (double)d->train.count, "1", "training.sentences_per_epoch"));
    STATUS_TRY(results_exactf(run->results, (double)log->steps, "1", "training.steps"));
    STATUS_TRY(results_exactf(run->results, words, "1", "training.words"));
    STATUS_TRY(results_exactf(run->results, words / 1e6, "1", "training.words.millions"));
    STATUS_TRY(results_exactf(run->results, log->seconds, "s", "training.seconds"));
    STATUS_TRY(
        results_exactf(run->results, words / log->seconds, "word/s", "training.words_per_second"));
    STATUS_TRY(results_exactf(run->results, (double)d->known, "1", "training.vocabulary"));
    const double parameters = (double)parameters_count(q5_network_parameters(&run->network));
    STATUS_TRY(results_exactf(run->results, parameters, "1", "training.parameters"));
    STATUS_TRY(results_exactf(run->results, parameters / 1e6, "1", "training.parameters.millions"));
    STATUS_TRY(results_exactf(run->results, run->before_loss, "nat", "dev.before.loss"));
    STATUS_TRY(results_exactf(run->results, run->before_accuracy, "1", "dev.before.accuracy"));
    STATUS_TRY(results_exactf(run->results, best->score[0], "nat", "dev.loss"));
    STATUS_TRY(results_exactf(run->results, best->score[1], "1", "dev.accuracy"));
    return results_exactf(run->results, (double)best->step, "1", "dev.best_step");
}

/* --- samples
 * -----------------------------------------------------------------------------------
 */

static void write_words(const ReorderWords *words, const uint32_t *word, int n, FILE *f) {
    for (int t = 0; t < n; t++)
        fprintf(f, "%s%s", t ? " " : "", reorder_words_text(words, word[t]));
}

static void write_sample(const Q5Run *run, int number, size_t i, FILE *f) {
    const Q5Part *part = &run->data->test;
    const ReorderWords *words = &run->data->data.words;
    const uint32_t s = part->sentence[i];
    const int n = reorder_length(part->set, s);
    const struct {
        const char *what;
        const uint32_t *word;
    } line[] = {{"input", reorder_shuffled_of(part->set, s)},
                {"before", run->before.word + run->before.start[i]},
                {"after", run->after.word + run->after.start[i]},
                {"truth", reorder_words_of(part->set, s)}};
    for (size_t k = 0; k < sizeof line / sizeof *line; k++) {
        fprintf(f, "%d\t%s\t", number, line[k].what);
        write_words(words, line[k].word, n, f);
        fputc('\n', f);
    }
}

/* The first mismatches of the test part: what a person may judge. */
static Status write_mismatches(const Q5Run *run) {
    const Q5Part *part = &run->data->test;
    const ReorderWords *words = &run->data->data.words;
    FILE *f = results_table(run->results, "mismatches", "number\ttruth\tanswer");
    int number = 0;
    if (!f) return STATUS_IO;
    for (size_t i = 0; i < part->count && number < 100; i++) {
        const uint32_t *truth = reorder_words_of(part->set, part->sentence[i]);
        const uint32_t *answer = run->after.word + run->after.start[i];
        const int n = reorder_length(part->set, part->sentence[i]);
        if (memcmp(truth, answer, (size_t)n * sizeof *truth) == 0) continue;
        fprintf(f, "%d\t", ++number);
        write_words(words, truth, n, f);
        fputc('\t', f);
        write_words(words, answer, n, f);
        fputc('\n', f);
    }
    return STATUS_OK;
}

Status q5_report(const Q5Run *run) {
    FILE *samples = results_table(run->results, "samples", "number\twhat\twords");
    if (!samples) return STATUS_IO;
    for (int k = 0; k < Q5_SAMPLES; k++) write_sample(run, k + 1, run->sample[k], samples);
    STATUS_TRY(write_mismatches(run));
    STATUS_TRY(write_run(run));
    STATUS_TRY(write_card(run));
    STATUS_TRY(write_curve(run));
    return write_facts(run);
}
