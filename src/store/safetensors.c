#define _POSIX_C_SOURCE 200809L
#include "store/safetensors.h"
#include "store/safetensors_file.h"
#include "store/safetensors_half.h"
#include "store/safetensors_json.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are read as they lie in a file");

#define SINGLE "model.safetensors"
#define INDEX  "model.safetensors.index.json"

struct Safetensors {
    char *path; /* as it was opened: for messages about what is in none of the files */
    SafetensorsFile *files;
    size_t file_count;
    SafetensorsEntry *entries; /* ordered by name */
    size_t count;
    SafetensorsPair *pairs;
    size_t pair_count;
};

/* --- opening ------------------------------------------------------------------------------------
 */

static Safetensors *begin(const char *path, size_t files) {
    Safetensors *model = calloc(1, sizeof *model);
    if (model) {
        model->path = strdup(path);
        model->files = calloc(files + 1, sizeof *model->files);
        if (model->path && model->files) return model;
    }
    safetensors_close(model);
    status_fail(STATUS_MEMORY, "%s: no memory for its list of tensors", path);
    return NULL;
}

/* One list of what the files hold: all their metadata, and the tensors of a single file. */
static Status join(Safetensors *model) {
    size_t pairs = 0;
    for (size_t i = 0; i < model->file_count; i++) pairs += model->files[i].pair_count;
    model->pairs = calloc(pairs + 1, sizeof *model->pairs);
    if (!model->pairs) return status_fail(STATUS_MEMORY, "%s: %zu pairs", model->path, pairs);
    for (size_t i = 0; i < model->file_count; i++)
        for (size_t k = 0; k < model->files[i].pair_count; k++)
            model->pairs[model->pair_count++] = model->files[i].pairs[k];
    if (model->entries) return STATUS_OK;
    const SafetensorsFile *only = &model->files[0];
    model->entries = calloc(only->count + 1, sizeof *model->entries);
    if (!model->entries)
        return status_fail(STATUS_MEMORY, "%s: %zu tensors", model->path, only->count);
    for (size_t i = 0; i < only->count; i++) model->entries[i] = only->entries[i];
    model->count = only->count;
    return STATUS_OK;
}

static Status finish(Safetensors *model, Status status, Safetensors **out) {
    if (status == STATUS_OK) status = join(model);
    if (status == STATUS_OK)
        *out = model;
    else
        safetensors_close(model);
    return status;
}

static Status open_single(Safetensors **out, const char *path) {
    Safetensors *model = begin(path, 1);
    if (!model) return STATUS_MEMORY;
    Status status = safetensors_file_open(&model->files[0], path);
    model->file_count = status == STATUS_OK;
    return finish(model, status, out);
}

Status safetensors_parse(Safetensors **out, const char *path, const void *bytes, size_t size) {
    *out = NULL;
    Safetensors *model = begin(path, 1);
    if (!model) return STATUS_MEMORY;
    Status status = safetensors_file_parse(&model->files[0], path, bytes, size);
    model->file_count = status == STATUS_OK;
    return finish(model, status, out);
}

/* --- shards
 * --------------------------------------------------------------------------------------- */

/* "folder/name"; the caller's to free, NULL with a message when memory is short. */
static char *join_path(const char *folder, size_t length, const char *name) {
    size_t size = length + strlen(name) + 2;
    char *path = malloc(size);
    if (!path) {
        status_fail(STATUS_MEMORY, "%s: %zu bytes asked for a path", folder, size);
        return NULL;
    }
    int slash = length > 0 && folder[length - 1] != '/';
    snprintf(path, size, "%.*s%s%s", (int)length, folder, slash ? "/" : "", name);
    return path;
}

static int compare_shards(const void *a, const void *b) {
    const cJSON *one = *(const cJSON *const *)a, *other = *(const cJSON *const *)b;
    return strcmp(one->valuestring, other->valuestring);
}

/* Adds the tensors map[0..count), all of one shard, to the model. */
static Status take_shard(Safetensors *model, const char *index, cJSON *const *map, size_t count) {
    const char *slash = strrchr(index, '/');
    char *path = join_path(index, slash ? (size_t)(slash - index) + 1 : 0, map[0]->valuestring);
    if (!path) return STATUS_MEMORY;
    SafetensorsFile *file = &model->files[model->file_count];
    Status status = safetensors_file_open(file, path);
    free(path);
    if (status != STATUS_OK) return status_prefix(status, "%s names a shard", index);
    model->file_count++;
    for (size_t i = 0; i < count; i++) {
        const SafetensorsEntry *entry =
            safetensors_entry_find(file->entries, file->count, map[i]->string);
        char name[SAFETENSORS_QUOTE];
        if (!entry)
            return status_fail(
                STATUS_FORMAT,
                "%s: weight_map puts tensor '%s' into %s, which holds %zu tensors and "
                "not that one: index and shards are not of one checkpoint, get both "
                "again",
                index, safetensors_quote(name, map[i]->string), file->path, file->count);
        model->entries[model->count++] = *entry;
    }
    return STATUS_OK;
}

