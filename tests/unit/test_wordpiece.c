/* wordpiece: the ids of the reference tokenizer on hard strings, its words around every code point
 * (tests/golden/wordpiece.py made both), vocabularies of every kind, and damaged input. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "base/tsv.h"
#include "text/bert_words.h"
#include "text/utf8.h"
#include "text/wordpiece.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_wordpiece(void);

#define VOCABULARY  "tests/golden/wordpiece_vocab.txt"
#define BERT_LINES  "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
#define MPNET_LINES "<s>\n<pad>\n</s>\n<unk>\n<mask>\n"

static Wordpiece *parse_as(const char *text, size_t size, WordpieceFamily family) {
    Wordpiece *pieces;
    ck_assert_msg(wordpiece_parse("v.txt", text, size, family, 1, &pieces) == STATUS_OK, "%s",
                  status_message());
    return pieces;
}
#define PARSE(text) parse_as(text, sizeof(text) - 1, WORDPIECE_BERT)

static Tsv *golden(const char *path) {
    Tsv *table;
    ck_assert_msg(tsv_load(path, &table) == STATUS_OK, "%s (tests run in the repository's root)",
                  status_message());
    return table;
}

/* Turns \u{HEX} into characters, in place; returns the bytes. */
static size_t unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        if (strncmp(from, "\\u{", 3) != 0) {
            *to++ = *from++;
            continue;
        }
        char *end, bytes[UTF8_BYTES_MAX];
        uint32_t code = (uint32_t)strtoul(from + 3, &end, 16);
        size_t length = utf8_encode(code, bytes);
        ck_assert_msg(*end == '}' && length > 0, "bad escape: %s", from);
        memcpy(to, bytes, length);
        to += length;
        from = end + 1;
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void write_ids(const int32_t *ids, size_t count, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used + 16 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId32, i ? " " : "", ids[i]);
}

static const struct {
    const char *column;
    WordpieceFamily family;
    int lower_case;
} kinds[] = {{"ids_bert", WORDPIECE_BERT, 1},
             {"ids_bert_cased", WORDPIECE_BERT, 0},
             {"ids_mpnet", WORDPIECE_MPNET, 1}};

START_TEST(hard_strings_get_the_ids_of_the_reference) {
    Wordpiece *pieces;
    ck_assert_msg(wordpiece_load(VOCABULARY, kinds[_i].family, kinds[_i].lower_case, &pieces) ==
                      STATUS_OK,
                  "%s", status_message());
    Tsv *table = golden("tests/golden/wordpiece_hard.tsv");
    int text = tsv_column(table, "text"), ids_column = tsv_column(table, kinds[_i].column);
    ck_assert_int_ge(text, 0);
    ck_assert_int_ge(ids_column, 0);
    ck_assert_int_ge(table->rows, 150);
    for (int row = 0; row < table->rows; row++) {
        char sentence[4096], found[16384];
        int32_t ids[2048];
        size_t count, whole;
        ck_assert_uint_lt(strlen(tsv_text(table, row, text)), sizeof sentence);
        strcpy(sentence, tsv_text(table, row, text));
        size_t size = unescape(sentence);
        ck_assert_int_eq(wordpiece_encode(pieces, sentence, size, ids, 2048, &count, &whole),
                         STATUS_OK);
        ck_assert_uint_eq(count, whole);
        write_ids(ids, count, found, sizeof found);
        ck_assert_msg(strcmp(found, tsv_text(table, row, ids_column)) == 0,
                      "wordpiece_hard.tsv:%d: %s\nexpected %s\nfound    %s", table->lines[row],
                      tsv_text(table, row, text), tsv_text(table, row, ids_column), found);
    }
    tsv_free(table);
    wordpiece_free(pieces);
}
END_TEST

