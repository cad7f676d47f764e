/* q3_parallelism: the graphs' counts, that layers depend on their inputs as the graphs say,
 * gradients that exist, the crossing finder, and a small race with its store. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "base/threads.h"
#include "op/mirror.h"
#include "q3_parallelism.h"
#include "q3_parallelism_device.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q3_parallelism(void);

enum { TAPS = 3 };

static Q3Graph *graph_of(Q3LayerKind kind, int length, int layers, int dilated) {
    Q3Graph *graph;
    ck_assert_msg(q3_graph_open(&graph, kind, length, TAPS, layers, dilated) == STATUS_OK, "%s",
                  status_message());
    return graph;
}

/* --- graphs ---------------------------------------------------------------------------------- */

START_TEST(depth_grows_with_length_for_the_recurrent_layer_alone) {
    for (int k = 0; k < Q3_LAYERS; k++) {
        Q3Graph *shorter = graph_of((Q3LayerKind)k, 16, 1, 0);
        Q3Graph *longer = graph_of((Q3LayerKind)k, 32, 1, 0);
        int grown = q3_graph_depth(longer) - q3_graph_depth(shorter);
        ck_assert_int_eq(grown, k == Q3_LSTM ? 16 : 0);
        q3_graph_close(shorter);
        q3_graph_close(longer);
    }
}
END_TEST

START_TEST(depths_are_those_counted_by_hand) {
    const int depth[] = {9, 4, 4, 5, 1}; /* N + 1; p s c y; p S c y; p f S c y; y */
    const int path[] = {9, 3, 4, 4, 1};  /* values go past the scores and past the features */
    const long pairs[] = {36, 64, 64, 64, 22};
    for (int k = 0; k < Q3_LAYERS; k++) {
        Q3Graph *graph = graph_of((Q3LayerKind)k, 8, 1, 0);
        ck_assert_int_eq(q3_graph_depth(graph), depth[k]);
        Q3Path found = q3_graph_path(graph);
        ck_assert_int_eq(found.longest, path[k]);
        ck_assert_int_eq((int)found.pairs, (int)pairs[k]);
        q3_graph_close(graph);
    }
}
END_TEST

START_TEST(trees_cost_the_logarithm_of_what_they_add) {
    /* width 16: 4 additions a product; 8 positions: 3 */
    const int depth[] = {9 * 4, 3 * 4 + 3, 3 * 4 + 3, 4 * 4 + 3, 4};
    for (int k = 0; k < Q3_LAYERS; k++) {
        Q3Graph *graph = graph_of((Q3LayerKind)k, 8, 1, 0);
        ck_assert_int_eq(q3_graph_tree_depth(graph, 16), depth[k]);
        q3_graph_close(graph);
    }
}
END_TEST

START_TEST(stacks_of_convolutions_connect_what_they_must) {
    int layers;
    ck_assert_int_eq(q3_graph_convolution_layers(20, TAPS, 0, &layers), STATUS_OK);
    ck_assert_int_eq(layers, 19); /* one position to each side a layer */
    ck_assert_int_eq(q3_graph_convolution_layers(27, TAPS, 1, &layers), STATUS_OK);
    ck_assert_int_eq(layers, 6); /* 1 + 3 + 9 = 13 to each side in three, 26 are needed */
    Q3Graph *graph = graph_of(Q3_CONVOLUTION, 27, 6, 1);
    ck_assert_int_eq(q3_graph_reaches(graph, 0, 26), 1);
    q3_graph_close(graph);
    graph = graph_of(Q3_CONVOLUTION, 27, 3, 1);
    ck_assert_int_eq(q3_graph_reaches(graph, 0, 26), 0);
    ck_assert_int_eq(q3_graph_reaches(graph, 0, 13), 1);
    q3_graph_close(graph);
}
END_TEST

START_TEST(graphs_without_sense_are_refused) {
    Q3Graph *graph;
    ck_assert_int_eq(q3_graph_open(&graph, Q3_LSTM, 0, TAPS, 1, 0), STATUS_ARGUMENT);
    ck_assert_int_eq(q3_graph_open(&graph, Q3_CONVOLUTION, 4, 1, 1, 0), STATUS_ARGUMENT);
    ck_assert_int_eq(q3_graph_open(&graph, Q3_CONVOLUTION, 4, TAPS, 0, 0), STATUS_ARGUMENT);
    ck_assert_ptr_null(graph);
}
END_TEST

/* --- layers ---------------------------------------------------------------------------------- */

static const Q3Shape small = {.width = 16, .heads = 4, .features = 8, .taps = TAPS};

