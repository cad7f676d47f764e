#define _GNU_SOURCE
#include "hayai_world.h"

#include <stdlib.h>

World world;

static double fake_wall(void *context) {
    (void)context;
    return world.wall;
}

static double fake_cpu(void *context) {
    (void)context;
    return world.cpu;
}

static long fake_switches(void *context) {
    (void)context;
    return world.switches;
}

static int fake_interrupt(void) {
    return world.stop_after && world.calls >= world.stop_after;
}

void pass(double seconds) {
    world.wall += seconds;
    world.cpu += seconds;
}

HayaiSuite *world_suite(void) {
    HayaiSuite *suite;
    memset(&world, 0, sizeof world);
    ck_assert_int_eq(hayai_suite_create(&suite), STATUS_OK);
    hayai_set_clock(suite, (HayaiClock){fake_wall, fake_cpu, fake_switches, NULL});
    hayai_set_interrupt(suite, fake_interrupt);
    return suite;
}

void count_call(const HayaiState *state) {
    if (world.calls < 256) world.seen[world.calls] = hayai_iteration_count(state);
    world.calls++;
}

/* A millisecond an iteration; the untimed work around the loop must not count. */
void steady(HayaiState *state) {
    count_call(state);
    pass(100);
    while (hayai_keep_running(state)) pass(1e-3);
    pass(100);
}

Ran world_run(HayaiSuite *suite, const char *flags) {
    Ran ran = {0};
    char words[1024], *argv[32] = {(char *)"prog"};
    int argc = 1;
    size_t out_size, err_size;
    snprintf(words, sizeof words, "%s", flags);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    FILE *out = open_memstream(&ran.out, &out_size), *err = open_memstream(&ran.err, &err_size);
    ran.status = hayai_run(suite, argc, argv, out, err);
    fclose(out);
    fclose(err);
    ran.json = cJSON_Parse(ran.out);
    return ran;
}

void ran_free(Ran *ran) {
    cJSON_Delete(ran->json);
    free(ran->out);
    free(ran->err);
}

const cJSON *entry(const Ran *ran, const char *name) {
    const cJSON *found;
    ck_assert_ptr_nonnull(ran->json);
    cJSON_ArrayForEach(found, cJSON_GetObjectItem(ran->json, "benchmarks")) {
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(found, "name")), name) == 0)
            return found;
    }
    ck_abort_msg("no entry %s in %s", name, ran->out);
    return NULL;
}

double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItem(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "no number %s", key);
    return item->valuedouble;
}

const char *text(const cJSON *object, const char *key) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    ck_assert_msg(value != NULL, "no text %s", key);
    return value;
}

void no_gpu(HayaiState *state) {
    count_call(state);
    hayai_skip_with_message(state, "no %s", "GPU");
    hayai_skip_with_error(state, "the first reason counts");
    while (hayai_keep_running(state)) pass(1);
}

void breaks_down(HayaiState *state) {
    while (hayai_keep_running(state)) {
        pass(1);
        hayai_skip_with_error(state, "sum is off");
    }
}

void counting(HayaiState *state) {
    while (hayai_keep_running(state)) pass(0.5);
    hayai_counter(state, "plain", 1, HAYAI_PLAIN);
    hayai_counter(state, "plain", 12, HAYAI_PLAIN);
    hayai_counter(state, "rate", 12, HAYAI_RATE);
    hayai_counter(state, "average", 12, HAYAI_AVERAGE);
    hayai_counter(state, "invariant_rate", 12, HAYAI_RATE | HAYAI_INVARIANT);
    hayai_counter(state, "inverted", 12, HAYAI_RATE | HAYAI_INVERT);
    hayai_set_items_processed(state, 6 * hayai_iteration_count(state));
    hayai_set_bytes_processed(state, 8192 * hayai_iteration_count(state));
    hayai_set_label(state, "label %d", 7);
    hayai_set_bytes(state, 4096);
}
