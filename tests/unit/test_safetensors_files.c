/* safetensors: files, folders and shards are opened, and written whole or not at all. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "store/safetensors.h"
#include "store/safetensors_write.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_safetensors_files(void);

static char folder[64];

static void in_folder(char path[256], const char *name) {
    snprintf(path, 256, "%s/%s", folder, name);
}

static void make_folder(void) {
    strcpy(folder, "/tmp/tamrin-safetensors-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static void remove_folder(void) {
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, const void *bytes, size_t size) {
    char path[256];
    in_folder(path, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void ck_says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

/* --- opening --------------------------------------------------------------------------
 */

static void refuse_path(const char *path, Status expected, const char *says) {
    Safetensors *model = (Safetensors *)&model;
    ck_assert_int_eq(safetensors_open(&model, path), expected);
    ck_assert_ptr_null(model);
    ck_says(path);
    ck_says(says);
}

START_TEST(what_is_no_file_of_tensors_is_refused) {
    char path[256];
    refuse_path(folder, STATUS_IO, "holds neither model.safetensors nor");
    in_folder(path, "absent.safetensors");
    refuse_path(path, STATUS_IO, strerror(ENOENT));
    in_folder(path, "empty.safetensors");
    put_file("empty.safetensors", "", 0);
    refuse_path(path, STATUS_FORMAT, "0 bytes");
    in_folder(path, "short.safetensors");
    put_file("short.safetensors", "\2\0\0\0", 4);
    refuse_path(path, STATUS_FORMAT, "4 bytes");
    in_folder(path, "pointer.safetensors");
    put_file("pointer.safetensors", "version https://git-lfs.github.com/spec/v1\n", 43);
    refuse_path(path, STATUS_FORMAT, "Git LFS");
    in_folder(path, "pipe.safetensors");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refuse_path(path, STATUS_IO, "no regular file");
    in_folder(path, "model.safetensors");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    refuse_path(folder, STATUS_IO, "is a folder");
}
END_TEST

static const float numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void write_shard(const char *name, const char *first, const char *second) {
    char path[256];
    in_folder(path, name);
    SafetensorsTensor tensors[] = {{first, SAFETENSORS_F32, 1, {4}, numbers},
                                   {second, SAFETENSORS_F16, 2, {2, 3}, numbers + 4}};
    ck_assert_msg(safetensors_write(path, tensors, 2, NULL, 0) == STATUS_OK, "%s",
                  status_message());
}

START_TEST(shards_are_joined_by_their_index) {
    static const char index[] =
        "{\"metadata\":{\"total_size\":56},\"weight_map\":{\"d\":\"model-2.safetensors\","
        "\"a\":\"model-1.safetensors\",\"c\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}"
        "}";
    write_shard("model-1.safetensors", "c", "a");
    write_shard("model-2.safetensors", "b", "d");
    put_file("model.safetensors.index.json", index, sizeof index - 1);
    char path[256];
    in_folder(path, "model.safetensors.index.json");
    const char *const ways[] = {folder, path};
    for (size_t way = 0; way < 2; way++) {
        Safetensors *model;
        ck_assert_msg(safetensors_open(&model, ways[way]) == STATUS_OK, "%s", status_message());
        ck_assert_uint_eq(safetensors_count(model), 4);
        for (size_t i = 0; i < 4; i++) {
            const SafetensorsEntry *entry = safetensors_at(model, i);
            ck_assert_str_eq(entry->name, ((const char *[]){"a", "b", "c", "d"})[i]);
            ck_assert_ptr_nonnull(strstr(entry->file, i % 2 ? "model-2" : "model-1"));
        }
        float out[6];
        ck_assert_int_eq(safetensors_load(model, "d", 2, (size_t[]){2, 3}, out), STATUS_OK);
        ck_assert_mem_eq(out, numbers + 4, sizeof out);
        ck_assert_int_eq(safetensors_load(model, "e", 0, NULL, out), STATUS_FORMAT);
        size_t pairs;
        safetensors_metadata(model, &pairs);
        ck_assert_uint_eq(pairs, 2);
        safetensors_close(model);
    }
    /* A single file is preferred to an index beside it. */
    write_shard("model.safetensors", "x", "y");
    Safetensors *model;
    ck_assert_int_eq(safetensors_open(&model, folder), STATUS_OK);
    ck_assert_uint_eq(safetensors_count(model), 2);
    ck_assert_ptr_nonnull(safetensors_find(model, "x"));
    safetensors_close(model);
}
END_TEST

