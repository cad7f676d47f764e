/* Tables and facts of q5_data. */
#include "q5_data.h"

#include <stdlib.h>
#include <string.h>

/* A table by name; the message is recorded where there is none. */
#define TABLE(variable, name, header)                                                              \
    FILE *variable = results_table(results, name, header);                                         \
    if (!variable) return STATUS_IO

static double share(size_t part, size_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

/* --- corpora -----------------------------------------------------------------------------------
 */

static size_t near_own_sum(const Q5Data *data, const ReorderFlow *flow) {
    size_t sum = 0;
    for (int k = 0; k < data->sources; k++) sum += flow->near_own[k];
    return sum;
}

static Status write_corpora(const Q5Data *data, Results *results) {
    TABLE(table, "corpora",
          "corpus\tlicence\tsource\tbytes\tdocuments\tparagraphs\tsentences\tgood\trepeated\tnear\t"
          "train\tvalidation\ttest\twords_train");
    for (int i = 0; i < data->sources; i++) {
        const Q5Source *source = &data->source[i];
        const PersianCounts *counts = &source->counts;
        const ReorderFlow *flow = &source->flow;
        size_t repeated = 0;
        for (int split = 0; split < REORDER_SPLITS; split++) repeated += flow->repeated[split];
        fprintf(table, "%s\t%s\t%s\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\n",
                source->corpus.name, source->corpus.licence, source->corpus.source, counts->bytes,
                counts->documents, counts->paragraphs, counts->sentences, counts->kept, repeated,
                flow->near_test + flow->near_validation + near_own_sum(data, flow),
                flow->kept[REORDER_TRAIN], flow->kept[REORDER_VALIDATION], flow->kept[REORDER_TEST],
                flow->words[REORDER_TRAIN]);
    }
    return STATUS_OK;
}

/* In the order in which they are asked, corpus by corpus, and their sums. */
static Status write_filters(const Q5Data *data, Results *results) {
    size_t sum[PERSIAN_FILTERS] = {0}, found = 0, good = 0;
    TABLE(table, "filters", "corpus\tfilter\tsentences");
    for (int i = 0; i < data->sources; i++) {
        const PersianCounts *counts = &data->source[i].counts;
        for (int f = 0; f < PERSIAN_FILTERS; f++) {
            fprintf(table, "%s\t%s\t%zu\n", data->source[i].corpus.name,
                    persian_filter_name((PersianFilter)f), counts->dropped[f]);
            sum[f] += counts->dropped[f];
        }
        fprintf(table, "%s\tgood\t%zu\n", data->source[i].corpus.name, counts->kept);
        found += counts->sentences;
        good += counts->kept;
    }
    TABLE(all, "filters_all", "filter\tsentences\tshare");
    for (int f = 0; f < PERSIAN_FILTERS; f++) {
        fprintf(all, "%s\t%zu\t%.6f\n", persian_filter_name((PersianFilter)f), sum[f],
                share(sum[f], found));
        STATUS_TRY(results_exactf(results, (double)sum[f], "1", "filter.%s",
                                  persian_filter_name((PersianFilter)f)));
    }
    fprintf(all, "good\t%zu\t%.6f\n", good, share(good, found));
    STATUS_TRY(results_exactf(results, (double)found, "1", "sentences.found"));
    return results_exactf(results, (double)good, "1", "sentences.good");
}

static Status write_repairs(const Q5Data *data, Results *results) {
    size_t sum[PERSIAN_RULES] = {0}, bytes = 0, documents = 0, lost = 0;
    PersianCounts all = {0};
    TABLE(table, "repairs", "corpus\tlines_joined\tspeakers\tlist_numbers\tbackslashes\tnotes");
    TABLE(rules, "normalisation", "corpus\trule\tchanges");
    for (int i = 0; i < data->sources; i++) {
        const PersianCounts *counts = &data->source[i].counts;
        fprintf(table, "%s\t%zu\t%zu\t%zu\t%zu\t%zu\n", data->source[i].corpus.name,
                counts->lines_joined, counts->speakers, counts->list_numbers, counts->backslashes,
                counts->notes);
        for (int rule = 0; rule < PERSIAN_RULES; rule++) {
            fprintf(rules, "%s\t%s\t%zu\n", data->source[i].corpus.name,
                    persian_rule_name((PersianRule)rule), counts->changes[rule]);
            sum[rule] += counts->changes[rule];
        }
        all.lines_joined += counts->lines_joined;
        all.speakers += counts->speakers;
        all.list_numbers += counts->list_numbers;
        all.backslashes += counts->backslashes;
        all.notes += counts->notes;
        bytes += counts->bytes;
        documents += counts->documents;
        lost += counts->words_changed;
    }
    TABLE(rules_all, "normalisation_all", "rule\tchanges");
    for (int rule = 0; rule < PERSIAN_RULES; rule++)
        fprintf(rules_all, "%s\t%zu\n", persian_rule_name((PersianRule)rule), sum[rule]);
    STATUS_TRY(results_exactf(results, (double)all.lines_joined, "1", "repair.lines_joined"));
    STATUS_TRY(results_exactf(results, (double)all.speakers, "1", "repair.speakers"));
    STATUS_TRY(results_exactf(results, (double)all.list_numbers, "1", "repair.list_numbers"));
    STATUS_TRY(results_exactf(results, (double)all.backslashes, "1", "repair.backslashes"));
    STATUS_TRY(results_exactf(results, (double)all.notes, "1", "repair.notes"));
    STATUS_TRY(results_exactf(results, (double)lost, "1", "repair.words_without_letters"));
    STATUS_TRY(results_exactf(results, (double)documents, "1", "documents"));
    STATUS_TRY(results_exactf(results, (double)bytes, "byte", "bytes"));
    return STATUS_OK;
}

/* Left out of train for repeating a sentence of another set. */
static Status write_near(const Q5Data *data, Results *results) {
    size_t sum[REORDER_CORPORA_MAX] = {0}, test = 0, validation = 0, repeated = 0;
    TABLE(table, "near", "corpus\tset\tsentences");
    for (int i = 0; i < data->sources; i++) {
        const ReorderFlow *flow = &data->source[i].flow;
        const char *corpus = data->source[i].corpus.name;
        if (data->source[i].corpus.form == PERSIAN_TREEBANK) continue;
        fprintf(table, "%s\ttest\t%zu\n%s\tvalidation\t%zu\n", corpus, flow->near_test, corpus,
                flow->near_validation);
        test += flow->near_test;
        validation += flow->near_validation;
        for (int split = 0; split < REORDER_SPLITS; split++) repeated += flow->repeated[split];
        for (int k = 0; k < data->sources; k++) {
            if (data->source[k].corpus.form != PERSIAN_TREEBANK) continue;
            fprintf(table, "%s\t%s\t%zu\n", corpus, data->source[k].corpus.name, flow->near_own[k]);
            sum[k] += flow->near_own[k];
            if (data->source[i].corpus.form == PERSIAN_SENTENCES)
                STATUS_TRY(results_exactf(results, (double)flow->near_own[k], "1", "near.%s.%s",
                                          data->source[k].corpus.name, corpus));
        }
    }
    for (int k = 0; k < data->sources; k++) {
        if (data->source[k].corpus.form != PERSIAN_TREEBANK) continue;
        STATUS_TRY(
            results_exactf(results, (double)sum[k], "1", "near.%s", data->source[k].corpus.name));
        STATUS_TRY(results_exactf(results, (double)data->source[k].counts.other_words, "1",
                                  "other_words.%s", data->source[k].corpus.name));
    }
    STATUS_TRY(results_exactf(results, (double)test, "1", "near.test"));
    STATUS_TRY(results_exactf(results, (double)validation, "1", "near.validation"));
    return results_exactf(results, (double)repeated, "1", "repeated");
}

/* --- sets --------------------------------------------------------------------------------------
 */

static Status write_set(const Q5Data *data, const ReorderSet *set, FILE *table, Results *results) {
    Q5Words words;
    STATUS_TRY(q5_data_words(&data->data, set, &words));
    double mean = share(set->words, set->sentences);
    double unseen = share(words.unseen_words, set->words);
    double unseen_sentences = share(words.unseen_sentences, set->sentences);
    double repeating = share(words.repeating, set->sentences);
    fprintf(table, "%s\t%zu\t%zu\t%.3f\t%zu\t%zu\t%.6f\t%.6f\t%.6f\n", set->name, set->sentences,
            set->words, mean, words.vocabulary, words.unseen_vocabulary, unseen, unseen_sentences,
            repeating);
    const char *n = set->name;
    double count = (double)set->sentences, total = (double)set->words;
    double vocabulary = (double)words.vocabulary;
    STATUS_TRY(results_exactf(results, count, "1", "%s.sentences", n));
    STATUS_TRY(results_exactf(results, total, "1", "%s.words", n));
    STATUS_TRY(results_exactf(results, mean, "1", "%s.length", n));
    STATUS_TRY(results_exactf(results, vocabulary, "1", "%s.vocabulary", n));
    STATUS_TRY(results_exactf(results, unseen, "1", "%s.unseen_words", n));
    STATUS_TRY(results_exactf(results, unseen_sentences, "1", "%s.unseen_sentences", n));
    return results_exactf(results, repeating, "1", "%s.repeating", n);
}

static Status write_sets(const Q5Data *data, Results *results) {
    TABLE(table, "sets",
          "set\tsentences\twords\tlength_mean\tvocabulary\tunseen_vocabulary\tunseen_words\t"
          "unseen_sentences\trepeating");
    for (size_t s = 0; s < data->data.sets; s++)
        STATUS_TRY(write_set(data, &data->data.set[s], table, results));
    TABLE(lengths, "lengths", "set\tlength\tsentences\tshare");
    for (size_t s = 0; s < data->data.sets; s++) {
        const ReorderSet *set = &data->data.set[s];
        size_t count[REORDER_LENGTH_HIGH + 1] = {0};
        for (size_t i = 0; i < set->sentences; i++) count[reorder_length(set, i)]++;
        for (int n = REORDER_LENGTH_LOW; n <= REORDER_LENGTH_HIGH; n++)
            fprintf(lengths, "%s\t%d\t%zu\t%.6f\n", set->name, n, count[n],
                    share(count[n], set->sentences));
    }
    return STATUS_OK;
}

/* How much of each set the most frequent words of train make up: ids rank by frequency. */
static Status write_coverage(const Q5Data *data, Results *results) {
    static const uint32_t sizes[] = {100,   300,   1000,  3000,  5000,
                                     10000, 20000, 30000, 50000, 100000};
    TABLE(table, "coverage", "set\tvocabulary\tcovered");
    for (size_t s = 0; s < data->data.sets; s++) {
        const ReorderSet *set = &data->data.set[s];
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            size_t covered = 0;
            for (size_t i = 0; i < set->words; i++) covered += set->word[i] < sizes[k];
            double of_all = share(covered, set->words);
            fprintf(table, "%s\t%u\t%.6f\n", set->name, sizes[k], of_all);
            if (sizes[k] == 30000)
                STATUS_TRY(results_exactf(results, of_all, "1", "%s.covered_30000", set->name));
        }
    }
    return STATUS_OK;
}

