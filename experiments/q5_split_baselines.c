#include "q5_split.h"

#include "text/persian.h"
#include "text/utf8.h"

#include <stdlib.h>

const char *split_method_name(SplitMethod method) {
    static const char *const names[SPLIT_METHODS] = {"rules", "every_stop", "stop_space", "newline",
                                                     "pysbd"};
    return names[method];
}

static int is_stop(uint32_t code) {
    return code == '.' || code == '!' || code == '?' || code == 0x61F || code == 0x2026 ||
           code == 0x6D4;
}

/* Cuts behind every run of stops and at every line end, as the method says. The cut is where the
 * text before it ends, as in SentenceList. */
static Status run_plain(SplitMethod method, const char *text, size_t size, SentenceList *out,
                        size_t *count) {
    size_t last = 0; /* behind the last byte that is not white space */
    size_t cut = 0;  /* the last cut made */
    int pending = 0; /* a cut at `last`, once something follows it */
    *count = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = utf8_decode(text + at, size - at, &code);
        if (length == 0) length = 1;
        if (persian_is_space(code)) {
            if (code == '\n' && last > cut) pending = 1;
            at += length;
            continue;
        }
        if (pending && last > cut) {
            if (*count == out->capacity) {
                size_t capacity = out->capacity ? 2 * out->capacity : 64;
                size_t *end = realloc(out->end, capacity * sizeof *end);
                if (!end) return status_fail(STATUS_MEMORY, "q5_split: no memory for cuts");
                out->end = end;
                out->capacity = capacity;
            }
            out->end[(*count)++] = cut = last;
        }
        pending = 0;
        at += length;
        last = at;
        if (!is_stop(code) || method == SPLIT_NEWLINE) continue;
        uint32_t next = 0;
        size_t more = utf8_decode(text + at, size - at, &next);
        if (more && is_stop(next)) continue; /* the run goes on */
        pending = method == SPLIT_EVERY_STOP || more == 0 || persian_is_space(next);
    }
    return STATUS_OK;
}

Status split_method_run(SplitMethod method, const char *text, size_t size, SentenceList *out,
                        size_t *count) {
    if (method == SPLIT_PYSBD)
        return status_fail(STATUS_ARGUMENT, "q5_split: pySBD is not a program of ours");
    if (method != SPLIT_RULES) return run_plain(method, text, size, out, count);
    STATUS_TRY(sentences_split(text, size, NULL, out));
    *count = out->count ? out->count - 1 : 0; /* the end of the text is no cut */
    return STATUS_OK;
}
