/* safetensors: one file in memory is read exactly, or refused with a message that says why. */
#include "base/rng.h"
#include "store/safetensors.h"

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_safetensors(void);

/* --- fixtures -----------------------------------------------------------------------------------
 */

typedef struct {
    unsigned char *bytes; /* a block of exactly `size` bytes: a sanitizer sees one read too far */
    size_t size;
} Blob;

static Blob blob(const void *bytes, size_t size) {
    Blob made = {malloc(size ? size : 1), size};
    ck_assert_ptr_nonnull(made.bytes);
    if (size) memcpy(made.bytes, bytes, size);
    return made;
}

static void put_length(unsigned char *bytes, uint64_t length) {
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> 8 * i);
}

/* The file with that header and `data` bytes 0, 1, 2 ... after it. */
static Blob with_header(const char *header, size_t length, size_t data) {
    Blob made = {malloc(8 + length + data), 8 + length + data};
    ck_assert_ptr_nonnull(made.bytes);
    put_length(made.bytes, length);
    memcpy(made.bytes + 8, header, length);
    for (size_t i = 0; i < data; i++) made.bytes[8 + length + i] = (unsigned char)i;
    return made;
}

static const char valid[] =
    "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"\xd8\xaa\"},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},"
    "\"a.bias\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[32,36]},"
    "\"ids\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[0,8]},"
    "\"none\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[36,36]},"
    "\"one\":{\"shape\":[],\"dtype\":\"F16\",\"data_offsets\":[36,38]}}  ";
enum { VALID_DATA = 38 };

static void ck_says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

/* Whatever a model claims must be true of the bytes it came from. */
static void check_model(const Safetensors *model, const Blob *from) {
    size_t total = 0;
    for (size_t i = 0; i < safetensors_count(model); i++) {
        const SafetensorsEntry *entry = safetensors_at(model, i);
        ck_assert_ptr_eq(safetensors_find(model, entry->name), entry);
        ck_assert_int_le(entry->rank, SAFETENSORS_RANK_MAX);
        size_t count = 1;
        for (int k = 0; k < entry->rank; k++) count *= entry->shape[k];
        ck_assert_uint_eq(count, entry->count);
        ck_assert(entry->data >= from->bytes + 8);
        ck_assert_uint_le(entry->bytes, from->size);
        ck_assert_uint_le((size_t)(entry->data - from->bytes), from->size - entry->bytes);
        total += entry->bytes;
        if (entry->type == SAFETENSORS_OTHER) {
            float none;
            ck_assert_int_eq(safetensors_read(entry, &none), STATUS_UNSUPPORTED);
            continue;
        }
        ck_assert_uint_eq(entry->bytes, count * (entry->type == SAFETENSORS_F32 ? 4 : 2));
        float *out = malloc(count * sizeof *out + 1);
        ck_assert_ptr_nonnull(out);
        ck_assert_int_eq(safetensors_load(model, entry->name, entry->rank, entry->shape, out),
                         STATUS_OK);
        free(out);
    }
    ck_assert_uint_le(total, from->size - 8);
    size_t pairs;
    const SafetensorsPair *metadata = safetensors_metadata(model, &pairs);
    for (size_t i = 0; i < pairs; i++)
        ck_assert_str_eq(safetensors_metadata_find(model, metadata[i].key), metadata[i].value);
}

/* 1 when `from` was read; 0 when it was refused as it should be. */
static int read_or_refuse(const Blob *from) {
    Safetensors *model = (Safetensors *)&model;
    Status status = safetensors_parse(&model, "m.safetensors", from->bytes, from->size);
    if (status != STATUS_OK) {
        ck_assert_int_eq(status, STATUS_FORMAT);
        ck_assert_ptr_null(model);
        ck_assert_msg(strncmp(status_message(), "m.safetensors: ", 15) == 0, "'%s'",
                      status_message());
        return 0;
    }
    check_model(model, from);
    safetensors_close(model);
    return 1;
}