static uint64_t hash_more(uint64_t hash, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

START_TEST(words_around_every_code_point_are_those_of_the_reference) {
    Tsv *table = golden("tests/golden/wordpiece_words.tsv");
    ck_assert_int_eq(table->rows, 2);
    const char *name = _i ? "uncased" : "cased";
    int row = tsv_find(table, tsv_column(table, "case"), name);
    ck_assert_int_ge(row, 0);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    unsigned count = 0;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char text[8] = "A";
        size_t length = utf8_encode(code, text + 1);
        if (length == 0) continue;
        text[length + 1] = 'b';
        BertWords words;
        bert_words_begin(&words, text, length + 2, _i);
        while (bert_words_next(&words)) {
            hash = hash_more(hash_more(hash, words.word, words.bytes), "\n", 1);
            count++;
        }
    }
    char found[64], expected[64];
    snprintf(found, sizeof found, "%s %u %016" PRIx64, name, count, hash);
    snprintf(expected, sizeof expected, "%s %s %s", name,
             tsv_text(table, row, tsv_column(table, "words")),
             tsv_text(table, row, tsv_column(table, "hash")));
    ck_assert_str_eq(found, expected);
    tsv_free(table);
}
END_TEST

START_TEST(a_vocabulary_is_read_as_the_reference_reads_it) {
    /* CR LF, white space at the end, an empty line, two equal lines, no newline at the end. */
    Wordpiece *pieces = PARSE(BERT_LINES "a\nb\r\nc \t\n\na\n##b\v\nx\xc2\xa0\n\xe2\x80\xa8y\nz");
    ck_assert_uint_eq(wordpiece_size(pieces), 14);
    ck_assert_int_eq(wordpiece_find(pieces, "a"), 9);
    ck_assert_str_eq(wordpiece_token(pieces, 5), "");
    ck_assert_int_eq(wordpiece_find(pieces, "b"), 6);
    ck_assert_int_eq(wordpiece_find(pieces, "c"), 7);
    ck_assert_int_eq(wordpiece_find(pieces, "##b"), 10);
    ck_assert_int_eq(wordpiece_find(pieces, "x"), 11);
    ck_assert_int_eq(wordpiece_find(pieces, "\xe2\x80\xa8y"), 12);
    ck_assert_int_eq(wordpiece_find(pieces, "z"), 13);
    ck_assert_int_eq(wordpiece_find(pieces, "c "), -1);
    wordpiece_free(pieces);
    wordpiece_free(NULL);
}
END_TEST

START_TEST(tokens_of_equal_hash_are_kept_apart) {
    /* Found by search: both end with the same 32 bits. */
    Wordpiece *pieces = PARSE(BERT_LINES "mzjt\naeau\nmzjt\n");
    ck_assert_int_eq(wordpiece_find(pieces, "mzjt"), 7);
    ck_assert_int_eq(wordpiece_find(pieces, "aeau"), 6);
    wordpiece_free(pieces);
    pieces = PARSE(BERT_LINES "mzjt\n");
    ck_assert_int_eq(wordpiece_find(pieces, "mzjt"), 5);
    ck_assert_int_eq(wordpiece_find(pieces, "aeau"), -1);
    wordpiece_free(pieces);
}
END_TEST

START_TEST(specials_are_found_by_the_family_s_names) {
    static const char both[] = MPNET_LINES BERT_LINES "a\n";
    Wordpiece *pieces = parse_as(both, sizeof both - 1, WORDPIECE_MPNET);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_CLS), 0);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_PAD), 1);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_SEP), 2);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_MASK), 4);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_UNK), 6); /* BERT's, not <unk> */
    wordpiece_free(pieces);
    pieces = parse_as(both, sizeof both - 1, WORDPIECE_BERT);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_CLS), 7);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_SEP), 8);
    wordpiece_free(pieces);
    pieces = parse_as(MPNET_LINES, sizeof MPNET_LINES - 1, WORDPIECE_MPNET);
    ck_assert_int_eq(wordpiece_special(pieces, WORDPIECE_UNK), 3);
    wordpiece_free(pieces);
}
END_TEST

START_TEST(long_sentences_keep_both_ends) {
    Wordpiece *pieces = PARSE(BERT_LINES "a\nb\n##b\n");
    static const char text[] = "a b abbq [MASK] abb";
    static const int32_t all[] = {2, 5, 6, 1, 4, 5, 7, 7, 3};
    for (size_t capacity = 2; capacity < 12; capacity++) {
        int32_t ids[12];
        size_t count, whole;
        for (int i = 0; i < 12; i++) ids[i] = -7;
        ck_assert_int_eq(
            wordpiece_encode(pieces, text, sizeof text - 1, ids, capacity, &count, &whole),
            STATUS_OK);
        ck_assert_uint_eq(whole, 9);
        ck_assert_uint_eq(count, capacity < 9 ? capacity : 9);
        for (size_t i = 0; i + 1 < count; i++) ck_assert_int_eq(ids[i], all[i]);
        ck_assert_int_eq(ids[count - 1], 3);
        for (size_t i = count; i < 12; i++) ck_assert_int_eq(ids[i], -7);
    }
    int32_t ids[2];
    size_t count;
    ck_assert_int_eq(wordpiece_encode(pieces, "a", 1, ids, 1, &count, NULL), STATUS_ARGUMENT);
    ck_assert_int_eq(wordpiece_encode(pieces, "", 0, ids, 2, &count, NULL), STATUS_OK);
    ck_assert_uint_eq(count, 2);
    wordpiece_free(pieces);
}
END_TEST

