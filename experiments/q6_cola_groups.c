/* Question 6 cut up: by source, by grammatical phenomenon, by sentence. */
#include "q6_cola_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Phenomena shown by fewer sentences say nothing. */
#define GROUP_SENTENCES 20
/* Sentences are excerpts from published works: few are quoted. */
#define HARDEST 10

Status q6_group_scores(const Q6Answers *a, int split, const size_t *index, size_t count,
                       BootstrapSeeds *out, size_t *acceptable) {
    const Q6Sentences *s = &a->data->split[split];
    uint8_t *truth = malloc(count + 1), *predicted = malloc(a->seeds * count + 1);
    Status status = STATUS_OK;
    if (!truth || !predicted) status = status_fail(STATUS_MEMORY, "no memory for a group");
    *acceptable = 0;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        truth[i] = s->label[index[i]];
        *acceptable += truth[i];
        for (size_t k = 0; k < a->seeds; k++)
            predicted[k * count + i] = a->predicted[split][k * s->count + index[i]];
    }
    if (status == STATUS_OK)
        status = bootstrap_seeds(truth, predicted, a->seeds, count, BOOTSTRAP_OVER_BOTH, Q6_DRAWS,
                                 1, out);
    free(truth);
    free(predicted);
    return status;
}

/* MCC of a group in which every sentence has the same label is 0 whatever is answered: it is left
 * out (nan), accuracy stays. */
static void print_scores(FILE *table, size_t count, size_t acceptable, const BootstrapSeeds *b) {
    if (acceptable == 0 || acceptable == count)
        fprintf(table, "nan\tnan\tnan\t%.5f\n", b->accuracy.value);
    else
        fprintf(table, "%.5f\t%.5f\t%.5f\t%.5f\n", b->mcc.value, b->mcc.low, b->mcc.high,
                b->accuracy.value);
}

static Status write_sources(const Q6Answers *a, size_t *index) {
    FILE *table =
        results_table(a->results, "sources",
                      "split\tsource\ttitle\tsentences\tacceptable\tmcc\tlow\thigh\taccuracy");
    if (!table) return STATUS_IO;
    for (int split = Q6_IN_DOMAIN; split <= Q6_OUT_OF_DOMAIN; split++) {
        const Q6Sentences *s = &a->data->split[split];
        for (size_t source = 0; source < s->file->sources; source++) {
            size_t count = 0, acceptable;
            BootstrapSeeds scores;
            for (size_t i = 0; i < s->count; i++)
                if (s->file->source_of[s->row[i]] == source) index[count++] = i;
            if (count == 0) continue;
            STATUS_TRY(q6_group_scores(a, split, index, count, &scores, &acceptable));
            const char *code = s->file->source[source].code, *title = cola_source_title(code, NULL);
            fprintf(table, "%s\t%s\t%s\t%zu\t%zu\t", q6_split_name(split), code,
                    title ? title : code, count, acceptable);
            print_scores(table, count, acceptable, &scores);
        }
    }
    return STATUS_OK;
}

/* --- phenomena ------------------------------------------------------------------------------- */

static Status one_level(const Q6Answers *a, int split, const ColaAnnotations *annotations,
                        const char *level, FILE *table, size_t *index) {
    const Q6Sentences *s = &a->data->split[split];
    ColaJoin join;
    STATUS_TRY(cola_join(q6_raw_file(a->data, split), annotations, &join));
    Status status = STATUS_OK;
    for (size_t f = 0; status == STATUS_OK && f < annotations->features; f++) {
        size_t count = 0, acceptable;
        BootstrapSeeds scores;
        for (size_t i = 0; i < s->count; i++)
            if (cola_shows(annotations, &join, s->row[i], f)) index[count++] = i;
        if (count < GROUP_SENTENCES) continue;
        status = q6_group_scores(a, split, index, count, &scores, &acceptable);
        if (status != STATUS_OK) break;
        fprintf(table, "%s\t%s\t%s\t%zu\t%zu\t", q6_split_name(split), level,
                annotations->feature[f], count, acceptable);
        print_scores(table, count, acceptable, &scores);
    }
    double unmatched = (double)join.unmatched;
    if (status == STATUS_OK && strcmp(level, "major") == 0)
        status = results_exactf(a->results, unmatched, "sentence", "data.%s.unannotated",
                                q6_split_name(split));
    cola_join_free(&join);
    return status;
}

