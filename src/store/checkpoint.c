#define _POSIX_C_SOURCE 200809L /* strdup */
#include "store/checkpoint.h"
#include "store/safetensors.h"
#include "store/safetensors_write.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LAYOUT "1"

/* Keys of the metadata that are this module's own. */
#define KEY_KIND     "checkpoint.kind"
#define KEY_LAYOUT   "checkpoint.layout"
#define KEY_CHECKSUM "checkpoint.checksum"

struct Checkpoint {
    SafetensorsTensor *tensor; /* names are ours */
    SafetensorsPair *pair;     /* so are keys and values */
    size_t tensors, tensor_room, pairs, pair_room;
    Status failed; /* of an addition */
    char message[256];

    Safetensors *file; /* read; NULL where it is written */
    char *path;
};

/* --- checksum -------------------------------------------------------------------------------
 * Four chains of xor and multiply (FNV-1a on 64-bit words), so that it runs at the speed of memory.
 * It finds damage, not malice. */

#define PRIME 1099511628211u
#define LANES 4

static uint64_t digest_bytes(uint64_t seed, const void *data, size_t size) {
    const unsigned char *at = data;
    uint64_t lane[LANES], hash = seed ^ size;
    for (int k = 0; k < LANES; k++) lane[k] = seed + 14695981039346656037u * (uint64_t)(k + 1);
    size_t i = 0;
    for (; i + 8 * LANES <= size; i += 8 * LANES)
        for (int k = 0; k < LANES; k++) {
            uint64_t word;
            memcpy(&word, at + i + 8 * (size_t)k, 8);
            lane[k] = (lane[k] ^ word) * PRIME;
            lane[k] ^= lane[k] >> 32; /* the multiplication only moves bits up */
        }
    for (int k = 0; k < LANES; k++) hash = (hash ^ lane[k]) * PRIME, hash ^= hash >> 29;
    for (; i < size; i++) hash = (hash ^ at[i]) * PRIME;
    return hash ^ hash >> 31;
}

static uint64_t digest_text(uint64_t seed, const char *text) {
    return digest_bytes(seed, text, strlen(text));
}

static uint64_t digest_tensor(const char *name, int rank, const size_t *shape, const void *data,
                              size_t bytes) {
    uint64_t hash = digest_text(1, name);
    for (int i = 0; i < rank; i++) hash = (hash ^ shape[i]) * PRIME;
    return digest_bytes(hash, data, bytes);
}

/* Sums, so that the order in which tensors and pairs are listed does not matter. */
static uint64_t digest_pair(const char *key, const char *value) {
    return digest_text(digest_text(2, key), value);
}

/* --- writing -------------------------------------------------------------------------------- */

Status checkpoint_create(Checkpoint **out, const char *kind) {
    Checkpoint *checkpoint = *out = calloc(1, sizeof *checkpoint);
    if (!checkpoint) return status_fail(STATUS_MEMORY, "checkpoint: no memory");
    checkpoint_note(checkpoint, KEY_KIND, "%s", kind);
    checkpoint_note(checkpoint, KEY_LAYOUT, LAYOUT);
    checkpoint_note(checkpoint, "format",
                    "pt"); /* the writer would add it, outside of the checksum */
    return STATUS_OK;
}

static void fail(Checkpoint *checkpoint, Status code, const char *what) {
    if (checkpoint->failed) return;
    checkpoint->failed = code;
    snprintf(checkpoint->message, sizeof checkpoint->message, "checkpoint: %s", what);
}

/* Room for one more of `size` bytes each. */
static void *grow(void *list, size_t count, size_t *room, size_t size) {
    if (count < *room) return list;
    size_t more = *room ? 2 * *room : 256;
    void *grown = realloc(list, more * size);
    if (grown) *room = more;
    return grown;
}

void checkpoint_add(Checkpoint *checkpoint, const char *name, int rank, const size_t *shape,
                    const float *data) {
    if (rank < 0 || rank > SAFETENSORS_RANK_MAX) {
        fail(checkpoint, STATUS_ARGUMENT, "a tensor of a rank that no file can hold");
        return;
    }
    SafetensorsTensor *list = grow(checkpoint->tensor, checkpoint->tensors,
                                   &checkpoint->tensor_room, sizeof *checkpoint->tensor);
    if (list) checkpoint->tensor = list;
    char *copy = list ? strdup(name) : NULL;
    if (!copy) {
        fail(checkpoint, STATUS_MEMORY, "no memory for the list of tensors");
        return;
    }
    SafetensorsTensor *tensor = &list[checkpoint->tensors++];
    *tensor =
        (SafetensorsTensor){.name = copy, .type = SAFETENSORS_F32, .rank = rank, .data = data};
    for (int i = 0; i < rank; i++) tensor->shape[i] = shape[i];
}