/* --- good files ---------------------------------------------------------------------------------
 */

START_TEST(a_file_is_read_as_written) {
    Blob file = with_header(valid, sizeof valid - 1, VALID_DATA);
    unsigned char *data = file.bytes + file.size - VALID_DATA;
    float weight[6] = {1, -2, 0.5f, INFINITY, -0.0f, 1e-40f};
    memcpy(data + 8, weight, sizeof weight);
    memcpy(data + 32, (uint16_t[]){0x3f80, 0xc000}, 4);
    memcpy(data + 36, (uint16_t[]){0x3555}, 2);
    Safetensors *model;
    ck_assert_msg(safetensors_parse(&model, "m.safetensors", file.bytes, file.size) == STATUS_OK,
                  "%s", status_message());
    check_model(model, &file);
    static const char *const names[] = {"a.bias", "ids", "none", "one", "w"};
    ck_assert_uint_eq(safetensors_count(model), 5);
    for (size_t i = 0; i < 5; i++) ck_assert_str_eq(safetensors_at(model, i)->name, names[i]);
    float out[6];
    ck_assert_int_eq(safetensors_load(model, "w", 2, (size_t[]){2, 3}, out), STATUS_OK);
    ck_assert_mem_eq(out, weight, sizeof weight);
    ck_assert_int_eq(safetensors_load(model, "a.bias", 1, (size_t[]){2}, out), STATUS_OK);
    ck_assert(out[0] == 1 && out[1] == -2);
    ck_assert_int_eq(safetensors_load(model, "one", 0, NULL, out), STATUS_OK);
    ck_assert(out[0] == 0x1.554p-2f);
    ck_assert_int_eq(safetensors_load(model, "none", 2, (size_t[]){4, 0}, out), STATUS_OK);
    size_t pairs;
    ck_assert_str_eq(safetensors_metadata(model, &pairs)[1].key, "note");
    ck_assert_uint_eq(pairs, 2);
    ck_assert_str_eq(safetensors_metadata_find(model, "note"), "\xd8\xaa");
    ck_assert_ptr_null(safetensors_metadata_find(model, "absent"));
    safetensors_close(model);
    safetensors_close(NULL);
    free(file.bytes);
}
END_TEST

START_TEST(an_empty_header_is_a_model_of_nothing) {
    Blob file = with_header("{}", 2, 0);
    Safetensors *model;
    ck_assert_int_eq(safetensors_parse(&model, "m.safetensors", file.bytes, file.size), STATUS_OK);
    ck_assert_uint_eq(safetensors_count(model), 0);
    ck_assert_ptr_null(safetensors_find(model, ""));
    float out;
    ck_assert_int_eq(safetensors_load(model, "w", 0, NULL, &out), STATUS_FORMAT);
    ck_says("m.safetensors: no tensor 'w' among its 0;");
    safetensors_close(model);
    free(file.bytes);
}
END_TEST

