/* operations: every operation that the questions need, and what a device answers when it is asked
 * for it.
 *
 * The list walks the struct of a device (op/op.h), the operator table's variants (op/table.h) and
 * what the tape does without asking a device. Asking is doing: the operation is run at a small
 * shape, so that a row of the report's table of operations is something that ran.
 *
 *     for (int i = 0; i < operations_count(); i++) {
 *         const Operation *operation = operation_at(i);
 *         OperationNumbers numbers;
 *         if (operation_has(operation, DIRECTION_FORWARD))
 *             answer = operation_ask(operation, device, PRECISION_F32, DIRECTION_FORWARD, &arena,
 *                                    &numbers);
 *     }
 *
 * A new pointer in one of a device's structs must be listed here; operations_forgotten() names it
 * where it is not. Addresses of the device are the host's: a GPU is asked through op/mirror.h.
 */
#ifndef TESTS_OP_OPERATIONS_H
#define TESTS_OP_OPERATIONS_H

#include "base/arena.h"
#include "op/matmul.h"
#include "op/op.h"

/* The struct of a device that holds its pointers. */
typedef enum {
    OPERATION_OF_DEVICE,
    OPERATION_OF_LAYERS,
    OPERATION_OF_RECURRENT,
    OPERATION_OF_SCORES,
    OPERATION_OF_STEPS,
    OPERATION_OF_TAPE /* none: the tape or the optimiser computes it on the host */
} OperationHome;

enum { OPERATION_NUMBERS = 4096 };
typedef struct {
    float value[OPERATION_NUMBERS]; /* what the operation wrote; the first of it where it is more */
    size_t count;
} OperationNumbers;

typedef struct Operation Operation;
typedef Status OperationRun(const Operation *operation, const Device *device, Precision precision,
                            Direction direction, Arena *arena, OperationNumbers *out);

#define OPERATION_NO_SLOT ((size_t)-1)

struct Operation {
    const char *group; /* "attention", "layer", "recurrent", "product", "decoder", "generation",
                          "training" */
    const char *name;  /* "favor_causal", "gelu" */
    const char *without_gpu; /* why a GPU has no twin, the key of a label; NULL: it has one */
    OperationHome home;
    size_t slot[2]; /* offset of the forward's and the backward's pointer in that struct */
    OperationRun *run;
    int index;      /* the variant, activation, cell or kind */
    int is_one_way; /* 1: it has no backward */
    int precisions; /* it is asked at these: bits 1 << PRECISION_F32 ... */
};

int operations_count(void);
const Operation *operation_at(int index);
int operation_has(const Operation *operation, Direction direction);

typedef enum {
    OPERATION_LACKS, /* the device has no such operation, or refuses it by name */
    OPERATION_RUNS,  /* it ran, and every number that it should have written is one */
    OPERATION_FAILS  /* it ran, and failed or left numbers unwritten; the message says it */
} OperationAnswer;

OperationAnswer operation_ask(const Operation *operation, const Device *device, Precision precision,
                              Direction direction, Arena *arena, OperationNumbers *out);

/* "layers.norm" where that pointer of `device`'s structs belongs to no operation of the list, or
 * NULL. Owned by the module. */
const char *operations_forgotten(void);

/* The address that a device would call: NULL where it has none, or the operation is the tape's. */
void (*operation_address(const Operation *operation, const Device *device,
                         Direction direction))(void);

#endif