static void add_pair(Checkpoint *checkpoint, const char *key, char *value) {
    SafetensorsPair *list =
        grow(checkpoint->pair, checkpoint->pairs, &checkpoint->pair_room, sizeof *checkpoint->pair);
    if (list) checkpoint->pair = list;
    char *copy = list ? strdup(key) : NULL;
    if (!copy || !value) {
        free(copy);
        free(value);
        fail(checkpoint, STATUS_MEMORY, "no memory for notes");
        return;
    }
    list[checkpoint->pairs++] = (SafetensorsPair){copy, value};
}

void checkpoint_note(Checkpoint *checkpoint, const char *key, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *value = length < 0 ? NULL : malloc((size_t)length + 1);
    va_start(arguments, format);
    if (value) vsnprintf(value, (size_t)length + 1, format, arguments);
    va_end(arguments);
    add_pair(checkpoint, key, value);
}

const char *checkpoint_number_text(char text[CHECKPOINT_NUMBER], double number) {
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, CHECKPOINT_NUMBER, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    return text;
}

void checkpoint_note_number(Checkpoint *checkpoint, const char *key, double number) {
    char text[CHECKPOINT_NUMBER];
    checkpoint_note(checkpoint, key, "%s", checkpoint_number_text(text, number));
}

Status checkpoint_write(Checkpoint *checkpoint, const char *path) {
    uint64_t sum = 0;
    for (size_t i = 0; i < checkpoint->tensors; i++) {
        const SafetensorsTensor *tensor = &checkpoint->tensor[i];
        size_t bytes = sizeof(float);
        for (int k = 0; k < tensor->rank; k++) bytes *= tensor->shape[k];
        sum += digest_tensor(tensor->name, tensor->rank, tensor->shape, tensor->data, bytes);
    }
    for (size_t i = 0; i < checkpoint->pairs; i++)
        sum += digest_pair(checkpoint->pair[i].key, checkpoint->pair[i].value);
    checkpoint_note(checkpoint, KEY_CHECKSUM, "%016llx", (unsigned long long)sum);
    if (checkpoint->failed) return status_fail(checkpoint->failed, "%s", checkpoint->message);
    return safetensors_write(path, checkpoint->tensor, checkpoint->tensors, checkpoint->pair,
                             checkpoint->pairs);
}

/* --- reading -------------------------------------------------------------------------------- */

int checkpoint_exists(const char *path) {
    struct stat found;
    return lstat(path, &found) == 0;
}

#define REMEDY "; remove the file to start anew, or name another"

static Status check_origin(const Checkpoint *checkpoint, const char *kind) {
    const char *found = checkpoint_text(checkpoint, KEY_KIND);
    if (!found)
        return status_fail(STATUS_FORMAT,
                           "%s: not a checkpoint; expected one of kind '%s': name another file",
                           checkpoint->path, kind);
    if (strcmp(found, kind) != 0)
        return status_fail(STATUS_FORMAT,
                           "%s: a checkpoint of kind '%.80s'; expected '%s': name another file",
                           checkpoint->path, found, kind);
    const char *layout = checkpoint_text(checkpoint, KEY_LAYOUT);
    if (!layout || strcmp(layout, LAYOUT) != 0)
        return status_fail(STATUS_FORMAT,
                           "%s: layout %.20s of another version; expected " LAYOUT REMEDY,
                           checkpoint->path, layout ? layout : "missing");
    return STATUS_OK;
}

static Status check_sum(const Checkpoint *checkpoint) {
    const Safetensors *file = checkpoint->file;
    uint64_t sum = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const SafetensorsEntry *entry = safetensors_at(file, i);
        sum += digest_tensor(entry->name, entry->rank, entry->shape, entry->data, entry->bytes);
    }
    size_t pairs;
    const SafetensorsPair *pair = safetensors_metadata(file, &pairs);
    for (size_t i = 0; i < pairs; i++)
        if (strcmp(pair[i].key, KEY_CHECKSUM) != 0) sum += digest_pair(pair[i].key, pair[i].value);
    char expected[24];
    snprintf(expected, sizeof expected, "%016llx", (unsigned long long)sum);
    const char *found = checkpoint_text(checkpoint, KEY_CHECKSUM);
    if (found && strcmp(found, expected) == 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT,
                       "%s: damaged: its contents have checksum %s, its header says %.20s" REMEDY,
                       checkpoint->path, expected, found ? found : "nothing");
}

