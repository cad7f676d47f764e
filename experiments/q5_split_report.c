#include "q5_split.h"

#include "text/sentences_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status write_scores(const SplitTexts sets[SPLIT_SETS], const SplitScores *scores,
                           Results *results) {
    FILE *file = results_table(results, "scores",
                               "method\tset\tkind\ttexts\twhole\tcuts\tright\twrong\tmissed\t"
                               "precision\tprecision_low\tprecision_high\trecall\trecall_low\t"
                               "recall_high\tf1\tf1_low\tf1_high");
    if (!file) return STATUS_IO;
    for (size_t i = 0; i < scores->scores; i++) {
        const SplitScore *score = &scores->score[i];
        const BoundaryIntervals *in = &score->intervals;
        const char *set = sets[score->set].name;
        fprintf(file,
                "%s\t%s\t%s\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%.6f\t%.6f\t%.6f\t%.6f\t%.6f\t%.6f\t"
                "%.6f\t%.6f\t%.6f\n",
                split_method_name(score->method), set, score->kind ? score->kind : "all",
                score->texts, score->whole, score->counts.right + score->counts.missed,
                score->counts.right, score->counts.wrong, score->counts.missed, in->precision.value,
                in->precision.low, in->precision.high, in->recall.value, in->recall.low,
                in->recall.high, in->f1.value, in->f1.low, in->f1.high);
        char place[96];
        snprintf(place, sizeof place, "q5.split.%s%s%s%s%s", set, score->kind ? "." : "",
                 score->kind ? score->kind : "", score->method == SPLIT_RULES ? "" : ".",
                 score->method == SPLIT_RULES ? "" : split_method_name(score->method));
        STATUS_TRY(results_factf(results, in->f1, "1", "%s.f1", place));
        STATUS_TRY(results_factf(results, in->precision, "1", "%s.precision", place));
        STATUS_TRY(results_factf(results, in->recall, "1", "%s.recall", place));
        STATUS_TRY(results_exactf(results, (double)(score->counts.wrong + score->counts.missed),
                                  "1", "%s.errors", place));
        if (score->texts > 1)
            STATUS_TRY(results_exactf(results, (double)score->whole / (double)score->texts, "1",
                                      "%s.whole", place));
    }
    for (int set = 0; set < SPLIT_SETS; set++) {
        STATUS_TRY(results_exactf(results, (double)sets[set].sentences, "1",
                                  "q5.split.%s.sentences", sets[set].name));
        if (sets[set].texts > 1)
            STATUS_TRY(results_exactf(results, (double)sets[set].texts, "1", "q5.split.%s.cases",
                                      sets[set].name));
        if (sets[set].texts == 1)
            STATUS_TRY(results_exactf(results, (double)sets[set].text->size, "byte",
                                      "q5.split.%s.bytes", sets[set].name));
    }
    return STATUS_OK;
}

/* A field of a table: no line end, no tab. */
static void print_field(FILE *file, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            fputs("\\n", file);
        else
            fputc(bytes[i] == '\t' ? ' ' : bytes[i], file);
    }
}

static void print_cut(FILE *file, const SplitText *text, const size_t *cut, size_t cuts) {
    size_t at = 0;
    for (size_t i = 0; i < cuts; i++) {
        print_field(file, text->bytes + at, cut[i] - at);
        fputc('|', file);
        at = cut[i];
    }
    print_field(file, text->bytes + at, text->size - at);
}

/* Every hard case, as it should be cut and as it was. */
static Status write_cases(const SplitTexts sets[SPLIT_SETS], Results *results) {
    FILE *file = results_table(results, "cases", "set\tkind\tright\texpected\tfound");
    if (!file) return STATUS_IO;
    SentenceList list = {0};
    Status status = STATUS_OK;
    for (int set = SPLIT_HARD; set <= SPLIT_FRESH; set++)
        for (size_t i = 0; i < sets[set].texts && status == STATUS_OK; i++) {
            const SplitText *text = &sets[set].text[i];
            size_t count;
            status = split_method_run(SPLIT_RULES, text->bytes, text->size, &list, &count);
            if (status) break;
            int right = count == text->cuts &&
                        (count == 0 || memcmp(list.end, text->cut, count * sizeof *text->cut) == 0);
            fprintf(file, "%s\t%s\t%d\t", sets[set].name, text->kind, right);
            print_cut(file, text, text->cut, text->cuts);
            fputc('\t', file);
            print_cut(file, text, list.end, count);
            fputc('\n', file);
        }
    sentence_list_free(&list);
    return status;
}

/* `most` bytes or fewer around `at`, whole characters and, where possible, whole words. */
static void print_around(FILE *file, const SplitText *text, size_t at, size_t most) {
    size_t from = at > most ? at - most : 0, to = at + most < text->size ? at + most : text->size;
    while (from > 0 && text->bytes[from - 1] != ' ' && from < at) from++;
    while (to < text->size && text->bytes[to] != ' ' && to > at) to--;
    print_field(file, text->bytes + from, at - from);
    fputc('\t', file);
    while (at < to && text->bytes[at] == ' ') at++;
    print_field(file, text->bytes + at, to - at);
    fputc('\n', file);
}

