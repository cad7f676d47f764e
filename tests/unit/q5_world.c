#define _GNU_SOURCE
#include "unit/q5_world.h"
#include "base/rng.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char q5_world_folder[64];

static void add_set(ReorderData *data, const Q5WorldSet *of, uint64_t stream) {
    ReorderSet *set = reorder_data_add(data, of->name);
    ck_assert_ptr_nonnull(set);
    for (size_t s = 0; s < of->sentences; s++) {
        uint32_t word[8];
        const int n = 4 + (int)rng_below(1, stream, 100 * s, 4);
        for (int i = 0; i < n; i++) {
            char text[24];
            snprintf(text, sizeof text, "و%c%c", 'a' + i,
                     (char)('a' + rng_below(1, stream, 100 * s + 1 + (uint64_t)i, 5)));
            ck_assert_int_eq(reorder_words_add(&data->words, text, strlen(text), &word[i]),
                             STATUS_OK);
        }
        ck_assert_int_eq(reorder_set_add(set, &data->words, word, n, 1), STATUS_OK);
    }
}

void q5_world_data(ReorderData *data, const Q5WorldSet *sets, int count) {
    *data = (ReorderData){0};
    for (int i = 0; i < count; i++) add_set(data, &sets[i], (uint64_t)i + 1);
    ck_assert_int_eq(reorder_data_rank(data), STATUS_OK);
}

void q5_world_open(const Q5WorldSet *sets, int count) {
    static ReorderData data;
    snprintf(q5_world_folder, sizeof q5_world_folder, "/tmp/tamrin-q5-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(q5_world_folder));
    q5_world_data(&data, sets, count);
    ck_assert_msg(reorder_data_save(&data, q5_world_path("data")) == STATUS_OK, "%s",
                  status_message());
    reorder_data_free(&data);
}

void q5_world_close(void) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", q5_world_folder);
    ck_assert_int_eq(system(command), 0);
}

const char *q5_world_path(const char *name) {
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", q5_world_folder, name);
    return path;
}

static void redirect(int to, const char *name, int flags) {
    int file = open(q5_world_path(name), flags, 0600);
    if (file < 0 || dup2(file, to) < 0) _exit(97);
}

pid_t q5_world_start(const char *name, const char *flags, int (*run)(int, char **)) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child) return child;
    static char text[2048];
    char *argv[64] = {(char *)(uintptr_t)name};
    int argc = 1;
    if (chdir(q5_world_folder)) _exit(98);
    snprintf(text, sizeof text, "%s", flags);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    redirect(STDIN_FILENO, "in", O_RDONLY | O_CREAT);
    redirect(STDOUT_FILENO, "out", O_WRONLY | O_CREAT | O_TRUNC);
    redirect(STDERR_FILENO, "err", O_WRONLY | O_CREAT | O_TRUNC);
    exit(run(argc, argv));
}

int q5_world_wait(pid_t child) {
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

const char *q5_world_read(const char *name, char *text, size_t size) {
    FILE *file = fopen(q5_world_path(name), "r");
    size_t got = file ? fread(text, 1, size - 1, file) : 0;
    if (file) fclose(file);
    text[got] = 0;
    return text;
}

Tsv *q5_world_table(const char *path) {
    char file[256];
    Tsv *tsv;
    snprintf(file, sizeof file, "%s/%s.tsv", q5_world_folder, path);
    ck_assert_msg(tsv_load(file, &tsv) == STATUS_OK, "%s", status_message());
    return tsv;
}