Status checkpoint_open(Checkpoint **out, const char *path, const char *kind) {
    *out = NULL;
    Checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    char *copy = strdup(path);
    if (!checkpoint || !copy) {
        free(checkpoint);
        free(copy);
        return status_fail(STATUS_MEMORY, "%s: no memory to open it", path);
    }
    checkpoint->path = copy;
    Status status = safetensors_open(&checkpoint->file, path);
    if (status == STATUS_OK) status = check_origin(checkpoint, kind);
    if (status == STATUS_OK) status = check_sum(checkpoint);
    if (status != STATUS_OK) {
        checkpoint_close(checkpoint);
        return status;
    }
    *out = checkpoint;
    return STATUS_OK;
}

const char *checkpoint_text(const Checkpoint *checkpoint, const char *key) {
    return safetensors_metadata_find(checkpoint->file, key);
}

static Status no_number(const Checkpoint *checkpoint, const char *key, const char *text) {
    return status_fail(STATUS_FORMAT, "%s: '%s' is %.40s; expected a number" REMEDY,
                       checkpoint->path, key, text ? text : "missing");
}

Status checkpoint_number(const Checkpoint *checkpoint, const char *key, double *out) {
    const char *text = checkpoint_text(checkpoint, key);
    char *end;
    if (!text || !*text) return no_number(checkpoint, key, text);
    *out = strtod(text, &end);
    return *end ? no_number(checkpoint, key, text) : STATUS_OK;
}

Status checkpoint_whole(const Checkpoint *checkpoint, const char *key, uint64_t *out) {
    const char *text = checkpoint_text(checkpoint, key);
    char *end;
    if (!text || *text < '0' || *text > '9') return no_number(checkpoint, key, text);
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *end || errno ? no_number(checkpoint, key, text) : STATUS_OK;
}

Status checkpoint_expect(const Checkpoint *checkpoint, const char *key, const char *what,
                         const char *asked) {
    const char *found = checkpoint_text(checkpoint, key);
    if (found && strcmp(found, asked) == 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: %s is %.120s in the checkpoint, %s asked" REMEDY,
                       checkpoint->path, what, found ? found : "missing", asked);
}

int checkpoint_has(const Checkpoint *checkpoint, const char *name) {
    return safetensors_find(checkpoint->file, name) != NULL;
}

Status checkpoint_check(const Checkpoint *checkpoint, const char *name, int rank,
                        const size_t *shape) {
    const SafetensorsEntry *entry;
    return safetensors_expect(checkpoint->file, name, SAFETENSORS_F32, rank, shape, &entry);
}

Status checkpoint_load(const Checkpoint *checkpoint, const char *name, int rank,
                       const size_t *shape, float *out) {
    const SafetensorsEntry *entry;
    STATUS_TRY(safetensors_expect(checkpoint->file, name, SAFETENSORS_F32, rank, shape, &entry));
    /* Reading a page that was never written does not make it real; writing zeros to it would. */
    const size_t part = 1024;
    for (size_t from = 0; from < entry->count; from += part) {
        SafetensorsEntry piece = *entry;
        piece.data = entry->data + from * sizeof(float);
        piece.count = entry->count - from < part ? entry->count - from : part;
        piece.bytes = piece.count * sizeof(float);
        if (memcmp(out + from, piece.data, piece.bytes) == 0) continue;
        STATUS_TRY(safetensors_read(&piece, out + from));
    }
    return STATUS_OK;
}

void checkpoint_close(Checkpoint *checkpoint) {
    if (!checkpoint) return;
    for (size_t i = 0; i < checkpoint->tensors; i++) free((void *)checkpoint->tensor[i].name);
    for (size_t i = 0; i < checkpoint->pairs; i++) {
        free((void *)checkpoint->pair[i].key);
        free((void *)checkpoint->pair[i].value);
    }
    free(checkpoint->tensor);
    free(checkpoint->pair);
    safetensors_close(checkpoint->file);
    free(checkpoint->path);
    free(checkpoint);
}
