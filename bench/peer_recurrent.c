/* peer_recurrent: our side of a race of recurrent layers (bench/peers/race.py recurrent).
 *
 * Reads one case a line from standard input and prints the mean seconds of a pass over it:
 *
 *     lstm both 512 8 64        kind (tanh, gru, lstm) direction width batch steps
 *
 * One layer, one direction, inputs as wide as the state. forward: nothing is kept; both: also the
 * gradients of every parameter and of the inputs. Two passes are not timed; then passes follow for
 * a tenth of a second.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "base/threads.h"
#include "nn/recurrent.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char kind[16], direction[16];
    int width, batch, steps;
} Case;

static Status pass(const Case *c, RecurrentStack *stack, ParameterSet *set, float *x,
                   const float *dy, Arena *arena) {
    const int both = strcmp(c->direction, "both") == 0;
    Tape tape;
    size_t mark = arena_mark(arena);
    tape_open(&tape, arena, both ? TAPE_TRAIN : TAPE_INFER, 1, 1);
    parameters_clear_gradients(set);
    Value *y = nn_recurrent(&tape, stack, tape_input(&tape, x, c->steps * c->batch, c->width),
                            c->steps, c->batch, NULL, NULL);
    Status status = y ? STATUS_OK : tape_status(&tape);
    if (y && both) status = tape_backward_from(&tape, y, dy);
    arena_rewind(arena, mark);
    return status;
}

static Status measure(const Case *c, RecurrentStack *stack, ParameterSet *set, Arena *arena,
                      double *seconds) {
    size_t count = (size_t)c->steps * (size_t)c->batch * (size_t)c->width;
    float *x = arena_take(arena, count * sizeof *x), *dy = arena_take(arena, count * sizeof *dy);
    if (!x || !dy) return STATUS_MEMORY;
    rng_fill_normal(x, count, 1, 1);
    rng_fill_normal(dy, count, 1, 2);
    for (int untimed = 0; untimed < 2; untimed++) STATUS_TRY(pass(c, stack, set, x, dy, arena));
    int passes = 0;
    const double start = clock_seconds();
    do {
        STATUS_TRY(pass(c, stack, set, x, dy, arena));
        passes++;
    } while (clock_seconds() - start < .1);
    *seconds = (clock_seconds() - start) / passes;
    return STATUS_OK;
}

static Status time_case(const Case *c, Arena *arena, double *seconds) {
    static const char *const names[] = {"tanh", "gru", "lstm"};
    for (int kind = 0; kind < 3; kind++) {
        if (strcmp(c->kind, names[kind]) != 0) continue;
        ParameterSet set;
        RecurrentStack stack;
        STATUS_TRY(parameters_open(&set));
        Status status = nn_recurrent_open(&set, &stack, "race", (RecurrentKind)kind, c->width,
                                          c->width, 1, 1, 1, 1);
        if (status == STATUS_OK) status = measure(c, &stack, &set, arena, seconds);
        parameters_close(&set);
        return status;
    }
    return status_fail(STATUS_ARGUMENT, "unknown kind '%s'; expected tanh, gru or lstm", c->kind);
}

int main(void) {
    threads_set(0);
    Arena arena;
    if (arena_open(&arena, 0) != STATUS_OK) {
        fprintf(stderr, "peer_recurrent: %s\n", status_message());
        return 1;
    }
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        Case c;
        double seconds = 0;
        if (sscanf(line, "%15s %15s %d %d %d", c.kind, c.direction, &c.width, &c.batch, &c.steps) !=
            5) {
            fprintf(stderr,
                    "peer_recurrent: expected 'kind direction width batch steps', found: %s", line);
            return 2;
        }
        if (time_case(&c, &arena, &seconds) != STATUS_OK) {
            fprintf(stderr, "peer_recurrent: %s\n", status_message());
            return 1;
        }
        arena_rewind(&arena, 0);
        printf("%.9f\n", seconds);
        fflush(stdout);
    }
    arena_close(&arena);
    return 0;
}
