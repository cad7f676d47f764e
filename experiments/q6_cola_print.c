/* What q6_cola shows while it works: the data at the beginning, every evaluation of a seed at its
 * end. */
#define _POSIX_C_SOURCE 200809L
#include "q6_cola.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const mark_names[COLA_MARKS] = {"none", "' '", "*",  "?",
                                                   "??",   "?*",  "*?", "other"};

static void print_example(const Q6Data *data, const Q6Sentences *split, size_t i) {
    printf("example: %s\n  tokens:", split->file->sentence[split->row[i]]);
    const int32_t *ids = split->ids + split->start[i];
    for (int t = 0; t < split->length[i]; t++) printf(" %s", wordpiece_token(data->pieces, ids[t]));
    printf("\n  ids:   ");
    for (int t = 0; t < split->length[i]; t++) printf(" %d", (int)ids[t]);
    printf("\n  label:  %d (%s)\n", split->label[i],
           split->label[i] ? "acceptable" : "unacceptable");
}

static void print_quirks(const ColaFile *file) {
    const ColaQuirks *q = &file->quirks;
    const char *slash = strrchr(file->path, '/');
    printf("  %-22s %zu rows, %zu backspaces removed, %zu repeated sentences (%zu with the other "
           "label)%s; marks:",
           slash ? slash + 1 : file->path, file->rows, q->backspaces, q->repeats, q->contradictions,
           q->missing_newline ? ", no newline at the end" : "");
    for (int m = 0; m < COLA_MARKS; m++)
        if (q->marks[m]) printf(" %s %zu", mark_names[m], q->marks[m]);
    putchar('\n');
}

void q6_print_data(const Q6Plan *plan, const Q6Data *data) {
    printf("%s: %s on CoLA 1.1 (%s)\nfiles:\n", plan->label, plan->model,
           plan->form ? "tokenized" : "raw");
    for (int part = 0; part < COLA_PARTS; part++) print_quirks(data->file[part]);
    printf("  %zu sentences of out_of_domain_dev also occur in in_domain_train\n"
           "splits (%g of in_domain_train held out, drawn by seed %d; %zu validation sentences "
           "also occur in the training part):\n",
           data->overlap, plan->hold_out, plan->split_seed, data->shared);
    for (int s = 0; s < Q6_SPLITS; s++) {
        const Q6Sentences *split = &data->split[s];
        size_t acceptable = 0;
        for (size_t i = 0; i < split->count; i++) acceptable += split->label[i];
        printf("  %-14s %5zu sentences, %5zu acceptable, %.1f tokens each, %zu cut\n",
               q6_split_name(s), split->count, acceptable,
               (double)split->tokens / (double)split->count, split->cut);
    }
    for (size_t i = 0; i < 2 && i < data->split[Q6_TRAIN].count; i++)
        print_example(data, &data->split[Q6_TRAIN], i);
    fflush(stdout);
}

void q6_print_evaluation(const Q6Plan *plan, int seed, double epoch, const double *score) {
    /* The progress line of a terminal begins again below. */
    if (isatty(STDOUT_FILENO) && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    printf("%s, seed %d, epoch %.4g of %d: validation loss %.4f, accuracy %.4f, MCC %.4f, F1 "
           "%.4f\n",
           plan->label, seed, epoch, plan->epochs, score[Q6_SCORE_LOSS], score[Q6_SCORE_ACCURACY],
           score[Q6_SCORE_MCC], score[Q6_SCORE_F1]);
    fflush(stdout);
}

void q6_print_seed(const Q6Plan *plan, const Q6Seed *seed, const Q6Data *data) {
    printf("\n%s, seed %d: %zu steps in %.0f s\n"
           "   step   training loss  accuracy   validation loss  accuracy     MCC      F1\n",
           plan->label, seed->seed, seed->batches, seed->seconds);
    for (size_t i = 0; i < seed->evaluations; i++) {
        const TrainEvaluation *e = &seed->evaluation[i];
        printf("%7llu %15.4f %9.4f %17.4f %9.4f %7.4f %7.4f%s\n", (unsigned long long)e->step,
               e->training_loss, e->training_accuracy, e->score[Q6_SCORE_LOSS],
               e->score[Q6_SCORE_ACCURACY], e->score[Q6_SCORE_MCC], e->score[Q6_SCORE_F1],
               i == seed->chosen ? "  chosen" : "");
    }
    for (int s = 0; s < Q6_SPLITS; s++) {
        double score[Q6_SCORES];
        q6_score(data->split[s].label, seed->margin[s], seed->count[s], score);
        printf("  %-14s MCC %6.4f, accuracy %.4f, F1 %.4f\n", q6_split_name(s), score[Q6_SCORE_MCC],
               score[Q6_SCORE_ACCURACY], score[Q6_SCORE_F1]);
    }
    fflush(stdout);
}
