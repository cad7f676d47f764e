#define _GNU_SOURCE /* flock */
#include "store/safetensors_write.h"
#include "store/safetensors_file.h"
#include "store/safetensors_half.h"
#include "store/safetensors_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGNMENT 8

static size_t width(SafetensorsType type) {
    return type == SAFETENSORS_F32 ? 4 : 2;
}

static size_t count_numbers(const SafetensorsTensor *tensor) {
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
    return count;
}

/* --- what the caller asks -----------------------------------------------------------------------
 */

static Status check_text(const char *path, const char *what, const char *text) {
    if (text && safetensors_is_utf8(text, strlen(text))) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "%s: %s is %s; expected text in UTF-8", path, what,
                       text ? "not UTF-8" : "missing");
}

static Status check_tensor(const char *path, const SafetensorsTensor *tensor) {
    char name[SAFETENSORS_QUOTE], shape[SAFETENSORS_SHAPE_TEXT];
    STATUS_TRY(check_text(path, "a tensor's name", tensor->name));
    safetensors_quote(name, tensor->name);
    if (!*tensor->name || strcmp(tensor->name, "__metadata__") == 0)
        return status_fail(STATUS_ARGUMENT, "%s: '%s' cannot be a tensor's name; choose another",
                           path, name);
    if ((unsigned)tensor->type >= SAFETENSORS_OTHER)
        return status_fail(STATUS_ARGUMENT,
                           "%s: tensor '%s': type %d; expected SAFETENSORS_F32, _F16 or _BF16",
                           path, name, (int)tensor->type);
    if (tensor->rank < 0 || tensor->rank > SAFETENSORS_RANK_MAX)
        return status_fail(STATUS_ARGUMENT, "%s: tensor '%s': rank %d; expected 0 to %d", path,
                           name, tensor->rank, SAFETENSORS_RANK_MAX);
    size_t bytes = width(tensor->type);
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, tensor->shape[i], &bytes) || bytes >> 53)
            return status_fail(STATUS_ARGUMENT,
                               "%s: tensor '%s': shape %s needs more than 2^53 bytes", path, name,
                               safetensors_shape_text(shape, tensor->rank, tensor->shape));
    if (bytes && !tensor->data)
        return status_fail(STATUS_ARGUMENT, "%s: tensor '%s': no data; expected %zu numbers", path,
                           name, count_numbers(tensor));
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b) {
    const SafetensorsTensor *one = *(const SafetensorsTensor *const *)a;
    const SafetensorsTensor *other = *(const SafetensorsTensor *const *)b;
    return strcmp(one->name, other->name);
}

/* Wide numbers first: each tensor then begins at a multiple of its numbers' width. */
static int compare_places(const void *a, const void *b) {
    const SafetensorsTensor *one = *(const SafetensorsTensor *const *)a;
    const SafetensorsTensor *other = *(const SafetensorsTensor *const *)b;
    size_t first = width(one->type), second = width(other->type);
    return first == second ? compare_names(a, b) : first > second ? -1 : 1;
}

static Status arrange(const char *path, const SafetensorsTensor *tensors, size_t count,
                      const SafetensorsTensor **order) {
    for (size_t i = 0; i < count; i++) {
        STATUS_TRY(check_tensor(path, &tensors[i]));
        order[i] = &tensors[i];
    }
    if (count < 2) return STATUS_OK;
    qsort(order, count, sizeof *order, compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcmp(order[i - 1]->name, order[i]->name) == 0) {
            char name[SAFETENSORS_QUOTE];
            return status_fail(STATUS_ARGUMENT,
                               "%s: two tensors are named '%s'; expected each once", path,
                               safetensors_quote(name, order[i]->name));
        }
    qsort(order, count, sizeof *order, compare_places);
    return STATUS_OK;
}

/* --- the header
 * ----------------------------------------------------------------------------------- */

static int add_metadata(cJSON *header, const SafetensorsPair *metadata, size_t pairs) {
    cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
    int done = object != NULL, format = 0;
    for (size_t i = 0; i < pairs; i++) format |= strcmp(metadata[i].key, "format") == 0;
    if (done && !format) done = cJSON_AddStringToObject(object, "format", "pt") != NULL;
    for (size_t i = 0; done && i < pairs; i++)
        done = cJSON_AddStringToObject(object, metadata[i].key, metadata[i].value) != NULL;
    return done;
}

