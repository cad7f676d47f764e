/* q5_world: sentences that a small model can learn to order, and the programs of word ordering run
 * on them as a user runs them, in a fresh folder.
 *
 *     static const Q5WorldSet sets[] = {{"train", 300}, {"perdt_dev", 12}, {"perdt_test", 12}};
 *     q5_world_open(sets, 3);                                  // <folder>/data holds them
 *     pid_t child = q5_world_start("q5_scaling", "--data=data --results=one", scaling_main);
 *     ck_assert_int_eq(q5_world_wait(child), 0);
 *     Tsv *sizes = q5_world_table("one/q5_scaling_quick/sizes");
 *     q5_world_close();
 */
#ifndef TESTS_UNIT_Q5_WORLD_H
#define TESTS_UNIT_Q5_WORLD_H

#include "base/tsv.h"
#include "data/reorder_data.h"

#include <sys/types.h>

typedef struct {
    const char *name;
    size_t sentences;
} Q5WorldSet;

extern char q5_world_folder[64];

/* Sets of a language whose words stand in ascending order, 4 to 7 a sentence, none twice. Each
 * set's are drawn by its place among them. Freed by reorder_data_free. */
void q5_world_data(ReorderData *data, const Q5WorldSet *sets, int count);

/* The fresh folder with the sets in it; removes it. */
void q5_world_open(const Q5WorldSet *sets, int count);
void q5_world_close(void);

/* Runs `run` in a process of its own in the folder, with flags apart by blanks; its standard input,
 * output and error are the files in, out and err. */
pid_t q5_world_start(const char *name, const char *flags, int (*run)(int, char **));

/* The exit status of the process, or minus the signal that ended it. */
int q5_world_wait(pid_t child);

/* <folder>/<name>; valid until the eighth call after this one. */
const char *q5_world_path(const char *name);

/* What a file holds, at most size - 1 bytes; "" where it is not there. Returns `text`. */
const char *q5_world_read(const char *name, char *text, size_t size);

/* A table of the folder, without its ending; freed by tsv_free. Fails the test where there is none.
 */
Tsv *q5_world_table(const char *path);

#endif