START_TEST(layers_depend_on_their_inputs_as_their_graphs_say) {
    enum { N = 9 };
    unsigned char reaches[N * N];
    Arena arena;
    Q3Layer *layer;
    Q3Graph *graph = graph_of((Q3LayerKind)_i, N, 1, 0);
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    ck_assert_int_eq(q3_layer_open(&layer, (Q3LayerKind)_i, &small, 3), STATUS_OK);
    ck_assert_msg(q3_layer_dependence(layer, &arena, N, 3, reaches) == STATUS_OK, "%s",
                  status_message());
    for (int j = 0; j < N; j++)
        for (int i = 0; i < N; i++)
            ck_assert_msg(reaches[j * N + i] == q3_graph_reaches(graph, j, i),
                          "%s: input %d, output %d: %d", q3_layer_slug[_i], j, i,
                          reaches[j * N + i]);
    ck_assert_uint_eq(arena.used, 0);
    q3_layer_close(layer);
    q3_graph_close(graph);
    arena_close(&arena);
}
END_TEST

START_TEST(operations_are_those_of_the_products) {
    const double d = 16, n = 10, b = 3, e = 4, h = 4;
    const double expected[] = {16 * n * b * d * d, 8 * n * b * d * d + 4 * n * n * b * h * e, -1,
                               -1, 2 * n * b * TAPS * d * d};
    for (int k = 0; k < Q3_LAYERS; k++) {
        double one = q3_layer_operations((Q3LayerKind)k, &small, 1, 10, DIRECTION_FORWARD);
        double three = q3_layer_operations((Q3LayerKind)k, &small, 3, 10, DIRECTION_FORWARD);
        ck_assert_double_eq_tol(three, 3 * one, 1e-6 * three);
        if (expected[k] > 0) ck_assert_double_eq_tol(three, expected[k], 1e-6 * three);
        double back = q3_layer_operations((Q3LayerKind)k, &small, 3, 10, DIRECTION_BACKWARD);
        ck_assert_double_gt(back, 1.9 * three);
    }
}
END_TEST

START_TEST(a_width_that_no_head_fits_is_refused) {
    Q3Layer *layer;
    Q3Shape wrong = small;
    wrong.width = 18;
    ck_assert_int_eq(q3_layer_open(&layer, Q3_SOFTMAX, &wrong, 1), STATUS_ARGUMENT);
    ck_assert_ptr_null(layer);
}
END_TEST

/* --- on a device with memory of its own ------------------------------------------------------- */

static void compare(const Device *device, const float *there, const float *here, size_t count,
                    const char *what) {
    float *got = malloc(count * sizeof *got);
    double off = 0, size = 0;
    ck_assert_msg(there && here, "%s is missing", what);
    ck_assert_int_eq(device->memory->download(got, there, count * sizeof *got), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        off += pow((double)got[i] - here[i], 2);
        size += pow(here[i], 2);
    }
    free(got);
    ck_assert_double_gt(size, 0);
    ck_assert_msg(off <= 1e-9 * size, "%s: %g of %g", what, off, size);
}

static void compare_weight(const Device *device, const float *there, const Parameter *here) {
    if (here) compare(device, there, here->gradient, here->count, here->name);
}

