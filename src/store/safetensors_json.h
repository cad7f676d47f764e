/* safetensors_json: JSON from a stranger, through cJSON, with the rules that cJSON leaves open.
 *
 *     cJSON *header;
 *     STATUS_TRY(safetensors_json_parse("m.safetensors", "header", bytes, size, &header));
 *     size_t length;
 *     if (!safetensors_json_size(cJSON_GetObjectItemCaseSensitive(header, "n"), &length)) ...
 *     cJSON_Delete(header);
 *
 * For src/store only.
 */
#ifndef STORE_SAFETENSORS_JSON_H
#define STORE_SAFETENSORS_JSON_H

#include "base/status.h"
#include <cjson/cJSON.h>
#include <stddef.h>

/* The longest header and index that are read, in bytes: cJSON needs up to forty times that. */
#define SAFETENSORS_JSON_MAX ((size_t)16 << 20)

/* Room for any name as messages print it. */
#define SAFETENSORS_QUOTE 164

/* One JSON object and nothing else but white space, in UTF-8, without control characters, without
 * NUL in any spelling (names are C strings here) and without a key twice in its outermost object.
 * `what` names it in messages. *out is the caller's to cJSON_Delete; NULL on failure. */
Status safetensors_json_parse(const char *path, const char *what, const void *bytes, size_t size,
                              cJSON **out);

/* STATUS_FORMAT when a key of `object` comes twice; `where` says in messages which object. */
Status safetensors_json_distinct(const char *path, const char *where, const cJSON *object);

/* 1, and the number, when `item` is a whole number from 0 to 2^53 - 1: cJSON reads numbers as
 * double, which cannot tell larger ones apart (nor 8 from 8.0 or 08, which pass). */
int safetensors_json_size(const cJSON *item, size_t *out);

/* `name` fit for a message: cut to a readable length, control characters as '?'. Returns `out`. */
const char *safetensors_quote(char out[SAFETENSORS_QUOTE], const char *name);

/* 1 when `text` is UTF-8. */
int safetensors_is_utf8(const char *text, size_t size);

#endif