START_TEST(ids_become_text_again) {
    Wordpiece *pieces = PARSE(BERT_LINES "the\nun\n##aff\n##able\n##\xc3\xa9\n\n");
    static const int32_t ids[] = {2, 5, 6, 7, 8, 9, 1, 10, 77, -1, 3};
    char text[64];
    ck_assert_uint_eq(wordpiece_decode(pieces, ids, 11, 1, text, sizeof text), 15);
    ck_assert_str_eq(text, "the unaffable\xc3\xa9");
    size_t needed = wordpiece_decode(pieces, ids, 11, 0, text, sizeof text);
    ck_assert_str_eq(text, "[CLS] the unaffable\xc3\xa9 [UNK] [SEP]");
    ck_assert_uint_eq(needed, strlen(text));
    ck_assert_uint_eq(wordpiece_decode(pieces, ids, 11, 0, NULL, 0), needed);
    for (size_t capacity = 1; capacity <= needed; capacity++) {
        memset(text, 'x', sizeof text);
        ck_assert_uint_eq(wordpiece_decode(pieces, ids, 11, 0, text, capacity), needed);
        ck_assert_uint_lt(strlen(text), capacity);
        ck_assert_uint_eq(utf8_validate(text, strlen(text)), strlen(text));
        ck_assert_int_eq(text[capacity], 'x');
    }
    ck_assert_ptr_null(wordpiece_token(pieces, 11));
    ck_assert_ptr_null(wordpiece_token(pieces, -1));
    wordpiece_free(pieces);
}
END_TEST

static void refused(const char *text, size_t size, WordpieceFamily family, const char *expected) {
    Wordpiece *pieces = (Wordpiece *)1;
    ck_assert_int_eq(wordpiece_parse("v.txt", text, size, family, 1, &pieces), STATUS_FORMAT);
    ck_assert_ptr_null(pieces);
    ck_assert_msg(strstr(status_message(), expected), "%s\nexpected in it: %s", status_message(),
                  expected);
}
#define REFUSED(text, family, expected) refused(text, sizeof(text) - 1, family, expected)

START_TEST(bad_vocabularies_are_refused_with_their_line) {
    REFUSED("", WORDPIECE_BERT, "v.txt:1: the file is empty");
    REFUSED("[PAD]\n[UNK]\n[CLS]\n[MASK]\n", WORDPIECE_BERT, "v.txt:4: ");
    REFUSED("[PAD]\n[UNK]\n[CLS]\n[MASK]\n", WORDPIECE_BERT, "[SEP]");
    REFUSED(BERT_LINES, WORDPIECE_MPNET, "<s>");
    REFUSED("<s>\n</s>\n<pad>\n<mask>\n", WORDPIECE_MPNET, "[UNK]");
    REFUSED(BERT_LINES "a\nb\xff\n", WORDPIECE_BERT, "v.txt:7: byte 2 of the line (0xff)");
    REFUSED(BERT_LINES "a\n\0\n", WORDPIECE_BERT, "v.txt:7: byte 1 of the line (0x00) is a NUL");
    REFUSED(BERT_LINES "\xed\xa0\x80", WORDPIECE_BERT, "v.txt:6: byte 1 of the line (0xed)");
    char *large = malloc(WORDPIECE_FILE_BYTES_MAX + 1);
    ck_assert_ptr_nonnull(large);
    memset(large, '\n', WORDPIECE_FILE_BYTES_MAX + 1);
    refused(large, WORDPIECE_FILE_BYTES_MAX + 1, WORDPIECE_BERT, "expected at most 16777216");
    free(large);
    Wordpiece *pieces;
    ck_assert_int_eq(wordpiece_load("no/such/vocab.txt", WORDPIECE_BERT, 1, &pieces), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(status_message(), "no/such/vocab.txt"));
    ck_assert_ptr_null(pieces);
    ck_assert_int_eq(wordpiece_load("tests", WORDPIECE_BERT, 1, &pieces), STATUS_IO);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_refused_with_their_offset) {
    static const struct {
        const char *text;
        size_t size, bad;
    } cases[] = {{"ab\xff", 3, 2},
                 {"\x80", 1, 0},
                 {"a\xc3", 2, 1},
                 {"a\xc0\xaf", 3, 1},
                 {"\xed\xa0\x80", 3, 0},
                 {"\xf4\x90\x80\x80", 4, 0},
                 {"\xf0\x9f\x98", 3, 0},
                 {"12345678\xe4\xb8", 10, 8},
                 {"1234567\xc3\xa9\xc3", 10, 9}};
    Wordpiece *pieces = PARSE(BERT_LINES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(utf8_validate(cases[i].text, cases[i].size), cases[i].bad);
        int32_t ids[8];
        size_t count;
        ck_assert_int_eq(
            wordpiece_encode(pieces, cases[i].text, cases[i].size, ids, 8, &count, NULL),
            STATUS_FORMAT);
        char expected[32];
        snprintf(expected, sizeof expected, "byte %zu of the text", cases[i].bad);
        ck_assert_msg(strstr(status_message(), expected), "%s", status_message());
    }
    wordpiece_free(pieces);
}
END_TEST