/* Outputs and every gradient, of two sequences, after three calls in a row. */
START_TEST(a_layer_is_the_same_on_a_device) {
    enum { B = 2, N = 7, D = 16, COUNT = B * N * D };
    const Device *device = mirror_cuda() ? mirror_behind() : NULL;
    if (!device) return;
    float x[COUNT], dout[COUNT];
    double seconds[2];
    Arena here, arena;
    Room room;
    Q3Layer *layer;
    Q3DeviceLayer *there;
    Q3LayerResult expected;
    Q3DeviceResult got;
    rng_fill_normal(x, COUNT, 3, 1);
    rng_fill_normal(dout, COUNT, 3, 2);
    ck_assert_int_eq(arena_open(&here, 1 << 24), STATUS_OK);
    ck_assert_int_eq(room_open(&room, device), STATUS_OK);
    ck_assert_int_eq(room_arena(&room, 0, &arena), STATUS_OK);
    float *x_there = arena_take(&arena, sizeof x), *dout_there = arena_take(&arena, sizeof dout);
    ck_assert_int_eq(device->memory->upload(x_there, x, sizeof x), STATUS_OK);
    ck_assert_int_eq(device->memory->upload(dout_there, dout, sizeof dout), STATUS_OK);
    ck_assert_int_eq(q3_layer_open(&layer, (Q3LayerKind)_i, &small, 3), STATUS_OK);
    ck_assert_int_eq(q3_device_layer_open(&there, layer, device, &arena), STATUS_OK);
    const size_t used = arena_mark(&arena);
    ck_assert_int_eq(q3_layer_run(layer, &here, B, N, x, dout, seconds, &expected), STATUS_OK);
    ck_assert_msg(q3_device_layer_run(there, &arena, B, N, x_there, dout_there, 3, seconds, &got) ==
                      STATUS_OK,
                  "%s", status_message());
    ck_assert_double_ge(seconds[0], 0);
    ck_assert_double_ge(seconds[1], 0);
    ck_assert_uint_eq(arena_mark(&arena), used);
    compare(device, got.y, expected.y, COUNT, "y");
    compare(device, got.dx, expected.dx, COUNT, "dx");
    const Q3LayerWeights w = q3_layer_weights(layer);
    compare_weight(device, got.in, w.in);
    compare_weight(device, got.in_bias, w.in_bias);
    compare_weight(device, got.recurrent, w.recurrent);
    compare_weight(device, got.out, w.out);
    compare_weight(device, got.out_bias, w.out_bias);
    /* Too little memory is an error with numbers, and gives back what it had. */
    arena.capacity = used + 1000;
    ck_assert_int_eq(
        q3_device_layer_run(there, &arena, B, N, x_there, dout_there, 1, seconds, NULL),
        STATUS_MEMORY);
    ck_assert_ptr_nonnull(strstr(status_message(), "on cuda, batch 2, length 7"));
    ck_assert_ptr_nonnull(strstr(status_message(), "bytes asked"));
    ck_assert_uint_eq(arena_mark(&arena), used);
    q3_device_layer_close(there);
    q3_layer_close(layer);
    room_arena_close(&room, &arena);
    room_close(&room);
    arena_close(&here);
}
END_TEST

/* --- models ---------------------------------------------------------------------------------- */

START_TEST(the_two_models_have_equal_parameters_and_learn) {
    const Q3ModelShape shape = {.width = 64, .heads = 4, .layers = 1, .vocabulary = 20};
    Q3Models *models;
    ck_assert_msg(q3_models_open(&models, &shape, 2 * 6, 1) == STATUS_OK, "%s", status_message());
    double a = (double)q3_models_parameters(models, Q3_SEQ2SEQ);
    double b = (double)q3_models_parameters(models, Q3_TRANSFORMER);
    ck_assert_double_lt(fabs(a / b - 1), .1);
    for (int k = 0; k < Q3_MODELS; k++) {
        double seconds[2], first = 0;
        for (int step = 0; step < 80; step++) {
            ck_assert_msg(q3_models_step(models, (Q3ModelKind)k, 2, 6, seconds) == STATUS_OK, "%s",
                          status_message());
            if (step == 0) first = q3_models_loss(models);
        }
        ck_assert_double_gt(first, 2);
        ck_assert_double_lt(q3_models_loss(models), .97 * first);
    }
    double seconds[2];
    ck_assert_int_eq(q3_models_step(models, Q3_SEQ2SEQ, 3, 6, seconds), STATUS_ARGUMENT);
    q3_models_close(models);
}
END_TEST

/* --- crossings and races --------------------------------------------------------------------- */

START_TEST(a_crossing_is_found_where_the_curves_meet) {
    const double x[] = {64, 128, 256, 512};
    double a[4 * 3], b[4 * 3];
    Q3Crossing found;
    for (int i = 0; i < 4; i++)
        for (int r = 0; r < 3; r++) {
            a[i * 3 + r] = x[i] * x[i] / 200; /* meet at x = 200 */
            b[i * 3 + r] = x[i];
        }
    ck_assert_int_eq(q3_crossing(x, a, b, 4, 3, 1, &found), STATUS_OK);
    ck_assert_int_eq(found.status, Q3_CROSSED);
    ck_assert_double_eq_tol(found.x, 200, 1e-6);
    ck_assert_int_eq(q3_crossing(x, b, a, 2, 3, 1, &found), STATUS_OK);
    ck_assert_int_eq(found.status, Q3_ALWAYS);
    ck_assert_int_eq(q3_crossing(x, a, b, 2, 3, 1, &found), STATUS_OK);
    ck_assert_int_eq(found.status, Q3_NEVER);
    ck_assert_double_eq(found.x, 128);
}
END_TEST

static Status count_calls(void *context, const Q3Point *point, int number, double seconds[2]) {
    int *calls = context;
    calls[point->runner] += number;
    seconds[0] = 1 + point->runner;
    seconds[1] = threads_count();
    return STATUS_OK;
}