/* Every error on the parts that the rules were tuned on. Those of the test set are counted and not
 * shown: whoever saw them could no longer test with it. */
static Status write_errors(const SplitTexts sets[SPLIT_SETS], Results *results) {
    FILE *file = results_table(results, "errors", "set\terror\tbefore\tafter");
    if (!file) return STATUS_IO;
    SentenceList list = {0};
    Status status = STATUS_OK;
    for (int set = SPLIT_TRAIN; set <= SPLIT_DEV && status == STATUS_OK; set++) {
        const SplitText *text = sets[set].text;
        size_t count = 0;
        status = split_method_run(SPLIT_RULES, text->bytes, text->size, &list, &count);
        for (size_t g = 0, f = 0; status == STATUS_OK && (g < text->cuts || f < count);) {
            if (g < text->cuts && f < count && text->cut[g] == list.end[f]) {
                g++, f++;
                continue;
            }
            int missed = f == count || (g < text->cuts && text->cut[g] < list.end[f]);
            fprintf(file, "%s\t%s\t", sets[set].name, missed ? "missed" : "wrong");
            print_around(file, text, missed ? text->cut[g++] : list.end[f++], 90);
        }
    }
    sentence_list_free(&list);
    return status;
}

static Status write_speed(const SplitSpeed *speed, Results *results) {
    const struct {
        const char *name;
        const Summary *summary;
    } rows[] = {
        {"stream", &speed->stream}, {"whole", &speed->whole}, {"normalise", &speed->normalise}};
    FILE *file =
        results_table(results, "speed", "work\tbytes\trepetitions\tbytes_per_second\tlow\thigh");
    if (!file) return STATUS_IO;
    for (size_t i = 0; i < 3; i++) {
        const Summary *s = rows[i].summary;
        fprintf(file, "%s\t%zu\t%zu\t%.6g\t%.6g\t%.6g\n", rows[i].name,
                i == 2 ? speed->bytes / 8 : speed->bytes, speed->repetitions, s->median,
                s->median_low, s->median_high);
        Interval value = {s->median, s->median_low, s->median_high};
        STATUS_TRY(results_factf(results, value, "byte/s", "q5.split.speed.%s", rows[i].name));
    }
    STATUS_TRY(results_exactf(results, SENTENCE_LOOK_BACK, "byte", "q5.split.look.back"));
    STATUS_TRY(results_exactf(results, SENTENCE_LOOK_AHEAD, "byte", "q5.split.look.ahead"));
    return results_exactf(results, (double)sentences_memory_bytes(), "byte", "q5.split.memory");
}

Status split_report_write(const SplitTexts sets[SPLIT_SETS], const SplitScores *scores,
                          const SplitSpeed *speed, const char *corpora, Results *results) {
    for (int set = 0; set < SPLIT_SETS; set++) {
        char key[32];
        snprintf(key, sizeof key, "text_sha256_%s", sets[set].name);
        STATUS_TRY(results_run(results, key, "%s", sets[set].sha256));
    }
    if (scores->pysbd_version[0])
        STATUS_TRY(results_run(results, "pysbd", "%s", scores->pysbd_version));
    STATUS_TRY(write_scores(sets, scores, results));
    STATUS_TRY(write_cases(sets, results));
    STATUS_TRY(write_errors(sets, results));
    STATUS_TRY(write_speed(speed, results));
    return split_normal_write(corpora, results);
}

void split_report_print(const SplitTexts sets[SPLIT_SETS], const SplitScores *scores,
                        const SplitSpeed *speed, FILE *out) {
    fprintf(out, "%-6s %-11s %9s %7s %7s   %s\n", "text", "method", "precision", "recall", "F1",
            "F1, 95 % interval");
    for (int set = 0; set < SPLIT_SETS; set++)
        for (int method = 0; method < SPLIT_METHODS; method++) {
            const SplitScore *score =
                split_score_find(scores, (SplitMethod)method, (SplitSet)set, NULL);
            if (!score) continue;
            const BoundaryIntervals *in = &score->intervals;
            fprintf(out, "%-6s %-11s %9.4f %7.4f %7.4f   %.4f to %.4f\n", sets[set].name,
                    split_method_name((SplitMethod)method), in->precision.value, in->recall.value,
                    in->f1.value, in->f1.low, in->f1.high);
        }
    for (int set = SPLIT_HARD; set <= SPLIT_FRESH; set++) {
        const SplitScore *all = split_score_find(scores, SPLIT_RULES, (SplitSet)set, NULL);
        fprintf(out, "%s cases cut exactly right: %zu of %zu;", sets[set].name, all->whole,
                all->texts);
        for (size_t i = 0; i < scores->scores; i++) {
            const SplitScore *score = &scores->score[i];
            if (score->method == SPLIT_RULES && score->set == (SplitSet)set && score->kind &&
                score->whole < score->texts)
                fprintf(out, " %s %zu/%zu", score->kind, score->whole, score->texts);
        }
        fputc('\n', out);
    }
    fprintf(out, "%.0f MB/s as a stream, %.0f MB/s at once, %.0f MB/s normalised (one core)\n",
            speed->stream.median / 1e6, speed->whole.median / 1e6, speed->normalise.median / 1e6);
}
