#include "data/conllu.h"
#include "data/text_file.h"

#include <stdlib.h>
#include <string.h>

enum { ID, FORM, LEMMA, UPOS, XPOS, FEATS, HEAD, DEPREL, DEPS, MISC, COLUMNS };

#define NUMBER_MAX 1000000 /* of a word in its sentence */

/* Where a sentence is in being read. */
typedef struct {
    Conllu *file;
    uint32_t line;    /* of the line being read */
    int inside;       /* a sentence has begun */
    size_t words;     /* of file->word, filled */
    uint32_t number;  /* of the last syntactic word */
    uint32_t covered; /* the last syntactic word that a range n-m covers */
} Reader;

/* Cuts a line at its tabs; the number of columns, of which the first ten are kept. */
static int cut_columns(char *line, char *column[COLUMNS]) {
    int columns = 0;
    for (;;) {
        if (columns < COLUMNS) column[columns] = line;
        columns++;
        char *tab = strchr(line, '\t');
        if (!tab) return columns;
        *tab = 0;
        line = tab + 1;
    }
}

/* Reads a decimal number without a sign; the place after it, or NULL. */
static const char *read_number(const char *text, uint32_t *out) {
    uint32_t value = 0;
    const char *at = text;
    while (*at >= '0' && *at <= '9' && value <= NUMBER_MAX)
        value = value * 10 + (uint32_t)(*at++ - '0');
    *out = value;
    return at > text && value <= NUMBER_MAX ? at : NULL;
}

/* 1 where a list "A=1|SpaceAfter=No" holds the entry. */
static int misc_holds(const char *misc, const char *entry) {
    size_t length = strlen(entry);
    for (const char *at = misc; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, entry, length) == 0 && (at[length] == 0 || at[length] == '|')) return 1;
    return 0;
}

static Status begin_sentence(Reader *reader) {
    Conllu *file = reader->file;
    if (reader->inside) return STATUS_OK;
    file->sentence[file->sentences] = (ConlluSentence){
        .id = "", .text = "", .word = file->word + reader->words, .line = reader->line};
    reader->inside = 1;
    reader->number = reader->covered = 0;
    return STATUS_OK;
}

static Status end_sentence(Reader *reader) {
    Conllu *file = reader->file;
    if (!reader->inside) return STATUS_OK;
    ConlluSentence *sentence = &file->sentence[file->sentences];
    if (sentence->words == 0)
        return status_fail(STATUS_FORMAT,
                           "%s:%u: found a sentence with no word; expected lines of ten columns "
                           "after its comments",
                           file->path, sentence->line);
    if (reader->covered > reader->number)
        return status_fail(STATUS_FORMAT,
                           "%s:%u: the sentence has %u words, and a token covers words up to %u",
                           file->path, sentence->line, reader->number, reader->covered);
    file->without_text += *sentence->text == 0;
    file->sentences++;
    reader->inside = 0;
    return STATUS_OK;
}

static Status take_comment(Reader *reader, const char *line) {
    STATUS_TRY(begin_sentence(reader));
    ConlluSentence *sentence = &reader->file->sentence[reader->file->sentences];
    if (strncmp(line, "# sent_id = ", 12) == 0) sentence->id = line + 12;
    if (strncmp(line, "# text = ", 9) == 0) sentence->text = line + 9;
    return STATUS_OK;
}

static ConlluWord *add_word(Reader *reader, const char *form, const char *misc) {
    Conllu *file = reader->file;
    ConlluWord *word = &file->word[reader->words++];
    *word =
        (ConlluWord){.form = form, .upos = "", .space_after = !misc_holds(misc, "SpaceAfter=No")};
    file->sentence[file->sentences].words++;
    return word;
}

/* A token n-m: its form stands for the words n to m, which follow. */
static Status take_range(Reader *reader, char **column, uint32_t first, uint32_t last) {
    if (first != reader->number + 1 || last <= first || first <= reader->covered)
        return status_fail(
            STATUS_FORMAT,
            "%s:%u: found token %u-%u after word %u; expected one that begins at the "
            "next word, ends later and overlaps no other",
            reader->file->path, reader->line, first, last, reader->number);
    ConlluWord *word = add_word(reader, column[FORM], column[MISC]);
    word->punctuation = 1;
    reader->covered = last;
    reader->file->multiword++;
    return STATUS_OK;
}

