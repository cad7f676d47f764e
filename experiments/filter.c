#include "filter.h"

#include <stdio.h>

/* 1 and a line without its end, 0 at the end of input. What lies beyond FILTER_LINE_BYTES is passed
 * over. */
static int read_line(char *line, size_t *size, int *cut) {
    int c, any = 0;
    *size = 0;
    *cut = 0;
    while ((c = getchar()) != EOF) {
        any = 1;
        if (c == '\n') break;
        if (*size < FILTER_LINE_BYTES)
            line[(*size)++] = (char)c;
        else
            *cut = 1;
    }
    if (*size && line[*size - 1] == '\r') --*size;
    while (*cut && *size && ((unsigned char)line[*size - 1] & 0xC0) == 0x80) --*size;
    if (*cut && *size && (unsigned char)line[*size - 1] >= 0xC0) --*size;
    return any;
}

int filter_lines(const char *program, FilterAnswer answer, void *context) {
    static char line[FILTER_LINE_BYTES];
    size_t size;
    int cut, failed = 0;
    for (unsigned long number = 1; read_line(line, &size, &cut); number++) {
        if (answer(context, line, size, number, cut) != STATUS_OK) {
            fprintf(stderr, "%s: line %lu: %s\n", program, number, status_message());
            putchar('\n');
            failed = 1;
        }
        if (fflush(stdout)) break;
    }
    if (ferror(stdin)) {
        fprintf(stderr, "%s: standard input cannot be read\n", program);
        failed = 1;
    }
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "%s: standard output cannot be written\n", program);
        failed = 1;
    }
    return failed;
}
