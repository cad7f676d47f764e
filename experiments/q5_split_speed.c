#include "q5_split.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "text/persian.h"

#include <stdlib.h>
#include <string.h>

#define PORTION (64 * 1024)

/* What is done with a sentence costs nothing here, but its bytes are counted. */
static Status count(void *user, const Sentence *sentence) {
    *(size_t *)user += sentence->size;
    return STATUS_OK;
}

static Status run_stream(const char *text, size_t size, size_t *seen) {
    Sentences *splitter;
    STATUS_TRY(sentences_open(NULL, count, seen, &splitter));
    Status status = STATUS_OK;
    for (size_t at = 0; at < size && status == STATUS_OK; at += PORTION)
        status = sentences_feed(splitter, text + at, size - at < PORTION ? size - at : PORTION);
    if (status == STATUS_OK) status = sentences_finish(splitter);
    sentences_free(splitter);
    return status;
}

/* The text of the treebank again and again; a line is the whole of it, as no newspaper has one. */
static char *repeat_text(const SplitTexts *train, size_t size) {
    const SplitText *text = train->text;
    char *bytes = malloc(size);
    if (!bytes) return NULL;
    for (size_t at = 0; at < size;) {
        size_t portion = text->size < size - at ? text->size : size - at;
        memcpy(bytes + at, text->bytes, portion);
        at += portion;
        if (at < size) bytes[at++] = '\n';
    }
    return bytes;
}

Status split_speed_measure(const SplitTexts *train, size_t megabytes, size_t repetitions,
                           SplitSpeed *out) {
    size_t size = megabytes * 1000000;
    char *text = repeat_text(train, size);
    double *rates = malloc(3 * repetitions * sizeof *rates);
    SentenceList list = {0};
    PersianText normal = {0};
    Status status = text && rates
                        ? STATUS_OK
                        : status_fail(STATUS_MEMORY, "q5_split: no memory for %zu bytes", size);
    /* A round for warming up, then the three kinds of work in turns. Processor time: one thread, no
     * reading, so that other work on the machine is not counted. */
    for (size_t i = 0; i <= repetitions && status == STATUS_OK; i++) {
        size_t seen = 0;
        double begin[4];
        begin[0] = clock_cpu_seconds();
        status = run_stream(text, size, &seen);
        begin[1] = clock_cpu_seconds();
        if (status == STATUS_OK) status = sentences_split(text, size, NULL, &list);
        begin[2] = clock_cpu_seconds();
        /* Normalisation is slower: an eighth of the text says as much. */
        PersianOptions options = {.replace_invalid = 1};
        if (status == STATUS_OK)
            status = persian_normalise(text, size / 8, &options, &normal, NULL);
        begin[3] = clock_cpu_seconds();
        if (status == STATUS_OK && interrupt_requested())
            status = status_fail(STATUS_INTERRUPTED, "stopped on request; nothing was written");
        if (status || i == 0) continue;
        if (seen > size || seen < size / 2)
            status = status_fail(STATUS_ARGUMENT, "q5_split: the stream gave %zu of %zu bytes",
                                 seen, size);
        for (size_t k = 0; k < 3; k++)
            rates[k * repetitions + i - 1] =
                (double)(k == 2 ? size / 8 : size) / (begin[k + 1] - begin[k]);
    }
    if (status == STATUS_OK) {
        out->bytes = size;
        out->repetitions = repetitions;
        out->stream = summary_of(rates, repetitions);
        out->whole = summary_of(rates + repetitions, repetitions);
        out->normalise = summary_of(rates + 2 * repetitions, repetitions);
    }
    sentence_list_free(&list);
    persian_text_free(&normal);
    free(rates);
    free(text);
    return status;
}
