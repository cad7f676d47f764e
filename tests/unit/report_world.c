#define _GNU_SOURCE
#include "report_world.h"

#include <check.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

char report_world_root[64];

void report_world_begin(void) {
    snprintf(report_world_root, sizeof report_world_root, "/tmp/tamrin-report-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(report_world_root));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

void report_world_end(void) {
    nftw(report_world_root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *report_world_at(const char *name) {
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", report_world_root, name);
    return path;
}

void report_world_put(const char *name, const char *content) {
    Text text = {0};
    text_puts(&text, content);
    ck_assert_int_eq(text_save(report_world_at(name), &text), STATUS_OK);
    text_free(&text);
}

void report_world_get(const char *name, Text *out) {
    ck_assert_msg(text_load(report_world_at(name), out) == STATUS_OK, "%s", status_message());
}

void report_world_put_words(void) {
    glob_t found;
    ck_assert_int_eq(glob("paper/en/labels*.tsv", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        Text words;
        ck_assert_int_eq(text_load(found.gl_pathv[i], &words), STATUS_OK);
        report_world_put(found.gl_pathv[i], text_bytes(&words));
        text_free(&words);
    }
    globfree(&found);
}

Status report_world_expand(const char *student, Text *problems) {
    char results[256], paper[256], folder[256], figures[256];
    snprintf(results, sizeof results, "%s", report_world_at("results"));
    snprintf(paper, sizeof paper, "%s", report_world_at("paper"));
    snprintf(folder, sizeof folder, "%s", report_world_at("build/paper/en"));
    snprintf(figures, sizeof figures, "%s", report_world_at("build/figures/en"));
    const ReportOptions options = {.language = "en",
                                   .results = results,
                                   .paper = paper,
                                   .root = report_world_root,
                                   .out = folder,
                                   .figures = figures,
                                   .name = student};
    Report report;
    ck_assert_msg(report_begin(&report, &options) == STATUS_OK, "%s", status_message());
    Status status = report_expand(&report, "report");
    if (status == STATUS_OK) status = report_finish(&report);
    text_puts(problems, text_bytes(&report.problems));
    report_end(&report);
    return status;
}
