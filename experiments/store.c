#define _GNU_SOURCE
#include "store.h"
#include "base/hash.h"
#include "base/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STORE_MAGIC "tamrin checkpoint 1"

typedef struct {
    char name[STORE_NAME_MAX];
    double values[STORE_VALUES_MAX];
    size_t count;
} Entry;

struct Store {
    char *path;
    FILE *stream;
    Entry *entries;
    size_t count, room, inherited;
    int locked;
    char notice[512];
};

uint64_t store_hash_here(uint64_t hash) {
    Machine machine;
    machine_describe(&machine);
    hash = hash_bytes(hash, machine.slug, strlen(machine.slug));
    hash = hash_bytes(hash, machine.blas, strlen(machine.blas));
    FILE *file = fopen("/proc/self/exe", "re");
    if (!file) return hash;
    char block[1 << 14];
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        hash = hash_bytes(hash, block, got);
    fclose(file);
    return hash;
}

static Entry *find(const Store *store, const char *name) {
    for (size_t i = 0; i < store->count; i++)
        if (strcmp(store->entries[i].name, name) == 0) return &store->entries[i];
    return NULL;
}

static Status remember(Store *store, const Entry *entry) {
    if (store->count == store->room) {
        size_t room = store->room ? 2 * store->room : 256;
        Entry *grown = realloc(store->entries, room * sizeof *grown);
        if (!grown) return status_fail(STATUS_MEMORY, "%s: no memory to hold it", store->path);
        store->entries = grown;
        store->room = room;
    }
    store->entries[store->count++] = *entry;
    return STATUS_OK;
}

/* --- one line: name, values, check sum, separated by tabs ------------------------------------ */

static void print_line(const Entry *entry, char *line, size_t size) {
    size_t used = (size_t)snprintf(line, size, "%s", entry->name);
    for (size_t i = 0; i < entry->count; i++)
        used += (size_t)snprintf(line + used, size - used, "\t%.17g", entry->values[i]);
    uint64_t sum = hash_bytes(HASH_BEGIN, line, used);
    snprintf(line + used, size - used, "\t#%016" PRIx64 "\n", sum);
}

/* 1 when the line (without its newline) is whole. */
static int parse_line(char *line, Entry *entry) {
    char *mark = strrchr(line, '\t');
    uint64_t sum;
    if (!mark || mark[1] != '#' || sscanf(mark + 2, "%" SCNx64, &sum) != 1) return 0;
    if (hash_bytes(HASH_BEGIN, line, (size_t)(mark - line)) != sum) return 0;
    *mark = 0;
    *entry = (Entry){.count = 0};
    char *rest = line, *name = strsep(&rest, "\t");
    if (strlen(name) >= sizeof entry->name) return 0;
    strcpy(entry->name, name);
    for (char *field; (field = strsep(&rest, "\t"));) {
        char *end;
        if (entry->count == STORE_VALUES_MAX) return 0;
        entry->values[entry->count++] = strtod(field, &end);
        if (end == field || *end) return 0;
    }
    return 1;
}

static void print_header(uint64_t configuration, char *line, size_t size) {
    snprintf(line, size, STORE_MAGIC "\t%016" PRIx64 "\n", configuration);
}

/* --- the file ------------------------------------------------------------------------------ */

static void put_aside(Store *store, const char *why, int line) {
    store->count = 0;
    snprintf(store->notice, sizeof store->notice,
             "%.200s:%d: %s; the checkpoint is discarded and everything is measured anew",
             store->path, line, why);
}

