#define _POSIX_C_SOURCE 200809L
#include "store/safetensors_file.h"
#include "store/safetensors_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX 8 /* bytes of the header length */

_Static_assert(sizeof(size_t) == 8, "offsets of the format have 64 bits");

#define AGAIN "the file is damaged or was made to mislead, get it again"

/* Every dtype of the format (safetensors 0.6, tensor.rs), so that a file with one that we cannot
 * load can still be checked whole. */
static const struct {
    const char *name;
    SafetensorsType type;
    unsigned bits;
} types[] = {
    {"F32", SAFETENSORS_F32, 32},      {"F16", SAFETENSORS_F16, 16},
    {"BF16", SAFETENSORS_BF16, 16},    {"BOOL", SAFETENSORS_OTHER, 8},
    {"F4", SAFETENSORS_OTHER, 4},      {"F6_E2M3", SAFETENSORS_OTHER, 6},
    {"F6_E3M2", SAFETENSORS_OTHER, 6}, {"U8", SAFETENSORS_OTHER, 8},
    {"I8", SAFETENSORS_OTHER, 8},      {"F8_E5M2", SAFETENSORS_OTHER, 8},
    {"F8_E4M3", SAFETENSORS_OTHER, 8}, {"F8_E8M0", SAFETENSORS_OTHER, 8},
    {"I16", SAFETENSORS_OTHER, 16},    {"U16", SAFETENSORS_OTHER, 16},
    {"I32", SAFETENSORS_OTHER, 32},    {"U32", SAFETENSORS_OTHER, 32},
    {"I64", SAFETENSORS_OTHER, 64},    {"U64", SAFETENSORS_OTHER, 64},
    {"F64", SAFETENSORS_OTHER, 64},    {"C64", SAFETENSORS_OTHER, 64},
};

Status safetensors_map(const char *path, const unsigned char **bytes, size_t *size) {
    /* Without O_NONBLOCK a named pipe would hold us here for ever. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return status_fail(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    struct stat info;
    if (fstat(file, &info)) {
        int error = errno;
        close(file);
        return status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(error));
    }
    if (!S_ISREG(info.st_mode)) {
        close(file);
        return status_fail(STATUS_IO, "%s: is %s; expected a file", path,
                           S_ISDIR(info.st_mode) ? "a folder" : "no regular file");
    }
    if (info.st_size == 0 || (uintmax_t)info.st_size > SIZE_MAX) {
        close(file);
        return status_fail(STATUS_FORMAT, "%s: %jd bytes; expected a file of tensors: get it again",
                           path, (intmax_t)info.st_size);
    }
    void *mapped = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    int error = errno;
    close(file);
    if (mapped == MAP_FAILED)
        return status_fail(STATUS_IO, "%s: cannot map %jd bytes: %s", path, (intmax_t)info.st_size,
                           strerror(error));
    *bytes = mapped;
    *size = (size_t)info.st_size;
    return STATUS_OK;
}

const char *safetensors_shape_text(char text[SAFETENSORS_SHAPE_TEXT], int rank,
                                   const size_t *shape) {
    size_t used = 1;
    strcpy(text, "[");
    for (int i = 0; i < rank && used + 24 < SAFETENSORS_SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, SAFETENSORS_SHAPE_TEXT - used, "%s%zu", i ? ", " : "",
                                 shape[i]);
    strcpy(text + used, "]");
    return text;
}

int safetensors_entry_compare(const void *a, const void *b) {
    return strcmp(((const SafetensorsEntry *)a)->name, ((const SafetensorsEntry *)b)->name);
}

const SafetensorsEntry *safetensors_entry_find(const SafetensorsEntry *entries, size_t count,
                                               const char *name) {
    SafetensorsEntry key = {.name = name};
    return count ? bsearch(&key, entries, count, sizeof key, safetensors_entry_compare) : NULL;
}

/* By where they lie; those of no bytes come before their neighbour. */
static int compare_places(const void *a, const void *b) {
    const SafetensorsEntry *one = a, *other = b;
    if (one->data != other->data) return one->data < other->data ? -1 : 1;
    return (one->bytes > other->bytes) - (one->bytes < other->bytes);
}

/* --- one entry of the header ------------------------------------------------------------------ */

static Status take_type(SafetensorsEntry *entry, const char *name, const cJSON *item,
                        unsigned *bits) {
    char quoted[SAFETENSORS_QUOTE];
    const char *found = cJSON_IsString(item) ? item->valuestring : NULL;
    for (size_t i = 0; found && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, found)) continue;
        entry->type_name = types[i].name;
        entry->type = types[i].type;
        *bits = types[i].bits;
        return STATUS_OK;
    }
    return status_fail(
        STATUS_FORMAT,
        "%s: tensor '%s': dtype is %s; expected F32, F16 or BF16 (or another dtype of "
        "the safetensors format): save it as one of these",
        entry->file, name,
        found ? safetensors_quote(quoted, found) : (item ? "no text" : "missing"));
}

