/* fetch.sh: what a manifest names arrives verified and unpacked, or not at all. */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_fetch(void);

#define HEADER "name\taddress\trevision\tsha256\tbytes\tlicence\tdestination\tunpack\tprofile\n"
/* sha256 of "hello\n", as published in countless places. */
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static char folder[64];
static char output[8192];

static void make_folder(void) {
    strcpy(folder, "/tmp/tamrin-fetch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs a line in the folder; its exit status, and what it said in `output`. */
static int shell(const char *format, ...) {
    char line[4096], whole[6144], here[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(whole, sizeof whole, "FETCH='%s/experiments/fetch.sh'; cd '%s' && { %s; } 2>&1", here,
             folder, line);
    FILE *pipe = popen(whole, "r");
    ck_assert_ptr_nonnull(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = 0;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void remove_folder(void) {
    ck_assert_int_eq(shell("rm -rf '%s'", folder), 0);
}

static void write_file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void says(const char *text) {
    ck_assert_msg(strstr(output, text), "'%s' should say '%s'", output, text);
}

/* A manifest of one file and a mirror that holds it, some folders down. */
static void set_up(const char *content) {
    ck_assert_int_eq(shell("mkdir -p mirror/some/where"), 0);
    write_file("mirror/some/where/hello.txt", content);
    write_file("inputs.tsv",
               "# a comment\n" HEADER "hello\thttps://example.invalid/x/hello.txt\t1\t" HELLO
               "\t6\tCC0\tgreetings\tnone\tquick\n");
}

START_TEST(the_mirror_comes_first) {
    set_up("hello\n");
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data"), 0);
    says("from the mirror");
    ck_assert_int_eq(shell("cmp data/greetings/hello.txt mirror/some/where/hello.txt"), 0);
    ck_assert_int_eq(shell("rm -r mirror; $FETCH inputs.tsv data"), 0);
    says("hello: present");
}
END_TEST

START_TEST(a_wrong_hash_names_file_expected_and_found) {
    set_up("hullo\n");
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data"), 1);
    says("hello.txt: wrong content");
    says("expected sha256 " HELLO " (6 bytes");
    ck_assert_int_eq(shell("sha256sum <mirror/some/where/hello.txt | cut -d' ' -f1"), 0);
    char found[128];
    snprintf(found, sizeof found, "found    sha256 %.64s (6 bytes)", output);
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data"), 1);
    says(found);
    ck_assert_int_eq(shell("find data -type f"), 0);
    ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(the_hash_decides_between_files_of_one_name) {
    set_up("hello\n");
    ck_assert_int_eq(shell("mkdir mirror/a mirror/z"), 0);
    write_file("mirror/a/hello.txt", "another\n");
    write_file("mirror/z/hello.txt", "yet another\n");
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data"), 0);
    ck_assert_int_eq(shell("cat data/greetings/hello.txt"), 0);
    ck_assert_str_eq(output, "hello\n");
}
END_TEST

/* Every model has a config.json: one of another size is another model's. */
START_TEST(a_file_of_that_name_elsewhere_is_no_error) {
    set_up("hello\n");
    ck_assert_int_eq(shell("mkdir mirror/a && mv mirror/some/where/hello.txt mirror/a/kept"), 0);
    write_file("mirror/a/hello.txt", "another\n");
    ck_assert_int_eq(shell("MIRROR=mirror NETWORK=no $FETCH inputs.tsv data"), 0);
    says("hello: left out, not in the mirror");
    ck_assert_int_eq(shell("mkdir mirror/greetings && mv mirror/a/kept mirror/greetings/hello.txt"),
                     0);
    ck_assert_int_eq(shell("MIRROR=mirror NETWORK=no $FETCH inputs.tsv data"), 0);
    says("from the mirror, mirror/greetings/hello.txt");
}
END_TEST

START_TEST(only_what_is_wanted_comes) {
    static const char *const profiles[] = {"quick", "full", "all"};
    set_up("hello\n");
    ck_assert_int_eq(shell("sed -i 's/quick$/%s/' inputs.tsv", profiles[_i]), 0);
    for (int wanted = 0; wanted < 3; wanted++) {
        ck_assert_int_eq(shell("rm -rf data; MIRROR=mirror $FETCH inputs.tsv data %s; "
                               "[ -e data/greetings/hello.txt ]",
                               profiles[wanted]),
                         wanted >= _i ? 0 : 1);
    }
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data most"), 1);
    says("'most': expected quick, full or all");
}
END_TEST

START_TEST(the_manifest_itself_is_well_formed) {
    char here[1024];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(shell("NETWORK=no $FETCH '%s/experiments/inputs.tsv' data", here), 0);
    says("cola: left out");
    says("minilm_model: left out");
    says("bert_model: left out");
    says("mpnet_model: left out");
    says("perdt_train: left out");
    says("wiki_pquad: left out");
    ck_assert_msg(!strstr(output, "news_isna"), "no stated licence, and not asked for: %s", output);
    ck_assert_int_eq(shell("CORPORA=all NETWORK=no $FETCH '%s/experiments/inputs.tsv' data", here),
                     0);
    says("news_isna: left out");
    ck_assert_int_eq(shell("cut -f1 '%s/experiments/inputs.tsv' | sort | uniq -d", here), 0);
    ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(a_damaged_file_is_brought_again) {
    set_up("hello\n");
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data"), 0);
    ck_assert_int_eq(shell("rm -r data/.unpacked"), 0);
    write_file("data/greetings/hello.txt", "hel");
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data; cat data/greetings/hello.txt"),
                     0);
    says("from the mirror");
    says("\nhello\n");
}
END_TEST

START_TEST(gz_is_unpacked_beside_itself) {
    set_up("hello\n");
    ck_assert_int_eq(shell("gzip -n mirror/some/where/hello.txt && h=$(sha256sum "
                           "<mirror/some/where/hello.txt.gz | cut -d' ' -f1) && "
                           "n=$(wc -c <mirror/some/where/hello.txt.gz) && sed -i "
                           "\"s/hello.txt/hello.txt.gz/; s/" HELLO "/$h/; s/none/gz/; "
                           "s/\t6\t/\t$n\t/\" inputs.tsv"),
                     0);
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data && cat data/greetings/hello.txt"),
                     0);
    says("\nhello\n");
}
END_TEST

START_TEST(the_network_resumes_and_verifies) {
    if (shell("command -v curl")) return; /* make test does without curl; make data does not */
    set_up("hello\n");
    ck_assert_int_eq(shell("sed -i \"s|https://example.invalid/x|file://$PWD/mirror/some/where|\" "
                           "inputs.tsv; mkdir -p data/greetings"),
                     0);
    write_file("data/greetings/hello.txt.part", "hel");
    ck_assert_int_eq(shell("$FETCH inputs.tsv data && cat data/greetings/hello.txt"), 0);
    says("\nhello\n");
    ck_assert_int_eq(shell("rm -r data; printf 'hullo\\n' >mirror/some/where/hello.txt"), 0);
    ck_assert_int_eq(shell("$FETCH inputs.tsv data"), 1);
    says("expected sha256 " HELLO);
    ck_assert_int_eq(shell("find data -type f"), 0);
    ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(what_nothing_serves_comes_from_the_mirror_or_not_at_all) {
    set_up("hello\n");
    ck_assert_int_eq(shell("sed -i 's|https://example.invalid/x/|mirror:|' inputs.tsv"), 0);
    ck_assert_int_eq(shell("$FETCH inputs.tsv data; find data -type f"), 0);
    ck_assert_str_eq(output,
                     "hello: left out: no address serves hello.txt and the mirror (none was given) "
                     "lacks it\n");
    ck_assert_int_eq(shell("MIRROR=mirror $FETCH inputs.tsv data"), 0);
    says("from the mirror");
    ck_assert_int_eq(shell("cat data/greetings/hello.txt"), 0);
    ck_assert_str_eq(output, "hello\n");
}
END_TEST

START_TEST(a_mirror_may_hold_it_compressed) {
    set_up("hello\n");
    ck_assert_int_eq(
        shell("gzip mirror/some/where/hello.txt; MIRROR=mirror $FETCH inputs.tsv data"), 0);
    says("from the mirror, mirror/some/where/hello.txt.gz");
    ck_assert_int_eq(shell("cat data/greetings/hello.txt; ls data/greetings"), 0);
    ck_assert_str_eq(output, "hello\nhello.txt\n");
    ck_assert_int_eq(shell("rm -r data; echo no | gzip >mirror/some/where/hello.txt.gz; "
                           "MIRROR=mirror $FETCH inputs.tsv data"),
                     1);
    says("hello.txt.gz: wrong content");
    ck_assert_int_eq(shell("find data -type f"), 0);
    ck_assert_str_eq(output, "");
}
END_TEST

/* Served: a treebank; kept: its sentences, whose hash the manifest has. */
START_TEST(sentences_are_taken_out_of_a_treebank) {
    if (shell("command -v curl")) return;
    set_up("# text = hello\r\n1\thello\t_\tINTJ\t_\t_\t0\troot\t_\t_\n\n");
    ck_assert_int_eq(shell("mv mirror/some/where/hello.txt tree.conllu; sed -i "
                           "\"s|https://example.invalid/x/hello.txt|file://$PWD/tree.conllu|; "
                           "s|none|sentences|\" inputs.tsv"),
                     0);
    ck_assert_int_eq(shell("$FETCH inputs.tsv data && cat data/greetings/tree.txt; "
                           "find data/greetings -type f"),
                     0);
    says("\nhello\ndata/greetings/tree.txt\n");
    ck_assert_int_eq(shell("$FETCH inputs.tsv data"), 0);
    says("hello: present");
    ck_assert_int_eq(
        shell("rm -r data; echo '# text = more' >>tree.conllu; $FETCH inputs.tsv data; "
              "find data -type f"),
        0);
    says("hello: left out: 11 bytes of sentences");
    ck_assert_msg(!strstr(output, "\ndata/"), "%s", output);
}
END_TEST

START_TEST(corpora_of_no_stated_licence_come_only_when_asked_for) {
    set_up("hello\n");
    ck_assert_int_eq(shell("sed -i 's/quick$/corpora/' inputs.tsv; "
                           "MIRROR=mirror $FETCH inputs.tsv data all; ls data"),
                     2);
    ck_assert_int_eq(shell("CORPORA=all MIRROR=mirror $FETCH inputs.tsv data quick"), 0);
    says("from the mirror");
}
END_TEST

static const struct {
    const char *manifest, *says;
} hostile[] = {
    {"name\taddress\nx\ty\n", "expected the column names"},
    {HEADER "x\ty\tz\n", "inputs.tsv:2: expected nine fields"},
    {HEADER "x\thttps://h/a\t1\tff\t1\tCC0\t../../etc\tnone\tquick\n", "not a path here"},
    {HEADER "x\thttps://h/a\t1\tff\t1\tCC0\t/etc\tnone\tquick\n", "is not a path here"},
    {HEADER "x\thttps://h/\t1\tff\t1\tCC0\td\tnone\tquick\n", "not a path here"},
    {HEADER "x\thttps://h/a\t1\tff\t1k\tCC0\td\tnone\tquick\n", "is not a number of bytes"},
    {HEADER "x\thttps://h/a\t1\tff\t1\tCC0\td\tnone\tsome\n",
     "expected quick, full, all or corpora"},
    {HEADER "x\tmirror:\t1\tff\t1\tCC0\td\tnone\tquick\n", "not a path here"},
    {HEADER "../x\thttps://h/a\t1\tff\t1\tCC0\td\tnone\tquick\n", "not a path here"},
};

START_TEST(hostile_manifests_are_refused) {
    write_file("inputs.tsv", hostile[_i].manifest);
    ck_assert_int_eq(shell("mkdir mirror; MIRROR=mirror $FETCH inputs.tsv data"), 1);
    says(hostile[_i].says);
}
END_TEST

Suite *suite_fetch(void) {
    Suite *suite = suite_create("fetch");
    TCase *fetch = tcase_create("fetch");
    tcase_add_checked_fixture(fetch, make_folder, remove_folder);
    tcase_add_test(fetch, the_mirror_comes_first);
    tcase_add_test(fetch, a_wrong_hash_names_file_expected_and_found);
    tcase_add_test(fetch, the_hash_decides_between_files_of_one_name);
    tcase_add_test(fetch, a_file_of_that_name_elsewhere_is_no_error);
    tcase_add_loop_test(fetch, only_what_is_wanted_comes, 0, 3);
    tcase_add_test(fetch, the_manifest_itself_is_well_formed);
    tcase_add_test(fetch, a_damaged_file_is_brought_again);
    tcase_add_test(fetch, gz_is_unpacked_beside_itself);
    tcase_add_test(fetch, the_network_resumes_and_verifies);
    tcase_add_test(fetch, what_nothing_serves_comes_from_the_mirror_or_not_at_all);
    tcase_add_test(fetch, a_mirror_may_hold_it_compressed);
    tcase_add_test(fetch, sentences_are_taken_out_of_a_treebank);
    tcase_add_test(fetch, corpora_of_no_stated_licence_come_only_when_asked_for);
    tcase_add_loop_test(fetch, hostile_manifests_are_refused, 0,
                        (int)(sizeof hostile / sizeof *hostile));
    suite_add_tcase(suite, fetch);
    return suite;
}