static Status write_phenomena(const Q6Answers *a, size_t *index) {
    static const char *const levels[] = {"major", "minor"};
    FILE *table = NULL;
    for (int l = 0; l < 2; l++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/CoLA_grammatical_annotations_%s_features.tsv",
                 a->plan->data, levels[l]);
        if (access(path, R_OK)) {
            fprintf(stderr, "q6_cola: no %s: phenomena are left out (make data brings them)\n",
                    path);
            return STATUS_OK;
        }
        if (!table && !(table = results_table(a->results, "phenomena",
                                              "split\tlevel\tfeature\tsentences\tacceptable\tmcc\t"
                                              "low\thigh\taccuracy")))
            return STATUS_IO;
        ColaAnnotations *annotations;
        STATUS_TRY(cola_annotations_load(path, &annotations));
        Status status = one_level(a, Q6_IN_DOMAIN, annotations, levels[l], table, index);
        if (status == STATUS_OK)
            status = one_level(a, Q6_OUT_OF_DOMAIN, annotations, levels[l], table, index);
        cola_annotations_free(annotations);
        STATUS_TRY(status);
    }
    return STATUS_OK;
}

/* --- sentences ------------------------------------------------------------------------------- */

static double probability(float margin) {
    return 1 / (1 + exp(-(double)margin));
}

static double mean_probability(const Q6Answers *a, int split, size_t i) {
    double sum = 0;
    for (size_t k = 0; k < a->seeds; k++) sum += probability(a->seed[k].margin[split][i]);
    return sum / (double)a->seeds;
}

/* The sentences about which the mean over seeds is most sure and most wrong. */
static Status write_hardest(const Q6Answers *a) {
    FILE *table = results_table(a->results, "hardest",
                                "split\trow\tsource\tlabel\tprobability\twrong_seeds\tsentence");
    if (!table) return STATUS_IO;
    for (int split = Q6_IN_DOMAIN; split <= Q6_OUT_OF_DOMAIN; split++) {
        const Q6Sentences *s = &a->data->split[split];
        size_t kept = 0;
        double *wrong = malloc((s->count + 1) * sizeof *wrong);
        if (!wrong) return status_fail(STATUS_MEMORY, "no memory for probabilities");
        for (size_t i = 0; i < s->count; i++)
            wrong[i] = fabs(mean_probability(a, split, i) - s->label[i]);
        for (; kept < HARDEST && kept < s->count; kept++) {
            size_t best = 0;
            for (size_t i = 1; i < s->count; i++)
                if (wrong[i] > wrong[best]) best = i;
            size_t errors = 0;
            for (size_t k = 0; k < a->seeds; k++)
                errors += a->predicted[split][k * s->count + best] != s->label[best];
            const ColaFile *raw = q6_raw_file(a->data, split);
            fprintf(table, "%s\t%u\t%s\t%d\t%.4f\t%zu\t%s\n", q6_split_name(split),
                    s->row[best] + 1, raw->source[raw->source_of[s->row[best]]].code,
                    s->label[best], mean_probability(a, split, best), errors,
                    raw->sentence[s->row[best]]);
            wrong[best] = -1;
        }
        free(wrong);
    }
    return STATUS_OK;
}

static Status write_predictions(const Q6Answers *a) {
    char header[64 + 16 * Q6_SEEDS_MAX] = "split\trow\tlabel";
    size_t used = strlen(header);
    for (size_t k = 0; k < a->seeds; k++)
        used += (size_t)snprintf(header + used, sizeof header - used, "\tp_%d", a->seed[k].seed);
    FILE *table = results_table(a->results, "predictions", header);
    if (!table) return STATUS_IO;
    for (int split = Q6_IN_DOMAIN; split <= Q6_OUT_OF_DOMAIN; split++) {
        const Q6Sentences *s = &a->data->split[split];
        for (size_t i = 0; i < s->count; i++) {
            fprintf(table, "%s\t%u\t%d", q6_split_name(split), s->row[i] + 1, s->label[i]);
            for (size_t k = 0; k < a->seeds; k++)
                fprintf(table, "\t%.4f", probability(a->seed[k].margin[split][i]));
            fputc('\n', table);
        }
    }
    return STATUS_OK;
}

Status q6_report_groups(const Q6Answers *a) {
    size_t most = 0;
    for (int s = 0; s < Q6_SPLITS; s++)
        if (a->data->split[s].count > most) most = a->data->split[s].count;
    size_t *index = malloc((most + 1) * sizeof *index);
    if (!index) return status_fail(STATUS_MEMORY, "no memory for groups");
    Status status = write_sources(a, index);
    if (status == STATUS_OK) status = write_phenomena(a, index);
    if (status == STATUS_OK) status = write_hardest(a);
    if (status == STATUS_OK) status = write_predictions(a);
    free(index);
    return status;
}