START_TEST(a_bad_index_is_refused) {
    static const struct {
        const char *text, *says;
        Status status;
    } cases[] = {
        {"{", "the index is no JSON object", STATUS_FORMAT},
        {"[]", "the index is no JSON object", STATUS_FORMAT},
        {"{}", "weight_map is missing", STATUS_FORMAT},
        {"{\"weight_map\":[]}", "weight_map is no JSON object", STATUS_FORMAT},
        {"{\"weight_map\":{}}", "weight_map is empty", STATUS_FORMAT},
        {"{\"weight_map\":{},\"weight_map\":{}}", "the key 'weight_map' twice", STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"s.safetensors\",\"a\":\"s.safetensors\"}}", "the key 'a' twice",
         STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":1}}", "tensor 'a' into 'no text'", STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"\"}}", "tensor 'a' into ''", STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"..\"}}", "tensor 'a' into '..'", STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"../s.safetensors\"}}", "into '../s.safetensors'", STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "into '/etc/passwd'", STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"absent.safetensors\"}}", "absent.safetensors: cannot open",
         STATUS_IO},
        {"{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", "promise a header",
         STATUS_FORMAT},
        {"{\"weight_map\":{\"a\":\"s.safetensors\",\"z\":\"s.safetensors\"}}", "tensor 'z' into",
         STATUS_FORMAT},
    };
    write_shard("s.safetensors", "a", "b");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_file("model.safetensors.index.json", cases[i].text, strlen(cases[i].text));
        refuse_path(folder, cases[i].status, cases[i].says);
    }
}
END_TEST

START_TEST(a_mutated_index_is_refused_or_followed) {
    enum { MUTATIONS = 1000 };
    static const char index[] =
        "{\"weight_map\": {\"a\": \"s.safetensors\", \"c\": \"t.safetensors\"}} ";
    write_shard("s.safetensors", "a", "b");
    write_shard("t.safetensors", "c", "d");
    uint64_t stream = rng_stream("safetensors.index");
    size_t read = 0;
    for (uint64_t number = 0; number < MUTATIONS; number++) {
        char text[sizeof index - 1];
        memcpy(text, index, sizeof text);
        text[rng_below(1, stream, 3 * number, sizeof text)] =
            (char)rng_below(1, stream, 3 * number + 1, 256);
        size_t cut = rng_below(1, stream, 3 * number + 2, 8 * sizeof text);
        put_file("model.safetensors.index.json", text, cut < sizeof text ? cut : sizeof text);
        Safetensors *model = (Safetensors *)&model;
        Status status = safetensors_open(&model, folder);
        if (status != STATUS_OK) {
            ck_assert_ptr_null(model);
            ck_says(folder);
            continue;
        }
        read++;
        ck_assert_uint_ge(safetensors_count(model), 1);
        ck_assert_uint_le(safetensors_count(model), 2);
        for (size_t i = 0; i < safetensors_count(model); i++) {
            float out[6];
            ck_assert_int_eq(safetensors_read(safetensors_at(model, i), out), STATUS_OK);
        }
        safetensors_close(model);
    }
    ck_assert_uint_gt(read, 0);
    ck_assert_uint_lt(read, MUTATIONS / 2);
}
END_TEST

/* --- writing ------------------------------------------------------------------------------------
 */

typedef struct {
    unsigned char *bytes;
    size_t size;
} Blob;

static Blob load_file(const char *path) {
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    static unsigned char bytes[4096];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    ck_assert_uint_lt(size, sizeof bytes);
    fclose(file);
    Blob made = {malloc(size + 1), size};
    ck_assert_ptr_nonnull(made.bytes);
    memcpy(made.bytes, bytes, size);
    return made;
}