/* --- what chance and others score, examples
 * --------------------------------------------------------------
 */

static Status write_measures(const ReorderSet *set, int high, Q5Probe probe, const char *label,
                             FILE *table, Results *results) {
    OrderSummary found;
    STATUS_TRY(q5_data_probe(set, REORDER_LENGTH_LOW, high, probe, &found));
    if (found.sentences == 0) return STATUS_OK;
    const struct {
        const char *name;
        Interval value;
    } measures[] = {{"bleu", found.bleu},
                    {"exact", found.exact},
                    {"tau", found.tau},
                    {"position", found.position},
                    {"substring", found.substring}};
    fprintf(table, "%s\t%s\t%d\t%zu", q5_probe_name(probe), set->name, high, found.sentences);
    for (size_t m = 0; m < sizeof measures / sizeof *measures; m++) {
        Interval v = measures[m].value;
        fprintf(table, "\t%.6g\t%.6g\t%.6g", v.value, v.low, v.high);
        STATUS_TRY(results_factf(results, v, "1", "%s.%s", label, measures[m].name));
    }
    fputc('\n', table);
    double count = (double)found.sentences;
    return results_exactf(results, count, "1", "%s.sentences", label);
}

/* What the measures make of answers that no model gave, on the sentences for which results are
 * known (PerDT's test part, at most 15 words); and of chance on every set. */
