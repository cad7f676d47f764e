#include "store/safetensors_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

int safetensors_is_utf8(const char *text, size_t size) {
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    for (size_t left = size; left;) {
        if (*at < 0x80) {
            at++, left--;
            continue;
        }
        utf8proc_int32_t point;
        utf8proc_ssize_t length =
            utf8proc_iterate(at, left < 4 ? (utf8proc_ssize_t)left : 4, &point);
        if (length <= 0) return 0;
        at += length, left -= (size_t)length;
    }
    return 1;
}

const char *safetensors_quote(char out[SAFETENSORS_QUOTE], const char *name) {
    size_t used = 0;
    for (; used < SAFETENSORS_QUOTE - 4 && name[used]; used++)
        out[used] = (unsigned char)name[used] < 32 || name[used] == 127 ? '?' : name[used];
    if (name[used]) {
        while (used && ((unsigned char)name[used] & 0xc0) == 0x80) used--; /* a whole character */
        memcpy(out + used, "...", 3);
        used += 3;
    }
    out[used] = 0;
    return out;
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

Status safetensors_json_distinct(const char *path, const char *where, const cJSON *object) {
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, object) count++;
    if (count < 2) return STATUS_OK;
    const char **keys = malloc(count * sizeof *keys);
    if (!keys) return status_fail(STATUS_MEMORY, "%s: no memory for %zu names", path, count);
    count = 0;
    cJSON_ArrayForEach(item, object) keys[count++] = item->string;
    qsort(keys, count, sizeof *keys, compare_keys);
    Status status = STATUS_OK;
    for (size_t i = 1; i < count && status == STATUS_OK; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            char name[SAFETENSORS_QUOTE];
            status = status_fail(STATUS_FORMAT,
                                 "%s: %s has the key '%s' twice; expected each once: the file is "
                                 "damaged or was made to mislead, get it again",
                                 path, where, safetensors_quote(name, keys[i]));
        }
    free(keys);
    return status;
}

static Status parse_text(const char *path, const char *what, const char *text, size_t size,
                         cJSON **out) {
    if (strlen(text) != size || strstr(text, "\\u0000"))
        return status_fail(STATUS_FORMAT,
                           "%s: the %s holds a NUL character; expected JSON text without: the file "
                           "is damaged, get it again",
                           path, what);
    for (size_t i = 0; i < size; i++) /* cJSON takes any of them for white space */
        if ((unsigned char)text[i] < 32 && !strchr("\t\n\r", text[i]))
            return status_fail(
                STATUS_FORMAT,
                "%s: the %s holds the control character %d at its byte %zu; expected "
                "JSON text without: the file is damaged, get it again",
                path, what, text[i], i);
    if (!safetensors_is_utf8(text, size))
        return status_fail(STATUS_FORMAT,
                           "%s: the %s is not UTF-8; expected JSON in UTF-8: the file is damaged, "
                           "get it again",
                           path, what);
    const char *end = NULL;
    cJSON *root = *text == '{' ? cJSON_ParseWithLengthOpts(text, size + 1, &end, 1) : NULL;
    if (!root)
        return status_fail(STATUS_FORMAT,
                           "%s: the %s is no JSON object (wrong at its byte %zu of %zu); expected "
                           "one like {\"name\": ...}: the file is damaged or of another kind",
                           path, what, end ? (size_t)(end - text) : 0, size);
    char where[64];
    strcpy(where, "the ");
    strncat(where, what, sizeof where - 5);
    Status status = safetensors_json_distinct(path, where, root);
    if (status == STATUS_OK)
        *out = root;
    else
        cJSON_Delete(root);
    return status;
}

Status safetensors_json_parse(const char *path, const char *what, const void *bytes, size_t size,
                              cJSON **out) {
    *out = NULL;
    /* A copy that ends in NUL: cJSON then has a stop that no flaw of its length checks can miss. */
    char *text = malloc(size + 1);
    if (!text)
        return status_fail(STATUS_MEMORY, "%s: %zu bytes asked for the %s", path, size, what);
    memcpy(text, bytes, size);
    text[size] = 0;
    Status status = parse_text(path, what, text, size, out);
    free(text);
    return status;
}

int safetensors_json_size(const cJSON *item, size_t *out) {
    if (!cJSON_IsNumber(item)) return 0;
    double number = item->valuedouble;
    if (!(number >= 0) || signbit(number) || number > 0x1p53 - 1 || number != floor(number))
        return 0;
    *out = (size_t)number;
    return 1;
}
