#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <check.h>
#include <string.h>

Suite *suite_options(void);

static int threads, profile, causal;
static double tolerance;
static const char *folder;
static OptionInts lengths;

static const Option table[] = {
    {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full", .help = "how much"},
    {"threads", OPTION_INT, &threads, "0", .low = 0, .high = 1024, .help = "threads of all loops"},
    {"tolerance", OPTION_NUMBER, &tolerance, "1e-3", .low = 0, .high = 1, .help = "a share"},
    {"results", OPTION_TEXT, &folder, "results/local", .value = "FOLDER", .help = "parent"},
    {"lengths", OPTION_INTS, &lengths, NULL, .low = 1, .high = 65536, .help = "lengths"},
    {"causal", OPTION_SWITCH, &causal, NULL, .help = "masks the future"},
};

static const OptionsProgram program = {.name = "trial",
                                       .about = "Tries the options.",
                                       .examples = "  trial --lengths=1,2\n",
                                       .options = table,
                                       .count = sizeof table / sizeof *table};

static Status parse(int count, const char *const *words, int *help) {
    char *argv[16] = {(char *)"trial"};
    for (int i = 0; i < count; i++) argv[i + 1] = (char *)words[i];
    lengths = (OptionInts){0};
    return options_parse(&program, count + 1, argv, help);
}

START_TEST(defaults_hold_where_nothing_is_given) {
    int help;
    ck_assert_int_eq(parse(0, NULL, &help), STATUS_OK);
    ck_assert_int_eq(help, 0);
    ck_assert_int_eq(profile, 0);
    ck_assert_int_eq(threads, 0);
    ck_assert_double_eq(tolerance, 1e-3);
    ck_assert_str_eq(folder, "results/local");
    ck_assert_int_eq(lengths.count, 0);
    ck_assert_int_eq(causal, 0);
}
END_TEST

START_TEST(both_spellings_are_read) {
    const char *words[] = {"--profile=full", "--threads",     "2",        "--tolerance=0.5",
                           "--lengths",      "512,1024,2048", "--causal", "--results=/a=b"};
    int help;
    ck_assert_int_eq(parse(8, words, &help), STATUS_OK);
    ck_assert_int_eq(profile, 1);
    ck_assert_int_eq(threads, 2);
    ck_assert_double_eq(tolerance, 0.5);
    ck_assert_str_eq(folder, "/a=b");
    ck_assert_int_eq(lengths.count, 3);
    ck_assert_int_eq(lengths.values[0], 512);
    ck_assert_int_eq(lengths.values[2], 2048);
    ck_assert_int_eq(causal, 1);
}
END_TEST

START_TEST(the_last_of_two_wins) {
    const char *words[] = {"--threads=2", "--threads=3"};
    int help;
    ck_assert_int_eq(parse(2, words, &help), STATUS_OK);
    ck_assert_int_eq(threads, 3);
}
END_TEST

/* A wrong command line, and the parts its message must hold: flag, expectation, finding. */
static const struct {
    const char *words[2];
    const char *parts[3];
} wrong[] = {
    {{"--lengths=abc"}, {"--lengths", "integers from 1 to 65536", "'abc'"}},
    {{"--lengths=1,,2"}, {"--lengths", "integers", "'1,,2'"}},
    {{"--lengths=1,2,"}, {"--lengths", "integers", "'1,2,'"}},
    {{"--lengths=1,0"}, {"--lengths", "from 1", "'1,0'"}},
    {{"--lengths=1;2"}, {"--lengths", "integers", "'1;2'"}},
    {{"--lengths="}, {"--lengths", "integers", "''"}},
    {{"--threads=2x"}, {"--threads", "an integer from 0 to 1024", "'2x'"}},
    {{"--threads=-1"}, {"--threads", "from 0", "'-1'"}},
    {{"--threads=99999999999999999999"}, {"--threads", "an integer", "'99999999999999999999'"}},
    {{"--threads", " 2"}, {"--threads", "an integer", "' 2'"}},
    {{"--threads"}, {"--threads", "an integer", "nothing"}},
    {{"--threads", "--causal"}, {"--threads", "an integer", "nothing"}},
    {{"--tolerance=nan"}, {"--tolerance", "a number from 0 to 1", "'nan'"}},
    {{"--tolerance=2"}, {"--tolerance", "from 0 to 1", "'2'"}},
    {{"--profile=slow"}, {"--profile", "one of quick|full", "'slow'"}},
    {{"--profile=quic"}, {"--profile", "quick|full", "'quic'"}},
    {{"--results="}, {"--results", "not empty", "''"}},
    {{"--causal=yes"}, {"--causal", "no value", "'yes'"}},
    {{"--thread=2"}, {"--thread", "did you mean --threads", ""}},
    {{"--wholly-unknown"}, {"--wholly-unknown", "--help", ""}},
    {{"lengths=2"}, {"lengths=2", "expected a flag", ""}},
    {{"--"}, {"'--'", "expected a flag", ""}},
};

START_TEST(wrong_flags_are_refused_with_a_sentence) {
    int count = wrong[_i].words[1] ? 2 : 1, help;
    ck_assert_int_eq(parse(count, wrong[_i].words, &help), STATUS_ARGUMENT);
    for (int part = 0; part < 3; part++)
        ck_assert_msg(strstr(status_message(), wrong[_i].parts[part]) != NULL,
                      "'%s' is missing in: %s", wrong[_i].parts[part], status_message());
}
END_TEST

START_TEST(a_list_that_is_too_long_is_refused) {
    char text[16 + 2 * (OPTIONS_INTS_MAX + 1)] = "--lengths=1";
    for (int i = 1; i < OPTIONS_INTS_MAX; i++) strcat(text, ",1");
    const char *words[] = {text};
    int help;
    ck_assert_int_eq(parse(1, words, &help), STATUS_OK);
    ck_assert_int_eq(lengths.count, OPTIONS_INTS_MAX);
    strcat(text, ",1");
    ck_assert_int_eq(parse(1, words, &help), STATUS_ARGUMENT);
}
END_TEST

START_TEST(help_is_asked_for_and_names_every_flag) {
    const char *words[] = {"--lengths=abc", "--help"};
    int help;
    ck_assert_int_eq(parse(2, words, &help), STATUS_OK);
    ck_assert_int_eq(help, 1);
    char text[4096] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    ck_assert_ptr_nonnull(stream);
    options_help(&program, stream);
    ck_assert_int_eq(fclose(stream), 0);
    for (size_t i = 0; i < program.count; i++) {
        ck_assert_ptr_nonnull(strstr(text, table[i].name));
        ck_assert_ptr_nonnull(strstr(text, table[i].help));
        if (table[i].fallback) ck_assert_ptr_nonnull(strstr(text, table[i].fallback));
    }
    ck_assert_ptr_nonnull(strstr(text, "trial --lengths=1,2"));
}
END_TEST

START_TEST(help_keeps_within_eighty_columns) {
    const Option wordy[] = {{"wordy", OPTION_TEXT, &folder, NULL,
                             .help = "a sentence that goes on for so long that it cannot stand in "
                                     "one line of a terminal, and so is broken at blanks, again "
                                     "and again, until it ends."}};
    OptionsProgram long_program = {
        .name = "trial", .about = wordy[0].help, .options = wordy, .count = 1};
    char text[4096] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    ck_assert_ptr_nonnull(stream);
    options_help(&long_program, stream);
    ck_assert_int_eq(fclose(stream), 0);
    int lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
        ck_assert_uint_le(strlen(line), 80);
    ck_assert_int_gt(lines, 6);
}
END_TEST

START_TEST(a_wrong_default_in_a_table_is_found) {
    const Option bad[] = {
        {"threads", OPTION_INT, &threads, "many", .low = 0, .high = 8, .help = "threads"}};
    OptionsProgram bad_program = {.name = "trial", .about = "", .options = bad, .count = 1};
    char *argv[] = {(char *)"trial"};
    int help;
    ck_assert_int_eq(options_parse(&bad_program, 1, argv, &help), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "default"));
    ck_assert_ptr_nonnull(strstr(status_message(), "many"));
}
END_TEST

Suite *suite_options(void) {
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, defaults_hold_where_nothing_is_given);
    tcase_add_test(tests, both_spellings_are_read);
    tcase_add_test(tests, the_last_of_two_wins);
    tcase_add_loop_test(tests, wrong_flags_are_refused_with_a_sentence, 0,
                        (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(tests, a_list_that_is_too_long_is_refused);
    tcase_add_test(tests, help_is_asked_for_and_names_every_flag);
    tcase_add_test(tests, help_keeps_within_eighty_columns);
    tcase_add_test(tests, a_wrong_default_in_a_table_is_found);
    suite_add_tcase(suite, tests);
    return suite;
}