static Status take_shape(SafetensorsEntry *entry, const char *name, const cJSON *list) {
    if (!cJSON_IsArray(list))
        return status_fail(STATUS_FORMAT,
                           "%s: tensor '%s': shape is %s; expected a list of sizes: " AGAIN,
                           entry->file, name, list ? "no list" : "missing");
    entry->count = 1;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (entry->rank == SAFETENSORS_RANK_MAX)
            return status_fail(STATUS_FORMAT,
                               "%s: tensor '%s': its shape has more than %d sizes; expected at "
                               "most that: join some of its axes",
                               entry->file, name, SAFETENSORS_RANK_MAX);
        size_t size;
        if (!safetensors_json_size(item, &size))
            return status_fail(STATUS_FORMAT,
                               "%s: tensor '%s': size %d of its shape is no whole number from 0 to "
                               "2^53 - 1: " AGAIN,
                               entry->file, name, entry->rank);
        entry->shape[entry->rank++] = size;
        if (__builtin_mul_overflow(entry->count, size, &entry->count)) {
            char shape[SAFETENSORS_SHAPE_TEXT];
            return status_fail(STATUS_FORMAT,
                               "%s: tensor '%s': shape %s... has more numbers than 64 bits can "
                               "count: " AGAIN,
                               entry->file, name,
                               safetensors_shape_text(shape, entry->rank, entry->shape));
        }
    }
    return STATUS_OK;
}

static Status take_place(SafetensorsEntry *entry, const char *name, const cJSON *list,
                         unsigned bits, const unsigned char *data, size_t size) {
    const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;
    const cJSON *second = first ? first->next : NULL;
    size_t begin, end, needed;
    if (!second || second->next || !safetensors_json_size(first, &begin) ||
        !safetensors_json_size(second, &end))
        return status_fail(STATUS_FORMAT,
                           "%s: tensor '%s': data_offsets is %s; expected two whole numbers, begin "
                           "and end: " AGAIN,
                           entry->file, name, list ? "something else" : "missing");
    if (begin > end || end > size)
        return status_fail(
            STATUS_FORMAT,
            "%s: tensor '%s': data_offsets [%zu, %zu]; expected begin <= end <= %zu, "
            "the bytes after the header: the file is cut short or damaged, get it "
            "again",
            entry->file, name, begin, end, size);
    char shape[SAFETENSORS_SHAPE_TEXT];
    if (__builtin_mul_overflow(entry->count, (size_t)bits, &needed) || needed % 8 ||
        needed / 8 != end - begin)
        return status_fail(STATUS_FORMAT,
                           "%s: tensor '%s': data_offsets [%zu, %zu] hold %zu bytes; expected %zu "
                           "numbers of %u bits for %s %s: " AGAIN,
                           entry->file, name, begin, end, end - begin, entry->count, bits,
                           entry->type_name,
                           safetensors_shape_text(shape, entry->rank, entry->shape));
    entry->data = data + begin;
    entry->bytes = end - begin;
    return STATUS_OK;
}

static Status take_entry(SafetensorsEntry *entry, const cJSON *item, const unsigned char *data,
                         size_t size) {
    char name[SAFETENSORS_QUOTE], where[SAFETENSORS_QUOTE + 16];
    safetensors_quote(name, item->string);
    if (!cJSON_IsObject(item))
        return status_fail(STATUS_FORMAT,
                           "%s: tensor '%s' is no JSON object; expected dtype, shape and "
                           "data_offsets: " AGAIN,
                           entry->file, name);
    snprintf(where, sizeof where, "tensor '%s'", name);
    STATUS_TRY(safetensors_json_distinct(entry->file, where, item));
    unsigned bits = 0;
    entry->name = item->string;
    STATUS_TRY(take_type(entry, name, cJSON_GetObjectItemCaseSensitive(item, "dtype"), &bits));
    STATUS_TRY(take_shape(entry, name, cJSON_GetObjectItemCaseSensitive(item, "shape")));
    return take_place(entry, name, cJSON_GetObjectItemCaseSensitive(item, "data_offsets"), bits,
                      data, size);
}

/* --- the header ------------------------------------------------------------------------------- */

static Status take_metadata(SafetensorsFile *file, const cJSON *object) {
    if (!cJSON_IsObject(object))
        return status_fail(STATUS_FORMAT,
                           "%s: __metadata__ is no JSON object; expected texts: " AGAIN,
                           file->path);
    STATUS_TRY(safetensors_json_distinct(file->path, "__metadata__", object));
    size_t count = (size_t)cJSON_GetArraySize(object);
    file->pairs = calloc(count + 1, sizeof *file->pairs);
    if (!file->pairs) return status_fail(STATUS_MEMORY, "%s: %zu pairs", file->path, count);
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        char key[SAFETENSORS_QUOTE];
        if (!cJSON_IsString(item))
            return status_fail(STATUS_FORMAT,
                               "%s: __metadata__ '%s' is no text; expected one: " AGAIN, file->path,
                               safetensors_quote(key, item->string));
        file->pairs[file->pair_count++] = (SafetensorsPair){item->string, item->valuestring};
    }
    return STATUS_OK;
}

