/* q5_reorder judged: the command line, and the table that a reader fills. */
#include "q5_judged.h"
#include "base/rng.h"
#include "options.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *answers, *judgments, *results, *reader;
    int blank;
} JudgedPlan;

static int parse(JudgedPlan *plan, int argc, char **argv) {
    const Option table[] = {
        {"answers", OPTION_TEXT, &plan->answers, "results/local/q5_reorder", .value = "FOLDER",
         .help = "results of q5_reorder: its mismatches and scores"},
        {"judgments", OPTION_TEXT, &plan->judgments, "experiments/q5_judged.tsv", .value = "FILE",
         .help = "truth, answer, reader, verdict (same, other, nonsense or broken), reason"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q5_judged will stand"},
        {"blank", OPTION_INT, &plan->blank, "0", .value = "SEED", .low = 0, .high = 1000000,
         .help = "above 0: prints, in an order drawn by this seed, rows to fill for the answers "
                 "that --reader has not judged, and measures nothing"},
        {"reader", OPTION_TEXT, &plan->reader, "me", .value = "NAME",
         .help = "who is going to fill them"},
    };
    const OptionsProgram program = {
        .name = "q5_reorder judged",
        .about =
            "Says how many of the orderer's answers that differ from the sentence are acceptable "
            "Persian, as two to eight readers judged them.\n\n"
            "Each answer has one of four verdicts, asked in this order. broken: with no "
            "punctuation "
            "and no ezafe is it a sentence of written Persian. nonsense: it can be parsed, but "
            "nobody would say it. other: it says another thing than the sentence does. same: it is "
            "true wherever the sentence is; emphasis and style may differ. Between two in doubt "
            "the "
            "first stands; same alone is acceptable (experiments/q5_judged.h has the criteria in "
            "full).\n\n"
            "Where readers differ the median verdict counts, in the order broken, nonsense, other, "
            "same, and of two in the middle the stricter: an answer is acceptable if more than "
            "half "
            "of the readers say same. Shares of each reader, of all and of any, Cohen's kappa of "
            "every two and Fleiss' of all are written beside it.\n\n"
            "A judgment belongs to an answer if both texts are the same, letter by letter. Where "
            "a reader has judged some of the answers and not all, or fewer than two have judged "
            "them, nothing is written.",
        .examples = "  q5_reorder judged --answers=results/recorded/MACHINE/q5_reorder\n"
                    "  q5_reorder judged --blank=7 --reader=mine >>experiments/q5_judged.tsv\n",
        .options = table,
        .count = sizeof table / sizeof *table};
    return options_begin(&program, argc, argv);
}

static Status print_blank(const JudgedPlan *plan, const Q5Judged *j) {
    int who = 0;
    uint32_t *order = malloc((size_t)j->count * sizeof *order);
    if (!order) return status_fail(STATUS_MEMORY, "no memory for %d rows", j->count);
    while (who < j->readers && strcmp(j->reader[who], plan->reader) != 0) who++;
    for (int i = 0; i < j->count; i++) order[i] = (uint32_t)i;
    rng_shuffle(order, (size_t)j->count, (uint64_t)plan->blank, rng_stream("q5.judged.blank"));
    for (int k = 0; k < j->count; k++) {
        const int i = (int)order[k];
        if (who < j->readers && j->verdict[who * j->count + i] != Q5_NOT_JUDGED) continue;
        printf("%s\t%s\t%s\t\t\n", tsv_text(j->mismatches, i, j->truth),
               tsv_text(j->mismatches, i, j->answer), plan->reader);
    }
    free(order);
    return STATUS_OK;
}

static Status measure(const JudgedPlan *plan, const Q5Judged *j, int argc, char **argv) {
    Results *results;
    STATUS_TRY(q5_judged_complete(j, plan->judgments));
    STATUS_TRY(results_open(&results, plan->results, "q5_judged", argc, argv));
    return results_end(results, q5_judged_report(j, plan->answers, results));
}

int q5_judged_run(int argc, char **argv) {
    JudgedPlan plan;
    Q5Judged judged;
    const int exit_status = parse(&plan, argc - 1, argv + 1);
    if (exit_status >= 0) return exit_status;
    Status status = q5_judged_read(plan.answers, plan.judgments, &judged);
    if (status == STATUS_OK)
        status = plan.blank ? print_blank(&plan, &judged) : measure(&plan, &judged, argc, argv);
    q5_judged_close(&judged);
    return program_end(&(ProgramEnd){.name = "q5_reorder judged",
                                     .results = plan.blank ? NULL : plan.results,
                                     .experiment = "q5_judged"},
                       status);
}
