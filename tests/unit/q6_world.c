#define _GNU_SOURCE /* memmem */
#include "unit/q6_world.h"
#include "base/tsv.h"
#include "q6_cola.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const words[] = {"the", "a",    "cat",  "dog",   "sees", "knows", "old",
                                    "red", "bird", "with", "never", "and",  "walks", "here"};
#define WORDS (sizeof words / sizeof *words)

static FILE *create(const char *folder, const char *name) {
    char path[1400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    return file;
}

static void copy_file(const char *from, const char *folder, const char *name) {
    char bytes[1 << 14];
    FILE *in = fopen(from, "rb"), *out = create(folder, name);
    ck_assert_msg(in != NULL, "%s: tests run in the root of the repository", from);
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, in)) > 0;)
        ck_assert_uint_eq(fwrite(bytes, 1, got, out), got);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
}

static void make_model(const Q6World *world) {
    ck_assert_int_eq(mkdir(world->model, 0777), 0);
    copy_file("tests/golden/bert_tiny/config.json", world->model, "config.json");
    copy_file("tests/golden/bert_tiny/model.safetensors", world->model, "model.safetensors");
    FILE *vocabulary = create(world->model, "vocab.txt");
    fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\nnot\n##s\n", vocabulary);
    for (size_t i = 0; i < WORDS; i++) fprintf(vocabulary, "%s\n", words[i]);
    ck_assert_int_eq(fclose(vocabulary), 0);
}

static void make_part(const char *folder, const char *name, unsigned rows, unsigned seed) {
    FILE *file = create(folder, name);
    unsigned state = seed;
    for (unsigned row = 0; row < rows; row++) {
        unsigned length = 3 + row % 7, wrong = row % 3 == 1, place = row % length;
        fprintf(file, "%s\t%d\t%s\t", row % 2 ? "gj04" : "ks08", !wrong, wrong ? "*" : "");
        for (unsigned i = 0; i < length; i++) {
            state = state * 1664525u + 1013904223u;
            const char *word = words[(state >> 16) % WORDS];
            fprintf(file, "%s%s", i ? " " : "", wrong && i == place ? "not" : word);
        }
        fputs(" .\n", file);
    }
    ck_assert_int_eq(fclose(file), 0);
}

void q6_world_open(Q6World *world) {
    const char *root = getenv("TMPDIR");
    memset(world, 0, sizeof *world);
    snprintf(world->folder, sizeof world->folder, "%s/tamrin-q6-XXXXXX",
             root && *root ? root : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(world->folder));
    snprintf(world->model, sizeof world->model, "%s/tiny", world->folder);
    snprintf(world->data, sizeof world->data, "%s/cola", world->folder);
    snprintf(world->results, sizeof world->results, "%s/results", world->folder);
    make_model(world);
    char raw[1100], tokenized[1100];
    snprintf(raw, sizeof raw, "%s/raw", world->data);
    snprintf(tokenized, sizeof tokenized, "%s/tokenized", world->data);
    ck_assert_int_eq(mkdir(world->data, 0777) | mkdir(raw, 0777) | mkdir(tokenized, 0777), 0);
    for (int form = 0; form < 2; form++) {
        const char *folder = form ? tokenized : raw;
        make_part(folder, "in_domain_train.tsv", Q6_WORLD_TRAIN, 1);
        make_part(folder, "in_domain_dev.tsv", Q6_WORLD_IN_DOMAIN, 2);
        make_part(folder, "out_of_domain_dev.tsv", Q6_WORLD_OUT_OF_DOMAIN, 3);
    }
}

void q6_world_close(Q6World *world) {
    char line[256];
    snprintf(line, sizeof line, "rm -rf '%s'", world->folder);
    ck_assert_int_eq(system(line), 0);
}

/* --- processes ------------------------------------------------------------------------------- */

static void redirect(const Q6World *world, const char *name, int flags, int to) {
    char path[192];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    int file = open(path, flags, 0666);
    if (file < 0 || dup2(file, to) < 0) _exit(99);
    close(file);
}