/* Sizes are below 2^53, so that cJSON's doubles hold them; as text they would be printed with an
 * exponent from 10^15 on, which the format does not allow. */
static int add_size(cJSON *list, size_t size) {
    char text[24];
    snprintf(text, sizeof text, "%zu", size);
    cJSON *number = cJSON_CreateRaw(text);
    return number && cJSON_AddItemToArray(list, number);
}

static int add_tensor(cJSON *header, const SafetensorsTensor *tensor, size_t *at) {
    static const char *const names[] = {"F32", "F16", "BF16"};
    cJSON *item = cJSON_AddObjectToObject(header, tensor->name);
    if (!item || !cJSON_AddStringToObject(item, "dtype", names[tensor->type])) return 0;
    cJSON *shape = cJSON_AddArrayToObject(item, "shape");
    for (int i = 0; i < tensor->rank; i++)
        if (!add_size(shape, tensor->shape[i])) return 0;
    cJSON *place = cJSON_AddArrayToObject(item, "data_offsets");
    if (!add_size(place, *at)) return 0;
    *at += width(tensor->type) * count_numbers(tensor);
    return add_size(place, *at);
}

/* *out: 8 bytes of length and the padded header, the caller's to free. */
static Status make_header(const char *path, const SafetensorsTensor *const *order, size_t count,
                          const SafetensorsPair *metadata, size_t pairs, char **out,
                          size_t *out_size) {
    cJSON *header = cJSON_CreateObject();
    int done = header && add_metadata(header, metadata, pairs);
    size_t at = 0;
    for (size_t i = 0; done && i < count; i++) done = add_tensor(header, order[i], &at);
    char *text = done ? cJSON_PrintUnformatted(header) : NULL;
    size_t length = text ? strlen(text) : 0;
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    Status status = STATUS_OK;
    char *bytes = text ? malloc(ALIGNMENT + padded) : NULL;
    if (!bytes) {
        status =
            status_fail(STATUS_MEMORY, "%s: no memory for the header of %zu tensors", path, count);
    } else if (padded > SAFETENSORS_JSON_MAX || at >> 53) {
        status = status_fail(STATUS_ARGUMENT,
                             "%s: a header of %zu bytes for %zu bytes of numbers; expected at most "
                             "16 MiB and 2^53: write several files",
                             path, padded, at);
    } else {
        for (int i = 0; i < ALIGNMENT; i++) bytes[i] = (char)((uint64_t)padded >> 8 * i);
        memcpy(bytes + ALIGNMENT, text, length);
        memset(bytes + ALIGNMENT + length, ' ', padded - length);
        *out = bytes;
        *out_size = ALIGNMENT + padded;
        bytes = NULL;
    }
    free(bytes);
    cJSON_free(text);
    cJSON_Delete(header);
    return status;
}

/* --- the file
 * --------------------------------------------------------------------------------------- */

static Status refused(const char *path, const char *what, int error) {
    return status_fail(
        STATUS_IO,
        "%s: cannot %s: %s; make room or name another place (an earlier file of this "
        "name is as it was)",
        path, what, strerror(error));
}

