/* base: status, arena, machine, threads, clock, progress, interrupt. */
#define _GNU_SOURCE
#include "base/arena.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/machine.h"
#include "base/progress.h"
#include "base/status.h"
#include "base/threads.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_base(void);

/* --- status ------------------------------------------------------------------------------ */

static Status fails(void) {
    return status_fail(STATUS_IO, "%s: cannot open: %d", "a.tsv", 7);
}

static Status passes_on(int *went_on) {
    STATUS_TRY(STATUS_OK);
    STATUS_TRY(fails());
    *went_on = 1;
    return STATUS_OK;
}

START_TEST(status_keeps_code_and_message) {
    int went_on = 0;
    ck_assert_int_eq(passes_on(&went_on), STATUS_IO);
    ck_assert_int_eq(went_on, 0);
    ck_assert_str_eq(status_message(), "a.tsv: cannot open: 7");
    ck_assert_int_eq(status_prefix(STATUS_IO, "figure %d", 4), STATUS_IO);
    ck_assert_str_eq(status_message(), "figure 4: a.tsv: cannot open: 7");
}
END_TEST

START_TEST(status_cuts_what_is_too_long) {
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    status_fail(STATUS_FORMAT, "%s", text);
    ck_assert_uint_eq(strlen(status_message()), 1023);
    status_prefix(STATUS_FORMAT, "short");
    ck_assert_uint_eq(strlen(status_message()), 1023);
    ck_assert_int_eq(strncmp(status_message(), "short: xxx", 10), 0);
    status_prefix(STATUS_FORMAT, "%s", text);
    ck_assert_uint_eq(strlen(status_message()), 1023);
}
END_TEST

static void *message_elsewhere(void *seen) {
    strcpy(seen, status_message());
    status_fail(STATUS_MEMORY, "elsewhere");
    return NULL;
}

START_TEST(status_is_each_threads_own) {
    char seen[1024] = "not looked";
    pthread_t thread;
    status_fail(STATUS_IO, "here");
    ck_assert_int_eq(pthread_create(&thread, NULL, message_elsewhere, seen), 0);
    pthread_join(thread, NULL);
    ck_assert_str_eq(seen, "");
    ck_assert_str_eq(status_message(), "here");
}
END_TEST

/* --- arena ------------------------------------------------------------------------------- */

START_TEST(arena_aligns_and_does_not_overlap) {
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 1 << 20), STATUS_OK);
    unsigned char *last = NULL;
    size_t last_bytes = 0;
    for (size_t bytes = 0; bytes < 200; bytes += 7) {
        unsigned char *taken = arena_take(&arena, bytes);
        ck_assert_ptr_nonnull(taken);
        ck_assert_uint_eq((uintptr_t)taken % 64, 0);
        if (last) ck_assert(taken >= last + last_bytes);
        memset(taken, 0xA5, bytes);
        last = taken;
        last_bytes = bytes;
    }
    arena_close(&arena);
}
END_TEST

START_TEST(arena_counts_its_high_water) {
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 1 << 20), STATUS_OK);
    arena_take(&arena, 64);
    size_t mark = arena_mark(&arena);
    arena_take(&arena, 6400);
    arena_rewind(&arena, mark);
    ck_assert_uint_eq(arena.used, 64);
    ck_assert_uint_eq(arena.high_water, 6464);
    arena_take(&arena, 640);
    ck_assert_uint_eq(arena.high_water, 6464);
    arena_high_water_reset(&arena);
    ck_assert_uint_eq(arena.high_water, 704);
    arena_take(&arena, 64);
    ck_assert_uint_eq(arena.high_water, 768);
    arena_rewind(&arena, 1 << 19); /* a mark from the future takes nothing */
    ck_assert_uint_eq(arena.used, 768);
    arena_close(&arena);
}
END_TEST

START_TEST(arena_says_when_it_is_exhausted) {
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 8192), STATUS_OK);
    ck_assert_ptr_nonnull(arena_take(&arena, arena.capacity));
    ck_assert_ptr_null(arena_take(&arena, 1));
    ck_assert_ptr_nonnull(strstr(status_message(), "1 bytes asked, 0 of 8192 free"));
    arena_rewind(&arena, 0);
    ck_assert_ptr_null(arena_take(&arena, arena.capacity + 1));
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX - 63));
    ck_assert_ptr_null(arena_take_zeroed(&arena, SIZE_MAX / 2));
    ck_assert_uint_eq(arena.used, 0);
    ck_assert_ptr_nonnull(arena_take(&arena, arena.capacity));
    arena_close(&arena);
    ck_assert_int_eq(arena_open(&arena, SIZE_MAX / 4), STATUS_MEMORY);
    ck_assert_ptr_nonnull(strstr(status_message(), "cannot reserve"));
    arena_close(&arena);
}
END_TEST