static Status take_word(Reader *reader, char **column, uint32_t number) {
    if (number != reader->number + 1)
        return status_fail(STATUS_FORMAT, "%s:%u: found word %u after word %u; expected %u",
                           reader->file->path, reader->line, number, reader->number,
                           reader->number + 1);
    reader->number = number;
    int punctuation = strcmp(column[UPOS], "PUNCT") == 0;
    int part = number <= reader->covered;
    ConlluWord *word = part ? &reader->file->word[reader->words - 1]
                            : add_word(reader, column[FORM], column[MISC]);
    if (word->parts == 0) {
        word->upos = column[UPOS];
        word->punctuation = 1;
    } else if (number == reader->covered && misc_holds(column[MISC], "SpaceAfter=No")) {
        word->space_after = 0;
    }
    word->parts++;
    word->punctuation = word->punctuation && punctuation;
    return STATUS_OK;
}

static Status take_token(Reader *reader, char *line) {
    const char *path = reader->file->path;
    char *column[COLUMNS];
    int columns = cut_columns(line, column);
    if (columns != COLUMNS)
        return status_fail(STATUS_FORMAT,
                           "%s:%u: found %d columns; expected 10 separated by tabs (CoNLL-U)", path,
                           reader->line, columns);
    STATUS_TRY(begin_sentence(reader));
    if (!*column[FORM] || !*column[UPOS])
        return status_fail(STATUS_FORMAT, "%s:%u: the %s is empty; expected a word, or _ for none",
                           path, reader->line, *column[FORM] ? "UPOS" : "form");
    uint32_t first, last;
    const char *after = read_number(column[ID], &first);
    if (after && *after == 0) return take_word(reader, column, first);
    if (after && (*after == '-' || *after == '.')) {
        const char *end = read_number(after + 1, &last);
        if (end && *end == 0 && *after == '-') return take_range(reader, column, first, last);
        if (end && *end == 0) {
            reader->file->unwritten++;
            return STATUS_OK;
        }
    }
    return status_fail(STATUS_FORMAT,
                       "%s:%u: found id '%.40s'; expected a number like 7, 7-8 or 7.1", path,
                       reader->line, column[ID]);
}

static Status take_line(Reader *reader, char *line) {
    if (*line == 0) return end_sentence(reader);
    if (*line == '#') return take_comment(reader, line);
    return take_token(reader, line);
}

static Status read_lines(Conllu *file, char *text, size_t size) {
    size_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    if (lines > UINT32_MAX / 2)
        return status_fail(STATUS_FORMAT, "%s: %zu lines; expected fewer than 2^31", file->path,
                           lines);
    /* A line holds at most one word, and at most every line begins a sentence. */
    file->sentence = calloc(lines, sizeof *file->sentence);
    file->word = calloc(lines, sizeof *file->word);
    if (!file->sentence || !file->word)
        return status_fail(STATUS_MEMORY, "%s: no memory for %zu lines", file->path, lines);
    Reader reader = {.file = file};
    char *stop = text + size;
    for (char *line = text; line < stop;) {
        char *end = memchr(line, '\n', (size_t)(stop - line));
        if (!end) end = stop; /* the buffer has a byte to spare */
        char *next = end + 1;
        if (end > line && end[-1] == '\r') {
            end--;
            file->carriage_returns++;
        }
        *end = 0;
        reader.line++;
        STATUS_TRY(take_line(&reader, line));
        line = next;
    }
    STATUS_TRY(end_sentence(&reader)); /* a file may end without its last blank line */
    file->words = reader.words;
    if (file->sentences == 0)
        return status_fail(STATUS_FORMAT, "%s: found no sentence; expected a CoNLL-U file",
                           file->path);
    return STATUS_OK;
}

/* Takes `text` over, which has one byte more than `size`. */
static Status adopt(const char *path, char *text, size_t size, Conllu **out) {
    *out = NULL;
    Conllu *file = calloc(1, sizeof *file);
    if (file) file->path = malloc(strlen(path) + 1);
    if (!file || !file->path) {
        free(text);
        free(file);
        return status_fail(STATUS_MEMORY, "%s: no memory", path);
    }
    strcpy(file->path, path);
    file->text_bytes = text;
    Status status = text_file_check(path, text, size);
    size_t mark = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (status == STATUS_OK) status = read_lines(file, text + mark, size - mark);
    if (status != STATUS_OK) {
        conllu_free(file);
        return status;
    }
    *out = file;
    return STATUS_OK;
}

Status conllu_load(const char *path, Conllu **out) {
    *out = NULL;
    TextFile text;
    STATUS_TRY(text_file_read(path, &text));
    return adopt(path, text.bytes, text.size, out);
}

Status conllu_parse(const char *path, const char *bytes, size_t size, Conllu **out) {
    *out = NULL;
    char *text = malloc(size + 1);
    if (!text) return status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, size);
    if (size) memcpy(text, bytes, size);
    text[size] = 0;
    return adopt(path, text, size, out);
}

void conllu_free(Conllu *file) {
    if (!file) return;
    free(file->path);
    free(file->sentence);
    free(file->word);
    free(file->text_bytes);
    free(file);
}