START_TEST(a_race_takes_its_turns_and_continues_from_its_store) {
    static Q3Session session;
    char folder[] = "/tmp/tamrin-q3-XXXXXX", path[64];
    int calls[2] = {0, 0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    for (int run = 0; run < 2; run++) {
        memset(&session, 0, sizeof session);
        session.plan.threads = 1;
        session.points = 2;
        for (int i = 0; i < 2; i++)
            session.point[i] = (Q3Point){.runner = i, .batch = 1, .length = 8, .threads = 1};
        ck_assert_int_eq(store_open(&session.store, path, 7), STATUS_OK);
        ck_assert_int_eq(q3_race(&session, session.point, 2, 3, count_calls, calls), STATUS_OK);
        store_close(session.store);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(session.point[i].repetitions, 3);
            ck_assert_int_eq(calls[i], 4); /* one warms up; nothing is measured twice */
            for (int r = 0; r < 3; r++) {
                ck_assert_double_eq(session.point[i].first[r], 1 + i);
                ck_assert_double_eq(session.point[i].second[r], 1);
            }
        }
    }
    ck_assert_ptr_nonnull(q3_find(&session, Q3_STAGE_LENGTH, 1, 1, 8, 1));
    ck_assert_ptr_null(q3_find(&session, Q3_STAGE_LENGTH, 1, 2, 8, 1));
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(both_profiles_list_what_the_report_quotes) {
    static Q3Session session;
    const char *const profiles[] = {"--profile=quick", "--profile=full"};
    for (int f = 0; f < 2; f++) {
        char *argv[] = {(char *)"q3_parallelism", (char *)profiles[f], (char *)"--threads=1"};
        memset(&session, 0, sizeof session);
        ck_assert_int_eq(q3_plan_parse(&session.plan, 3, argv), -1);
        ck_assert_int_eq(q3_list_points(&session), STATUS_OK);
        ck_assert_double_gt(session.expected, 0);
        int grid = 0, batch1 = 0, batch16 = 0, length256 = 0, headline = 0;
        for (int i = 0; i < session.points; i++) {
            const Q3Point *p = &session.point[i];
            grid += p->stage == Q3_STAGE_GRID && p->batch == 4 && p->length == 1024;
            batch1 += p->stage == Q3_STAGE_MODEL_BATCH && p->batch == 1;
            batch16 += p->stage == Q3_STAGE_MODEL_BATCH && p->batch == 16;
            length256 += p->stage == Q3_STAGE_MODEL_LENGTH && p->length == 256;
            headline += p->stage == Q3_STAGE_LENGTH && p->length == session.plan.headline;
        }
        ck_assert_int_eq(grid, 2);
        ck_assert_int_eq(batch1, Q3_MODELS);
        ck_assert_int_eq(batch16, Q3_MODELS);
        ck_assert_int_eq(length256, Q3_MODELS);
        ck_assert_int_eq(headline, Q3_LAYERS);
    }
}
END_TEST

Suite *suite_q3_parallelism(void) {
    Suite *suite = suite_create("q3_parallelism");
    TCase *graphs = tcase_create("graphs");
    tcase_add_test(graphs, depth_grows_with_length_for_the_recurrent_layer_alone);
    tcase_add_test(graphs, depths_are_those_counted_by_hand);
    tcase_add_test(graphs, trees_cost_the_logarithm_of_what_they_add);
    tcase_add_test(graphs, stacks_of_convolutions_connect_what_they_must);
    tcase_add_test(graphs, graphs_without_sense_are_refused);
    suite_add_tcase(suite, graphs);
    TCase *layers = tcase_create("layers");
    tcase_add_loop_test(layers, layers_depend_on_their_inputs_as_their_graphs_say, 0, Q3_LAYERS);
    tcase_add_loop_test(layers, a_layer_is_the_same_on_a_device, 0, Q3_LAYERS);
    tcase_add_test(layers, operations_are_those_of_the_products);
    tcase_add_test(layers, a_width_that_no_head_fits_is_refused);
    tcase_add_test(layers, the_two_models_have_equal_parameters_and_learn);
    suite_add_tcase(suite, layers);
    TCase *races = tcase_create("races");
    tcase_add_test(races, a_crossing_is_found_where_the_curves_meet);
    tcase_add_test(races, a_race_takes_its_turns_and_continues_from_its_store);
    tcase_add_test(races, both_profiles_list_what_the_report_quotes);
    suite_add_tcase(suite, races);
    return suite;
}
