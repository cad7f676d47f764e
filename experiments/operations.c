/* operations: asks every device for every operation of the questions, and writes down which runs
 * where: the report's table of operations and devices. */
#define _POSIX_C_SOURCE 200809L
#include "options.h"
#include "program.h"
#include "results.h"

#include "op/mirror.h"
#include "op/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABOUT                                                                                      \
    "Asks the processor and a GPU for every operation that the questions need, in every "          \
    "precision, forward and backward, by running it at a small shape, and writes down which "      \
    "answered. An operation that a GPU lacks is listed with its reason; nothing is computed "      \
    "elsewhere in its place.\n\n"                                                                  \
    "Without a GPU its operations are asked too: their sources are compiled for the processor "    \
    "(where g++ is found) and run there by the tests' emulation. That says which operations "      \
    "exist, "                                                                                      \
    "and nothing about a GPU's speed. --gpu=real asks the plug-in on a GPU instead.\n\n"           \
    "The folder <results>/operations (of a real GPU operations_cuda) appears whole or not at "     \
    "all. "                                                                                        \
    "Both profiles do the same."

#define EXAMPLES                                                                                   \
    "  operations                          under a second\n"                                       \
    "  operations --gpu=real --results=/tmp/mine\n"

enum { CPU, GPU, DEVICES, PRECISIONS = 3 };

enum { REASONS = 4 };
static const char *const reasons[REASONS] = {"tape", "decoder", "generation", "unknown"};

typedef struct {
    Arena arena;
    const Device *device[DEVICES]; /* NULL: nobody to ask */
    Results *results;
    int asked, runs[DEVICES], attention, attention_gpu;
    int without[REASONS]; /* operations that a GPU lacks, by reason */
} Survey;

/* "f32 tf32": of those precisions in which `device` runs it. */
static Status precisions(Survey *s, const Operation *o, int which, Direction direction, char *out,
                         size_t size) {
    static OperationNumbers numbers;
    const Device *device = s->device[which];
    int found = 0;
    out[0] = 0;
    if (!device) return STATUS_OK;
    for (int p = 0; p < PRECISIONS; p++) {
        const Precision precision = (Precision)p;
        switch (operation_ask(o, device, precision, direction, &s->arena, &numbers)) {
        case OPERATION_FAILS:
            return status_fail(STATUS_FORMAT, "%s: %s.%s failed: %s", device->name, o->group,
                               o->name, status_message());
        case OPERATION_RUNS:
            snprintf(out + strlen(out), size - strlen(out), "%s%s", found ? " " : "",
                     precision_name(precision));
            found = 1;
            break;
        case OPERATION_LACKS:
            break;
        }
    }
    s->runs[which] += found;
    return STATUS_OK;
}

static Status ask(Survey *s, const Operation *o, FILE *table) {
    char cell[DEVICES][2][40];
    const int directions = operation_has(o, DIRECTION_BACKWARD) ? 2 : 1;
    int lacks = 0;
    for (int d = 0; d < directions; d++) {
        for (int k = 0; k < DEVICES; k++)
            STATUS_TRY(precisions(s, o, k, (Direction)d, cell[k][d], sizeof cell[k][d]));
        s->asked++;
        const int there = cell[GPU][d][0] != 0;
        lacks = lacks || !there;
        if (strcmp(o->group, "attention") == 0) s->attention++, s->attention_gpu += there;
    }
    const char *reason = "";
    if (s->device[GPU] && lacks) {
        reason = o->without_gpu ? o->without_gpu : "unknown";
        for (int r = 0; r < REASONS; r++) s->without[r] += strcmp(reasons[r], reason) == 0;
    }
    fprintf(table, "%s\t%s\t%d", o->group, o->name, directions);
    for (int k = 0; k < DEVICES; k++)
        fprintf(table, "\t%s\t%s", cell[k][0], directions > 1 ? cell[k][1] : "");
    fprintf(table, "\t%s\n", reason);
    return STATUS_OK;
}