START_TEST(arena_zeroes_what_was_used_before) {
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 0), STATUS_OK); /* as much as the machine has */
    memset(arena_take(&arena, 100000), 0xFF, 100000);
    arena_rewind(&arena, 0);
    unsigned char *zeroed = arena_take_zeroed(&arena, 100000);
    for (size_t i = 0; i < 100000; i++) ck_assert_uint_eq(zeroed[i], 0);
    arena_close(&arena);
}
END_TEST

START_TEST(arena_trim_keeps_what_is_in_use) {
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 1 << 22), STATUS_OK);
    unsigned char *kept = arena_take(&arena, 5000);
    memset(kept, 0x5A, 5000);
    size_t mark = arena_mark(&arena);
    memset(arena_take(&arena, 1 << 20), 0xFF, 1 << 20);
    arena_rewind(&arena, mark);
    arena_trim(&arena);
    for (int i = 0; i < 5000; i++) ck_assert_uint_eq(kept[i], 0x5A);
    /* Pages given back read as zeros when they are touched again. */
    unsigned char *again = arena_take(&arena, 1 << 20);
    ck_assert_uint_eq(again[(1 << 20) - 1], 0);
    arena_close(&arena);
}
END_TEST

/* --- machine, threads, clock ---------------------------------------------------------------- */

START_TEST(machine_is_described) {
    Machine machine;
    memset(&machine, 0xA5, sizeof machine);
    machine_describe(&machine);
    const char *texts[] = {machine.cpu,      machine.isa,   machine.slug, machine.os,
                           machine.compiler, machine.build, machine.blas};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_uint_gt(strlen(texts[i]), 0);
        ck_assert_ptr_null(strpbrk(texts[i], "\t\n"));
    }
    ck_assert_uint_eq(strspn(machine.slug, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                      strlen(machine.slug));
    ck_assert_int_ge(machine.processors, 1);
    ck_assert_uint_gt(machine.memory_bytes, 1 << 20);
    ck_assert_ptr_nonnull(strstr(machine.blas, "OpenBLAS"));
    ck_assert_int_le(machine.caches, 8);
    for (int i = 0; i < machine.caches; i++) {
        ck_assert_int_ge(machine.cache[i].level, 1);
        ck_assert_uint_gt(machine.cache[i].bytes, 0);
    }
    double load[3] = {-1, -1, -1};
    machine_load(load);
    for (int i = 0; i < 3; i++) ck_assert_double_ge(load[i], 0);
}
END_TEST

/* One OpenMP for all: with the pthread flavour of OpenBLAS our thread count would not be its. */
START_TEST(openblas_is_the_one_on_openmp) {
    Machine machine;
    machine_describe(&machine);
    ck_assert_msg(strstr(machine.blas, "USE_OPENMP"), "OpenBLAS is '%s'", machine.blas);
}
END_TEST

START_TEST(peak_memory_is_seen) {
    size_t before = machine_peak_resident_bytes();
    ck_assert_uint_gt(before, 0);
    enum { BYTES = 64 << 20 };
    volatile char *touched = malloc(BYTES);
    ck_assert_ptr_nonnull((void *)touched);
    for (size_t i = 0; i < BYTES; i += 1024) touched[i] = 1;
    size_t after = machine_peak_resident_bytes();
    free((void *)touched);
    ck_assert_uint_ge(after, before + BYTES / 2);
}
END_TEST

START_TEST(threads_are_set_for_all) {
    ck_assert_int_ge(threads_available(), 1);
    threads_set(3);
    ck_assert_int_eq(threads_count(), 3);
    threads_set(0);
    ck_assert_int_eq(threads_count(), threads_available());
}
END_TEST

START_TEST(clocks_go_forward) {
    double wall = clock_seconds(), cpu = clock_cpu_seconds();
    volatile double work = 0;
    while (clock_cpu_seconds() <= cpu) work += 1;
    ck_assert_double_gt(clock_seconds(), wall);
    ck_assert_int_ge(clock_involuntary_switches(), 0);
}
END_TEST

/* --- progress, interrupt --------------------------------------------------------------------- */

