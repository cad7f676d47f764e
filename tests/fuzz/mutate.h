/* mutate: a good file with a few of its bytes changed, a pure function of the trial's number.
 *
 *     for (mutate_trial = block; mutate_trial < mutate_trials(); mutate_trial += MUTATE_BLOCKS) {
 *         Bytes file = mutate(good, words, word_count);
 *         ... a reader refuses it with a message, or MUST(gives what the bytes say) ...
 *         free(file.bytes);
 *     }
 *
 * TAMRIN_FUZZ says how many trials each kind of file gets; `make fuzz` says 10,000.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* A kind of file is tried in that many tests, so that a crash loses one of them and its name says
 * which trials to look at. */
#define MUTATE_BLOCKS 10

typedef struct {
    unsigned char *bytes; /* a block of exactly `size` bytes: a sanitizer sees one step too far */
    size_t size;
} Bytes;

/* The trial that is under way. */
extern size_t mutate_trial;

/* TAMRIN_FUZZ, or 500. */
size_t mutate_trials(void);

/* Fails the test with the number of the trial. Check's own assertions note in a file that they were
 * reached, which millions of them cannot afford. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) mutate_fail(__FILE__, __LINE__, #condition);                             \
    } while (0)

void mutate_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/* The bytes of a file; fails the test where it cannot be read. The caller frees them. */
Bytes mutate_read(const char *path);

Bytes mutate_copy(const void *bytes, size_t size);

/* A copy with 1 to 4 changes: a bit, a byte, a digit; bytes removed, doubled, exchanged; one of
 * `words` inserted or written over; the rest cut off. The caller frees it. */
Bytes mutate(Bytes from, const char *const *words, size_t word_count);

/* Uniform on 0 .. bound-1: draw `index` of this trial, apart from those of mutate. */
size_t mutate_below(uint64_t index, size_t bound);

/* Fails the test unless the last failure left a message. */
void mutate_expect_message(void);

#endif
