/* fuzz_text: damaged vocabularies and tables are refused with a message, or give what their lines
 * say, cut up here a second time in the plainest way. */
#include "base/tsv.h"
#include "data/cola.h"
#include "data/cola_annotations.h"
#include "fuzz/mutate.h"
#include "text/wordpiece.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_fuzz_text(void);

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The next line of text[*at .. size) without its end; 0 past the last. */
static int next_line(Bytes text, size_t *at, const char **line, size_t *length) {
    if (*at >= text.size) return 0;
    *line = (const char *)text.bytes + *at;
    const char *end = memchr(*line, '\n', text.size - *at);
    *length = end ? (size_t)(end - *line) : text.size - *at;
    *at += *length + 1;
    return 1;
}

/* Field `index` of a line as a string; the caller frees it. NULL where there is none. */
static char *field_of(const char *line, size_t length, size_t index) {
    const char *end = line + length, *start = line;
    for (; index > 0; index--) {
        start = memchr(start, '\t', (size_t)(end - start));
        if (!start) return NULL;
        start++;
    }
    const char *stop = memchr(start, '\t', (size_t)(end - start));
    size_t size = (size_t)((stop ? stop : end) - start);
    char *field = malloc(size + 1);
    MUST(field);
    memcpy(field, start, size);
    field[size] = 0;
    return field;
}

static void expect_field(const char *line, size_t length, size_t index, const char *found) {
    char *expected = field_of(line, length, index);
    MUST(expected);
    MUST(strcmp(found, expected) == 0);
    free(expected);
}

static void without_return(const char *line, size_t *length) {
    if (*length > 0 && line[*length - 1] == '\r') --*length;
}

/* --- vocabularies ----------------------------------------------------------------------------- */

static const char *const vocabulary_words[] = {
    "[CLS]", "[CLS]\n", "[SEP]\n", "<s>\n", "</s>",     "##",           "##a",
    "\n",    "\n\n",    "\r\n",    " ",     "\xc2\xa0", "\xe3\x80\x80", "\xef\xbb\xbf",
    "\xff",  "[UNK]\n", "the\n",   "a\n",   "##ing\n",  "\xd8\xaa\n",
};

