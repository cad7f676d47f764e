/* Phrases of real Persian sentences: PerDT's training sentences, one a line, to train on; those of
 * its development part, alternately, for validation and for tests. PerDT's test part is not read.
 */
#include "base/sha256.h"
#include "data/conllu.h"
#include "data/text_file.h"
#include "q1_bottleneck.h"
#include "text/persian.h"
#include "text/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRAIN_FILE "fa_perdt-ud-train.txt"
#define HELD_FILE  "fa_perdt-ud-dev.conllu"
#define RARE_COUNT 200 /* characters that training sentences hold less often are one symbol */
#define ZWNJ       0x200c
#define CODES      0x3000 /* beyond lie no letters of Persian */
#define LEAST      16     /* sentences that a file must have */

typedef struct {
    int32_t *code; /* of all sentences, end to end */
    size_t count, room;
    size_t *start; /* [sentences + 1] */
    unsigned char *split;
    size_t sentences, sentences_room, splits_room;
} Raw;

static Status grow(void **data, size_t *room, size_t needed, size_t size) {
    if (needed <= *room) return STATUS_OK;
    size_t wanted = *room ? 2 * *room : 1 << 12;
    while (wanted < needed) wanted *= 2;
    void *moved = realloc(*data, wanted * size);
    if (!moved) return status_fail(STATUS_MEMORY, "no memory for the text's letters");
    *data = moved;
    *room = wanted;
    return STATUS_OK;
}

static Status take_line(Raw *raw, const char *bytes, size_t size, Q1Split split) {
    STATUS_TRY(grow((void **)&raw->code, &raw->room, raw->count + size, sizeof *raw->code));
    STATUS_TRY(
        grow((void **)&raw->start, &raw->sentences_room, raw->sentences + 2, sizeof *raw->start));
    STATUS_TRY(grow((void **)&raw->split, &raw->splits_room, raw->sentences + 1, 1));
    raw->start[raw->sentences] = raw->count;
    raw->split[raw->sentences] = (unsigned char)split;
    for (size_t at = 0, used; at < size; at += used) {
        uint32_t code;
        used = utf8_decode(bytes + at, size - at, &code);
        if (used == 0) return status_fail(STATUS_FORMAT, "a sentence is not UTF-8 after all");
        raw->code[raw->count++] = (int32_t)code;
    }
    raw->start[++raw->sentences] = raw->count;
    return STATUS_OK;
}

static Status read_training(Raw *raw, const char *path) {
    TextFile file;
    PersianText text = {0};
    STATUS_TRY(text_file_read(path, &file));
    Status status = text_file_check(path, file.bytes, file.size);
    if (status == STATUS_OK) status = persian_normalise(file.bytes, file.size, NULL, &text, NULL);
    for (size_t at = 0, end; status == STATUS_OK && at < text.size; at = end + 1) {
        const char *line_end = memchr(text.bytes + at, '\n', text.size - at);
        end = line_end ? (size_t)(line_end - text.bytes) : text.size;
        if (end > at) status = take_line(raw, text.bytes + at, end - at, Q1_TRAIN);
    }
    persian_text_free(&text);
    text_file_free(&file);
    return status;
}

static Status read_held(Raw *raw, const char *path) {
    Conllu *treebank;
    PersianText text = {0};
    STATUS_TRY(conllu_load(path, &treebank));
    Status status = STATUS_OK;
    for (size_t s = 0; status == STATUS_OK && s < treebank->sentences; s++) {
        const char *line = treebank->sentence[s].text;
        status = persian_normalise(line, strlen(line), NULL, &text, NULL);
        if (status == STATUS_OK)
            status = take_line(raw, text.bytes, text.size, s % 2 ? Q1_TEST : Q1_VALIDATE);
    }
    persian_text_free(&text);
    conllu_free(treebank);
    return status;
}

/* --- symbols ---------------------------------------------------------------------------------- */

static void choose_symbols(Q1Text *text, const Raw *raw) {
    static int count[CODES], id[CODES];
    memset(count, 0, sizeof count);
    memset(id, 0, sizeof id);
    for (size_t s = 0; s < raw->sentences; s++)
        for (size_t i = raw->start[s]; raw->split[s] == Q1_TRAIN && i < raw->start[s + 1]; i++)
            if (raw->code[i] < CODES) count[raw->code[i]]++;
    text->symbols = 3;
    text->code[Q1_SPACE] = ' ';
    text->code[Q1_HALF_SPACE] = ZWNJ;
    id[' '] = Q1_SPACE;
    id[ZWNJ] = Q1_HALF_SPACE;
    double letters = 0, sum = 0;
    for (int c = 0; c < CODES; c++) {
        if (c == ' ' || c == ZWNJ || count[c] == 0) continue;
        letters += count[c];
        if (count[c] < RARE_COUNT || text->symbols == Q1_SYMBOLS_MAX) continue;
        sum += count[c] * log2(count[c]);
        text->code[text->symbols] = (uint32_t)c;
        id[c] = text->symbols++;
    }
    text->letter_bits = letters > 0 ? log2(letters) - sum / letters : 0;
    for (size_t i = 0; i < raw->count; i++)
        text->symbol[i] = raw->code[i] < CODES ? id[raw->code[i]] : Q1_RARE;
    text->length = raw->count;
}