static Status write_probes(const Q5Data *data, Results *results) {
    enum { KNOWN_WORDS = 15 };
    char label[96];
    TABLE(table, "probes",
          "change\tset\twords_high\tsentences\tbleu\tbleu_low\tbleu_high\texact\texact_low\t"
          "exact_high\ttau\ttau_low\ttau_high\tposition\tposition_low\tposition_high\t"
          "substring\tsubstring_low\tsubstring_high");
    const ReorderSet *perdt = reorder_data_set(&data->data, "perdt_test");
    for (int probe = 0; perdt && probe < Q5_PROBES; probe++) {
        snprintf(label, sizeof label, "probe.%s", q5_probe_name((Q5Probe)probe));
        STATUS_TRY(write_measures(perdt, KNOWN_WORDS, (Q5Probe)probe, label, table, results));
    }
    for (size_t s = 0; s < data->data.sets; s++) {
        const ReorderSet *set = &data->data.set[s];
        if (strcmp(set->name, "train") == 0) continue;
        snprintf(label, sizeof label, "chance.%s", set->name);
        STATUS_TRY(
            write_measures(set, REORDER_LENGTH_HIGH, Q5_PROBE_RANDOM, label, table, results));
    }
    return STATUS_OK;
}

static void write_words(FILE *table, const ReorderWords *words, const uint32_t *word, int length) {
    for (int i = 0; i < length; i++)
        fprintf(table, "%s%s", i ? " " : "", reorder_words_text(words, word[i]));
}

