#define _GNU_SOURCE
#include "results.h"
#include "base/clock.h"
#include "results_describe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULTS_PATH 4096
#define FACT_PREFIX  128
#define FACT_NAME    200 /* longest, with its prefix */

typedef struct {
    char *name;
    char *header;
    FILE *stream;
    int failed; /* errno of the first write that failed while we could see it */
} Table;

struct Results {
    char *parent;
    char *experiment;
    char final[RESULTS_PATH];
    char hidden[RESULTS_PATH];
    int lock; /* the hidden folder, open and locked: a folder without an owner has no lock */
    double started;
    const DeviceMemory *gpu;  /* NULL: measured on the CPU */
    char prefix[FACT_PREFIX]; /* of every fact's name */
    Table *tables;
    size_t table_count;
    char **names; /* keys of run.tsv as "run:key", facts as "fact:name": each may come once */
    size_t name_count;
};

/* --- names ------------------------------------------------------------------------------- */

static int is_word(const char *text, const char *also) {
    if (!*text) return 0;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr(also, *text)) return 0;
    return 1;
}

static Status remember(Results *results, const char *kind, const char *name) {
    size_t length = strlen(kind) + strlen(name) + 2;
    char *whole = malloc(length);
    if (!whole) return status_fail(STATUS_MEMORY, "%s: %s", results->final, name);
    snprintf(whole, length, "%s:%s", kind, name);
    for (size_t i = 0; i < results->name_count; i++)
        if (strcmp(results->names[i], whole) == 0) {
            free(whole);
            return status_fail(STATUS_ARGUMENT, "%s: %s '%s' is given twice", results->final, kind,
                               name);
        }
    char **grown = realloc(results->names, (results->name_count + 1) * sizeof *grown);
    if (!grown) {
        free(whole);
        return status_fail(STATUS_MEMORY, "%s: %s", results->final, name);
    }
    results->names = grown;
    results->names[results->name_count++] = whole;
    return STATUS_OK;
}

/* A field can hold neither a tab nor a line break. */
static void flatten(char *text) {
    for (; *text; text++)
        if (iscntrl((unsigned char)*text)) *text = ' ';
}

/* --- folders ----------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    remove(path); /* another process may be cleaning the same folder: ENOENT is no failure */
    return 0;
}

static void remove_folder(const char *path) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static Status make_folders(const char *path) {
    char made[RESULTS_PATH];
    if ((size_t)snprintf(made, sizeof made, "%s", path) >= sizeof made)
        return status_fail(STATUS_ARGUMENT, "%.80s...: the path is too long", path);
    int error = 0;
    for (char *at = made + 1;; at++) {
        if (*at && *at != '/') continue;
        char kept = *at;
        *at = 0;
        if (!error && mkdir(made, 0777) && errno != EEXIST) error = errno;
        *at = kept;
        if (!kept) break;
    }
    /* Folders above may refuse (read-only, no permission) and yet hold the one that is asked. */
    struct stat info;
    if (stat(made, &info) == 0) {
        if (S_ISDIR(info.st_mode)) return STATUS_OK;
        error = ENOTDIR;
    }
    return status_fail(STATUS_IO,
                       "%s: cannot make this folder for results: %s; name a folder that you may "
                       "write",
                       path, strerror(error));
}

static int exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

static void in_parent(const Results *results, const char *name, char path[RESULTS_PATH]) {
    snprintf(path, RESULTS_PATH, "%s/%s", results->parent, name);
}

static void previous_path(const Results *results, char path[RESULTS_PATH]) {
    snprintf(path, RESULTS_PATH, "%s/.%s.previous", results->parent, results->experiment);
}

/* Opens a folder and takes its lock; -1 when another process holds it or it is going away. The
 * lock dies with its process, however that ends: no process number to be mistaken about. */
static int lock_folder(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat info;
    if (folder < 0) return -1;
    if (flock(folder, LOCK_EX | LOCK_NB) == 0 && fstat(folder, &info) == 0 && info.st_nlink > 0 &&
        exists(path))
        return folder;
    close(folder);
    return -1;
}

/* Removes what killed processes left, and finishes a replacement that one was killed in. */
static void clean_leftovers(const Results *results) {
    char path[RESULTS_PATH], previous[RESULTS_PATH], prefix[RESULTS_PATH];
    previous_path(results, previous);
    if (exists(previous)) {
        if (exists(results->final))
            remove_folder(previous);
        else
            rename(previous, results->final);
    }
    snprintf(prefix, sizeof prefix, ".%s.", results->experiment);
    DIR *folder = opendir(results->parent);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix))) continue;
        in_parent(results, entry->d_name, path);
        if (strcmp(path, previous) == 0) continue;
        int lock = lock_folder(path);
        if (lock < 0) continue;
        remove_folder(path);
        close(lock);
    }
    closedir(folder);
}

