/* The one test program: every suite of tests/, in one run.
 *
 *     build/bin/tests               all of them
 *     build/bin/tests base results  only these suites
 *
 * The list of suites is made by the Makefile from the names of the files: tests/unit/test_base.c
 * offers suite_base(). Each test runs in a process of its own (CK_FORK=no keeps them in this one,
 * for a debugger).
 */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.h"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, suite_##name},
#include "suites.h"
#undef SUITE
};

static const size_t suite_count = sizeof suites / sizeof *suites;

static int is_wanted(const char *name, int argc, char **argv) {
    if (argc < 2) return 1;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return 0;
}

static int is_suite(const char *name) {
    for (size_t i = 0; i < suite_count; i++)
        if (strcmp(suites[i].name, name) == 0) return 1;
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!is_suite(argv[i])) {
            fprintf(stderr, "tests: '%s' is no suite; there are:", argv[i]);
            for (size_t j = 0; j < suite_count; j++) fprintf(stderr, " %s", suites[j].name);
            fputc('\n', stderr);
            return 2;
        }
    /* Check gives a test four seconds, which a busy machine can make of anything. The limit only
     * ends what hangs. */
    setenv("CK_DEFAULT_TIMEOUT", "300", 0);
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < suite_count; i++)
        if (is_wanted(suites[i].name, argc, argv)) srunner_add_suite(runner, suites[i].make());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