START_TEST(an_unmet_expectation_names_tensor_expected_and_found) {
    Blob file = with_header(valid, sizeof valid - 1, VALID_DATA);
    Safetensors *model;
    ck_assert_int_eq(safetensors_parse(&model, "m.safetensors", file.bytes, file.size), STATUS_OK);
    static const struct {
        const char *name;
        SafetensorsType type;
        int rank;
        size_t shape[9];
        const char *says;
    } cases[] = {
        {"w",
         SAFETENSORS_OTHER,
         2,
         {3, 2},
         "m.safetensors: tensor 'w' has shape [2, 3]; expected [3, 2]"},
        {"w", SAFETENSORS_OTHER, 1, {6}, "tensor 'w' has shape [2, 3]; expected [6]"},
        {"w", SAFETENSORS_OTHER, 3, {2, 3, 1}, "expected [2, 3, 1]"},
        {"w", SAFETENSORS_OTHER, 9, {2, 3}, "expected [2, 3, 0, 0, 0, 0, 0, 0, 0]"},
        {"one", SAFETENSORS_OTHER, 1, {1}, "tensor 'one' has shape []; expected [1]"},
        {"w", SAFETENSORS_F16, 2, {2, 3}, "tensor 'w' is F32; expected F16:"},
        {"a.bias", SAFETENSORS_F32, 1, {2}, "tensor 'a.bias' is BF16; expected F32:"},
        {"ids", SAFETENSORS_OTHER, 2, {1, 1}, "tensor 'ids' is I64; expected F32, F16 or BF16"},
        {"bert.a.bias",
         SAFETENSORS_OTHER,
         1,
         {2},
         "no tensor 'bert.a.bias' among its 5 (the nearest name is 'a.bias')"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const SafetensorsEntry *entry = (const SafetensorsEntry *)&entry;
        ck_assert_int_eq(safetensors_expect(model, cases[i].name, cases[i].type, cases[i].rank,
                                            cases[i].shape, &entry),
                         STATUS_FORMAT);
        ck_assert_ptr_null(entry);
        ck_says(cases[i].says);
    }
    const SafetensorsEntry *entry;
    ck_assert_int_eq(
        safetensors_expect(model, "a.bias", SAFETENSORS_BF16, 1, (size_t[]){2}, &entry), STATUS_OK);
    ck_assert_str_eq(entry->type_name, "BF16");
    ck_assert_str_eq(entry->file, "m.safetensors");
    safetensors_close(model);
    free(file.bytes);
}
END_TEST

/* --- bad files ----------------------------------------------------------------------------------
 */

#define T(name, dtype, shape, place)                                                               \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" place "]}"

static const struct {
    const char *header;
    size_t length, data;
    const char *says;
} hostile[] = {
#define HOSTILE(header, data, says)                                                                \
    { header, sizeof(header) - 1, data, says }
    HOSTILE("[]", 0, "the header is no JSON object"),
    HOSTILE(" {}", 0, "the header is no JSON object"),
    HOSTILE("{} x", 0, "the header is no JSON object"),
    HOSTILE("{\"w\"", 0, "the header is no JSON object"),
    HOSTILE("\xef\xbb\xbf{}", 0, "the header is no JSON object"),
    HOSTILE("{\"\xff\":1}", 0, "not UTF-8"),
    HOSTILE("{\"\xd8\"}", 0, "not UTF-8"),
    HOSTILE("{}\0", 0, "NUL"),
    HOSTILE("{\"a\\u0000b\":1}", 0, "NUL"),
    HOSTILE("{\"w\1\":1}", 0, "the control character 1 at its byte 3"),
    HOSTILE("{\1}", 0, "the control character 1 at its byte 1"),
    HOSTILE("{\"w\":3}", 0, "tensor 'w' is no JSON object"),
    HOSTILE("{\"w\":null}", 0, "tensor 'w' is no JSON object"),
    HOSTILE("{" T("w", "F32", "1", "0,4") "," T("w", "F32", "1", "4,8") "}", 8,
            "the header has the key 'w' twice"),
    HOSTILE("{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F16\"}}", 4,
            "tensor 'w' has the key 'dtype' twice"),
    HOSTILE("{\"w\":{}}", 0, "tensor 'w': dtype is missing; expected F32, F16 or BF16"),
    HOSTILE("{\"w\":{\"dtype\":7}}", 0, "tensor 'w': dtype is no text"),
    HOSTILE("{" T("w", "f32", "1", "0,4") "}", 4, "dtype is f32"),
    HOSTILE("{" T("w", "F128", "1", "0,16") "}", 16, "dtype is F128"),
    HOSTILE("{\"w\":{\"dtype\":\"F32\"}}", 0, "tensor 'w': shape is missing"),
    HOSTILE("{\"w\":{\"dtype\":\"F32\",\"shape\":4}}", 0, "shape is no list"),
    HOSTILE("{" T("w", "F32", "-1", "0,4") "}", 4, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "2,-0", "0,0") "}", 0, "size 1 of its shape"),
    HOSTILE("{" T("w", "F32", "1.5", "0,6") "}", 6, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "\"1\"", "0,4") "}", 4, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "[1]", "0,4") "}", 4, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "NaN", "0,4") "}", 4, "no JSON object"),
    HOSTILE("{" T("w", "F32", "1e400", "0,4") "}", 4, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "9007199254740993", "0,4") "}", 4, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "18446744073709551617", "0,4") "}", 4, "size 0 of its shape"),
    HOSTILE("{" T("w", "F32", "4294967296,4294967296", "0,0") "}", 0, "more numbers than 64 bits"),
    HOSTILE("{" T("w", "F32", "4294967296,1073741824", "0,0") "}", 0, "hold 0 bytes"),
    HOSTILE("{" T("w", "F32", "4294967296,4294967296,0", "0,0") "}", 0, "more numbers than 64"),
    HOSTILE("{" T("w", "F32", "1,1,1,1,1,1,1,1,1", "0,4") "}", 4, "more than 8 sizes"),
    HOSTILE("{\"w\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "data_offsets is missing"),
    HOSTILE("{" T("w", "F32", "", "4") "}", 4, "tensor 'w': data_offsets"),
    HOSTILE("{" T("w", "F32", "", "0,4,4") "}", 4, "tensor 'w': data_offsets"),
    HOSTILE("{" T("w", "F32", "", "-4,0") "}", 4, "tensor 'w': data_offsets"),
    HOSTILE("{" T("w", "F32", "", "0,18446744073709551620") "}", 4, "tensor 'w': data_offsets"),
    HOSTILE("{" T("w", "F32", "", "4,0") "}", 4, "[4, 0]; expected begin <= end <= 4"),
    HOSTILE("{" T("w", "F32", "2", "0,8") "}", 7, "[0, 8]; expected begin <= end <= 7"),
    HOSTILE("{" T("w", "F32", "2", "0,7") "}", 7,
            "hold 7 bytes; expected 2 numbers of 32 bits for F32 [2]"),
    HOSTILE("{" T("w", "F32", "0", "0,4") "}", 4, "hold 4 bytes; expected 0 numbers"),
    HOSTILE("{" T("w", "F4", "3", "0,1") "}", 1, "expected 3 numbers of 4 bits for F4 [3]"),
    HOSTILE("{" T("v", "F32", "2", "0,8") "," T("w", "F32", "2", "4,12") "}", 12,
            "tensor 'w' begins at byte 4 of the data, inside 'v', which ends at 8"),
    HOSTILE("{" T("v", "F32", "1", "0,4") "," T("w", "F32", "1", "0,4") "}", 4, "inside"),
    HOSTILE("{" T("v", "F32", "1", "0,4") "," T("w", "F32", "1", "8,12") "}", 12,
            "bytes 4 to 8 of the data, before tensor 'w', belong to no tensor"),
    HOSTILE("{" T("w", "F32", "1", "0,4") "}", 5, "5 bytes follow the header; expected 4"),
    HOSTILE("{" T("w", "F32", "0", "2,2") "}", 4, "before tensor 'w'"),
    HOSTILE("{\"__metadata__\":[]}", 0, "__metadata__ is no JSON object"),
    HOSTILE("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ 'a' is no text"),
    HOSTILE("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0,
            "__metadata__ has the key 'a' twice"),
    HOSTILE("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "the key '__metadata__' twice"),
    HOSTILE("{\"a\\nb\":1}", 0, "tensor 'a?b'"),
};

START_TEST(hostile_headers_are_refused) {
    Blob file = with_header(hostile[_i].header, hostile[_i].length, hostile[_i].data);
    ck_assert_int_eq(read_or_refuse(&file), 0);
    ck_says(hostile[_i].says);
    free(file.bytes);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused) {
    Blob whole = with_header(valid, sizeof valid - 1, VALID_DATA);
    ck_assert_int_eq(read_or_refuse(&whole), 1);
    for (size_t size = 0; size < whole.size; size++) {
        Blob part = blob(whole.bytes, size);
        ck_assert_msg(!read_or_refuse(&part), "read from %zu bytes of %zu", size, whole.size);
        free(part.bytes);
    }
    free(whole.bytes);
}
END_TEST

START_TEST(a_header_length_beyond_the_file_is_refused) {
    static const uint64_t lengths[] = {0,
                                       1,
                                       1000,
                                       UINT64_MAX,
                                       UINT64_MAX - 7,
                                       (uint64_t)1 << 63,
                                       (uint64_t)1 << 32,
                                       (16 << 20) + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        Blob file = with_header(valid, sizeof valid - 1, VALID_DATA);
        put_length(file.bytes, lengths[i]);
        ck_assert_int_eq(read_or_refuse(&file), 0);
        ck_says("its first 8 bytes promise a header of ");
        free(file.bytes);
    }
    /* One that fits the file, but not the limit. */
    Blob file = {calloc(1, 8 + (17 << 20)), 8 + (17 << 20)};
    ck_assert_ptr_nonnull(file.bytes);
    put_length(file.bytes, 17 << 20);
    ck_assert_int_eq(read_or_refuse(&file), 0);
    ck_says("expected 2 to 16777216");
    free(file.bytes);
}
END_TEST

START_TEST(deep_and_long_garbage_is_refused) {
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    ck_assert_ptr_nonnull(text);
    static const char *const fills[] = {"[", "{\"a\":", "[[],", "\"", "1"};
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        size_t used = 5, step = strlen(fills[f]);
        memcpy(text, "{\"w\":", used);
        for (; used + step < LONG; used += step) memcpy(text + used, fills[f], step);
        Blob file = with_header(text, used, 0);
        ck_assert_int_eq(read_or_refuse(&file), 0);
        free(file.bytes);
    }
    /* A name as long as the header: refused, and cut in the message. */
    memset(text, 'n', LONG);
    memcpy(text, "{\"", 2);
    memcpy(text + LONG - 4, "\":1}", 4);
    Blob file = with_header(text, LONG, 0);
    ck_assert_int_eq(read_or_refuse(&file), 0);
    ck_says("nnn...' is no JSON object; expected dtype");
    free(file.bytes);
    free(text);
}
END_TEST

