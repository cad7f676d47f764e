/* Question 2, the past without recurrence: a planted leak is found and none where there is none,
 * the head built by hand looks where it should, equivariance is measured as what it is, the two
 * forms of kernel attention agree, and the trainings compare what they say they compare. */
#define _GNU_SOURCE
#include "q2_history_report.h"
#include "nn/position.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q2_history(void);

/* --- the future ------------------------------------------------------------------------------- */

enum { N = 12, COLUMNS = 3, SYMBOLS = 20 };
static const ExactShape shape = {N, SYMBOLS, COLUMNS};

/* Sums over the past; with a leak, the last symbol's parity is the last bit of one early number. */
static Status sums(void *context, const int32_t *ids, float *out) {
    const int *leaks = context;
    float sum = 0;
    for (int t = 0; t < N; t++) {
        sum += (float)(ids[t] + 1);
        for (int c = 0; c < COLUMNS; c++) out[t * COLUMNS + c] = sum * (float)(c + 1);
    }
    if (*leaks) {
        uint32_t bits;
        memcpy(&bits, &out[1], sizeof bits);
        bits ^= (uint32_t)ids[N - 1] & 1;
        memcpy(&out[1], &bits, sizeof bits);
    }
    return STATUS_OK;
}

START_TEST(a_planted_leak_of_one_bit_is_found) {
    int leaks = 0;
    LeakCount count = {0};
    ck_assert_int_eq(leak_measure(sums, &leaks, &shape, 50, 1, &count), STATUS_OK);
    ck_assert(count.compared > 0 && count.bits == 0 && count.changed == 0 && count.largest == 0);
    ck_assert_double_gt(count.after_changed, .5 * count.after);
    leaks = 1;
    count = (LeakCount){0};
    ck_assert_int_eq(leak_measure(sums, &leaks, &shape, 50, 1, &count), STATUS_OK);
    /* About half of the changes turn the last symbol's parity. */
    ck_assert(count.changed > 10 && count.changed < 40);
    ck_assert_double_eq(count.bits, count.changed);
    ck_assert(count.largest > 0 && count.largest < 1e-5);
    ck_assert_int_eq(leak_measure(sums, &leaks, &(ExactShape){1, 2, 1}, 1, 1, &count),
                     STATUS_ARGUMENT);
}
END_TEST

START_TEST(only_without_a_mask_do_networks_leak) {
    for (int layer = 0; layer < 2; layer++)
        for (int k = 0; k < (layer ? EXACT_KINDS : EXACT_MODEL_KINDS); k++)
            for (int causal = 0; causal < 2; causal++) {
                ExactNet *net;
                LeakCount count = {0};
                ck_assert_msg(exact_open(&net, layer, (ExactKind)k, causal, POSITIONS_SINUSOIDAL,
                                         20, 3) == STATUS_OK,
                              "%s", status_message());
                ExactShape s = exact_shape(net);
                ck_assert_int_eq(leak_measure(exact_run, net, &s, 4, 5, &count), STATUS_OK);
                if (causal)
                    ck_assert_double_eq(count.bits, 0);
                else
                    ck_assert_double_gt(count.changed, .5 * count.compared);
                ck_assert_double_gt(count.after_changed, .9 * count.after);
                exact_close(net);
            }
    ExactNet *none;
    ck_assert_int_eq(exact_open(&none, 0, EXACT_FAVOR, 1, POSITIONS_NONE, 8, 1), STATUS_ARGUMENT);
    ck_assert_ptr_null(none);
}
END_TEST

/* --- order ------------------------------------------------------------------------------------ */

/* Row t: its symbol and the sum of all; with positions, t as well. */
static Status bag(void *context, const int32_t *ids, float *out) {
    const int *positions = context;
    float sum = 0;
    for (int t = 0; t < N; t++) sum += (float)ids[t];
    for (int t = 0; t < N; t++) {
        out[t * COLUMNS] = (float)ids[t];
        out[t * COLUMNS + 1] = sum;
        out[t * COLUMNS + 2] = *positions ? 1000 * (float)t : 0;
    }
    return STATUS_OK;
}

