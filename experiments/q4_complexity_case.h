/* q4_complexity_case: the ways to attend that Question 4 compares, and one run of one of them:
 * twelve in f32, and those that a GPU has in other formats besides, with the format in their name.
 *
 *     Workspace workspace;
 *     STATUS_TRY(workspace_open(&workspace, &room, heads * length * width, features * width, seed,
 *                               1, 0));
 *     Case one;
 *     case_make(&one, case_variant("tiled"), (Shape){heads, width, features, length}, &workspace);
 *     int calls[2] = {3, 3};
 *     Sample sample[2];
 *     STATUS_TRY(case_measure(&workspace, &one, calls, sample));   // seconds of one call
 *     workspace_close(&workspace);
 *
 * Queries, keys, values and the gradient of the output are standard normal, [H,N,E]; the scores are
 * scaled by 1/sqrt(E) as in the Transformer; W is drawn orthogonal (FAVOR+).
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_CASE_H
#define EXPERIMENTS_Q4_COMPLEXITY_CASE_H

#include "room.h"
#include <stdint.h>

enum { VARIANT_COUNT = 23 };

typedef struct {
    const char *slug; /* as in tables, facts and --variants */
    AttentionKind kind;
    FeatureMap map;
    int causal;
    Precision precision; /* but f32: a GPU's alone */
} Variant;

extern const Variant case_variants[VARIANT_COUNT];

/* The position in case_variants of the first `length` characters of `slug`, or -1. */
int case_variant_find(const char *slug, size_t length);

/* The variant of that slug; NULL when there is none. */
const Variant *case_variant(const char *slug);

/* "forward" or "backward". */
const char *case_direction_name(Direction direction);

typedef struct {
    int heads, width, features, length;
} Shape;

typedef struct Workspace {
    Room *room;
    Arena inputs, work;                                   /* the device's */
    void (*before_backward)(struct Workspace *workspace); /* called once, untimed; may be NULL */
    size_t floats;                                        /* room in each of the arrays below */
    float *query, *key, *value, *output;
    float *dout, *dquery, *dkey, *dvalue; /* NULL in a workspace without gradients */
    float *projection;
    size_t projection_floats;
} Workspace;

/* Arrays of `floats` floats each, drawn from `seed` and touched; those of the backward pass only
 * with `gradients`. `projection_floats` is the largest R times E that will be asked for. On a GPU
 * `work_bytes` are there for what the operations need besides; 0: all that the room has left. */
Status workspace_open(Workspace *workspace, Room *room, size_t floats, size_t projection_floats,
                      uint64_t seed, int gradients, size_t work_bytes);
void workspace_close(Workspace *workspace);

/* Draws W [features, width] into the workspace; `draw` numbers independent ones. */
Status workspace_project(Workspace *workspace, int features, int width, uint64_t seed,
                         uint64_t draw);

/* Bytes of q, k, v, out (forward), or of these and the four gradients (backward). */
double case_inputs_bytes(Shape shape, Direction direction);

typedef struct {
    const Variant *variant;
    Shape shape;
    int offsets[2];
    Attention attention; /* points to offsets: a Case is passed by address, never copied */
} Case;

/* `workspace` may be NULL when the case is only counted, not run. */
void case_make(Case *one, const Variant *variant, Shape shape, const Workspace *workspace);

/* Bytes that running it takes in all: inputs, outputs, what is saved, scratch. */
double case_need_bytes(const Case *one, Direction direction);

typedef struct {
    double seconds;       /* of one call, averaged over `calls` in a row */
    int disturbed;        /* the kernel took a processor away meanwhile */
    double counted_bytes; /* the arena's high-water mark, with what is saved for backward */
} Sample;

/* Runs forward calls[0] times and then, when calls[1] > 0, backward calls[1] times; what forward
 * saves for backward is kept, and counted, in both. out[i] is filled where calls[i] > 0. Times are
 * the device's own (events of a GPU); nothing waits between calls. */
Status case_measure(Workspace *workspace, const Case *one, const int calls[2], Sample out[2]);

#endif
