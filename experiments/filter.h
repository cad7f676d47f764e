/* filter: a program that reads lines from standard input and answers each before it reads the next.
 *
 *     static Status answer(void *context, const char *line, size_t size, unsigned long number,
 *                          int cut) {
 *         printf("%zu\n", size);
 *         return STATUS_OK;
 *     }
 *     return filter_lines("q6_cola classify", answer, &classifier);
 */
#ifndef EXPERIMENTS_FILTER_H
#define EXPERIMENTS_FILTER_H

#include "base/status.h"
#include <stddef.h>

/* Longer lines are no sentence. */
#define FILTER_LINE_BYTES ((size_t)1 << 16)

/* Prints its answer and the end of that line to standard output. `line` [size] has no end and no
 * zero after it; `number` counts from 1. `cut`: it was longer than FILTER_LINE_BYTES, and what
 * stands here ends with a whole character of UTF-8. */
typedef Status (*FilterAnswer)(void *context, const char *line, size_t size, unsigned long number,
                               int cut);

/* The exit status: 1 where an answer failed, whose message goes to standard error with the line's
 * number while an empty line stands in for it, and where the input cannot be read or the output not
 * be written. */
int filter_lines(const char *program, FilterAnswer answer, void *context);

#endif