START_TEST(the_residual_is_zero_for_bags_and_large_for_orders) {
    double residual[30];
    int positions = 0;
    ck_assert_int_eq(order_measure(bag, &positions, &shape, 30, 1, residual), STATUS_OK);
    for (int d = 0; d < 30; d++) ck_assert_double_eq(residual[d], 0);
    positions = 1;
    ck_assert_int_eq(order_measure(bag, &positions, &shape, 30, 1, residual), STATUS_OK);
    double mean = 0;
    for (int d = 0; d < 30; d++) mean += residual[d] / 30;
    /* Places of two random orders: E (t - s)^2 / E t^2 = (N^2 - 1) / 6 / ((N - 1)(2N - 1) / 6). */
    const double expected = sqrt((N * N - 1.) / ((N - 1.) * (2 * N - 1)));
    ck_assert_double_eq_tol(mean, expected, .1);
    ck_assert_int_eq(order_measure(bag, &positions, &(ExactShape){12, 11, 3}, 1, 1, residual),
                     STATUS_ARGUMENT);
}
END_TEST

static double order_of(int causal, Positions positions) {
    ExactNet *net;
    double residual[3], most = 0;
    ck_assert_int_eq(exact_open(&net, 0, EXACT_SOFTMAX, causal, positions, 16, 2), STATUS_OK);
    ExactShape s = exact_shape(net);
    ck_assert_int_eq(order_measure(exact_run, net, &s, 3, 1, residual), STATUS_OK);
    for (int d = 0; d < 3; d++) most = fmax(most, residual[d]);
    exact_close(net);
    return most;
}

START_TEST(positions_or_a_mask_break_the_symmetry) {
    ck_assert_double_lt(order_of(0, POSITIONS_NONE), 2e-6);
    ck_assert_double_gt(order_of(0, POSITIONS_SINUSOIDAL), .05);
    ck_assert_double_gt(order_of(0, POSITIONS_LEARNED), .05);
    ck_assert_double_gt(order_of(1, POSITIONS_NONE), .05);
}
END_TEST

/* --- the head --------------------------------------------------------------------------------- */

START_TEST(queries_are_the_keys_of_the_position_before) {
    enum { D = 12 };
    static float w[3 * D * 2 * D];
    float now[D], before[D];
    for (int offset = 0; offset < 5; offset++) {
        head_build(&(HeadShape){D, offset, 2}, w);
        nn_sinusoid(40, D, now);
        nn_sinusoid(40 - offset, D, before);
        for (int r = 0; r < D; r++) {
            double query = 0, key = 0;
            for (int c = 0; c < D; c++) {
                query += (double)w[r * 2 * D + D + c] * (double)now[c];
                key += (double)w[(D + r) * 2 * D + D + c] * (double)now[c];
                ck_assert_float_eq(w[r * 2 * D + c], 0); /* it does not read what the token says */
            }
            ck_assert_double_eq_tol(query, 2 * (double)before[r], 1e-5);
            ck_assert_double_eq_tol(key, (double)now[r], 1e-6);
        }
    }
}
END_TEST

START_TEST(the_head_picks_exactly_the_previous_token) {
    HeadScore score;
    float weights[9 * 9];
    ck_assert_int_eq(head_measure(&(HeadShape){16, 1, 400}, 9, 1, &score, weights), STATUS_OK);
    ck_assert_double_eq(score.accuracy, 1);
    ck_assert_double_eq(score.copied, 1);
    for (int i = 1; i < 9; i++) ck_assert_float_gt(weights[i * 9 + i - 1], .999f);
    for (int offset = 1; offset < 4; offset++) {
        ck_assert_int_eq(head_measure(&(HeadShape){16, offset, 400}, 9, 1, &score, NULL),
                         STATUS_OK);
        ck_assert_double_eq(score.accuracy, 1);
        ck_assert_double_gt(score.least, score.bound - 1e-6);
    }
    /* Not sharpened, it looks everywhere. */
    ck_assert_int_eq(head_measure(&(HeadShape){16, 1, 1e-6}, 9, 1, &score, NULL), STATUS_OK);
    ck_assert_double_eq_tol(score.least, 1. / 9, 1e-4);
    ck_assert_double_gt(score.least, score.bound - 1e-6);
    ck_assert_int_eq(head_measure(&(HeadShape){15, 1, 1}, 9, 1, &score, NULL), STATUS_ARGUMENT);
    ck_assert_int_eq(head_measure(&(HeadShape){16, 9, 1}, 9, 1, &score, NULL), STATUS_ARGUMENT);
}
END_TEST