static int child_main(const Q6World *world, const char *flags) {
    char text[1024], flag[4][1100], *argv[48] = {(char *)"q6_cola"};
    int argc = 1, classify = strncmp(flags, "classify", 8) == 0;
    snprintf(text, sizeof text, "%s", flags);
    for (char *at = strtok(text, " "); at; at = strtok(NULL, " ")) argv[argc++] = at;
    snprintf(flag[0], sizeof flag[0], "--threads=1");
    snprintf(flag[1], sizeof flag[1], "--model=%s", world->model);
    snprintf(flag[2], sizeof flag[2], "--data=%s", world->data);
    snprintf(flag[3], sizeof flag[3], "--results=%s", world->results);
    int given = strstr(flags, "--model=") != NULL;
    for (int i = 0; i < (classify ? 2 : 4); i++)
        if (i != 1 || !given) argv[argc++] = flag[i];
    return classify ? q6_classify(argc - 1, argv + 1) : q6_run(argc, argv);
}

pid_t q6_world_start(const Q6World *world, const char *flags, const char *input) {
    FILE *in = create(world->folder, "in");
    if (input) fputs(input, in);
    fclose(in);
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child) return child;
    redirect(world, "in", O_RDONLY, STDIN_FILENO);
    redirect(world, "out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(world, "err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    int status = child_main(world, flags);
    fflush(NULL);
    _exit(status);
}

static void slurp(const Q6World *world, const char *name, char *text, size_t size) {
    char path[192];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "rb");
    text[0] = 0;
    if (!file) return;
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

int q6_world_wait(Q6World *world, pid_t child) {
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    slurp(world, "out", world->out, sizeof world->out);
    slurp(world, "err", world->err, sizeof world->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int q6_world_run(Q6World *world, const char *flags, const char *input) {
    return q6_world_wait(world, q6_world_start(world, flags, input));
}

/* --- results --------------------------------------------------------------------------------- */

char *q6_world_read(const Q6World *world, const char *path) {
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", world->results, path);
    FILE *file = fopen(whole, "rb");
    if (!file) return NULL;
    char *text = calloc(1, 1 << 18);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, (1 << 18) - 1, file), (1 << 18) - 1);
    fclose(file);
    return text;
}

static void drop_times(char *facts) {
    char *from = facts, *to = facts;
    while (*from) {
        size_t length = strcspn(from, "\n") + 1;
        if (!memmem(from, length, ".training.", 10)) memmove(to, from, length), to += length;
        from += length;
    }
    *to = 0;
}

char *q6_world_tables(const Q6World *world, const char *experiment) {
    static const char *const names[] = {
        "card",           "curve",         "batches", "seeds",   "confusion_train",
        "confusion_test", "predictions",   "sources", "hardest", "confusion_validation",
        "example",        "confusion_all", "quirks",  "splits",  "facts"};
    char *all = NULL, path[256];
    size_t size;
    FILE *memory = open_memstream(&all, &size);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s.tsv", experiment, names[i]);
        char *one = q6_world_read(world, path);
        ck_assert_msg(one != NULL, "no %s", path);
        if (strcmp(names[i], "facts") == 0) drop_times(one);
        fprintf(memory, "== %s\n%s", names[i], one);
        free(one);
    }
    fclose(memory);
    return all;
}

double q6_world_fact(const Q6World *world, const char *experiment, const char *name) {
    char path[512];
    double value;
    Tsv *facts;
    snprintf(path, sizeof path, "%s/%s/facts.tsv", world->results, experiment);
    ck_assert_msg(tsv_load(path, &facts) == STATUS_OK, "%s", status_message());
    int row = tsv_find(facts, 0, name);
    ck_assert_msg(row >= 0, "no fact %s", name);
    ck_assert_int_eq(tsv_number(facts, row, 1, &value), STATUS_OK);
    tsv_free(facts);
    return value;
}
