/* checkpoint: the state of long work in one file, whole or not at all, and believed only when it is
 * the state of this work.
 *
 *     Checkpoint *c;
 *     STATUS_TRY(checkpoint_create(&c, "training"));
 *     checkpoint_add(c, "value.encoder.0.weight", 2, shape, value);     // pointers: nothing is
 * copied checkpoint_note(c, "step", "%llu", step); Status status = checkpoint_write(c,
 * "run.safetensors");           // also says what failed above checkpoint_close(c);
 *
 *     STATUS_TRY(checkpoint_open(&c, "run.safetensors", "training"));
 *     Status status = checkpoint_expect(c, "rate", "learning rate", "2e-05");
 *     if (status == STATUS_OK) status = checkpoint_load(c, "value.encoder.0.weight", 2, shape,
 * value); checkpoint_close(c);
 *
 * The file is a safetensors file (store/safetensors_write.h: written beside its place, flushed,
 * renamed) whose metadata holds the notes, the kind, the version of this layout and a checksum over
 * everything, so that a file with a changed byte is refused and not continued from.
 */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct Checkpoint Checkpoint;

/* --- writing -------------------------------------------------------------------------------- */

/* *out is the caller's to checkpoint_close. `kind` says whose state it is. */
Status checkpoint_create(Checkpoint **out, const char *kind);

/* `data` [shape] stays the caller's and must live until checkpoint_write. A failure sticks, and
 * checkpoint_write returns it. */
void checkpoint_add(Checkpoint *checkpoint, const char *name, int rank, const size_t *shape,
                    const float *data);

/* A piece of text under `key`, in printf's format. */
void checkpoint_note(Checkpoint *checkpoint, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The shortest decimal number that reads back as `number`. */
void checkpoint_note_number(Checkpoint *checkpoint, const char *key, double number);

Status checkpoint_write(Checkpoint *checkpoint, const char *path);

/* --- reading -------------------------------------------------------------------------------- */

/* 1 when there is something at `path`, readable or not: then open says what it is. */
int checkpoint_exists(const char *path);

/* STATUS_FORMAT when the file is damaged, or no checkpoint, or of another kind or version. The file
 * is never changed. */
Status checkpoint_open(Checkpoint **out, const char *path, const char *kind);

/* The text under `key`; NULL when there is none. */
const char *checkpoint_text(const Checkpoint *checkpoint, const char *key);

/* STATUS_FORMAT when the text under `key` is missing or no such number. */
Status checkpoint_number(const Checkpoint *checkpoint, const char *key, double *out);
Status checkpoint_whole(const Checkpoint *checkpoint, const char *key, uint64_t *out);

/* STATUS_FORMAT unless the text under `key` is `asked`: "<path>: <what> is <found> in the
 * checkpoint, <asked> asked; ...". */
Status checkpoint_expect(const Checkpoint *checkpoint, const char *key, const char *what,
                         const char *asked);

/* 1 when there is a tensor of that name. */
int checkpoint_has(const Checkpoint *checkpoint, const char *name);

/* STATUS_FORMAT when there is no tensor `name` of exactly this shape. _load writes only where `out`
 * differs: pages fresh from the system that are to hold zeros do not become real. */
Status checkpoint_check(const Checkpoint *checkpoint, const char *name, int rank,
                        const size_t *shape);
Status checkpoint_load(const Checkpoint *checkpoint, const char *name, int rank,
                       const size_t *shape, float *out);

void checkpoint_close(Checkpoint *checkpoint);

/* "3e-05": the shortest text of `number` that strtod reads back as the same. Returns `text`. */
#define CHECKPOINT_NUMBER 32
const char *checkpoint_number_text(char text[CHECKPOINT_NUMBER], double number);

#endif