START_TEST(the_gap_is_that_of_the_nearest_neighbour) {
    /* Two positions, one frequency: cos 0 - cos 1. */
    ck_assert_double_eq_tol(head_gap(2, 2), 1 - cos(1), 1e-12);
    /* 22 / 7 is nearly pi: 44 steps are nearly seven turns. */
    ck_assert_double_eq_tol(head_gap(2, 60), 1 - cos(44), 1e-12);
}
END_TEST

/* --- two forms -------------------------------------------------------------------------------- */

START_TEST(both_forms_are_one_function) {
    for (int m = 0; m < LINEAR_MAPS; m++) {
        LinearError error;
        ck_assert_int_eq(linear_measure((LinearMap)m, 150, 4, &error), STATUS_OK);
        ck_assert(error.parallel > 0 && error.parallel < 1e-11);
        ck_assert(error.recurrent > 0 && error.recurrent < 1e-11);
        ck_assert_double_lt(error.apart, 1e-11);
    }
    double apart;
    size_t bytes[2];
    ck_assert_int_eq(linear_measure_model(80, 4, &apart, bytes), STATUS_OK);
    ck_assert_double_lt(apart, 1e-9);
    ck_assert_uint_eq(bytes[0], bytes[1]);
}
END_TEST

/* --- recall ----------------------------------------------------------------------------------- */

static const RecallShape tiny = {.alphabet = 6,
                                 .width = 16,
                                 .heads = 2,
                                 .layers = 2,
                                 .feed_forward = 32,
                                 .tokens = 96,
                                 .batch_most = 16,
                                 .evaluations = 4,
                                 .validation = 8,
                                 .test = 20,
                                 .rate = {1e-2, 1e-2, 1e-2}};

START_TEST(the_networks_are_as_large_as_each_other_and_keep_what_they_must) {
    size_t parameters[RECALL_MODELS], bytes[RECALL_MODELS];
    for (int m = 0; m < RECALL_MODELS; m++) {
        RecallNet net;
        ck_assert_msg(recall_open(&net, (RecallModel)m, &tiny, 4, 1) == STATUS_OK, "%s",
                      status_message());
        parameters[m] = parameters_count(net.parameters);
        ck_assert_int_eq(recall_state_bytes(&net, &bytes[m]), STATUS_OK);
        recall_close(&net);
    }
    ck_assert_uint_eq(parameters[RECALL_KERNEL], parameters[RECALL_TRANSFORMER]);
    double ratio = (double)parameters[RECALL_LSTM] / (double)parameters[RECALL_TRANSFORMER];
    ck_assert(ratio > .85 && ratio < 1.15);
    ck_assert_uint_eq(bytes[RECALL_TRANSFORMER], 2 * 2 * 16 * 8 * sizeof(float)); /* 8 tokens */
    ck_assert_uint_eq(bytes[RECALL_KERNEL], 2 * 2 * 9 * 8 * sizeof(float));
    RecallNet none;
    ck_assert_int_eq(recall_open(&none, RECALL_LSTM, &tiny, 7, 1), STATUS_ARGUMENT);
    recall_close(&none);
    ck_assert_int_eq(recall_batch(&tiny, 2), 16);
    ck_assert_int_eq(recall_batch(&tiny, 4), 8);
}
END_TEST

START_TEST(both_families_see_the_same_sequences) {
    RecallNet transformer, lstm;
    RecallBatch packed, timed;
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    ck_assert_int_eq(recall_open(&transformer, RECALL_TRANSFORMER, &tiny, 3, 1), STATUS_OK);
    ck_assert_int_eq(recall_open(&lstm, RECALL_LSTM, &tiny, 3, 1), STATUS_OK);
    ck_assert_int_eq(recall_draw(&transformer, SYNTHETIC_TEST, 7, 5, &arena, &packed), STATUS_OK);
    ck_assert_int_eq(recall_draw(&lstm, SYNTHETIC_TEST, 7, 5, &arena, &timed), STATUS_OK);
    for (int b = 0; b < 5; b++)
        for (int t = 0; t < 9; t++) {
            ck_assert_int_eq(packed.ids[b * 9 + t], timed.ids[t * 5 + b]);
            ck_assert_int_eq(packed.labels[b * 9 + t], timed.labels[t * 5 + b]);
            if (t < 6) ck_assert_int_eq(packed.labels[b * 9 + t], SYNTHETIC_UNSCORED);
        }
    /* Attention of an untrained network: weights, so between 0 and 1, and not all the same. */
    double previous[2], right[2];
    ck_assert_int_eq(recall_watch(&transformer, 6, &arena, previous, right), STATUS_OK);
    for (int h = 0; h < 2; h++) ck_assert(previous[h] > 0 && previous[h] < 1 && right[h] > 0);
    ck_assert_double_ne(previous[0], previous[1]);
    ck_assert_int_eq(recall_watch(&lstm, 6, &arena, previous, right), STATUS_ARGUMENT);
    recall_close(&transformer);
    recall_close(&lstm);
    arena_close(&arena);
}
END_TEST