START_TEST(every_code_point_goes_to_bytes_and_back) {
    for (uint32_t code = 0; code < 0x110400; code++) {
        char bytes[UTF8_BYTES_MAX];
        uint32_t back = 0, cut = 0;
        size_t length = utf8_encode(code, bytes);
        int exists = code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
        int right = exists ? utf8_decode(bytes, length, &back) == length && back == code &&
                                 utf8_validate(bytes, length) == length &&
                                 utf8_decode(bytes, length - 1, &cut) == 0
                           : length == 0;
        /* Check writes every assertion down, and a million are too many. */
        if (!right) ck_abort_msg("U+%04X", (unsigned)code);
    }
}
END_TEST

/* Damage of every kind, a pure function of the seed. */
static size_t damage(char *bytes, size_t size, size_t room, uint64_t seed) {
    uint64_t stream = rng_stream("wordpiece.damage"), at = 0;
    uint64_t changes = 1 + rng_below(seed, stream, at++, 6);
    while (changes-- > 0 && size > 1) {
        size_t place = rng_below(seed, stream, at++, size);
        uint64_t kind = rng_below(seed, stream, at++, 4);
        if (kind == 0)
            bytes[place] = (char)rng_below(seed, stream, at++, 256);
        else if (kind == 1)
            size = place + 1;
        else if (kind == 2 && 2 * size - place < room) {
            memmove(bytes + place + (size - place), bytes + place, size - place);
            size += size - place;
        } else {
            memmove(bytes + place, bytes + place + 1, size - place - 1);
            size--;
        }
    }
    return size;
}

static void check_ids(const Wordpiece *pieces, const char *text, size_t size) {
    int32_t ids[40];
    size_t count, whole;
    Status status = wordpiece_encode(pieces, text, size, ids, 40, &count, &whole);
    if (utf8_validate(text, size) < size) {
        ck_assert_int_eq(status, STATUS_FORMAT);
        ck_assert_uint_eq(count, 0);
        /* The words alone pass over what is not UTF-8. */
        BertWords words;
        bert_words_begin(&words, text, size, 1);
        while (bert_words_next(&words)) ck_assert_uint_le(words.bytes, sizeof words.word);
        return;
    }
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_uint_ge(count, 2);
    ck_assert_uint_le(count, whole);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_ge(ids[i], 0);
        ck_assert_uint_lt((size_t)ids[i], wordpiece_size(pieces));
    }
    char shown[128];
    wordpiece_decode(pieces, ids, count, 0, shown, sizeof shown);
    ck_assert_uint_eq(utf8_validate(shown, strlen(shown)), strlen(shown));
}

