#define _GNU_SOURCE /* O_NOFOLLOW */
#include "model/bert_weights.h"

#include "store/safetensors_json.h"
#include "store/safetensors_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 2048

static Status join_path(char out[PATH_BYTES], const char *folder, const char *name,
                        const char *suffix) {
    int length = snprintf(out, PATH_BYTES, "%s/%s%s", folder, name, suffix);
    if (length < PATH_BYTES) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "%s: expected a path below %d bytes, found %d", folder,
                       PATH_BYTES, length);
}

/* --- small files, whole or not at all --------------------------------------------------------- */

static Status refused(const char *path, const char *what) {
    return status_fail(STATUS_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static Status write_bytes(int file, const char *path, const char *bytes, size_t size) {
    while (size) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return refused(path, "write");
        bytes += written, size -= (size_t)written;
    }
    return fsync(file) ? refused(path, "flush") : STATUS_OK;
}

/* As safetensors_write does it: beside its place, flushed, renamed. */
static Status write_whole(const char *folder, const char *name, const char *bytes, size_t size) {
    char path[PATH_BYTES], partial[PATH_BYTES];
    STATUS_TRY(join_path(path, folder, name, ""));
    STATUS_TRY(join_path(partial, folder, name, ".partial"));
    int file = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0) return refused(partial, "create");
    Status status = write_bytes(file, partial, bytes, size);
    if (close(file) && status == STATUS_OK) status = refused(partial, "close");
    if (status == STATUS_OK && rename(partial, path)) status = refused(path, "replace");
    if (status != STATUS_OK) unlink(partial);
    return status;
}

/* --- the tokenizer ---------------------------------------------------------------------------- */

static Status read_whole(const char *path, char **bytes, size_t *size) {
    *bytes = NULL;
    *size = 0;
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file) return refused(path, "open");
    if (fstat(fileno(file), &info)) {
        fclose(file);
        return refused(path, "read");
    }
    *bytes = malloc((size_t)info.st_size + 1);
    *size = (size_t)info.st_size;
    Status status = STATUS_OK;
    if (!*bytes)
        status = status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, *size);
    else if (fread(*bytes, 1, *size, file) != *size)
        status = status_fail(STATUS_IO, "%s: cannot read its %zu bytes", path, *size);
    fclose(file);
    if (status != STATUS_OK) free(*bytes);
    return status;
}

/* What transformers needs to make the same ids; a folder seldom has all of them. */
static Status copy_tokenizer(const char *from, const char *to) {
    static const char *const names[] = {"vocab.txt", "tokenizer.json", "tokenizer_config.json",
                                        "special_tokens_map.json", "added_tokens.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char source[PATH_BYTES], target[PATH_BYTES];
        STATUS_TRY(join_path(source, from, names[i], ""));
        STATUS_TRY(join_path(target, to, names[i], ""));
        struct stat source_info, target_info;
        if (stat(source, &source_info)) {
            if (errno == ENOENT) continue;
            return refused(source, "read");
        }
        if (stat(target, &target_info) == 0 && source_info.st_dev == target_info.st_dev &&
            source_info.st_ino == target_info.st_ino)
            continue; /* exported into the folder that it came from */
        char *bytes;
        size_t size;
        STATUS_TRY(read_whole(source, &bytes, &size));
        Status status = write_whole(to, names[i], bytes, size);
        free(bytes);
        STATUS_TRY(status);
    }
    return STATUS_OK;
}

/* --- the configuration ------------------------------------------------------------------------ */

/* Replaces or adds; takes `item`. 0 when memory is short. */
static int put(cJSON *root, const char *key, cJSON *item) {
    if (!item) return 0;
    if (cJSON_GetObjectItemCaseSensitive(root, key))
        return cJSON_ReplaceItemInObjectCaseSensitive(root, key, item);
    return cJSON_AddItemToObject(root, key, item);
}