/* --- the grid --------------------------------------------------------------------------------- */

static char folder[64];
static HistoryPlan plan;

static Status train_tiny(void *context, size_t cell, GridRecord *record) {
    (void)context;
    return recall_train(&tiny, &plan.cell[cell], record);
}

/* Rows as recall_train leaves them, with numbers that are easy to check. */
static Status pretend(void *context, size_t cell, GridRecord *record) {
    (void)context;
    const RecallCell *c = &plan.cell[cell];
    grid_row(record, "score", "%s\t%d\t%d\t%d\t1000\t64\t0.5\t%g", recall_slug[c->model], c->pairs,
             c->seed, c->steps, .1 * c->seed);
    grid_row(record, "curve", "x\ttraining\t5\t1\t1");
    grid_row(record, "curve", "x\tvalidation\t10\t1\t0.2");
    grid_row(record, "curve", "x\tvalidation\t%d\t1\t0.96", 20 * c->seed);
    grid_row(record, "curve", "x\tvalidation\t90\t1\t1");
    return STATUS_OK;
}

static Grid open_grid(const char *name) {
    snprintf(folder, sizeof folder, "/tmp/tamrin-history-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return (Grid){.name = name,
                  .folder = folder,
                  .fingerprint = "a test",
                  .cells = plan.cells,
                  .cell_name = history_cell_name,
                  .context = &plan};
}

static Status take_accuracy(void *context, size_t cell, const char *row) {
    double *accuracy = context;
    ck_assert_int_eq(sscanf(row, "%*s %*s %*s %*s %*s %*s %*s %lf", &accuracy[cell]), 1);
    return STATUS_OK;
}

static Status count_rows(void *context, size_t cell, const char *row) {
    (void)row;
    (void)cell;
    ++*(int *)context;
    return STATUS_OK;
}