/* Expects entries ordered by place: one begins where the one before ends, from the first byte of
 * the data to the last. */
static Status check_places(const SafetensorsFile *file, const unsigned char *data, size_t size) {
    size_t at = 0;
    char name[SAFETENSORS_QUOTE], before[SAFETENSORS_QUOTE];
    for (size_t i = 0; i < file->count; i++) {
        const SafetensorsEntry *entry = &file->entries[i];
        size_t begin = (size_t)(entry->data - data);
        if (begin < at)
            return status_fail(STATUS_FORMAT,
                               "%s: tensor '%s' begins at byte %zu of the data, inside '%s', which "
                               "ends at %zu; expected tensors that do not overlap: " AGAIN,
                               file->path, safetensors_quote(name, entry->name), begin,
                               safetensors_quote(before, file->entries[i - 1].name), at);
        if (begin > at)
            return status_fail(STATUS_FORMAT,
                               "%s: bytes %zu to %zu of the data, before tensor '%s', belong to no "
                               "tensor; the format allows no holes: " AGAIN,
                               file->path, at, begin, safetensors_quote(name, entry->name));
        at = begin + entry->bytes;
    }
    if (at != size)
        return status_fail(STATUS_FORMAT,
                           "%s: %zu bytes follow the header; expected %zu, where its last tensor "
                           "ends: " AGAIN,
                           file->path, size, at);
    return STATUS_OK;
}

static Status take_header(SafetensorsFile *file) {
    if (file->size < PREFIX)
        return status_fail(STATUS_FORMAT,
                           "%s: %zu bytes; expected a safetensors file, which begins with the 8 "
                           "bytes of its header's length: the file is cut short, get it again",
                           file->path, file->size);
    uint64_t length = 0;
    for (int i = 0; i < PREFIX; i++) length |= (uint64_t)file->bytes[i] << 8 * i;
    if (length > SAFETENSORS_JSON_MAX || length > file->size - PREFIX || length < 2)
        return status_fail(STATUS_FORMAT,
                           "%s: its first 8 bytes promise a header of %ju bytes; expected 2 to %zu "
                           "of the file's %zu: it is cut short, or no safetensors file (a Git LFS "
                           "pointer and a PyTorch .bin are none), get it again",
                           file->path, (uintmax_t)length, SAFETENSORS_JSON_MAX, file->size);
    STATUS_TRY(safetensors_json_parse(file->path, "header", file->bytes + PREFIX, (size_t)length,
                                      &file->header));
    const unsigned char *data = file->bytes + PREFIX + length;
    size_t size = file->size - PREFIX - (size_t)length, count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, file->header) count++;
    file->entries = calloc(count + 1, sizeof *file->entries);
    if (!file->entries) return status_fail(STATUS_MEMORY, "%s: %zu tensors", file->path, count);
    cJSON_ArrayForEach(item, file->header) {
        if (strcmp(item->string, "__metadata__") == 0) {
            STATUS_TRY(take_metadata(file, item));
            continue;
        }
        SafetensorsEntry *entry = &file->entries[file->count++];
        entry->file = file->path;
        STATUS_TRY(take_entry(entry, item, data, size));
    }
    qsort(file->entries, file->count, sizeof *file->entries, compare_places);
    STATUS_TRY(check_places(file, data, size));
    qsort(file->entries, file->count, sizeof *file->entries, safetensors_entry_compare);
    return STATUS_OK;
}

Status safetensors_file_parse(SafetensorsFile *file, const char *path, const void *bytes,
                              size_t size) {
    *file = (SafetensorsFile){.path = strdup(path), .bytes = bytes, .size = size};
    if (!file->path) return status_fail(STATUS_MEMORY, "%s: no memory for its name", path);
    Status status = take_header(file);
    if (status != STATUS_OK) safetensors_file_close(file);
    return status;
}

Status safetensors_file_open(SafetensorsFile *file, const char *path) {
    const unsigned char *bytes;
    size_t size;
    *file = (SafetensorsFile){0};
    STATUS_TRY(safetensors_map(path, &bytes, &size));
    Status status = safetensors_file_parse(file, path, bytes, size);
    if (status == STATUS_OK)
        file->mapped = 1;
    else
        munmap((void *)(uintptr_t)bytes, size);
    return status;
}

void safetensors_file_close(SafetensorsFile *file) {
    if (file->mapped) munmap((void *)(uintptr_t)file->bytes, file->size);
    cJSON_Delete(file->header);
    free(file->entries);
    free(file->pairs);
    free(file->path);
    *file = (SafetensorsFile){0};
}