static Status make_hidden(Results *results) {
    for (int attempt = 0; attempt < 1000; attempt++) {
        char name[256];
        snprintf(name, sizeof name, ".%s.%ld-%d", results->experiment, (long)getpid(), attempt);
        in_parent(results, name, results->hidden);
        if (mkdir(results->hidden, 0777) == 0) {
            results->lock = lock_folder(results->hidden);
            if (results->lock >= 0) return STATUS_OK;
            continue; /* another run took it for a leftover before it was locked */
        }
        if (errno == EEXIST) continue;
        return status_fail(STATUS_IO,
                           "%s: cannot make a folder in here: %s; name a folder that you may write",
                           results->parent, strerror(errno));
    }
    return status_fail(STATUS_IO, "%s: too many unfinished folders named .%s.*; remove them",
                       results->parent, results->experiment);
}

/* An earlier result is replaced; anything else under that name is somebody's and stays. */
static Status check_final(const Results *results) {
    char path[RESULTS_PATH];
    struct stat info;
    if (lstat(results->final, &info)) return STATUS_OK;
    if (!S_ISDIR(info.st_mode))
        return status_fail(STATUS_IO, "%s: is not a folder; move it away or name another folder",
                           results->final);
    in_parent(results, results->experiment, path);
    size_t used = strlen(path);
    snprintf(path + used, sizeof path - used, "/run.tsv");
    if (exists(path) || rmdir(results->final) == 0) return STATUS_OK;
    return status_fail(STATUS_IO,
                       "%s: holds files but no run.tsv, so it is not an earlier result; move it "
                       "away or name another folder",
                       results->final);
}

/* --- tables ------------------------------------------------------------------------------ */

static FILE *open_table(Results *results, const char *name, const char *header) {
    for (size_t i = 0; i < results->table_count; i++) {
        Table *table = &results->tables[i];
        if (strcmp(table->name, name)) continue;
        if (strcmp(table->header, header) == 0) return table->stream;
        status_fail(STATUS_ARGUMENT, "%s: table %s has the header '%s', now '%s' is asked",
                    results->final, name, table->header, header);
        return NULL;
    }
    char file[RESULTS_PATH + 64];
    snprintf(file, sizeof file, "%s/%s.tsv", results->hidden, name);
    Table *grown = realloc(results->tables, (results->table_count + 1) * sizeof *grown);
    if (grown) results->tables = grown;
    Table table = {.name = strdup(name), .header = strdup(header)};
    if (!grown || !table.name || !table.header) {
        status_fail(STATUS_MEMORY, "%s: table %s", results->final, name);
        goto fail;
    }
    table.stream = fopen(file, "wxe");
    if (!table.stream) {
        status_fail(STATUS_IO, "%s: cannot be written: %s", file, strerror(errno));
        goto fail;
    }
    /* Whole lines leave at once, so that a forked child has no half of one to write again. */
    setvbuf(table.stream, NULL, _IOLBF, BUFSIZ);
    if (fprintf(table.stream, "%s\n", header) < 0) table.failed = errno;
    results->tables[results->table_count++] = table;
    return table.stream;
fail:
    free(table.name);
    free(table.header);
    return NULL;
}

static Status write_failure(const Results *results, const char *name, int error) {
    return status_fail(STATUS_IO, "%s/%s.tsv: cannot be written: %s; nothing was kept",
                       results->final, name,
                       error ? strerror(error) : "the disk is full or failing");
}

/* A line of run.tsv or facts.tsv: our own write, so its error can be named at once. */
static Status write_line(Results *results, const char *name, const char *header, const char *line) {
    FILE *stream = open_table(results, name, header);
    if (!stream) return STATUS_IO;
    errno = 0;
    if (fprintf(stream, "%s\n", line) >= 0 && !ferror(stream)) return STATUS_OK;
    int error = errno;
    for (size_t i = 0; i < results->table_count; i++)
        if (results->tables[i].stream == stream) results->tables[i].failed = error;
    return write_failure(results, name, error);
}

/* --- the public functions ---------------------------------------------------------------- */

Status results_open(Results **out, const char *parent, const char *experiment, int argc,
                    char **argv) {
    return results_open_device(out, parent, experiment, NULL, argc, argv);
}