static Status write_bytes(const char *path, int file, const void *bytes, size_t size) {
    for (const char *at = bytes; size;) {
        ssize_t wrote = write(file, at, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return refused(path, "write", wrote ? errno : ENOSPC);
        at += wrote, size -= (size_t)wrote;
    }
    return STATUS_OK;
}

static Status write_tensor(const char *path, int file, const SafetensorsTensor *tensor) {
    size_t count = count_numbers(tensor);
    if (tensor->type == SAFETENSORS_F32)
        return write_bytes(path, file, tensor->data, count * sizeof *tensor->data);
    uint16_t narrow[8192];
    size_t room = sizeof narrow / sizeof *narrow;
    for (size_t from = 0; from < count; from += room) {
        size_t part = count - from < room ? count - from : room;
        for (size_t i = 0; i < part; i++)
            narrow[i] = tensor->type == SAFETENSORS_F16 ? f32_to_half(tensor->data[from + i])
                                                        : f32_to_bf16(tensor->data[from + i]);
        STATUS_TRY(write_bytes(path, file, narrow, part * sizeof *narrow));
    }
    return STATUS_OK;
}

/* Opens and locks the temporary file, empty. The lock dies with its process, so a file left by a
 * killed one is taken over; a lock on a file that has meanwhile been renamed into its place, or
 * removed, is not ours to keep. */
static Status open_partial(const char *path, const char *partial, int *out) {
    for (int attempt = 0; attempt < 100; attempt++) {
        int file = open(partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (file < 0) return refused(path, "write beside it", errno);
        struct stat ours, named;
        if (flock(file, LOCK_EX | LOCK_NB)) {
            close(file);
            return status_fail(STATUS_IO,
                               "%s: another process is writing it; wait for that one or name "
                               "another file",
                               path);
        }
        if (fstat(file, &ours) == 0 && lstat(partial, &named) == 0 && ours.st_ino == named.st_ino &&
            ours.st_dev == named.st_dev) {
            if (ftruncate(file, 0) == 0) {
                *out = file;
                return STATUS_OK;
            }
            int error = errno;
            close(file);
            return refused(path, "write beside it", error);
        }
        close(file);
    }
    return status_fail(STATUS_IO, "%s: other processes keep writing it; name another file", path);
}

/* A rename is on the disk once its folder is. */
static Status sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) return status_fail(STATUS_MEMORY, "%s: no memory for its folder's name", path);
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    /* Some file systems cannot flush a folder (EINVAL), and some folders may be written and not
     * read: the file is in place all the same. */
    int error = file >= 0 && fsync(file) && errno != EINVAL ? errno : 0;
    if (file >= 0) close(file);
    return error ? status_fail(STATUS_IO, "%s: written, but its folder cannot be flushed: %s", path,
                               strerror(error))
                 : STATUS_OK;
}

static Status write_file(const char *path, const char *header, size_t header_size,
                         const SafetensorsTensor *const *order, size_t count) {
    size_t size = strlen(path) + sizeof ".partial";
    char *partial = malloc(size);
    if (!partial) return status_fail(STATUS_MEMORY, "%s: %zu bytes asked for a path", path, size);
    snprintf(partial, size, "%s.partial", path);
    int file = -1;
    Status status = open_partial(path, partial, &file);
    if (status == STATUS_OK) {
        status = write_bytes(path, file, header, header_size);
        for (size_t i = 0; status == STATUS_OK && i < count; i++)
            status = write_tensor(path, file, order[i]);
        if (status == STATUS_OK && fsync(file)) status = refused(path, "flush", errno);
        if (status == STATUS_OK && rename(partial, path)) status = refused(path, "replace", errno);
        if (status != STATUS_OK) unlink(partial);
        close(file); /* after the rename: until then the lock keeps others out */
        if (status == STATUS_OK) status = sync_folder(path);
    }
    free(partial);
    return status;
}

Status safetensors_write(const char *path, const SafetensorsTensor *tensors, size_t count,
                         const SafetensorsPair *metadata, size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        STATUS_TRY(check_text(path, "a key of the metadata", metadata[i].key));
        STATUS_TRY(check_text(path, metadata[i].key, metadata[i].value));
        for (size_t k = 0; k < i; k++)
            if (strcmp(metadata[i].key, metadata[k].key) == 0)
                return status_fail(STATUS_ARGUMENT, "%s: metadata '%.200s' is given twice", path,
                                   metadata[i].key);
    }
    const SafetensorsTensor **order = malloc((count + 1) * sizeof *order);
    if (!order) return status_fail(STATUS_MEMORY, "%s: no memory for %zu tensors", path, count);
    char *header = NULL;
    size_t size = 0;
    Status status = arrange(path, tensors, count, order);
    if (status == STATUS_OK)
        status = make_header(path, order, count, metadata, pairs, &header, &size);
    if (status == STATUS_OK) status = write_file(path, header, size, order, count);
    free(header);
    free(order);
    return status;
}