/* Whatever the vocabulary, a sentence gives ids that it holds, between its CLS and its SEP. */
static void check_encoding(const Wordpiece *pieces) {
    static const char *const sentences[] = {
        "", "The cat [MASK] sat, unaffably!",
        "<s> \xd8\xaa\xd9\x85 \xe4\xbd\xa0 r\xc3\xa9sum\xc3\xa9",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaa ##s"};
    size_t capacity = 2 + mutate_below(0, 30);
    int32_t *ids = malloc(capacity * sizeof *ids);
    MUST(ids);
    for (size_t i = 0; i < COUNT(sentences); i++) {
        size_t count, whole;
        MUST(wordpiece_encode(pieces, sentences[i], strlen(sentences[i]), ids, capacity, &count,
                              &whole) == STATUS_OK);
        MUST(count == (whole < capacity ? whole : capacity));
        MUST(ids[0] == wordpiece_special(pieces, WORDPIECE_CLS));
        MUST(ids[count - 1] == wordpiece_special(pieces, WORDPIECE_SEP));
        for (size_t k = 0; k < count; k++) {
            MUST(ids[k] >= 0);
            MUST((size_t)ids[k] < wordpiece_size(pieces));
        }
        size_t room = mutate_below(1, 40);
        char *text = malloc(room + 1);
        MUST(text);
        size_t needed = wordpiece_decode(pieces, ids, count, 0, text, room + 1);
        MUST(strlen(text) <= (needed < room ? needed : room));
        free(text);
    }
    free(ids);
}

/* Line i holds token i and white space at most; of equal lines the last has the token. */
static void check_tokens(const Wordpiece *pieces, Bytes file) {
    const char *line;
    size_t at = 0, length;
    int32_t id = 0;
    for (; next_line(file, &at, &line, &length); id++) {
        const char *token = wordpiece_token(pieces, id);
        MUST(token);
        size_t size = strlen(token);
        if (size > 0) {
            MUST(size <= length);
            MUST(memcmp(token, line, size) == 0);
            MUST(wordpiece_find(pieces, token) == id);
            MUST(!memchr(" \t\r", token[size - 1], 3));
            size_t left_out = size; /* white space alone */
            while (left_out < length && (memchr(" \t\r\v\f", line[left_out], 5) ||
                                         (unsigned char)line[left_out] >= 0x80))
                left_out++;
            MUST(left_out == length);
        } else {
            while (length > 0 && memchr(" \t\r\v\f", line[length - 1], 5)) length--;
            char *text = field_of(line, length, 0);
            /* A tab inside, or white space beyond ASCII at the end: not for this simple reader. */
            if (strlen(text) == length && length > 0 && (unsigned char)text[length - 1] < 0x80)
                MUST(wordpiece_find(pieces, text) > id);
            free(text);
        }
    }
    MUST((size_t)id == wordpiece_size(pieces));
    MUST(!wordpiece_token(pieces, id));
}

START_TEST(vocabularies) {
    size_t accepted = 0;
    Bytes good = mutate_read("tests/golden/wordpiece_vocab.txt");
    for (mutate_trial = (size_t)_i; mutate_trial < mutate_trials(); mutate_trial += MUTATE_BLOCKS) {
        Bytes file = mutate(good, vocabulary_words, COUNT(vocabulary_words));
        Wordpiece *pieces;
        WordpieceFamily family =
            mutate_trial / MUTATE_BLOCKS % 2 ? WORDPIECE_MPNET : WORDPIECE_BERT;
        if (wordpiece_parse("vocab.txt", (const char *)file.bytes, file.size, family,
                            (int)(mutate_trial / 2 / MUTATE_BLOCKS % 2), &pieces) != STATUS_OK) {
            mutate_expect_message();
            MUST(!pieces);
        } else {
            check_tokens(pieces, file);
            check_encoding(pieces);
            wordpiece_free(pieces);
            accepted++;
        }
        free(file.bytes);
    }
    MUST(accepted > 0);
    free(good.bytes);
}
END_TEST

/* --- tables ----------------------------------------------------------------------------------- */

static const char *const table_words[] = {
    "\t",  "\t\t",     "\n",    "\n\n",     "\r\n",  "\b",           "*",    "?*",       "0",
    "1",   "2",        "\t1\t", "\t0\t*\t", "#",     "\xef\xbb\xbf", "\xff", "\xe4\xbd", "In",
    "Out", "Sentence", "nan",   "1e999",    "\n#\n",
};

static void check_cola(const ColaFile *table, Bytes file) {
    const char *line;
    size_t at = 0, length, row = 0, labels[2] = {0, 0};
    if (file.size >= 3 && memcmp(file.bytes, "\xef\xbb\xbf", 3) == 0) at = 3;
    for (; next_line(file, &at, &line, &length); row++) {
        without_return(line, &length);
        MUST(row < table->rows);
        MUST(table->line[row] == row + 1);
        expect_field(line, length, 0, table->source[table->source_of[row]].code);
        expect_field(line, length, 1, table->label[row] ? "1" : "0");
        expect_field(line, length, 2, table->mark[row]);
        MUST(!field_of(line, length, 4));
        char *sentence = field_of(line, length, 3), *to = sentence;
        for (const char *from = sentence; *from; from++)
            if (*from != '\b') *to++ = *from;
        *to = 0;
        MUST(strcmp(table->sentence[row], sentence) == 0);
        free(sentence);
        labels[table->label[row]]++;
    }
    MUST(row == table->rows);
    MUST(memcmp(labels, table->labels, sizeof labels) == 0);
}

static Status try_cola(Bytes file) {
    ColaFile *table;
    STATUS_TRY(cola_parse("c.tsv", (const char *)file.bytes, file.size, &table));
    check_cola(table, file);
    cola_free(table);
    return STATUS_OK;
}

static void check_table(const Tsv *table, Bytes file) {
    const char *line;
    size_t at = 0, length;
    int row = -1, number = 0;
    while (next_line(file, &at, &line, &length)) {
        number++;
        without_return(line, &length);
        if (length == 0 || *line == '#') continue;
        for (int column = 0; column < table->columns; column++)
            expect_field(line, length, (size_t)column,
                         row < 0 ? table->names[column] : tsv_text(table, row, column));
        MUST(!field_of(line, length, (size_t)table->columns));
        if (row >= 0) MUST(table->lines[row] == number);
        row++;
    }
    MUST(row == table->rows);
    double value;
    for (row = 0; row < table->rows; row++)
        for (int column = 0; column < table->columns; column++)
            if (tsv_number(table, row, column, &value) != STATUS_OK) mutate_expect_message();
}

static Status try_table(Bytes file) {
    Tsv *table;
    STATUS_TRY(tsv_parse("t.tsv", (const char *)file.bytes, file.size, &table));
    check_table(table, file);
    tsv_free(table);
    return STATUS_OK;
}

static Status try_annotations(Bytes file) {
    ColaAnnotations *notes;
    STATUS_TRY(cola_annotations_parse("a.tsv", (const char *)file.bytes, file.size, &notes));
    const Tsv *table = notes->table;
    check_table(table, file);
    MUST(notes->rows == (size_t)table->rows);
    MUST(notes->features + 4 == (size_t)table->columns);
    for (int row = 0; row < table->rows; row++) {
        MUST(strcmp(tsv_text(table, row, 0), notes->source[row]) == 0);
        MUST(strcmp(tsv_text(table, row, 1), notes->out_of_domain[row] ? "Out" : "In") == 0);
        MUST(strcmp(tsv_text(table, row, 2), notes->label[row] ? "1" : "0") == 0);
        MUST(strcmp(tsv_text(table, row, 3), notes->sentence[row]) == 0);
        for (size_t i = 0; i < notes->features; i++)
            MUST(strcmp(tsv_text(table, row, 4 + (int)i),
                        notes->shows[(size_t)row * notes->features + i] ? "1" : "0") == 0);
    }
    cola_annotations_free(notes);
    return STATUS_OK;
}

static const struct {
    const char *text;
    Status (*try)(Bytes file);
} tables[] = {
    {"gj04\t1\t\tThe kettle sang while nobody listened.\n"
     "gj04\t0\t*\tThe kettle sang listened nobody.\n"
     "c_13\t0\t??\tWhom did\b you say that left?\n"
     "c_13\t1\t\tShe sewed the curtain.\n"
     "bc01\t0\t?*\tShe sewed the curtain.\n"
     "bc01\t1\t \tNa\xc3\xafve readers skip a line.\r\n"
     "l-93\t1\t\tThat will do.",
     try_cola},
    {"# a comment\n"
     "name\tvalue\tlow\thigh\tunit\n"
     "q4.tiled.slope\t1.98\t1.95\t2.01\t1\n"
     "\n"
     "q4.tiled.seconds\t2.5e-3\t2e-3\tinf\ts\n"
     "q4.bytes\t1048576\t1048576\t1048576\tbyte\n",
     try_table},
    {"Source\tDomain\tAcceptability\tSentence\tSimple\tBinding:Refl\n"
     "gj04\tIn\t1\tWho left?\t1\t0\n"
     "c-05\tOut\t0\tWho left who?\t0\t1\n",
     try_annotations},
};

START_TEST(tsv_files) {
    size_t accepted = 0;
    for (mutate_trial = (size_t)_i; mutate_trial < mutate_trials(); mutate_trial += MUTATE_BLOCKS) {
        size_t kind = mutate_trial / MUTATE_BLOCKS % COUNT(tables);
        Bytes good = mutate_copy(tables[kind].text, strlen(tables[kind].text));
        Bytes file = mutate(good, table_words, COUNT(table_words));
        if (tables[kind].try(file) == STATUS_OK)
            accepted++;
        else
            mutate_expect_message();
        free(file.bytes);
        free(good.bytes);
    }
    MUST(accepted > 0);
}
END_TEST

Suite *suite_fuzz_text(void) {
    Suite *suite = suite_create("fuzz_text");
    TCase *damage = tcase_create("damage");
    tcase_add_loop_test(damage, vocabularies, 0, MUTATE_BLOCKS);
    tcase_add_loop_test(damage, tsv_files, 0, MUTATE_BLOCKS);
    suite_add_tcase(suite, damage);
    return suite;
}