/* A shard lies beside its index: anything that could lead elsewhere is refused. */
static Status check_shard_name(const char *index, const cJSON *item) {
    char name[SAFETENSORS_QUOTE], shard[SAFETENSORS_QUOTE];
    const char *found = cJSON_IsString(item) ? item->valuestring : NULL;
    if (found && *found && *found != '.' && !strchr(found, '/') && strlen(found) <= 255)
        return STATUS_OK;
    return status_fail(STATUS_FORMAT,
                       "%s: weight_map puts tensor '%s' into '%s'; expected the name of a file in "
                       "the same folder, such as model-00001-of-00002.safetensors",
                       index, safetensors_quote(name, item->string),
                       safetensors_quote(shard, found ? found : "no text"));
}

static Status take_shards(Safetensors *model, const char *index, cJSON **map, size_t count) {
    for (size_t i = 0; i < count; i++) STATUS_TRY(check_shard_name(index, map[i]));
    qsort(map, count, sizeof *map, compare_shards);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && compare_shards(&map[from], &map[to]) == 0;) to++;
        STATUS_TRY(take_shard(model, index, map + from, to - from));
    }
    qsort(model->entries, model->count, sizeof *model->entries, safetensors_entry_compare);
    return STATUS_OK;
}

static Status read_index(const char *path, cJSON **out) {
    const unsigned char *bytes;
    size_t size;
    STATUS_TRY(safetensors_map(path, &bytes, &size));
    Status status = size <= SAFETENSORS_JSON_MAX
                        ? safetensors_json_parse(path, "index", bytes, size, out)
                        : status_fail(STATUS_FORMAT,
                                      "%s: %zu bytes; expected an index of at most 16 MiB: is it "
                                      "the index of a sharded checkpoint?",
                                      path, size);
    munmap((void *)(uintptr_t)bytes, size);
    return status;
}

static Status open_index(Safetensors **out, const char *path) {
    cJSON *root = NULL;
    STATUS_TRY(read_index(path, &root));
    cJSON *object = cJSON_GetObjectItemCaseSensitive(root, "weight_map");
    size_t count = 0;
    cJSON *item;
    if (cJSON_IsObject(object)) cJSON_ArrayForEach(item, object) count++;
    Status status;
    cJSON **map = NULL;
    Safetensors *model = NULL;
    if (count == 0) {
        status = status_fail(STATUS_FORMAT,
                             "%s: weight_map is %s; expected a JSON object that gives every tensor "
                             "its file",
                             path,
                             !object                  ? "missing"
                             : cJSON_IsObject(object) ? "empty"
                                                      : "no JSON object");
        goto done;
    }
    status = safetensors_json_distinct(path, "weight_map", object);
    if (status != STATUS_OK) goto done;
    map = malloc(count * sizeof *map);
    model = begin(path, count);
    if (model) model->entries = calloc(count, sizeof *model->entries);
    if (!map || !model || !model->entries) {
        status = status_fail(STATUS_MEMORY, "%s: %zu tensors", path, count);
        goto done;
    }
    count = 0;
    cJSON_ArrayForEach(item, object) map[count++] = item;
    status = finish(model, take_shards(model, path, map, count), out);
    model = NULL;
done:
    safetensors_close(model);
    free(map);
    cJSON_Delete(root);
    return status;
}

static Status open_folder(Safetensors **out, const char *folder) {
    static const struct {
        const char *name;
        Status (*open)(Safetensors **out, const char *path);
    } kinds[] = {{SINGLE, open_single}, {INDEX, open_index}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *path = join_path(folder, strlen(folder), kinds[i].name);
        if (!path) return STATUS_MEMORY;
        struct stat info;
        int absent = stat(path, &info) && errno == ENOENT;
        Status status = absent ? STATUS_OK : kinds[i].open(out, path);
        free(path);
        if (!absent) return status;
    }
    return status_fail(STATUS_IO,
                       "%s: holds neither " SINGLE " nor " INDEX "; expected a folder with the "
                       "weights of a model: download them there, or name another",
                       folder);
}

Status safetensors_open(Safetensors **out, const char *path) {
    *out = NULL;
    struct stat info;
    if (stat(path, &info))
        return status_fail(STATUS_IO,
                           "%s: cannot open: %s; expected a .safetensors file or a folder with one",
                           path, strerror(errno));
    if (S_ISDIR(info.st_mode)) return open_folder(out, path);
    size_t length = strlen(path);
    int index = length >= 5 && strcmp(path + length - 5, ".json") == 0;
    return index ? open_index(out, path) : open_single(out, path);
}

void safetensors_close(Safetensors *model) {
    if (!model) return;
    for (size_t i = 0; i < model->file_count; i++) safetensors_file_close(&model->files[i]);
    free(model->files);
    free(model->entries);
    free(model->pairs);
    free(model->path);
    free(model);
}

/* --- looking up
 * ----------------------------------------------------------------------------------- */