START_TEST(damaged_vocabularies_and_texts_do_no_harm) {
    static const char vocabulary[] = BERT_LINES
        "a\n##a\n##\n#\n\nthe\n##\xc3\xa9\n\xe4\xb8\xad\r\nab \n##ab\nthe\n\xf0\x9f\x98\x80";
    static const char sentence[] =
        "The a\xcc\x81"
        "ab [MASK]\xe4\xb8\xad\xe2\x80\x8b, \xc3\xa9"
        "A\xf0\x9f\x98\x80 [SEP]\xe3\x80\xae\xf0\x9d\x85\xa5!\xef\xac\x81";
    char bytes[4096], text[4096];
    int accepted = 0, refusals = 0, valid = 0;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        memcpy(bytes, vocabulary, sizeof vocabulary - 1);
        memcpy(text, sentence, sizeof sentence - 1);
        size_t size = damage(bytes, sizeof vocabulary - 1, sizeof bytes, seed);
        size_t length = damage(text, sizeof sentence - 1, sizeof text, ~seed);
        valid += utf8_validate(text, length) == length;
        /* Exactly as long as the allocation, so that a sanitizer sees every byte beyond. */
        char *exact = malloc(size), *exact_text = malloc(length);
        ck_assert(exact && exact_text);
        memcpy(exact, bytes, size);
        memcpy(exact_text, text, length);
        Wordpiece *pieces;
        Status status =
            wordpiece_parse("v.txt", exact, size, WORDPIECE_BERT, (int)(seed & 1), &pieces);
        if (status == STATUS_OK) {
            check_ids(pieces, exact_text, length);
            wordpiece_free(pieces);
            accepted++;
        } else {
            ck_assert_int_eq(status, STATUS_FORMAT);
            ck_assert_ptr_nonnull(strstr(status_message(), "v.txt:"));
            refusals++;
        }
        free(exact);
        free(exact_text);
    }
    /* Both ways were taken often. */
    ck_assert_int_gt(accepted, 1000);
    ck_assert_int_gt(refusals, 1000);
    ck_assert_int_gt(valid, 1000);
}
END_TEST

START_TEST(a_vocabulary_on_disk_is_the_one_in_memory) {
    char path[] = "/tmp/tamrin_vocab_XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    FILE *file = fdopen(descriptor, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(BERT_LINES, file);
    for (int i = 0; i < 60000; i++) fprintf(file, "token%d\n", i);
    fclose(file);
    Wordpiece *pieces;
    ck_assert_msg(wordpiece_load(path, WORDPIECE_BERT, 1, &pieces) == STATUS_OK, "%s",
                  status_message());
    unlink(path);
    ck_assert_uint_eq(wordpiece_size(pieces), 60005);
    for (int i = 0; i < 60000; i++) {
        char token[16];
        snprintf(token, sizeof token, "token%d", i);
        ck_assert_int_eq(wordpiece_find(pieces, token), i + 5);
        ck_assert_str_eq(wordpiece_token(pieces, i + 5), token);
    }
    ck_assert_int_eq(wordpiece_find(pieces, "token60000"), -1);
    wordpiece_free(pieces);
}
END_TEST

Suite *suite_wordpiece(void) {
    Suite *suite = suite_create("wordpiece");
    TCase *reference = tcase_create("reference");
    tcase_add_loop_test(reference, hard_strings_get_the_ids_of_the_reference, 0,
                        (int)(sizeof kinds / sizeof *kinds));
    tcase_add_loop_test(reference, words_around_every_code_point_are_those_of_the_reference, 0, 2);
    suite_add_tcase(suite, reference);
    TCase *use = tcase_create("use");
    tcase_add_test(use, a_vocabulary_is_read_as_the_reference_reads_it);
    tcase_add_test(use, tokens_of_equal_hash_are_kept_apart);
    tcase_add_test(use, specials_are_found_by_the_family_s_names);
    tcase_add_test(use, long_sentences_keep_both_ends);
    tcase_add_test(use, ids_become_text_again);
    tcase_add_test(use, a_vocabulary_on_disk_is_the_one_in_memory);
    tcase_add_test(use, every_code_point_goes_to_bytes_and_back);
    suite_add_tcase(suite, use);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, bad_vocabularies_are_refused_with_their_line);
    tcase_add_test(hostile, bytes_that_are_not_utf8_are_refused_with_their_offset);
    tcase_add_test(hostile, damaged_vocabularies_and_texts_do_no_harm);
    suite_add_tcase(suite, hostile);
    return suite;
}
