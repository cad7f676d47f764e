/* q1_memory: probes against a Jacobian by differences, for every reader; orthonormal vectors; the
 * decay of a known exponential; where the asked symbol stands; a small run of the whole driver,
 * with the facts that must come out whatever is learned. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "q1_memory.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q1_memory(void);

enum { LENGTH = 7, VOCABULARY = LENGTH + 1 };

static Arena arena;

static void open_arena(void) {
    ck_assert_int_eq(arena_open(&arena, 1 << 28), STATUS_OK);
}

static void close_arena(void) {
    arena_close(&arena);
}

static MemoryModel *model_of(MemoryKind kind, int parameters) {
    MemoryModel *model;
    const MemoryConfig config = {.kind = kind,
                                 .vocabulary = VOCABULARY,
                                 .classes = 3,
                                 .embedding = 5,
                                 .parameters = parameters,
                                 .lag = 20};
    ck_assert_msg(memory_model_open(&model, &config, 3) == STATUS_OK, "%s", status_message());
    return model;
}

/* --- probes ---------------------------------------------------------------------------------- */

START_TEST(probe_vectors_are_orthonormal_and_random) {
    enum { COUNT = 5, SIZE = 9 };
    double u[COUNT * SIZE], other[COUNT * SIZE];
    memory_probe_vectors(COUNT, SIZE, 1, u);
    memory_probe_vectors(COUNT, SIZE, 2, other);
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int k = 0; k < SIZE; k++) dot += u[i * SIZE + k] * u[j * SIZE + k];
            ck_assert_double_eq_tol(dot, i == j, 1e-13);
        }
    ck_assert_double_gt(fabs(u[0] - other[0]), 1e-3);
}
END_TEST

/* The state at `read` as the model has it now. */
static void state_at(MemoryModel *model, const int32_t *ids, int read, float *out) {
    const size_t mark = arena_mark(&arena);
    Tape tape;
    tape_open(&tape, &arena, TAPE_INFER, 0, 0);
    MemoryPass pass = memory_forward(model, &tape, ids, LENGTH, 1);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    const size_t width = (size_t)model->width;
    memcpy(out, pass.states->data + (size_t)memory_row(model, LENGTH, 1, read, 0) * width,
           width * sizeof *out);
    arena_rewind(&arena, mark);
}

/* Every word occurs once, so that a row of the table of words is one x_t. */
static void norms_by_differences(MemoryModel *model, const int32_t *ids, int read, int first,
                                 int columns, double *norm) {
    float up[64], down[64];
    const float step = 4e-3f;
    Parameter *words = model->transformer ? parameters_find(model->parameters, "encoder.words")
                                          : parameters_find(model->parameters, "words");
    ck_assert_ptr_nonnull(words);
    for (int t = 0; t < LENGTH; t++) {
        double squares = 0;
        for (int i = 0; i < model->inputs; i++) {
            float *x = words->value + (size_t)ids[t] * (size_t)model->inputs + i, kept = *x;
            *x = kept + step;
            const float high = *x;
            state_at(model, ids, read, up);
            *x = kept - step;
            const float low = *x;
            state_at(model, ids, read, down);
            *x = kept;
            for (int c = first; c < first + columns; c++) {
                double slope = ((double)up[c] - down[c]) / ((double)high - low);
                squares += slope * slope;
            }
        }
        norm[t] = sqrt(squares);
    }
}

static const int32_t sequence[LENGTH] = {4, 0, 6, 2, 5, 1, 3};

START_TEST(as_many_probes_as_components_give_the_norm) {
    MemoryModel *model = model_of((MemoryKind)_i, 200);
    ck_assert_int_le(model->width, 64);
    const int reads[] = {LENGTH - 1, 3};
    for (int r = 0; r < 2; r++)
        for (int part = 0; part < model->width / model->half; part++) {
            double exact[LENGTH], norm[LENGTH];
            const MemoryProbe probe = {.read = reads[r],
                                       .first = part * model->half,
                                       .columns = model->half,
                                       .probes = 1000,
                                       .seed = 5};
            norms_by_differences(model, sequence, probe.read, probe.first, probe.columns, exact);
            ck_assert_msg(memory_jacobian(model, &arena, sequence, LENGTH, &probe, norm) ==
                              STATUS_OK,
                          "%s", status_message());
            for (int t = 0; t < LENGTH; t++)
                ck_assert_msg(fabs(norm[t] - exact[t]) <= 2e-3 * exact[t] + 1e-5,
                              "%s, state %d, part %d, word %d: %g, by differences %g",
                              memory_kind_slug[_i], probe.read, part, t, norm[t], exact[t]);
        }
    ck_assert_uint_eq(arena.used, 0);
    memory_model_close(model);
}
END_TEST