START_TEST(progress_writes_lines_to_a_file) {
    char text[4096] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    Progress progress;
    progress_begin(&progress, stream, "q4: measuring", 200);
    progress_step(&progress, 10, "early"); /* short runs stay silent in a log */
    progress.started -= 30;
    progress.shown -= 30;
    progress_step(&progress, 50, "tiled N=4096");
    progress_step(&progress, 51, "at once again");
    progress_end(&progress);
    fclose(stream);
    ck_assert_ptr_null(strstr(text, "early"));
    ck_assert_ptr_null(strstr(text, "at once again"));
    ck_assert_ptr_null(strchr(text, '\r'));
    /* 50 of 200 after 30 s: a quarter, and three times as long to go. */
    ck_assert_msg(strncmp(text, "q4: measuring  25 %, 30 s, 90 s left (tiled N=4096)\n", 52) == 0,
                  "'%s'", text);
    ck_assert_msg(strstr(text + 52, "q4: measuring done in 30.") == text + 52, "'%s'", text);
}
END_TEST

START_TEST(progress_without_a_stream_is_silent) {
    Progress progress;
    progress_begin(&progress, NULL, "nothing", 0);
    progress.shown -= 30;
    progress_step(&progress, 5, NULL);
    progress_end(&progress);
    ck_assert_ptr_null(progress.stream);
}
END_TEST

START_TEST(interrupt_is_a_request) {
    static const int signals[] = {SIGINT, SIGTERM};
    interrupt_install();
    ck_assert_int_eq(interrupt_requested(), 0);
    raise(signals[_i]);
    ck_assert_int_eq(interrupt_requested(), 1);
}
END_TEST

/* Libraries may lend the stack pointer to something else for a while (base/interrupt.c): nothing is
 * written there when the request comes. */
START_TEST(an_interrupt_leaves_the_stack_alone) {
    static const int signals[] = {SIGINT, SIGTERM};
    stack_t stack;
    struct sigaction action;
    interrupt_install();
    ck_assert_int_eq(sigaltstack(NULL, &stack), 0);
    ck_assert_int_eq(stack.ss_flags & SS_DISABLE, 0);
    ck_assert_int_ge((long)stack.ss_size, 2 * sysconf(_SC_MINSIGSTKSZ));
    ck_assert_int_eq(sigaction(signals[_i], NULL, &action), 0);
    ck_assert_int_ne(action.sa_flags & SA_ONSTACK, 0);
}
END_TEST

START_TEST(a_second_interrupt_ends_the_process) {
    pid_t child = fork();
    if (child == 0) {
        interrupt_install();
        raise(SIGINT);
        if (!interrupt_requested()) _exit(1);
        raise(SIGINT);
        _exit(2);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGINT);
}
END_TEST

Suite *suite_base(void) {
    Suite *suite = suite_create("base");
    TCase *status = tcase_create("status");
    tcase_add_test(status, status_keeps_code_and_message);
    tcase_add_test(status, status_cuts_what_is_too_long);
    tcase_add_test(status, status_is_each_threads_own);
    suite_add_tcase(suite, status);
    TCase *arena = tcase_create("arena");
    tcase_add_test(arena, arena_aligns_and_does_not_overlap);
    tcase_add_test(arena, arena_counts_its_high_water);
    tcase_add_test(arena, arena_says_when_it_is_exhausted);
    tcase_add_test(arena, arena_zeroes_what_was_used_before);
    tcase_add_test(arena, arena_trim_keeps_what_is_in_use);
    suite_add_tcase(suite, arena);
    TCase *machine = tcase_create("machine");
    tcase_add_test(machine, machine_is_described);
    tcase_add_test(machine, openblas_is_the_one_on_openmp);
    tcase_add_test(machine, peak_memory_is_seen);
    tcase_add_test(machine, threads_are_set_for_all);
    tcase_add_test(machine, clocks_go_forward);
    suite_add_tcase(suite, machine);
    TCase *run = tcase_create("run");
    tcase_add_test(run, progress_writes_lines_to_a_file);
    tcase_add_test(run, progress_without_a_stream_is_silent);
    tcase_add_loop_test(run, interrupt_is_a_request, 0, 2);
    tcase_add_loop_test(run, an_interrupt_leaves_the_stack_alone, 0, 2);
    tcase_add_test(run, a_second_interrupt_ends_the_process);
    suite_add_tcase(suite, run);
    return suite;
}
