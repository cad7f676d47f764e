/* tape: remembers what a forward pass did, and walks it back.
 *
 * Layers (src/nn) take values and give values; each records on the tape what its backward needs. A
 * model then reads like its formula:
 *
 *     Tape tape;
 *     tape_open(&tape, &arena, TAPE_TRAIN, seed, step);     // arena: reset once a step
 *     Value *h = nn_linear(&tape, x, w1, b1, NN_GELU);
 *     Value *y = nn_linear(&tape, h, w2, b2, NN_PLAIN);
 *     Value *loss = nn_cross_entropy(&tape, y, labels, NULL);
 *     STATUS_TRY(tape_status(&tape));                       // the first failure of any layer
 *     STATUS_TRY(tape_backward(&tape, loss, 1));            // parameters have their gradients
 *
 * A failure sticks: the layer that fails returns NULL, layers pass NULL on, and tape_status says
 * what happened first. Values are matrices [rows, columns], dense and row-major; they and
 * everything else live in the arena until the caller rewinds it. Reverse-mode differentiation:
 * Griewank and Walther, "Evaluating Derivatives", 2008, section 3.2.
 */
#ifndef GRAD_TAPE_H
#define GRAD_TAPE_H

#include "base/arena.h"
#include "base/status.h"
#include "grad/parameter.h"
#include "op/op.h"
#include <stddef.h>
#include <stdint.h>

typedef enum {
    TAPE_INFER, /* no backward follows: nothing is kept, nothing is dropped out */
    TAPE_TRAIN, /* backward follows, dropout is on */
    TAPE_EXACT  /* backward follows, dropout is off (parity, gradient checks) */
} TapeMode;

typedef struct {
    float *data;     /* [rows, columns] */
    float *gradient; /* [rows, columns] of the loss; NULL where no backward follows */
    int rows, columns;
    int has_gradient;  /* 0: the next contribution writes, 1: it adds */
    uint16_t *rounded; /* what bf16 products read in the place of data (op/matmul.h), once the first
                          has made it; else NULL. Data does not change any more then. */
} Value;

typedef struct Tape Tape;

/* Differentiates one recorded layer: reads its output's gradient, adds to those of its inputs. */
typedef Status (*TapeBackward)(Tape *tape, void *record);

typedef struct TapeNode {
    struct TapeNode *previous;
    TapeBackward backward;
    Value *output;
    void *record;
} TapeNode;

struct Tape {
    Arena *arena;
    const Device *device;
    TapeMode mode;
    uint64_t seed, step; /* of dropout */
    uint64_t sites;      /* dropout sites so far: each has a stream of its own */
    TapeNode *last;
    int walked; /* 1 after a backward */
    Status status;
    char message[256];
};

void tape_open(Tape *tape, Arena *arena, TapeMode mode, uint64_t seed, uint64_t step);

/* The first failure of a layer, with its message as status_message(). */
Status tape_status(Tape *tape);

/* Records a failure just made (its message is status_message()); returns NULL for a layer to
 * return. Later failures change nothing. */
Value *tape_fail(Tape *tape, Status status);

/* 1 where a backward follows. */
int tape_records(const Tape *tape);

/* An undefined matrix; with a gradient where a backward follows. NULL (and a failed tape) when the
 * arena is full. */
Value *tape_value(Tape *tape, int rows, int columns);

/* `bytes` undefined bytes from the arena; NULL (and a failed tape) when it is full. */
void *tape_take(Tape *tape, size_t bytes);

/* A value that is given: `data` [rows, columns] stays the caller's. Its gradient is computed where
 * a backward follows (the input's Jacobian is what question 1 asks for). */
Value *tape_input(Tape *tape, float *data, int rows, int columns);

/* Adds a node for `output`; `record` is what `backward` will get. Does nothing in TAPE_INFER. */
void tape_record(Tape *tape, Value *output, TapeBackward backward, void *record);

/* A fresh random stream for one dropout site: a pure function of step and site. */
uint64_t tape_stream(Tape *tape);

/* Where a layer should put its contribution: sets *accumulate to 1 when it must add, and marks the
 * gradient as written. */
float *tape_gradient(Value *value, int *accumulate);
float *parameter_gradient(Parameter *parameter, int *accumulate);

/* Differentiates scale * loss (a [1,1] value): every parameter and value upstream gets its
 * gradient. A value nobody used has none, and its node is passed over. Once for every forward pass:
 * gradients of values would add up over two, so a second one is STATUS_ARGUMENT. */
Status tape_backward(Tape *tape, Value *loss, float scale);

/* The same from any value, given its gradient [rows, columns]. */
Status tape_backward_from(Tape *tape, Value *output, const float *gradient);

#endif