START_TEST(fewer_probes_estimate_it_without_bias) {
    enum { SEEDS = 400 };
    MemoryModel *model = model_of(MEMORY_LSTM_1, 900);
    double whole[LENGTH], norm[LENGTH], mean[LENGTH] = {0};
    MemoryProbe probe = {.read = LENGTH - 1, .columns = model->width, .probes = model->width};
    ck_assert_int_gt(model->width, 8);
    ck_assert_int_eq(memory_jacobian(model, &arena, sequence, LENGTH, &probe, whole), STATUS_OK);
    probe.probes = 4;
    for (int s = 0; s < SEEDS; s++) {
        probe.seed = (uint64_t)s;
        ck_assert_int_eq(memory_jacobian(model, &arena, sequence, LENGTH, &probe, norm), STATUS_OK);
        for (int t = 0; t < LENGTH; t++) mean[t] += norm[t] * norm[t] / SEEDS;
    }
    for (int t = 0; t < LENGTH; t++)
        ck_assert_double_eq_tol(mean[t], whole[t] * whole[t], .1 * whole[t] * whole[t]);
    memory_model_close(model);
}
END_TEST

START_TEST(one_direction_sees_one_side_exactly) {
    MemoryModel *model = model_of(MEMORY_BILSTM, 600);
    double norm[LENGTH];
    for (int part = 0; part < 2; part++) {
        const MemoryProbe probe = {
            .read = 3, .first = part * model->half, .columns = model->half, .probes = 8, .seed = 1};
        ck_assert_int_eq(memory_jacobian(model, &arena, sequence, LENGTH, &probe, norm), STATUS_OK);
        for (int t = 0; t < LENGTH; t++)
            if (part ? t < 3 : t > 3)
                ck_assert_double_eq(norm[t], 0); /* the future of one, the past of the other */
            else
                ck_assert_double_gt(norm[t], 0);
    }
    memory_model_close(model);
}
END_TEST

