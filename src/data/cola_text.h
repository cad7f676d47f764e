/* cola_text: what the readers of CoLA share: bytes that are no text, and rows found by sentence.
 *
 *     ColaIndex index;
 *     STATUS_TRY(cola_index_open(&index, sentences, count));
 *     for (size_t i = cola_index_first(&index, "Who left?"); i != COLA_NOWHERE; i = index.next[i])
 *         ... sentences[i] is "Who left?", in ascending i
 *     cola_index_close(&index);
 */
#ifndef DATA_COLA_TEXT_H
#define DATA_COLA_TEXT_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

/* The offset of the first byte at which [text, text + size) stops being UTF-8 (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF), or `size`. */
size_t cola_utf8_length(const char *text, size_t size);

#define COLA_NOWHERE UINT32_MAX

typedef struct {
    const char *const *sentence; /* [count], the caller's, must outlive the index */
    size_t slots;
    uint32_t *slot; /* [slots]: the first row of each sentence, or COLA_NOWHERE */
    uint32_t *next; /* [count]: the next row of the same sentence, or COLA_NOWHERE */
} ColaIndex;

/* Indexes `count` strings, compared byte by byte. STATUS_ARGUMENT from 2^31 on, STATUS_MEMORY. */
Status cola_index_open(ColaIndex *index, const char *const *sentence, size_t count);

/* The first row that holds `sentence`, or COLA_NOWHERE. */
uint32_t cola_index_first(const ColaIndex *index, const char *sentence);

void cola_index_close(ColaIndex *index);

#endif
