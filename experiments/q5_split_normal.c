/* The rules of normalisation: an example of each, and how often corpora need them. */
#include "q5_split.h"

#include "data/text_file.h"
#include "text/persian.h"
#include "text/utf8.h"

#include <stdio.h>
#include <string.h>

/* One word or two for each rule, before; what becomes of them is computed. */
static const struct {
    PersianRule rule;
    const char *before;
} examples[] = {
    {PERSIAN_YEH, "\u0639\u0644\u064a"},         /* Arabic yeh */
    {PERSIAN_KAF, "\u0643\u0645"},               /* Arabic kaf */
    {PERSIAN_HEH, "\u0645\u0627\u06c1"},         /* heh goal */
    {PERSIAN_HAMZA, "\u0646\u0627\u0645\u06c0"}, /* heh with hamza in one */
    {PERSIAN_NFC, "\u0627\u0653\u0628"},         /* alef and madda */
    {PERSIAN_FORM, "\ufeb3\ufefc\u0645"},        /* forms of seen and lam-alef */
    {PERSIAN_DIGIT, "\u0662"
                    "5"},                            /* Arabic, Latin */
    {PERSIAN_DIACRITIC, "\u062f\u064f\u0631\u0651"}, /* damma, shadda */
    {PERSIAN_TATWEEL, "\u0633\u0640\u0631"},
    {PERSIAN_HALF_SPACE, "\u0645\u06cc\u200f\u0631\u0648"}, /* RLM between letters */
    {PERSIAN_ZWNJ, "\u0645\u06cc\u200c\u200c\u0631\u0648"},
    {PERSIAN_DIRECTION, "\u202b\u0646\u0647\u202c"},
    {PERSIAN_SPACE, "\u0627\u0632\u00a0 \u0627\u0648"},
    {PERSIAN_CONTROL, "\u0628\b\u0627"},
};

static const char *const corpora[] = {"wiki_pquad", "news_fars", "assembly1979_1989"};

static void print_codes(FILE *file, const char *text, size_t size) {
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = utf8_decode(text + at, size - at, &code);
        fprintf(file, "%s%04X", at ? " " : "", (unsigned)code);
        at += length ? length : 1;
    }
}

static Status write_examples(Results *results) {
    FILE *file =
        results_table(results, "normalise", "rule\tbefore_codes\tafter_codes\tafter\tchanges");
    if (!file) return STATUS_IO;
    PersianText out = {0};
    Status status = STATUS_OK;
    for (size_t i = 0; i < sizeof examples / sizeof *examples && status == STATUS_OK; i++) {
        PersianReport report;
        const char *before = examples[i].before;
        status = persian_normalise(before, strlen(before), NULL, &out, &report);
        if (status) break;
        fprintf(file, "%s\t", persian_rule_name(examples[i].rule));
        print_codes(file, before, strlen(before));
        fputc('\t', file);
        print_codes(file, out.bytes, out.size);
        fprintf(file, "\t%s\t%zu\n", out.bytes, report.changes[examples[i].rule]);
    }
    persian_text_free(&out);
    return status;
}

/* Changes a thousand words, for each rule, in each corpus that is there. */
Status split_normal_write(const char *folder, Results *results) {
    STATUS_TRY(write_examples(results));
    FILE *file = results_table(results, "normalise_corpora",
                               "corpus\trule\twords\tchanges\tper_thousand_words");
    if (!file) return STATUS_IO;
    for (size_t i = 0; i < sizeof corpora / sizeof *corpora; i++) {
        char path[4096];
        TextFile text;
        snprintf(path, sizeof path, "%s/%s.txt.gz", folder, corpora[i]);
        if (text_file_read(path, &text) != STATUS_OK) continue; /* not brought: no row of it */
        PersianText out = {0}, again = {0};
        PersianReport report, second;
        PersianOptions options = {.replace_invalid = 1};
        Status status = persian_normalise(text.bytes, text.size, &options, &out, &report);
        if (status == STATUS_OK)
            status = persian_normalise(out.bytes, out.size, &options, &again, &second);
        size_t more = 0;
        for (int rule = 0; rule < PERSIAN_RULES && status == STATUS_OK; rule++) {
            fprintf(file, "%s\t%s\t%zu\t%zu\t%.6g\n", corpora[i],
                    persian_rule_name((PersianRule)rule), report.words_before, report.changes[rule],
                    1e3 * (double)report.changes[rule] / (double)report.words_before);
            more += second.changes[rule];
        }
        if (status == STATUS_OK &&
            (more > 0 || again.size != out.size || memcmp(again.bytes, out.bytes, out.size) != 0))
            status =
                status_fail(STATUS_FORMAT, "%s: normalising twice changed %zu more", path, more);
        persian_text_free(&out);
        persian_text_free(&again);
        text_file_free(&text);
        STATUS_TRY(status);
        double lost = (double)(report.words_before - report.words_after);
        STATUS_TRY(results_exactf(results, (double)report.words_before, "word",
                                  "q5.split.normal.%s.words", corpora[i]));
        STATUS_TRY(
            results_exactf(results, lost, "word", "q5.split.normal.%s.words_vanished", corpora[i]));
    }
    return STATUS_OK;
}
