#define _POSIX_C_SOURCE 200809L
#include "model/bert_config.h"

#include "store/safetensors_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Bounds that no model of the family comes near; they keep every product of two sizes in an int64
 * and turn a damaged file into a message instead of a request for terabytes. */
#define LAYERS_MAX 1000
#define WIDTH_MAX  (1 << 16)
#define ROWS_MAX   (1 << 24)

/* T5's buckets as MPNet's code calls them, whatever the file says of their number. */
#define MPNET_BUCKETS        32
#define MPNET_FIRST_POSITION 2

typedef struct {
    const char *path;
    const cJSON *root;
} File;

/* --- single keys ----------------------------------------------------------------------------- */

/* NULL where the key is absent or null: both mean the default. */
static const cJSON *find(const File *file, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->root, key);
    return cJSON_IsNull(item) ? NULL : item;
}

/* What a message says was found. */
static const char *found(const cJSON *item, char text[SAFETENSORS_QUOTE]) {
    if (!item) return "none";
    if (cJSON_IsBool(item)) return cJSON_IsTrue(item) ? "true" : "false";
    if (cJSON_IsArray(item)) return "a list";
    if (cJSON_IsObject(item)) return "an object";
    if (cJSON_IsString(item)) {
        char quoted[SAFETENSORS_QUOTE];
        snprintf(text, SAFETENSORS_QUOTE, "\"%s\"", safetensors_quote(quoted, item->valuestring));
        return text;
    }
    snprintf(text, SAFETENSORS_QUOTE, "%.17g", item->valuedouble);
    return text;
}

/* A whole number from low to high; `otherwise` where it is absent, or an error where that is 0. */
static Status read_size(const File *file, const char *key, int low, int high, int otherwise,
                        int *out) {
    const cJSON *item = find(file, key);
    size_t number;
    char text[SAFETENSORS_QUOTE];
    *out = otherwise;
    if (!item && otherwise) return STATUS_OK;
    if (!item || !safetensors_json_size(item, &number) || number < (size_t)low ||
        number > (size_t)high)
        return status_fail(STATUS_FORMAT,
                           "%s: key '%s': expected a whole number from %d to %d, found %s: is this "
                           "the config.json of a BERT or MPNet?",
                           file->path, key, low, high, found(item, text));
    *out = (int)number;
    return STATUS_OK;
}

static Status read_number(const File *file, const char *key, double low, double high,
                          float otherwise, float *out) {
    const cJSON *item = find(file, key);
    char text[SAFETENSORS_QUOTE];
    *out = otherwise;
    if (!item) return STATUS_OK;
    /* A NaN fails every comparison; cJSON makes an infinity of 1e999. */
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= low) || !(item->valuedouble <= high))
        return status_fail(STATUS_FORMAT, "%s: key '%s': expected a number from %g to %g, found %s",
                           file->path, key, low, high, found(item, text));
    *out = (float)item->valuedouble;
    return STATUS_OK;
}

/* Where the key is present it must be this word: anything else computes something else. */
static Status expect_word(const File *file, const char *key, const char *word) {
    const cJSON *item = find(file, key);
    char text[SAFETENSORS_QUOTE];
    if (!item || (cJSON_IsString(item) && strcmp(item->valuestring, word) == 0)) return STATUS_OK;
    return status_fail(cJSON_IsString(item) ? STATUS_UNSUPPORTED : STATUS_FORMAT,
                       "%s: key '%s': expected \"%s\", found %s: use a model that has it",
                       file->path, key, word, found(item, text));
}

static Status expect_false(const File *file, const char *key) {
    const cJSON *item = find(file, key);
    char text[SAFETENSORS_QUOTE];
    if (!item || cJSON_IsFalse(item)) return STATUS_OK;
    return status_fail(cJSON_IsTrue(item) ? STATUS_UNSUPPORTED : STATUS_FORMAT,
                       "%s: key '%s': expected false, found %s: use an encoder, not a decoder",
                       file->path, key, found(item, text));
}

/* --- the whole ------------------------------------------------------------------------------- */

static Status read_kind(const File *file, BertKind *out) {
    const cJSON *item = find(file, "model_type");
    char text[SAFETENSORS_QUOTE];
    const char *type = cJSON_IsString(item) ? item->valuestring : "";
    *out = strcmp(type, "mpnet") == 0 ? BERT_KIND_MPNET : BERT_KIND_BERT;
    if (*out == BERT_KIND_MPNET || strcmp(type, "bert") == 0) return STATUS_OK;
    return status_fail(cJSON_IsString(item) ? STATUS_UNSUPPORTED : STATUS_FORMAT,
                       "%s: key 'model_type': expected \"bert\" or \"mpnet\", found %s: name the "
                       "folder of a model of one of these families",
                       file->path, found(item, text));
}

/* num_labels wins over id2label, as in the reference. */
static Status read_labels(const File *file, int *out) {
    *out = 0;
    if (find(file, "num_labels")) return read_size(file, "num_labels", 1, ROWS_MAX, 0, out);
    const cJSON *names = find(file, "id2label");
    if (!names) return STATUS_OK;
    char text[SAFETENSORS_QUOTE];
    int count = cJSON_IsObject(names) ? cJSON_GetArraySize(names) : 0;
    if (count < 1)
        return status_fail(STATUS_FORMAT,
                           "%s: key 'id2label': expected an object that names each label, such as "
                           "{\"0\": \"no\", \"1\": \"yes\"}, found %s",
                           file->path, cJSON_IsObject(names) ? "an empty one" : found(names, text));
    *out = count;
    return STATUS_OK;
}

