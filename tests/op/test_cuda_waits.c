/* What is measured on a GPU is asked for without waiting: however many calls stand in a row, the
 * host waits as often as for one, to read the clock. The emulation counts. */
#include "base/rng.h"
#include "op/mirror.h"
#include "q3_parallelism_device.h"
#include "q4_complexity_case.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_cuda_waits(void);

#ifdef TAMRIN_CUDA_EMULATED
long emulate_waits(void);

enum { H = 2, E = 16, R = 16, N = 20, FLOATS = H * E * N };

static long waits_of_case(Workspace *workspace, const Case *one, int forward, int backward) {
    const int calls[2] = {forward, backward};
    const long before = emulate_waits();
    Sample sample[2];
    const Status status = case_measure(workspace, one, calls, sample);
    if (status != STATUS_OK) ck_assert_int_eq(status, STATUS_UNSUPPORTED);
    return status == STATUS_OK ? emulate_waits() - before : -1;
}

START_TEST(attention_waits_for_the_clock_alone) {
    Room room;
    Workspace workspace;
    Case one;
    if (getenv("TAMRIN_TEST_GPU") || !mirror_cuda()) return; /* a GPU does not count */
    ck_assert_int_eq(room_open(&room, mirror_behind()), STATUS_OK);
    ck_assert_int_eq(workspace_open(&workspace, &room, FLOATS, R * E, 3, 1, 0), STATUS_OK);
    ck_assert_int_eq(workspace_project(&workspace, R, E, 3, 0), STATUS_OK);
    case_make(&one, &case_variants[_i], (Shape){H, E, R, N}, &workspace);
    ck_assert_int_eq(waits_of_case(&workspace, &one, 3, 0), 1);
    const long both = waits_of_case(&workspace, &one, 3, 2);
    ck_assert(both == 2 || both == -1);
    workspace_close(&workspace);
    room_close(&room);
}
END_TEST

START_TEST(layers_wait_for_the_clock_alone) {
    enum { D = 16, T = 5, COUNT = D * T };
    const Q3Shape shape = {.width = D, .heads = 2, .features = 8, .taps = 3};
    float x[COUNT];
    double seconds[2];
    Room room;
    Arena arena;
    Q3Layer *layer;
    Q3DeviceLayer *there;
    if (getenv("TAMRIN_TEST_GPU") || !mirror_cuda()) return;
    rng_fill_normal(x, COUNT, 3, 1);
    ck_assert_int_eq(room_open(&room, mirror_behind()), STATUS_OK);
    ck_assert_int_eq(room_arena(&room, 0, &arena), STATUS_OK);
    float *at = arena_take(&arena, sizeof x), *dout = arena_take(&arena, sizeof x);
    ck_assert_int_eq(mirror_behind()->memory->upload(at, x, sizeof x), STATUS_OK);
    ck_assert_int_eq(mirror_behind()->memory->upload(dout, x, sizeof x), STATUS_OK);
    ck_assert_int_eq(q3_layer_open(&layer, (Q3LayerKind)_i, &shape, 3), STATUS_OK);
    ck_assert_int_eq(q3_device_layer_open(&there, layer, mirror_behind(), &arena), STATUS_OK);
    const long before = emulate_waits();
    ck_assert_int_eq(q3_device_layer_run(there, &arena, 1, T, at, dout, 3, seconds, NULL),
                     STATUS_OK);
    ck_assert_int_eq(emulate_waits() - before, 2);
    q3_device_layer_close(there);
    q3_layer_close(layer);
    room_arena_close(&room, &arena);
    room_close(&room);
}
END_TEST
#endif

Suite *suite_cuda_waits(void) {
    Suite *suite = suite_create("cuda_waits");
#ifdef TAMRIN_CUDA_EMULATED
    TCase *waits = tcase_create("waits");
    tcase_add_loop_test(waits, attention_waits_for_the_clock_alone, 0, VARIANT_COUNT);
    tcase_add_loop_test(waits, layers_wait_for_the_clock_alone, 0, Q3_LAYERS);
    suite_add_tcase(suite, waits);
#endif
    return suite;
}