START_TEST(all_networks_learn_to_recall_one_pair) {
    plan = (HistoryPlan){.cells = RECALL_MODELS};
    for (int m = 0; m < RECALL_MODELS; m++)
        plan.cell[m] = (RecallCell){.model = (RecallModel)m,
                                    .pairs = 1,
                                    .steps = 120,
                                    .seed = 1,
                                    .watch = m == RECALL_TRANSFORMER ? 2 : 0};
    double accuracy[RECALL_MODELS];
    int heads = 0, map = 0;
    Grid grid = open_grid("recall");
    grid.work = train_tiny;
    ck_assert_msg(grid_run(&grid) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(grid_rows(&grid, "score", take_accuracy, accuracy), STATUS_OK);
    ck_assert_int_eq(grid_rows(&grid, "heads", count_rows, &heads), STATUS_OK);
    ck_assert_int_eq(grid_rows(&grid, "map", count_rows, &map), STATUS_OK);
    for (int m = 0; m < RECALL_MODELS; m++) ck_assert_double_gt(accuracy[m], .95);
    ck_assert_int_eq(heads, 4);   /* two layers of two heads */
    ck_assert_int_eq(map, 2 * 6); /* of each layer, 3 positions and their pasts */
    grid_remove(&grid);
    rmdir(folder);
}
END_TEST

START_TEST(seeds_are_grouped_by_what_was_trained) {
    static HistoryGroup groups[HISTORY_GROUPS_MAX];
    int count;
    Interval accuracy;
    plan = (HistoryPlan){.cells = 0};
    for (int seed = 1; seed <= 3; seed++) {
        plan.cell[plan.cells++] = (RecallCell){RECALL_LSTM, 2, 100, seed, 0};
        plan.cell[plan.cells++] = (RecallCell){RECALL_LSTM, 2, 900, seed, 0};
        plan.cell[plan.cells++] = (RecallCell){RECALL_LSTM, 4, 100, seed, 0};
    }
    ck_assert_str_eq(history_cell_slug(&plan, 0), "lstm");
    ck_assert_str_eq(history_cell_slug(&plan, 1), "lstm_long");
    ck_assert_str_eq(history_cell_slug(&plan, 2), "lstm");
    Grid grid = open_grid("groups");
    grid.work = pretend;
    ck_assert_msg(grid_run(&grid) == STATUS_OK, "%s", status_message());
    ck_assert_msg(history_groups(&plan, &grid, groups, &count) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(count, 3);
    for (int g = 0; g < 3; g++) {
        ck_assert_int_eq(groups[g].seeds, 3);
        for (int s = 0; s < 3; s++) {
            ck_assert_double_eq_tol(groups[g].accuracy[s], .1 * (s + 1), 1e-12);
            ck_assert_double_eq(groups[g].solved[s], 20 * (s + 1));
        }
    }
    ck_assert_int_eq(history_accuracy(&groups[1], &accuracy), STATUS_OK);
    ck_assert_double_eq_tol(accuracy.value, .2, 1e-12);
    ck_assert(accuracy.low < accuracy.value && accuracy.value < accuracy.high);
    grid_remove(&grid);
    rmdir(folder);
}
END_TEST

START_TEST(both_profiles_have_their_cells) {
    static HistoryPlan full, quick;
    char *arguments[] = {"q2_history", "--profile=full"};
    ck_assert_int_eq(history_plan_parse(&quick, 1, arguments), -1);
    ck_assert_int_eq(history_plan_parse(&full, 2, arguments), -1);
    ck_assert_str_eq(quick.prefix, "q2.quick.");
    ck_assert_str_eq(full.experiment, "q2_history");
    int found[RECALL_MODELS] = {0}, patient = 0;
    for (size_t c = 0; c < full.cells; c++) {
        char name[64], other[64];
        const RecallCell *cell = &full.cell[c];
        if (cell->pairs == full.headline) found[cell->model]++;
        patient += strcmp(history_cell_slug(&full, c), "lstm_long") == 0;
        ck_assert_int_eq(synthetic_check(&(SyntheticTask){.kind = SYNTHETIC_PAIRS,
                                                          .alphabet = full.recall.alphabet,
                                                          .pairs = cell->pairs,
                                                          .queries = cell->pairs},
                                         3 * cell->pairs),
                         STATUS_OK);
        history_cell_name(&full, c, name, sizeof name);
        for (size_t d = 0; d < c; d++) {
            history_cell_name(&full, d, other, sizeof other);
            ck_assert_str_ne(name, other);
        }
    }
    ck_assert_int_eq(found[RECALL_TRANSFORMER], 5);
    ck_assert_int_eq(found[RECALL_LSTM], 5);
    ck_assert_int_eq(found[RECALL_KERNEL], 3);
    ck_assert_int_eq(patient, 3);
    ck_assert_uint_lt(full.cells, HISTORY_CELLS_MAX);
    ck_assert_uint_gt(quick.cells, 3);
    ck_assert_int_eq(full.headline, 16);
}
END_TEST

Suite *suite_q2_history(void) {
    Suite *suite = suite_create("q2_history");
    TCase *exact = tcase_create("exact");
    tcase_add_test(exact, a_planted_leak_of_one_bit_is_found);
    tcase_add_test(exact, only_without_a_mask_do_networks_leak);
    tcase_add_test(exact, the_residual_is_zero_for_bags_and_large_for_orders);
    tcase_add_test(exact, positions_or_a_mask_break_the_symmetry);
    tcase_add_test(exact, both_forms_are_one_function);
    suite_add_tcase(suite, exact);
    TCase *head = tcase_create("head");
    tcase_add_test(head, queries_are_the_keys_of_the_position_before);
    tcase_add_test(head, the_head_picks_exactly_the_previous_token);
    tcase_add_test(head, the_gap_is_that_of_the_nearest_neighbour);
    suite_add_tcase(suite, head);
    TCase *recall = tcase_create("recall");
    tcase_set_timeout(recall, 60);
    tcase_add_test(recall, the_networks_are_as_large_as_each_other_and_keep_what_they_must);
    tcase_add_test(recall, both_families_see_the_same_sequences);
    tcase_add_test(recall, all_networks_learn_to_recall_one_pair);
    tcase_add_test(recall, seeds_are_grouped_by_what_was_trained);
    tcase_add_test(recall, both_profiles_have_their_cells);
    suite_add_tcase(suite, recall);
    return suite;
}
