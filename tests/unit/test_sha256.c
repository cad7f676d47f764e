/* sha256: the standard's examples, and the same bytes in any pieces. */
#define _POSIX_C_SOURCE 200809L
#include "base/sha256.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_sha256(void);

static const char *hash_of(const void *bytes, size_t size) {
    static char text[SHA256_TEXT];
    Sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, bytes, size);
    sha256_end(&hash, text);
    return text;
}

START_TEST(the_examples_of_the_standard) {
    ck_assert_str_eq(hash_of("", 0),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_assert_str_eq(hash_of("abc", 3),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    ck_assert_str_eq(hash_of(two, strlen(two)),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    ck_assert_str_eq(hash_of(million, 1000000),
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}
END_TEST

/* Every length around the ends of blocks, in pieces of every size. */
START_TEST(pieces_do_not_matter) {
    unsigned char bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(31 * i + 7);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        char whole[SHA256_TEXT], pieces[SHA256_TEXT];
        snprintf(whole, sizeof whole, "%s", hash_of(bytes, size));
        for (size_t piece = 1; piece <= 130; piece += 43) {
            Sha256 hash;
            sha256_begin(&hash);
            for (size_t at = 0; at < size; at += piece)
                sha256_add(&hash, bytes + at, size - at < piece ? size - at : piece);
            sha256_end(&hash, pieces);
            ck_assert_str_eq(pieces, whole);
        }
    }
}
END_TEST

START_TEST(a_file_is_its_bytes) {
    char path[] = "/tmp/tamrin-sha256-XXXXXX", text[SHA256_TEXT];
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, "abc", 3), 3);
    close(file);
    ck_assert_int_eq(sha256_file(path, text), STATUS_OK);
    ck_assert_str_eq(text, hash_of("abc", 3));
    unlink(path);
    ck_assert_int_eq(sha256_file(path, text), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(status_message(), path));
    ck_assert_int_eq(sha256_file("/", text), STATUS_IO);
}
END_TEST

Suite *suite_sha256(void) {
    Suite *suite = suite_create("sha256");
    TCase *tcase = tcase_create("sha256");
    tcase_add_test(tcase, the_examples_of_the_standard);
    tcase_add_test(tcase, pieces_do_not_matter);
    tcase_add_test(tcase, a_file_is_its_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}