START_TEST(what_is_written_is_read_back) {
    char path[256], partial[256];
    in_folder(path, "w.safetensors");
    in_folder(partial, "w.safetensors.partial");
    float values[5] = {1.5f, -0.0f, 70000, NAN, 1e-7f};
    SafetensorsTensor tensors[] = {
        {"b", SAFETENSORS_F16, 1, {5}, values},
        {"\xd9\x86\"\\\n", SAFETENSORS_F32, 2, {1, 5}, values},
        {"a", SAFETENSORS_BF16, 3, {1, 4, 1}, values},
        {"z", SAFETENSORS_F32, 0, {0}, values},
        {"none", SAFETENSORS_F32, 2, {0, 1000000000000000}, NULL},
    };
    SafetensorsPair note = {"step", "12"};
    ck_assert_msg(safetensors_write(path, tensors, 5, &note, 1) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(access(partial, F_OK), -1);
    Blob file = load_file(path);
    uint64_t length;
    memcpy(&length, file.bytes, 8);
    ck_assert_uint_eq(length % 8, 0);
    ck_assert_uint_eq(file.size, 8 + length + 4 * 5 + 4 + 2 * 4 + 2 * 5);
    Safetensors *model;
    ck_assert_msg(safetensors_open(&model, path) == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(safetensors_count(model), 5);
    ck_assert_str_eq(safetensors_metadata_find(model, "format"), "pt");
    ck_assert_str_eq(safetensors_metadata_find(model, "step"), "12");
    float out[5];
    ck_assert_int_eq(safetensors_load(model, tensors[1].name, 2, (size_t[]){1, 5}, out), STATUS_OK);
    ck_assert_mem_eq(out, values, sizeof out);
    ck_assert_int_eq(safetensors_load(model, "b", 1, (size_t[]){5}, out), STATUS_OK);
    ck_assert(out[0] == 1.5f && signbit(out[1]) && isinf(out[2]) && isnan(out[3]) &&
              out[4] == 0x1p-23f);
    ck_assert_int_eq(safetensors_load(model, "a", 3, (size_t[]){1, 4, 1}, out), STATUS_OK);
    ck_assert(out[0] == 1.5f && out[2] == 70144 && isnan(out[3]));
    ck_assert_int_eq(safetensors_load(model, "none", 2, tensors[4].shape, out), STATUS_OK);
    for (size_t i = 0; i < 5; i++) {
        const SafetensorsEntry *entry = safetensors_at(model, i);
        ck_assert_uint_eq((uintptr_t)entry->data % (entry->type == SAFETENSORS_F32 ? 4 : 2), 0);
    }
    safetensors_close(model);

    /* The order in which tensors are given changes nothing. */
    SafetensorsTensor swapped = tensors[0];
    tensors[0] = tensors[3], tensors[3] = swapped;
    ck_assert_int_eq(safetensors_write(path, tensors, 5, &note, 1), STATUS_OK);
    Blob again = load_file(path);
    ck_assert_uint_eq(again.size, file.size);
    ck_assert_mem_eq(again.bytes, file.bytes, file.size);
    free(again.bytes);
    free(file.bytes);
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_earlier_file) {
    char path[256], elsewhere[256];
    in_folder(path, "s.safetensors");
    write_shard("s.safetensors", "a", "b");
    Blob before = load_file(path);
    SafetensorsTensor good = {"a", SAFETENSORS_F32, 1, {4}, numbers};
    static const struct {
        SafetensorsTensor tensors[2];
        SafetensorsPair pairs[2];
        const char *says;
    } cases[] = {
#define A {"a", SAFETENSORS_F32, 1, {4}, numbers}
#define PAIR                                                                                       \
    { "k", "v" }
        {{A, A}, {PAIR}, "two tensors are named 'a'"},
        {{A, {"", SAFETENSORS_F32, 1, {4}, numbers}}, {PAIR}, "cannot be a tensor's name"},
        {{A, {"__metadata__", SAFETENSORS_F32, 1, {4}, numbers}}, {PAIR}, "cannot be a tensor's"},
        {{A, {"\xff", SAFETENSORS_F32, 1, {4}, numbers}}, {PAIR}, "not UTF-8"},
        {{A, {NULL, SAFETENSORS_F32, 1, {4}, numbers}}, {PAIR}, "missing"},
        {{A, {"b", SAFETENSORS_OTHER, 1, {4}, numbers}}, {PAIR}, "tensor 'b': type 3"},
        {{A, {"b", SAFETENSORS_F32, 9, {4}, numbers}}, {PAIR}, "tensor 'b': rank 9"},
        {{A, {"b", SAFETENSORS_F32, -1, {4}, numbers}}, {PAIR}, "tensor 'b': rank -1"},
        {{A, {"b", SAFETENSORS_F32, 2, {SIZE_MAX, 2}, numbers}}, {PAIR}, "2^53 bytes"},
        {{A, {"b", SAFETENSORS_F32, 1, {4}, NULL}}, {PAIR}, "no data; expected 4 numbers"},
        {{A, {"b", SAFETENSORS_F32, 1, {4}, numbers}}, {PAIR, PAIR}, "'k' is given twice"},
        {{A, {"b", SAFETENSORS_F32, 1, {4}, numbers}}, {{"k", NULL}}, "k is missing"},
        {{A, {"b", SAFETENSORS_F32, 1, {4}, numbers}}, {{"\xfe", "v"}}, "not UTF-8"},
#undef A
#undef PAIR
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t pairs = cases[i].pairs[1].key ? 2 : 1;
        ck_assert_int_eq(safetensors_write(path, cases[i].tensors, 2, cases[i].pairs, pairs),
                         STATUS_ARGUMENT);
        ck_says(path);
        ck_says(cases[i].says);
    }
    in_folder(elsewhere, "no/such/folder.safetensors");
    ck_assert_int_eq(safetensors_write(elsewhere, &good, 1, NULL, 0), STATUS_IO);
    ck_says(strerror(ENOENT));
    ck_assert_int_eq(safetensors_write(folder, &good, 1, NULL, 0), STATUS_IO);
    ck_says("cannot replace");

    /* Another process writes it: refused while that one lives, taken over once it is gone. */
    in_folder(elsewhere, "s.safetensors.partial");
    int other = open(elsewhere, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(other, 0);
    static const char half_done[1024] = "longer than what replaces it";
    ck_assert_int_eq(write(other, half_done, sizeof half_done), sizeof half_done);
    ck_assert_int_eq(flock(other, LOCK_EX), 0);
    ck_assert_int_eq(safetensors_write(path, &good, 1, NULL, 0), STATUS_IO);
    ck_says("another process is writing it");
    Blob after = load_file(path);
    ck_assert_uint_eq(after.size, before.size);
    ck_assert_mem_eq(after.bytes, before.bytes, before.size);
    close(other);
    ck_assert_int_eq(safetensors_write(path, &good, 1, NULL, 0), STATUS_OK);
    ck_assert_int_eq(access(elsewhere, F_OK), -1);
    Safetensors *model;
    ck_assert_int_eq(safetensors_open(&model, path), STATUS_OK);
    ck_assert_uint_eq(safetensors_count(model), 1);
    safetensors_close(model);
    free(after.bytes);
    free(before.bytes);
}
END_TEST

/* A reader keeps what it opened, whatever is renamed over it meanwhile. */
START_TEST(an_open_file_survives_its_replacement) {
    char path[256];
    in_folder(path, "s.safetensors");
    write_shard("s.safetensors", "a", "b");
    Safetensors *model;
    ck_assert_int_eq(safetensors_open(&model, path), STATUS_OK);
    SafetensorsTensor tiny = {"t", SAFETENSORS_F32, 0, {0}, numbers};
    ck_assert_int_eq(safetensors_write(path, &tiny, 1, NULL, 0), STATUS_OK);
    float out[4];
    ck_assert_int_eq(safetensors_load(model, "a", 1, (size_t[]){4}, out), STATUS_OK);
    ck_assert_mem_eq(out, numbers, sizeof out);
    safetensors_close(model);
}
END_TEST

Suite *suite_safetensors_files(void) {
    Suite *suite = suite_create("safetensors_files");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, what_is_no_file_of_tensors_is_refused);
    tcase_add_test(files, shards_are_joined_by_their_index);
    tcase_add_test(files, a_bad_index_is_refused);
    tcase_add_test(files, a_mutated_index_is_refused_or_followed);
    tcase_add_test(files, what_is_written_is_read_back);
    tcase_add_test(files, what_cannot_be_written_leaves_the_earlier_file);
    tcase_add_test(files, an_open_file_survives_its_replacement);
    suite_add_tcase(suite, files);
    return suite;
}