/* --- mutations ----------------------------------------------------------------------------------
 */

/* Draws one after the other: a mutation is a pure function of its number. */
typedef struct {
    uint64_t seed, stream, index;
} Draw;

static size_t below(Draw *draw, size_t bound) {
    return (size_t)rng_below(draw->seed, draw->stream, draw->index++, bound);
}

/* Replaces `gone` bytes at `at` by `length` bytes of `text`. */
static void replace(Blob *file, size_t at, size_t gone, const void *text, size_t length) {
    Blob made = {malloc(file->size - gone + length + 1), file->size - gone + length};
    ck_assert_ptr_nonnull(made.bytes);
    memcpy(made.bytes, file->bytes, at);
    memcpy(made.bytes + at, text, length);
    memcpy(made.bytes + at + length, file->bytes + at + gone, file->size - at - gone);
    free(file->bytes);
    *file = made;
}

static void mutate(Blob *file, size_t *header, Draw *draw) {
    static const char *const tokens[] = {
        "-",  "9",    "1e400", "9007199254740993", "[",    "]",   "{",   "}",          "\"",
        ",",  ":",    "\\",    "\\u0000",          "null", "NaN", "0.5", "\"shape\":", "\xff",
        "F4", "BF16", "I64",   "__metadata__",     " ",    "-0",  "0",   "[0,0]",      "\"w\":{},"};
    switch (below(draw, 6)) {
    case 0: /* a bit of the header or its length */
        file->bytes[below(draw, 8 + *header)] ^= (unsigned char)(1u << below(draw, 8));
        break;
    case 1: /* a byte anywhere */
        file->bytes[below(draw, file->size)] = (unsigned char)below(draw, 256);
        break;
    case 2: { /* a token put into the header, or over a part of it */
        const char *token = tokens[below(draw, sizeof tokens / sizeof *tokens)];
        size_t at = below(draw, *header), gone = below(draw, 4);
        if (gone > *header - at) gone = *header - at;
        replace(file, 8 + at, gone, token, strlen(token));
        *header += strlen(token) - gone;
        break;
    }
    case 3: { /* a piece of the header repeated elsewhere in it */
        size_t from = below(draw, *header), length = 1 + below(draw, *header - from);
        Blob piece = blob(file->bytes + 8 + from, length);
        replace(file, 8 + below(draw, *header), 0, piece.bytes, length);
        free(piece.bytes);
        *header += length;
        break;
    }
    case 4: { /* a digit of the header for another */
        size_t at = below(draw, *header);
        for (size_t i = 0; i < *header; i++) {
            unsigned char *byte = &file->bytes[8 + (at + i) % *header];
            if (*byte < '0' || *byte > '9') continue;
            *byte = (unsigned char)('0' + below(draw, 10));
            break;
        }
        break;
    }
    case 5: { /* bytes taken from the data or put behind it */
        unsigned char more[8] = {0};
        size_t data = file->size - 8 - *header, count = below(draw, sizeof more);
        if (below(draw, 2))
            replace(file, file->size, 0, more, count);
        else
            replace(file, 8 + *header, count < data ? count : data, more, 0);
        break;
    }
    }
}