size_t safetensors_count(const Safetensors *model) {
    return model->count;
}

const SafetensorsEntry *safetensors_at(const Safetensors *model, size_t index) {
    return &model->entries[index];
}

const SafetensorsEntry *safetensors_find(const Safetensors *model, const char *name) {
    return safetensors_entry_find(model->entries, model->count, name);
}

const SafetensorsPair *safetensors_metadata(const Safetensors *model, size_t *count) {
    *count = model->pair_count;
    return model->pairs;
}

const char *safetensors_metadata_find(const Safetensors *model, const char *key) {
    for (size_t i = 0; i < model->pair_count; i++)
        if (strcmp(model->pairs[i].key, key) == 0) return model->pairs[i].value;
    return NULL;
}

/* The name with the longest common ending: a prefix such as "bert." is what usually differs. */
static const char *nearest(const Safetensors *model, const char *name) {
    const char *best = NULL;
    size_t longest = 0, length = strlen(name);
    for (size_t i = 0; i < model->count; i++) {
        const char *other = model->entries[i].name;
        size_t other_length = strlen(other), same = 0;
        while (same < length && same < other_length &&
               name[length - 1 - same] == other[other_length - 1 - same])
            same++;
        if (!best || same > longest) best = other, longest = same;
    }
    return best;
}

static Status missing(const Safetensors *model, const char *name) {
    char quoted[SAFETENSORS_QUOTE], other[SAFETENSORS_QUOTE];
    const char *near = nearest(model, name);
    return status_fail(STATUS_FORMAT,
                       "%s: no tensor '%s' among its %zu%s%s%s; expected the weights of the model "
                       "that config.json describes",
                       model->path, safetensors_quote(quoted, name), model->count,
                       near ? " (the nearest name is '" : "",
                       near ? safetensors_quote(other, near) : "", near ? "')" : "");
}

static const char *const type_names[] = {
    [SAFETENSORS_F32] = "F32",
    [SAFETENSORS_F16] = "F16",
    [SAFETENSORS_BF16] = "BF16",
    [SAFETENSORS_OTHER] = "F32, F16 or BF16",
};

Status safetensors_expect(const Safetensors *model, const char *name, SafetensorsType type,
                          int rank, const size_t *shape, const SafetensorsEntry **out) {
    *out = NULL;
    const SafetensorsEntry *entry = safetensors_find(model, name);
    if (!entry) return missing(model, name);
    char quoted[SAFETENSORS_QUOTE];
    if (entry->type == SAFETENSORS_OTHER || (type != SAFETENSORS_OTHER && type != entry->type))
        return status_fail(
            STATUS_FORMAT, "%s: tensor '%s' is %s; expected %s: save the model in that precision",
            entry->file, safetensors_quote(quoted, name), entry->type_name, type_names[type]);
    int same = entry->rank == rank;
    for (int i = 0; same && i < rank; i++) same = entry->shape[i] == shape[i];
    if (!same) {
        char found[SAFETENSORS_SHAPE_TEXT], wanted[SAFETENSORS_SHAPE_TEXT];
        return status_fail(STATUS_FORMAT,
                           "%s: tensor '%s' has shape %s; expected %s: is this the config.json of "
                           "these weights?",
                           entry->file, safetensors_quote(quoted, name),
                           safetensors_shape_text(found, entry->rank, entry->shape),
                           safetensors_shape_text(wanted, rank, shape));
    }
    *out = entry;
    return STATUS_OK;
}

/* --- reading
 * -------------------------------------------------------------------------------------- */

static void widen(const SafetensorsEntry *entry, float (*to_f32)(uint16_t), float *out) {
    for (size_t i = 0; i < entry->count; i++) {
        uint16_t bits; /* copied: a file may put it at an odd address */
        memcpy(&bits, entry->data + i * sizeof bits, sizeof bits);
        out[i] = to_f32(bits);
    }
}

Status safetensors_read(const SafetensorsEntry *entry, float *out) {
    char name[SAFETENSORS_QUOTE];
    switch (entry->type) {
    case SAFETENSORS_F32:
        if (entry->bytes) memcpy(out, entry->data, entry->bytes);
        return STATUS_OK;
    case SAFETENSORS_F16:
        widen(entry, half_to_f32, out);
        return STATUS_OK;
    case SAFETENSORS_BF16:
        widen(entry, bf16_to_f32, out);
        return STATUS_OK;
    case SAFETENSORS_OTHER:
        break;
    }
    return status_fail(STATUS_UNSUPPORTED,
                       "%s: tensor '%s' is %s; expected F32, F16 or BF16: save it as one of these",
                       entry->file, safetensors_quote(name, entry->name), entry->type_name);
}

Status safetensors_load(const Safetensors *model, const char *name, int rank, const size_t *shape,
                        float *out) {
    const SafetensorsEntry *entry;
    STATUS_TRY(safetensors_expect(model, name, SAFETENSORS_OTHER, rank, shape, &entry));
    return safetensors_read(entry, out);
}
