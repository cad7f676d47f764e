/* q5_data: Persian texts become the two-column data of word ordering (Question 5).
 * `q5_data --help` says how. */
#include "q5_data.h"
#include "base/interrupt.h"

int main(int argc, char **argv) {
    static Q5Data data;
    int exit_status = q5_data_parse(&data.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    interrupt_install();
    Results *results = NULL;
    Status status = results_open(&results, data.plan.results, data.plan.experiment, argc, argv);
    if (status == STATUS_OK) status = q5_data_build(&data);
    if (status == STATUS_OK) status = q5_data_report(&data, results);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        progress_end(&data.progress);
        q5_data_print(&data, stdout);
        printf("data: %s; results: %s/%s\n", data.plan.output, data.plan.results,
               data.plan.experiment);
    } else {
        fprintf(stderr, "%sq5_data: %s\n", data.progress.terminal ? "\n" : "", status_message());
    }
    q5_data_free(&data);
    if (status == STATUS_INTERRUPTED) return 130;
    return status != STATUS_OK || fflush(stdout) ? 1 : 0;
}
