/* q5_data: Persian texts become the two-column data of word ordering (Question 5).
 * `q5_data --help` says how. */
#include "q5_data.h"
#include "program.h"

int main(int argc, char **argv) {
    static Q5Data data;
    int exit_status = q5_data_parse(&data.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    Results *results = NULL;
    Status status = results_open(&results, data.plan.results, data.plan.experiment, argc, argv);
    if (status == STATUS_OK) status = q5_data_build(&data);
    if (status == STATUS_OK) status = q5_data_report(&data, results);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        progress_end(&data.progress);
        q5_data_print(&data, stdout);
        printf("data: %s; ", data.plan.output);
    }
    exit_status = program_end(&(ProgramEnd){.name = "q5_data",
                                            .results = data.plan.results,
                                            .experiment = data.plan.experiment,
                                            .line_open = data.progress.terminal},
                              status);
    q5_data_free(&data);
    return exit_status;
}