/* Names by number and numbers by name; 0 when memory is short. */
static int put_labels(cJSON *root, int labels) {
    cJSON *names = cJSON_CreateObject(), *numbers = cJSON_CreateObject();
    int good = names && numbers;
    for (int i = 0; good && i < labels; i++) {
        char number[16], name[32];
        snprintf(number, sizeof number, "%d", i);
        snprintf(name, sizeof name, "LABEL_%d", i);
        good = cJSON_AddStringToObject(names, number, name) &&
               cJSON_AddNumberToObject(numbers, name, i);
    }
    if (!good) {
        cJSON_Delete(names);
        cJSON_Delete(numbers);
        return 0;
    }
    if (!put(root, "id2label", names)) {
        cJSON_Delete(numbers);
        return 0;
    }
    return put(root, "label2id", numbers);
}

static int edit_config(cJSON *root, const Bert *bert) {
    static const char *const architectures[] = {
        [BERT_KIND_BERT] = "BertForSequenceClassification",
        [BERT_KIND_MPNET] = "MPNetForSequenceClassification",
    };
    if (!put(root, "architectures", cJSON_CreateStringArray(&architectures[bert->config.kind], 1)))
        return 0;
    /* torch_dtype is dtype's older name; a reader of today knows both. */
    if (!put(root, "torch_dtype", cJSON_CreateString("float32"))) return 0;
    if (cJSON_GetObjectItemCaseSensitive(root, "dtype") &&
        !put(root, "dtype", cJSON_CreateString("float32")))
        return 0;
    /* Of another training: it would choose that one's loss. */
    cJSON_DeleteItemFromObjectCaseSensitive(root, "problem_type");
    int labels = bert->options.labels;
    if (cJSON_GetObjectItemCaseSensitive(root, "num_labels") &&
        !put(root, "num_labels", cJSON_CreateNumber(labels)))
        return 0;
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(root, "id2label");
    const cJSON *numbers = cJSON_GetObjectItemCaseSensitive(root, "label2id");
    if (cJSON_IsObject(names) && cJSON_GetArraySize(names) == labels && cJSON_IsObject(numbers) &&
        cJSON_GetArraySize(numbers) == labels)
        return 1;
    return put_labels(root, labels);
}

static Status write_config(const Bert *bert, const char *folder) {
    char path[PATH_BYTES];
    char *bytes;
    size_t size;
    STATUS_TRY(join_path(path, bert->folder, "config.json", ""));
    STATUS_TRY(bert_config_read(path, &bytes, &size));
    cJSON *root;
    Status status = safetensors_json_parse(path, "configuration", bytes, size, &root);
    free(bytes);
    STATUS_TRY(status);
    char *text = edit_config(root, bert) ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (!text) return status_fail(STATUS_MEMORY, "%s: no memory to write it again", path);
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of its NUL: the length is passed */
    status = write_whole(folder, "config.json", text, length + 1);
    cJSON_free(text);
    return status;
}

/* --- the weights ------------------------------------------------------------------------------ */

static Status write_weights(const Bert *bert, const char *folder) {
    BertSlice slice;
    size_t count = 0;
    while (bert_weights_slice(bert, count, &slice)) count++;
    SafetensorsTensor *tensors = calloc(count, sizeof *tensors);
    char(*names)[PARAMETER_NAME_MAX] = calloc(count, sizeof *names);
    Status status;
    if (!tensors || !names) {
        status = status_fail(STATUS_MEMORY, "%s: no memory for %zu tensors", folder, count);
    } else {
        for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++) {
            strcpy(names[i], slice.name);
            tensors[i] = (SafetensorsTensor){.name = names[i],
                                             .type = SAFETENSORS_F32,
                                             .rank = slice.rank,
                                             .data = slice.parameter->value + slice.offset};
            memcpy(tensors[i].shape, slice.shape, sizeof slice.shape);
        }
        char path[PATH_BYTES];
        status = join_path(path, folder, "model.safetensors", "");
        if (status == STATUS_OK) status = safetensors_write(path, tensors, count, NULL, 0);
    }
    free(tensors);
    free(names);
    return status;
}

Status bert_weights_export(const Bert *bert, const char *folder) {
    if (mkdir(folder, 0777) && errno != EEXIST) return refused(folder, "make the folder");
    STATUS_TRY(write_config(bert, folder));
    STATUS_TRY(copy_tokenizer(bert->folder, folder));
    return write_weights(bert, folder);
}
