/* text: a growing piece of text, files read and written whole, and the nearest of some names.
 *
 *     Text text = {0};
 *     text_printf(&text, "%d pages", pages);
 *     STATUS_TRY(text_save("build/paper/en/q4.tex", &text));   // untouched when nothing changed
 *     text_free(&text);
 *
 * Running out of memory is remembered and reported by text_save, so that building text needs no
 * checks of its own.
 */
#ifndef PAPER_TEXT_H
#define PAPER_TEXT_H

#include "base/status.h"
#include <stddef.h>

typedef struct {
    char *bytes; /* NUL-terminated once anything was added; NULL before */
    size_t used, capacity;
    int failed;
} Text;

void text_add(Text *text, const char *bytes, size_t count);
void text_puts(Text *text, const char *string);
void text_printf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *text_bytes(const Text *text); /* "" when empty */
void text_free(Text *text);

/* The whole file; STATUS_IO names it. `out` is the caller's to text_free, also on failure. */
Status text_load(const char *path, Text *out);

/* Writes the file through a temporary one, making its folders; keeps the old file, and with it
 * its date, when it already holds exactly this. */
Status text_save(const char *path, const Text *text);

int text_file_exists(const char *path);

/* Adds `plain` so that TeX shows it as it stands: # $ % & _ { } ~ ^ \ are escaped. */
void text_add_escaped(Text *out, const char *plain);

/* Adds a name in typewriter type that may be broken after '.', '_', '/' and around operators. */
void text_add_code(Text *out, const char *plain);

/* Edits (insertions, deletions, replacements) between two names. */
size_t text_distance(const char *a, const char *b);

/* A list of names, and the one nearest to `wanted`; NULL when the list is empty. */
typedef struct {
    char **names;
    size_t count, capacity;
} Names;

/* Returns the position of the name, which is added when it is not there; -1 without memory. */
int names_add(Names *names, const char *name);
int names_find(const Names *names, const char *name); /* -1: not there */
const char *names_nearest(const Names *names, const char *wanted);
void names_free(Names *names);

#endif