static Status read_sizes(const File *file, BertConfig *out) {
    int mpnet = out->kind == BERT_KIND_MPNET;
    out->first_position = mpnet ? MPNET_FIRST_POSITION : 0;
    STATUS_TRY(read_size(file, "num_hidden_layers", 1, LAYERS_MAX, 0, &out->layers));
    STATUS_TRY(read_size(file, "hidden_size", 1, WIDTH_MAX, 0, &out->width));
    STATUS_TRY(read_size(file, "num_attention_heads", 1, WIDTH_MAX, 0, &out->heads));
    STATUS_TRY(read_size(file, "intermediate_size", 1, WIDTH_MAX, 0, &out->feed_forward));
    STATUS_TRY(read_size(file, "vocab_size", 1, ROWS_MAX, 0, &out->vocabulary));
    STATUS_TRY(read_size(file, "max_position_embeddings", out->first_position + 1, ROWS_MAX, 0,
                         &out->positions));
    if (out->width % out->heads)
        return status_fail(STATUS_FORMAT,
                           "%s: key 'num_attention_heads': expected a divisor of hidden_size %d, "
                           "found %d",
                           file->path, out->width, out->heads);
    if (!mpnet) return read_size(file, "type_vocab_size", 1, ROWS_MAX, 2, &out->types);
    STATUS_TRY(read_size(file, "relative_attention_num_buckets", 1, ROWS_MAX, MPNET_BUCKETS,
                         &out->relative_buckets));
    if (out->relative_buckets == MPNET_BUCKETS) return STATUS_OK;
    return status_fail(STATUS_UNSUPPORTED,
                       "%s: key 'relative_attention_num_buckets': expected %d, found %d: the "
                       "reference sorts distances into %d, whatever the file says",
                       file->path, MPNET_BUCKETS, out->relative_buckets, MPNET_BUCKETS);
}

static Status read_all(const File *file, BertConfig *out) {
    STATUS_TRY(read_kind(file, &out->kind));
    STATUS_TRY(expect_false(file, "is_decoder"));
    STATUS_TRY(expect_false(file, "add_cross_attention"));
    STATUS_TRY(expect_word(file, "hidden_act", "gelu"));
    STATUS_TRY(expect_word(file, "position_embedding_type", "absolute"));
    STATUS_TRY(read_sizes(file, out));
    STATUS_TRY(read_number(file, "layer_norm_eps", 1e-30, 1, 1e-12f, &out->epsilon));
    STATUS_TRY(read_number(file, "initializer_range", 0, 100, .02f, &out->initializer_range));
    STATUS_TRY(read_number(file, "hidden_dropout_prob", 0, .99, .1f, &out->hidden_dropout));
    STATUS_TRY(
        read_number(file, "attention_probs_dropout_prob", 0, .99, .1f, &out->attention_dropout));
    STATUS_TRY(read_number(file, "classifier_dropout", 0, .99, out->hidden_dropout,
                           &out->classifier_dropout));
    return read_labels(file, &out->labels);
}

Status bert_config_parse(const char *path, const void *bytes, size_t size, BertConfig *out) {
    memset(out, 0, sizeof *out);
    cJSON *root;
    STATUS_TRY(safetensors_json_parse(path, "configuration", bytes, size, &root));
    Status status = read_all(&(File){path, root}, out);
    cJSON_Delete(root);
    return status;
}

Status bert_config_read(const char *path, char **bytes, size_t *size) {
    *bytes = NULL;
    *size = 0;
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info)) {
        int error = errno;
        if (file) fclose(file);
        return status_fail(STATUS_IO, "%s: cannot open: %s", path, strerror(error));
    }
    char *text = NULL;
    Status status = STATUS_OK;
    if (!S_ISREG(info.st_mode))
        status = status_fail(STATUS_IO, "%s: expected a file, found something else", path);
    else if (info.st_size > (off_t)BERT_CONFIG_BYTES_MAX)
        status = status_fail(STATUS_FORMAT, "%s: expected at most %zu bytes, found %lld", path,
                             BERT_CONFIG_BYTES_MAX, (long long)info.st_size);
    else if (!(text = malloc((size_t)info.st_size + 1)))
        status = status_fail(STATUS_MEMORY, "%s: %lld bytes asked", path, (long long)info.st_size);
    if (status == STATUS_OK) {
        size_t length = fread(text, 1, (size_t)info.st_size, file);
        text[length] = 0;
        if (ferror(file))
            status = status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
        else
            *bytes = text, *size = length;
    }
    fclose(file);
    if (status != STATUS_OK) free(text);
    return status;
}

Status bert_config_load(const char *path, BertConfig *out) {
    memset(out, 0, sizeof *out);
    char *bytes;
    size_t size;
    STATUS_TRY(bert_config_read(path, &bytes, &size));
    Status status = bert_config_parse(path, bytes, size, out);
    free(bytes);
    return status;
}

int bert_config_longest(const BertConfig *config) {
    return config->positions - config->first_position;
}