START_TEST(mutated_files_are_refused_or_tell_the_truth) {
    enum { MUTATIONS = 20000 };
    size_t read = 0, refused = 0;
    for (uint64_t number = 0; number < MUTATIONS; number++) {
        Draw draw = {.seed = 1, .stream = rng_stream("safetensors.mutation") + number};
        size_t header = sizeof valid - 1;
        Blob file = with_header(valid, header, VALID_DATA);
        for (size_t changes = 1 + below(&draw, 2); changes; changes--) {
            mutate(&file, &header, &draw);
            /* Mostly right, so that what lies behind the length is tried too. */
            if (header && below(&draw, 8)) put_length(file.bytes, header);
        }
        if (below(&draw, 16) == 0) file.size = below(&draw, file.size + 1);
        Blob exact = blob(file.bytes, file.size);
        if (read_or_refuse(&exact))
            read++;
        else
            refused++;
        free(exact.bytes);
        free(file.bytes);
    }
    ck_assert_msg(read > MUTATIONS / 50, "only %zu of %d were read", read, MUTATIONS);
    ck_assert_msg(refused > MUTATIONS / 2, "only %zu of %d were refused", refused, MUTATIONS);
}
END_TEST

Suite *suite_safetensors(void) {
    Suite *suite = suite_create("safetensors");
    TCase *good = tcase_create("good");
    tcase_add_test(good, a_file_is_read_as_written);
    tcase_add_test(good, an_empty_header_is_a_model_of_nothing);
    tcase_add_test(good, an_unmet_expectation_names_tensor_expected_and_found);
    suite_add_tcase(suite, good);
    TCase *bad = tcase_create("bad");
    tcase_add_loop_test(bad, hostile_headers_are_refused, 0,
                        (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(bad, a_file_cut_anywhere_is_refused);
    tcase_add_test(bad, a_header_length_beyond_the_file_is_refused);
    tcase_add_test(bad, deep_and_long_garbage_is_refused);
    tcase_add_test(bad, mutated_files_are_refused_or_tell_the_truth);
    suite_add_tcase(suite, bad);
    return suite;
}