/* Reads the entries of `file`; returns the length of the part that may be kept, 0 for none. */
static long read_entries(Store *store, FILE *file, uint64_t configuration, Status *status) {
    char header[128], *line = NULL;
    size_t room = 0;
    long kept = 0;
    print_header(configuration, header, sizeof header);
    for (int number = 1; *status == STATUS_OK; number++) {
        ssize_t length = getline(&line, &room, file);
        if (length <= 0) break;
        int whole = line[length - 1] == '\n';
        if (number == 1) {
            if (strcmp(line, header)) {
                int ours = strncmp(line, STORE_MAGIC "\t", sizeof STORE_MAGIC) == 0;
                put_aside(store,
                          ours ? "it belongs to another configuration, machine or build"
                               : "it is damaged (its first line is not a checkpoint's)",
                          number);
                kept = 0;
                break;
            }
        } else {
            if (!whole) break;
            line[length - 1] = 0;
            Entry entry;
            if (strlen(line) != (size_t)length - 1 || !parse_line(line, &entry)) {
                put_aside(store, "it is damaged (a line does not match its check sum)", number);
                kept = 0;
                break;
            }
            *status = remember(store, &entry);
        }
        kept += length;
    }
    free(line);
    return kept;
}

static Status write_failure(const Store *store) {
    return status_fail(STATUS_IO, "%s: cannot be written: %s", store->path,
                       errno ? strerror(errno) : "the disk is full or failing");
}

/* Everything but the memory: what store_open does with a fresh `store`. */
static Status open_file(Store *store, uint64_t configuration) {
    errno = 0;
    store->stream = fopen(store->path, "a+e"); /* writes go to the end, wherever was read last */
    if (!store->stream) return write_failure(store);
    if (flock(fileno(store->stream), LOCK_EX | LOCK_NB))
        return status_fail(STATUS_IO,
                           "%s: another run is measuring into this folder; wait for it, or name "
                           "another folder by --results",
                           store->path);
    store->locked = 1;
    rewind(store->stream);
    Status status = STATUS_OK;
    long kept = read_entries(store, store->stream, configuration, &status);
    STATUS_TRY(status);
    store->inherited = store->count;
    if (store->count)
        snprintf(store->notice, sizeof store->notice,
                 "%.200s: an interrupted run left %zu measurements; it is continued", store->path,
                 store->count);
    errno = 0;
    if (fseek(store->stream, 0, SEEK_END) || ftruncate(fileno(store->stream), kept))
        return write_failure(store);
    if (kept > 0) return STATUS_OK;
    char header[128];
    print_header(configuration, header, sizeof header);
    if (fputs(header, store->stream) == EOF || fflush(store->stream)) return write_failure(store);
    return STATUS_OK;
}

Status store_open(Store **out, const char *path, uint64_t configuration) {
    *out = NULL;
    Store *store = calloc(1, sizeof *store);
    if (store) store->path = strdup(path);
    if (!store || !store->path) {
        free(store);
        return status_fail(STATUS_MEMORY, "%s: no memory to hold it", path);
    }
    Status status = open_file(store, configuration);
    if (status != STATUS_OK) {
        if (store->locked && store->count == 0) unlink(path); /* nothing worth keeping was there */
        store_close(store);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

const char *store_notice(const Store *store) {
    return store->notice;
}

size_t store_inherited(const Store *store) {
    return store->inherited;
}

int store_get(const Store *store, const char *name, double *values, size_t count) {
    const Entry *entry = find(store, name);
    if (!entry || entry->count != count) return 0;
    memcpy(values, entry->values, count * sizeof *values);
    return 1;
}

Status store_put(Store *store, const char *name, const double *values, size_t count) {
    if (strlen(name) >= STORE_NAME_MAX || count > STORE_VALUES_MAX || strpbrk(name, "\t\n"))
        return status_fail(STATUS_ARGUMENT, "%s: '%s' with %zu values cannot be kept", store->path,
                           name, count);
    Entry entry = {.count = count};
    strcpy(entry.name, name);
    memcpy(entry.values, values, count * sizeof *values);
    char line[STORE_NAME_MAX + STORE_VALUES_MAX * 26 + 32];
    print_line(&entry, line, sizeof line);
    errno = 0;
    if (fputs(line, store->stream) == EOF || fflush(store->stream)) return write_failure(store);
    return remember(store, &entry);
}

void store_close(Store *store) {
    if (!store) return;
    if (store->stream) fclose(store->stream);
    free(store->entries);
    free(store->path);
    free(store);
}

void store_remove(Store *store) {
    if (!store) return;
    unlink(store->path);
    store_close(store);
}