Status results_open_device(Results **out, const char *parent, const char *experiment,
                           const DeviceMemory *memory, int argc, char **argv) {
    char name[128];
    *out = NULL;
    if (!is_word(experiment, "_-") || strlen(experiment) > 100)
        return status_fail(STATUS_ARGUMENT,
                           "'%.120s': an experiment's name has letters, digits, '_' and '-' only",
                           experiment);
    if (!*parent || strlen(parent) + 2 * strlen(experiment) + 64 > RESULTS_PATH)
        return status_fail(STATUS_ARGUMENT, "'%.80s': cannot be a results folder", parent);
    if (memory && !memory->is_host) {
        snprintf(name, sizeof name, "%s_cuda", experiment);
        experiment = name;
    }
    STATUS_TRY(make_folders(parent));
    Results *results = calloc(1, sizeof *results);
    if (!results) return status_fail(STATUS_MEMORY, "results of %s", experiment);
    results->lock = -1;
    results->started = clock_seconds();
    results->gpu = memory && !memory->is_host ? memory : NULL;
    results->parent = strdup(parent);
    results->experiment = strdup(experiment);
    Status status = results->parent && results->experiment
                        ? STATUS_OK
                        : status_fail(STATUS_MEMORY, "results of %s", experiment);
    if (status == STATUS_OK) {
        in_parent(results, experiment, results->final);
        clean_leftovers(results);
        status = check_final(results);
    }
    if (status == STATUS_OK) status = make_hidden(results);
    if (status == STATUS_OK) status = results_describe(results, results->gpu, argc, argv);
    if (status != STATUS_OK) {
        results_discard(results);
        return status;
    }
    *out = results;
    return STATUS_OK;
}

Status results_run(Results *results, const char *key, const char *format, ...) {
    if (!is_word(key, "_.-"))
        return status_fail(STATUS_ARGUMENT, "%s: '%s' cannot be a key of run.tsv", results->final,
                           key);
    char value[4096], line[4352];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof value || strlen(key) > 200)
        return status_fail(STATUS_ARGUMENT, "%s: the value of '%.80s' is too long for run.tsv",
                           results->final, key);
    STATUS_TRY(remember(results, "run", key));
    flatten(value);
    snprintf(line, sizeof line, "%s\t%s", key, value);
    return write_line(results, "run", "key\tvalue", line);
}

FILE *results_table(Results *results, const char *name, const char *header) {
    if (!is_word(name, "_-") || strlen(name) > 60 || strcmp(name, "run") == 0 ||
        strcmp(name, "facts") == 0) {
        status_fail(STATUS_ARGUMENT, "%s: '%.80s' cannot be the name of a table", results->final,
                    name);
        return NULL;
    }
    if (!*header || *header == '#' || strpbrk(header, "\r\n")) {
        status_fail(STATUS_ARGUMENT, "%s: table %s needs one line of column names", results->final,
                    name);
        return NULL;
    }
    return open_table(results, name, header);
}

Status results_prefix(Results *results, const char *format, ...) {
    char prefix[FACT_PREFIX];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof prefix || (*prefix && !is_word(prefix, "_.-")))
        return status_fail(STATUS_ARGUMENT,
                           "%s: '%s': facts' names begin with at most %d letters, digits, '.', '_' "
                           "and '-'",
                           results->final, prefix, FACT_PREFIX - 1);
    memcpy(results->prefix, prefix, sizeof prefix);
    return STATUS_OK;
}

Status results_fact(Results *results, const char *name, double value, double low, double high,
                    const char *unit) {
    char line[512], whole[FACT_NAME + 8];
    if (!is_word(name, "_.-") || strlen(results->prefix) + strlen(name) > FACT_NAME)
        return status_fail(STATUS_ARGUMENT,
                           "%s: '%s%.80s': a fact's name has letters, digits, '.', '_' and '-' "
                           "only, at most %d",
                           results->final, results->prefix, name, FACT_NAME);
    snprintf(whole, sizeof whole, "%s%s", results->prefix, name);
    if (results->gpu) { /* q4.heads: q4.cuda.heads */
        const size_t first = strcspn(whole, ".");
        memmove(whole + first + 5, whole + first, strlen(whole + first) + 1);
        memcpy(whole + first, ".cuda", 5);
    }
    if (!is_word(unit, "/_.^%-") || strlen(unit) > 60)
        return status_fail(STATUS_ARGUMENT,
                           "%s: fact %s: '%.80s' cannot be a unit; a number "
                           "without one has \"1\"",
                           results->final, whole, unit);
    if (!isfinite(value) || !(low <= value && value <= high) || !isfinite(low) || !isfinite(high))
        return status_fail(STATUS_ARGUMENT,
                           "%s: fact %s: value %g with interval [%g, %g]; expected finite numbers, "
                           "the value inside",
                           results->final, whole, value, low, high);
    STATUS_TRY(remember(results, "fact", whole));
    snprintf(line, sizeof line, "%s\t%.10g\t%.10g\t%.10g\t%s", whole, value, low, high, unit);
    return write_line(results, "facts", "name\tvalue\tlow\thigh\tunit", line);
}