/* Five rows as they stand in the sets: of texts whose licence lets them be quoted, short enough for
 * a line, the first ones of their set. */
static Status write_examples(const Q5Data *data, Results *results) {
    static const char *const sets[] = {"perdt_test",    "test_wiki_pquad", "test_tatoeba",
                                       "test_wiki_bio", "seraji_test",     "perdt_dev",
                                       "test"};
    enum { EXAMPLES = 5, LOW = 7, HIGH = 11 };
    int count = 0;
    TABLE(table, "examples", "set\tshuffled\tordered");
    for (int round = 0; round < EXAMPLES && count < EXAMPLES; round++)
        for (size_t k = 0; k < sizeof sets / sizeof *sets && count < EXAMPLES; k++) {
            const ReorderSet *set = reorder_data_set(&data->data, sets[k]);
            int seen = 0;
            for (size_t s = 0; set && s < set->sentences; s++) {
                int length = reorder_length(set, s);
                if (length < LOW || length > HIGH || seen++ < round) continue;
                fprintf(table, "%s\t", set->name);
                write_words(table, &data->data.words, reorder_shuffled_of(set, s), length);
                fputc('\t', table);
                write_words(table, &data->data.words, reorder_words_of(set, s), length);
                fputc('\n', table);
                count++;
                break;
            }
        }
    return STATUS_OK;
}

/* --- all ---------------------------------------------------------------------------------------
 */

static Status describe(const Q5Data *data, Results *results) {
    static const char *const corpora[] = {"small", "open", "all"};
    char key[96];
    STATUS_TRY(results_run(results, "profile", "%s", data->plan.full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%d", data->plan.seed));
    STATUS_TRY(results_run(results, "corpora", "%s", corpora[data->plan.corpora]));
    STATUS_TRY(results_run(results, "shares", "test %g, validation %g of the documents",
                           data->plan.test, data->plan.validation));
    for (int i = 0; i < data->sources; i++) {
        snprintf(key, sizeof key, "sha256.%s", data->source[i].corpus.name);
        STATUS_TRY(results_run(results, key, "%s", data->source[i].hash));
    }
    return STATUS_OK;
}

Status q5_data_report(const Q5Data *data, Results *results) {
    STATUS_TRY(describe(data, results));
    STATUS_TRY(results_prefix(results, "%s.", data->plan.prefix));
    STATUS_TRY(write_corpora(data, results));
    STATUS_TRY(write_filters(data, results));
    STATUS_TRY(write_repairs(data, results));
    STATUS_TRY(write_near(data, results));
    STATUS_TRY(write_sets(data, results));
    STATUS_TRY(write_coverage(data, results));
    STATUS_TRY(write_probes(data, results));
    STATUS_TRY(write_examples(data, results));
    STATUS_TRY(results_exactf(results, (double)data->sources, "1", "corpora"));
    STATUS_TRY(results_exactf(results, (double)data->data.words.count, "1", "vocabulary"));
    STATUS_TRY(results_exactf(results, data->processor_seconds, "s", "processor_seconds"));
    return results_exactf(results, data->seconds, "s", "seconds");
}

void q5_data_print(const Q5Data *data, FILE *stream) {
    fprintf(stream, "%-20s %9s %9s %8s %9s %8s %8s\n", "corpus", "found", "good", "repeated",
            "train", "valid.", "test");
    for (int i = 0; i < data->sources; i++) {
        const Q5Source *source = &data->source[i];
        const ReorderFlow *flow = &source->flow;
        fprintf(stream, "%-20s %9zu %9zu %8zu %9zu %8zu %8zu\n", source->corpus.name,
                source->counts.sentences, source->counts.kept,
                source->counts.kept - flow->kept[0] - flow->kept[1] - flow->kept[2],
                flow->kept[REORDER_TRAIN], flow->kept[REORDER_VALIDATION],
                flow->kept[REORDER_TEST]);
    }
    fprintf(stream, "(repeated: left out because it occurred before, or nearly repeats a sentence "
                    "kept for testing)\n");
    for (size_t s = 0; s < data->data.sets; s++)
        fprintf(stream, "%-28s %9zu sentences %11zu words\n", data->data.set[s].name,
                data->data.set[s].sentences, data->data.set[s].words);
    fprintf(stream, "%zu different words; %.1f s\n", data->data.words.count, data->seconds);
}
