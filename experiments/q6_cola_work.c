/* The folder in which a run keeps what it has done, until its results stand. One process at a time,
 * one plan at a time: the loop's own checkpoints know the plan of a training, but neither the
 * weights it began with nor the sentences. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* flock */
#include "q6_cola.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN_FILE "plan.txt"

void q6_work_path(const Q6Work *work, int seed, const char *what, char *path, size_t size) {
    snprintf(path, size, "%s/seed-%d%s.safetensors", work->folder, seed, what);
}

/* Only what this program puts there. */
static void empty_folder(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *e; (e = readdir(folder));) {
        char file[1600];
        if (strncmp(e->d_name, "seed-", 5) != 0 && strncmp(e->d_name, PLAN_FILE, 8) != 0) continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        unlink(file);
    }
    closedir(folder);
}

static int holds_seeds(const char *path) {
    DIR *folder = opendir(path);
    int found = 0;
    if (!folder) return 0;
    for (struct dirent *e; (e = readdir(folder));) found |= strncmp(e->d_name, "seed-", 5) == 0;
    closedir(folder);
    return found;
}

static Status lock_folder(Q6Work *work) {
    struct stat info;
    if (mkdir(work->folder, 0777) && errno != EEXIST)
        return status_fail(STATUS_IO, "%s: cannot be made: %s", work->folder, strerror(errno));
    work->lock = open(work->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work->lock < 0)
        return status_fail(STATUS_IO, "%s: cannot be opened: %s", work->folder, strerror(errno));
    if (flock(work->lock, LOCK_EX | LOCK_NB) == 0 && fstat(work->lock, &info) == 0 &&
        info.st_nlink > 0)
        return STATUS_OK;
    close(work->lock);
    work->lock = -1;
    return status_fail(STATUS_IO,
                       "%s: another q6_cola works here; wait for it, or name other --results",
                       work->folder);
}

/* The first item, of those between ", ", in which two fingerprints differ. */
static void first_difference(const char *there, const char *asked, char *text, size_t size) {
    while (*there && *asked) {
        size_t a = strcspn(there, ","), b = strcspn(asked, ",");
        if (a != b || strncmp(there, asked, a)) {
            if (strncmp(asked, "model ", 6) == 0)
                snprintf(text, size, "other weights");
            else if (strncmp(asked, "ids ", 4) == 0)
                snprintf(text, size, "other sentences (data, form, split or length)");
            else
                snprintf(text, size, "'%.*s' (asked: '%.*s')", (int)a, there, (int)b, asked);
            return;
        }
        there += a + strspn(there + a, ", ");
        asked += b + strspn(asked + b, ", ");
    }
    snprintf(text, size, "a plan that this build does not know");
}

/* The plan that the folder's content belongs to; "" where no file says it. */
static void read_plan(const Q6Work *work, char *text, size_t size) {
    char path[1300];
    snprintf(path, sizeof path, "%s/" PLAN_FILE, work->folder);
    FILE *file = fopen(path, "r");
    text[0] = 0;
    if (!file) return;
    if (!fgets(text, (int)size, file)) text[0] = 0;
    text[strcspn(text, "\n")] = 0;
    fclose(file);
}

static Status write_plan(const Q6Work *work, const char *fingerprint) {
    char path[1300], partial[1320];
    snprintf(path, sizeof path, "%s/" PLAN_FILE, work->folder);
    snprintf(partial, sizeof partial, "%s.partial", path);
    FILE *file = fopen(partial, "w");
    int failed =
        !file || fprintf(file, "%s\n", fingerprint) < 0 || fflush(file) || fsync(fileno(file));
    int error = errno;
    if (file && fclose(file) && !failed) failed = 1, error = errno;
    if (!failed && rename(partial, path)) failed = 1, error = errno;
    if (!failed) return STATUS_OK;
    unlink(partial);
    return status_fail(STATUS_IO, "%s: cannot be written: %s", path, strerror(error));
}

Status q6_work_open(Q6Work *work, const char *results, const char *experiment,
                    const char *fingerprint, int replace) {
    char there[1024], difference[512];
    work->lock = -1;
    snprintf(work->folder, sizeof work->folder, "%s/.%s-work", results, experiment);
    STATUS_TRY(lock_folder(work));
    read_plan(work, there, sizeof there);
    if (strcmp(there, fingerprint) == 0) return STATUS_OK;
    /* Seeds of a build that wrote no plan: each is checked by itself when it is read. */
    if (*there && holds_seeds(work->folder)) {
        first_difference(there, fingerprint, difference, sizeof difference);
        if (!replace)
            return status_fail(STATUS_FORMAT,
                               "%s: holds an unfinished run with %s; give the same arguments to "
                               "continue it, or remove that folder to begin anew",
                               work->folder, difference);
        fprintf(stderr, "q6_cola: %s: an unfinished run with %s is given up\n", work->folder,
                difference);
        empty_folder(work->folder);
    }
    return write_plan(work, fingerprint);
}

void q6_work_close(Q6Work *work, int finished) {
    if (work->lock < 0) return;
    if (finished || !holds_seeds(work->folder)) {
        empty_folder(work->folder);
        rmdir(work->folder); /* stays where somebody keeps something else in it */
    }
    close(work->lock);
    work->lock = -1;
}