static Status fact_named(Results *results, Interval x, const char *unit, const char *format,
                         va_list arguments) {
    char name[FACT_NAME + 1];
    const int length = vsnprintf(name, sizeof name, format, arguments);
    if (length < 0 || (size_t)length >= sizeof name)
        return status_fail(STATUS_ARGUMENT, "%s: '%s%.80s...': too long for a fact's name",
                           results->final, results->prefix, name);
    return results_fact(results, name, x.value, x.low, x.high, unit);
}

Status results_factf(Results *results, Interval x, const char *unit, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const Status status = fact_named(results, x, unit, format, arguments);
    va_end(arguments);
    return status;
}

Status results_aroundf(Results *results, Interval x, const char *unit, const char *format, ...) {
    va_list arguments;
    /* Not fmin and fmax, which would hide a limit that is not a number. */
    if (x.low > x.value) x.low = x.value;
    if (x.high < x.value) x.high = x.value;
    va_start(arguments, format);
    const Status status = fact_named(results, x, unit, format, arguments);
    va_end(arguments);
    return status;
}

Status results_exactf(Results *results, double value, const char *unit, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const Status status =
        fact_named(results, (Interval){value, value, value}, unit, format, arguments);
    va_end(arguments);
    return status;
}

/* A driver's own write failed and its errno is long gone; the file, which will be removed, is
 * made to fail again. 0 when it does not. */
static int ask_why(FILE *stream) {
    static const char block[65536];
    for (int tries = 0; tries < 16; tries++)
        if (write(fileno(stream), block, sizeof block) < 0) return errno;
    return 0;
}

/* Flushes and closes every table; the first failure is reported, all are closed. */
static Status close_tables(Results *results) {
    Status status = STATUS_OK;
    for (size_t i = 0; i < results->table_count; i++) {
        Table *table = &results->tables[i];
        int error = table->failed, failed = error || ferror(table->stream);
        if (failed && !error) error = ask_why(table->stream);
        if (!failed && (fflush(table->stream) || fsync(fileno(table->stream)))) {
            failed = 1;
            error = errno;
        }
        if (fclose(table->stream) && !failed) {
            failed = 1;
            error = errno;
        }
        table->stream = NULL;
        if (failed && status == STATUS_OK) status = write_failure(results, table->name, error);
    }
    return status;
}

static Status replace(Results *results) {
    if (rename(results->hidden, results->final) == 0) return STATUS_OK;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return status_fail(STATUS_IO, "%s: cannot take its name: %s", results->final,
                           strerror(errno));
    /* Not through check_final's eyes alone: the run may have taken an hour since. */
    STATUS_TRY(check_final(results));
    if (renameat2(AT_FDCWD, results->hidden, AT_FDCWD, results->final, RENAME_EXCHANGE) == 0) {
        remove_folder(results->hidden);
        return STATUS_OK;
    }
    /* A file system that cannot exchange two names: the earlier result steps aside, and the next
     * results_open puts it back if this process dies between the two renames. */
    char previous[RESULTS_PATH];
    previous_path(results, previous);
    remove_folder(previous);
    if (rename(results->final, previous) == 0) {
        if (rename(results->hidden, results->final) == 0) {
            remove_folder(previous);
            return STATUS_OK;
        }
        int error = errno;
        rename(previous, results->final);
        errno = error;
    }
    return status_fail(STATUS_IO, "%s: cannot replace the earlier result: %s", results->final,
                       strerror(errno));
}

static void flush_folder(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    fsync(folder); /* some file systems refuse; the files themselves are on the disk already */
    close(folder);
}

static void release(Results *results) {
    for (size_t i = 0; i < results->table_count; i++) {
        if (results->tables[i].stream) fclose(results->tables[i].stream);
        free(results->tables[i].name);
        free(results->tables[i].header);
    }
    for (size_t i = 0; i < results->name_count; i++) free(results->names[i]);
    if (results->lock >= 0) close(results->lock);
    free(results->tables);
    free(results->names);
    free(results->parent);
    free(results->experiment);
    free(results);
}

Status results_commit(Results *results) {
    Status status =
        results_run(results, "wall_seconds", "%.3f", clock_seconds() - results->started);
    /* A run without facts still has the table, so that every reader finds its header. */
    if (status == STATUS_OK && !open_table(results, "facts", "name\tvalue\tlow\thigh\tunit"))
        status = STATUS_IO;
    if (status == STATUS_OK) status = close_tables(results);
    if (status == STATUS_OK) {
        flush_folder(results->hidden);
        status = replace(results);
    }
    if (status != STATUS_OK) {
        results_discard(results);
        return status;
    }
    flush_folder(results->parent);
    release(results);
    return STATUS_OK;
}

void results_discard(Results *results) {
    if (!results) return;
    if (results->lock >= 0) remove_folder(results->hidden);
    release(results);
}

Status results_end(Results *results, Status status) {
    if (results && status == STATUS_OK) return results_commit(results);
    results_discard(results);
    return status;
}