static Status survey(Survey *s) {
    FILE *table = results_table(s->results, "operations",
                                "group\toperation\tdirections\tcpu_forward\tcpu_backward\t"
                                "gpu_forward\tgpu_backward\treason");
    if (!table) return STATUS_IO;
    for (int i = 0; i < operations_count(); i++) STATUS_TRY(ask(s, operation_at(i), table));
    STATUS_TRY(results_exactf(s->results, s->asked, "1", "operations.asked"));
    STATUS_TRY(results_exactf(s->results, s->runs[CPU], "1", "operations.cpu"));
    STATUS_TRY(results_exactf(s->results, s->attention, "1", "operations.attention"));
    if (!s->device[GPU]) return STATUS_OK;
    STATUS_TRY(results_exactf(s->results, s->runs[GPU], "1", "operations.gpu"));
    STATUS_TRY(results_exactf(s->results, s->attention_gpu, "1", "operations.attention.gpu"));
    for (int r = 0; r < REASONS; r++)
        STATUS_TRY(results_exactf(s->results, s->without[r], "1", "operations.gpu.without.%s",
                                  reasons[r]));
    return results_exactf(s->results, getenv("TAMRIN_TEST_GPU") == NULL, "1",
                          "operations.gpu.emulated");
}

static Status open_devices(Survey *s, int real) {
    s->device[CPU] = device_cpu();
    s->device[GPU] = mirror_cuda();
    if (!s->device[GPU] && real) return status_fail(STATUS_UNSUPPORTED, "%s", mirror_why());
    return STATUS_OK;
}

/* Of a real GPU results say by themselves which it is (results.h). */
static Status describe(Survey *s, int full, int real) {
    STATUS_TRY(results_run(s->results, "profile", "%s", full ? "full" : "quick"));
    if (real) return STATUS_OK;
    STATUS_TRY(results_run(s->results, "device", "cpu %s", device_cpu_isa()));
    return results_run(s->results, "gpu", "%s",
                       s->device[GPU] ? mirror_behind()->memory->describe() : mirror_why());
}

int main(int argc, char **argv) {
    int profile, real;
    const char *folder;
    const Option options[] = {
        {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
         .help = "recorded with the results; both ask the same"},
        {"gpu", OPTION_CHOICE, &real, "emulated", .choices = "emulated|real",
         .help = "whom to ask for a GPU's operations: the emulation on the processor, or the "
                 "plug-in on a GPU (the folder is then operations_cuda)"},
        {"results", OPTION_TEXT, &folder, "results/local", .value = "FOLDER",
         .help = "the folder that will hold the folder operations"},
    };
    const OptionsProgram program = {.name = "operations",
                                    .about = ABOUT,
                                    .examples = EXAMPLES,
                                    .options = options,
                                    .count = sizeof options / sizeof *options};
    int ended = options_begin(&program, argc, argv);
    if (ended >= 0) return ended;
    if (real)
        setenv("TAMRIN_TEST_GPU", "1", 1); /* what op/mirror.h goes by */
    else
        unsetenv("TAMRIN_TEST_GPU");
    Survey s = {0};
    Status status = arena_open(&s.arena, (size_t)64 << 20);
    if (status == STATUS_OK) status = open_devices(&s, real);
    if (status == STATUS_OK)
        status = results_open_device(&s.results, folder, "operations",
                                     real ? mirror_behind()->memory : NULL, argc, argv);
    if (status == STATUS_OK) status = describe(&s, profile, real);
    if (status == STATUS_OK) status = survey(&s);
    status = results_end(s.results, status);
    arena_close(&s.arena);
    if (status == STATUS_OK)
        printf("operations: %d asked for, %d by the processor, %d by the GPU's code\n", s.asked,
               s.runs[CPU], s.runs[GPU]);
    return program_end(&(ProgramEnd){.name = "operations"}, status);
}