/* --- phrases ---------------------------------------------------------------------------------- */

static int is_gap(int32_t symbol) {
    return symbol == Q1_SPACE || symbol == Q1_HALF_SPACE;
}

/* Every run of whole words of a sentence with at most Q1_LETTERS_MAX letters. `store` 0: counts. */
static void list_phrases(Q1Text *text, Q1Split split, size_t from, size_t end, int store) {
    for (size_t first = from; first < end; first++) {
        if (text->symbol[first] == Q1_SPACE ||
            (first > from && text->symbol[first - 1] != Q1_SPACE))
            continue;
        int letters = 0;
        for (size_t i = first; i < end && i - first < Q1_TARGET_MAX - 1; i++) {
            letters += !is_gap(text->symbol[i]);
            if (letters > Q1_LETTERS_MAX) break;
            if (is_gap(text->symbol[i]) || (i + 1 < end && text->symbol[i + 1] != Q1_SPACE))
                continue;
            int at = text->phrases[split][letters]++;
            if (store)
                text->phrase[split][letters][at] =
                    (Q1Phrase){(int32_t)first, (int32_t)(i + 1 - first)};
        }
    }
}

static Status index_phrases(Q1Text *text, const Raw *raw) {
    for (int store = 0; store < 2; store++) {
        memset(text->phrases, 0, sizeof text->phrases);
        for (size_t s = 0; s < raw->sentences; s++)
            list_phrases(text, (Q1Split)raw->split[s], raw->start[s], raw->start[s + 1], store);
        for (int k = 0; !store && k < Q1_SPLITS; k++)
            for (int n = 0; n <= Q1_LETTERS_MAX; n++) {
                size_t room = (size_t)text->phrases[k][n] + 1;
                text->phrase[k][n] = malloc(room * sizeof *text->phrase[k][n]);
                if (!text->phrase[k][n])
                    return status_fail(STATUS_MEMORY, "no memory for the text's phrases");
            }
    }
    return STATUS_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static Status fill(Q1Text *text, const Raw *raw) {
    text->symbol = malloc((raw->count + 1) * sizeof *text->symbol);
    if (!text->symbol) return status_fail(STATUS_MEMORY, "no memory for the text's symbols");
    choose_symbols(text, raw);
    text->count = (int)raw->sentences;
    for (size_t s = 0; s < raw->sentences; s++) text->sentences[(Q1Split)raw->split[s]]++;
    return index_phrases(text, raw);
}

static Status read_both(Q1Text *text, Raw *raw, const char *folder) {
    char train[4096], held[4096];
    if ((size_t)snprintf(train, sizeof train, "%s/" TRAIN_FILE, folder) >= sizeof train ||
        (size_t)snprintf(held, sizeof held, "%s/" HELD_FILE, folder) >= sizeof held)
        return status_fail(STATUS_ARGUMENT, "--text: '%.80s...' is too long", folder);
    if (access(train, F_OK) || access(held, F_OK)) return STATUS_OK;
    STATUS_TRY(read_training(raw, train));
    const size_t training = raw->sentences;
    STATUS_TRY(read_held(raw, held));
    if (training < LEAST || raw->sentences - training < LEAST)
        return status_fail(STATUS_FORMAT,
                           "%s: %zu sentences to train on and %zu held out; expected %d or more of "
                           "each",
                           folder, training, raw->sentences - training, LEAST);
    STATUS_TRY(sha256_file(train, text->sha256[0]));
    STATUS_TRY(sha256_file(held, text->sha256[1]));
    return fill(text, raw);
}

Status q1_text_open(Q1Text *text, const char *folder) {
    *text = (Q1Text){0};
    Raw raw = {0};
    Status status = read_both(text, &raw, folder);
    free(raw.code);
    free(raw.start);
    free(raw.split);
    if (status != STATUS_OK) q1_text_close(text);
    return status;
}

void q1_text_close(Q1Text *text) {
    free(text->symbol);
    for (int k = 0; k < Q1_SPLITS; k++)
        for (int n = 0; n <= Q1_LETTERS_MAX; n++) free(text->phrase[k][n]);
    *text = (Q1Text){0};
}

int q1_text_start(const Q1Text *text) {
    return text->symbols;
}

int q1_text_end(const Q1Text *text) {
    return text->symbols + 1;
}

int q1_text_vocabulary(const Q1Text *text) {
    return text->symbols + 2;
}

int q1_text_pair(const Q1Text *text, const Q1Phrase *phrase, int32_t *source, int32_t *target) {
    int letters = 0;
    for (int i = 0; i < phrase->count; i++) {
        target[i] = text->symbol[phrase->first + i];
        if (!is_gap(target[i])) source[letters++] = target[i];
    }
    target[phrase->count] = q1_text_end(text);
    return phrase->count + 1;
}