START_TEST(probes_of_what_is_not_there_are_refused) {
    MemoryModel *model = model_of(MEMORY_GRU, 300);
    double norm[LENGTH];
    const MemoryProbe wrong[] = {
        {.read = LENGTH, .columns = 1, .probes = 1},
        {.read = -1, .columns = 1, .probes = 1},
        {.read = 0, .first = 1, .columns = model->width, .probes = 1},
        {.read = 0, .columns = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(memory_jacobian(model, &arena, sequence, LENGTH, &wrong[i], norm),
                         STATUS_ARGUMENT);
    memory_model_close(model);
}
END_TEST

static int parse(MemoryPlan *plan, int count, const char *const *flags) {
    char *argv[16] = {(char *)"q1_memory"};
    for (int i = 0; i < count; i++) argv[i + 1] = (char *)flags[i];
    return memory_plan_parse(plan, count + 1, argv);
}

/* --- readers --------------------------------------------------------------------------------- */

START_TEST(readers_have_equal_parameters) {
    static MemoryPlan plan;
    MemoryModel *model;
    ck_assert_int_eq(parse(&plan, 0, NULL), -1);
    for (int k = 0; k < MEMORY_KINDS; k++) {
        const MemoryConfig config = memory_config(&plan, (MemoryKind)k);
        ck_assert_int_eq(memory_model_open(&model, &config, 1), STATUS_OK);
        double share = (double)parameters_count(model->parameters) / config.parameters;
        ck_assert_msg(fabs(share - 1) < .08, "%s: %g", memory_kind_slug[k], share);
        memory_model_close(model);
    }
    ck_assert_int_eq(memory_model_open(&model, &(MemoryConfig){.kind = MEMORY_RNN}, 1),
                     STATUS_ARGUMENT);
    ck_assert_ptr_null(model);
}
END_TEST

START_TEST(chrono_spreads_the_time_constants_up_to_the_lag) {
    MemoryModel *model = model_of(MEMORY_LSTM_CHRONO, 4000);
    const float *bias = model->stack.layer[0][0].bias->value;
    const int h = model->half;
    float least = INFINITY, most = -INFINITY;
    for (int i = 0; i < h; i++) {
        ck_assert_double_eq(bias[i], -bias[h + i]);
        ck_assert(bias[h + i] >= 0 && bias[h + i] <= logf(20) + 1e-6f);
        least = fminf(least, bias[h + i]);
        most = fmaxf(most, bias[h + i]);
    }
    ck_assert_double_lt(exp(least), 5); /* lags 1 to 20, evenly */
    ck_assert_double_gt(exp(most), 15);
    memory_model_close(model);
}
END_TEST

/* --- curves and sequences --------------------------------------------------------------------- */

START_TEST(the_rate_of_an_exponential_is_found) {
    const int back[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    double norm[9];
    for (int i = 0; i < 9; i++) norm[i] = 3 * exp(-.4 * back[i]);
    MemoryDecay decay = memory_decay(back, norm, 9);
    ck_assert_double_eq_tol(decay.rate, .4, 1e-9);
    ck_assert_double_eq_tol(exp(decay.log_start), 3, 1e-9);
    ck_assert_double_eq_tol(decay.r2, 1, 1e-9);
    ck_assert_int_eq(decay.last, 128); /* e^-102 is below what counts */
    norm[3] = 0;                       /* lost in the format */
    ck_assert_double_eq_tol(memory_decay(back, norm, 9).rate, .4, 1e-9);
    ck_assert(isnan(memory_decay(back, norm, 2).rate));
    for (int i = 0; i < 9; i++) norm[i] = 2;
    decay = memory_decay(back, norm, 9);
    ck_assert_double_eq_tol(decay.rate, 0, 1e-12);
    ck_assert_int_eq(decay.last, 256);
}
END_TEST

START_TEST(the_asked_symbol_stands_where_it_should) {
    const SyntheticTask task = {.kind = SYNTHETIC_RECALL, .alphabet = 8, .others = 6, .seed = 4};
    for (int place = 0; place < 9; place++) {
        int32_t ids[10], answer;
        memory_draw(&task, SYNTHETIC_TEST, 77, 10, place, ids, &answer);
        for (int t = 0; t < 9; t++)
            ck_assert_msg((ids[t] < 8) == (t == place), "place %d: word %d is %d", place, t,
                          ids[t]);
        ck_assert_int_eq(ids[place], answer);
        ck_assert_int_gt(ids[9], 13); /* the query mark */
    }
    ck_assert_int_eq(memory_distance(MEMORY_LSTM_0, 12), 12);
    ck_assert_int_eq(memory_distance(MEMORY_MIDDLE, 12), 6);
    ck_assert_int_eq(memory_distance(MEMORY_ENDS, 12), 0);
}
END_TEST

/* --- the driver ------------------------------------------------------------------------------- */

START_TEST(profiles_plan_what_the_report_quotes) {
    static MemoryPlan plan;
    ck_assert_int_eq(parse(&plan, 1, (const char *[]){"--profile=full"}), -1);
    ck_assert_int_eq(plan.kinds, MEMORY_KINDS);
    ck_assert_int_eq(plan.seeds, 5);
    ck_assert_int_eq(plan.lag[plan.lags - 1], 400);
    ck_assert_int_gt(plan.length, plan.offset[plan.offsets - 1]);
    ck_assert_str_eq(memory_plan_prefix(&plan), "q1");
    ck_assert_int_eq(parse(&plan, 0, NULL), -1);
    ck_assert_str_eq(memory_plan_prefix(&plan), "q1.quick");
    ck_assert_str_eq(memory_plan_experiment(&plan), "q1_memory_quick");
    ck_assert_int_gt(plan.length, plan.offset[plan.offsets - 1]);
    for (size_t i = 0; i < memory_cells(&plan); i++)
        for (size_t j = 0; j < i; j++) {
            char a[96], b[96];
            memory_cell_name(&plan, i, a, sizeof a);
            memory_cell_name(&plan, j, b, sizeof b);
            ck_assert_str_ne(a, b);
        }
    for (int i = 0; i < 4; i++) {
        static const char *const wrong[] = {"--readers=rnn,elman", "--readers=gru,gru",
                                            "--lags=50,25", "--seeds=2,2"};
        ck_assert_int_eq(parse(&plan, 1, &wrong[i]), 2);
    }
}
END_TEST

/* value, low and high of a fact of the folder's facts.tsv */
static void read_fact(const char *folder, const char *name, double out[3]) {
    char path[160], line[512];
    snprintf(path, sizeof path, "%s/q1_memory_quick/facts.tsv", folder);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t length = strlen(name);
    int found = 0;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, name, length) == 0 && line[length] == '\t' &&
                sscanf(line + length, "%lf %lf %lf", &out[0], &out[1], &out[2]) == 3;
    fclose(file);
    ck_assert_msg(found, "no fact %s", name);
}

START_TEST(a_small_run_leaves_its_facts) {
    static MemoryPlan plan;
    char folder[] = "/tmp/tamrin-q1-memory-XXXXXX", work[64], command[96];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(work, sizeof work, "%s/work", folder);
    const char *const flags[] = {"--readers=lstm0,lstm1,bilstm,middle,transformer", "--lags=6",
                                 "--seeds=1,2", "--steps=60"};
    ck_assert_int_eq(parse(&plan, 4, flags), -1);
    plan.length = 41;
    plan.offsets = 5; /* 1 2 4 8 16 */
    plan.parameters = 1500;
    char fingerprint[2048];
    memory_plan_describe(&plan, fingerprint, sizeof fingerprint);
    const Grid grid = {.name = "q1_memory",
                       .folder = work,
                       .fingerprint = fingerprint,
                       .cells = memory_cells(&plan),
                       .cost = memory_cell_cost,
                       .cell_name = memory_cell_name,
                       .work = memory_cell_run,
                       .context = &plan,
                       .processes = 2};
    MemoryData *data;
    Results *results;
    ck_assert_msg(grid_run(&grid) == STATUS_OK, "%s", status_message());
    ck_assert_msg(memory_data_read(&data, &plan, &grid) == STATUS_OK, "%s", status_message());
    char *argv[] = {(char *)"q1_memory"};
    ck_assert_int_eq(results_open(&results, folder, memory_plan_experiment(&plan), 1, argv),
                     STATUS_OK);
    ck_assert_msg(memory_report_write(data, results) == STATUS_OK, "%s", status_message());
    ck_assert_msg(results_commit(results) == STATUS_OK, "%s", status_message());

    double zero[3], one[3], flat[3], share[3], fact[3];
    read_fact(folder, "q1.quick.memory.lstm0.rate.before", zero);
    read_fact(folder, "q1.quick.memory.lstm1.rate.before", one);
    read_fact(folder, "q1.quick.memory.transformer.rate.before", flat);
    /* A gate of sigmoid(0) loses ln 2 a word by its direct path, one of sigmoid(1) .31; other paths
     * add something. */
    ck_assert_double_lt(zero[0], .75);
    ck_assert_double_gt(zero[0], .45);
    ck_assert_double_gt(zero[1], one[2]);
    ck_assert_double_gt(one[1], flat[2]);
    read_fact(folder, "q1.quick.memory.lstm1.share.before.back1", share);
    ck_assert_double_eq_tol(share[0], 1, 1e-9);
    read_fact(folder, "q1.quick.memory.bilstm.backward.largest", fact);
    ck_assert_double_eq(fact[0], 0);
    read_fact(folder, "q1.quick.memory.sides.before.backward.past.largest", fact);
    ck_assert_double_eq(fact[0], 0);
    read_fact(folder, "q1.quick.memory.sides.before.backward.future.rate", fact);
    ck_assert_double_gt(fact[0], .1);
    read_fact(folder, "q1.quick.memory.middle.recall.lag6", fact);
    ck_assert(fact[1] <= fact[0] && fact[0] <= fact[2] && fact[2] <= 1);

    memory_data_free(data);
    grid_remove(&grid);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

Suite *suite_q1_memory(void) {
    Suite *suite = suite_create("q1_memory");
    TCase *probes = tcase_create("probes");
    tcase_add_checked_fixture(probes, open_arena, close_arena);
    tcase_add_test(probes, probe_vectors_are_orthonormal_and_random);
    tcase_add_loop_test(probes, as_many_probes_as_components_give_the_norm, 0, MEMORY_KINDS);
    tcase_add_test(probes, fewer_probes_estimate_it_without_bias);
    tcase_add_test(probes, one_direction_sees_one_side_exactly);
    tcase_add_test(probes, probes_of_what_is_not_there_are_refused);
    suite_add_tcase(suite, probes);
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, readers_have_equal_parameters);
    tcase_add_test(parts, chrono_spreads_the_time_constants_up_to_the_lag);
    tcase_add_test(parts, the_rate_of_an_exponential_is_found);
    tcase_add_test(parts, the_asked_symbol_stands_where_it_should);
    suite_add_tcase(suite, parts);
    TCase *driver = tcase_create("driver");
    tcase_set_timeout(driver, 60);
    tcase_add_test(driver, profiles_plan_what_the_report_quotes);
    tcase_add_test(driver, a_small_run_leaves_its_facts);
    suite_add_tcase(suite, driver);
    return suite;
}
