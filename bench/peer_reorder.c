/* peer_reorder: our side of a race of training steps of the word orderer (bench/peers/race.py
 * reorder).
 *
 * Reads a command a line from standard input and answers each with seconds:
 *
 *     reorder SENTENCES WORDS PRECISION     one training step (forward, backward, clipping, AdamW)
 *                                           on that many sentences of that many words
 *
 * The words are drawn, most of them from the frequent ones, as in a text. The model is
 * reorderer_config_default; the optimiser's state is fresh in every process. `PRECISION` is f32 or
 * bf16. A command that cannot be done ends the program with a message.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"
#include "base/rng.h"
#include "base/threads.h"
#include "model/reorderer.h"
#include "train/adamw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Reorderer *model;
    Adamw *adamw;
    Arena arena;
    Precision precision;
    uint64_t step;
} Peer;

static Status open_model(Peer *peer, Precision precision) {
    if (peer->model && peer->precision == precision) return STATUS_OK;
    adamw_close(peer->adamw);
    reorderer_close(peer->model);
    ReordererConfig config = reorderer_config_default();
    config.precision = precision;
    peer->adamw = NULL;
    peer->precision = precision;
    STATUS_TRY(reorderer_open(&peer->model, &config, 1));
    return adamw_open(&peer->adamw, reorderer_parameters(peer->model),
                      &(AdamwOptions){.9, .99, 1e-8, .01, .layer_decay = 1});
}

/* Ids whose frequency falls with their rank: id = words^u - 1, affixes likewise. */
static Status draw(Peer *peer, int sentences, int words, ReorderBatch *batch) {
    const ReordererConfig *c = reorderer_config(peer->model);
    const size_t rows = (size_t)sentences * (size_t)words;
    int *offsets = arena_take(&peer->arena, ((size_t)sentences + 1) * sizeof *offsets);
    uint32_t *ids = arena_take(&peer->arena, rows * sizeof *ids);
    int32_t *features = arena_take(&peer->arena, rows * REORDERER_FEATURES * sizeof *features);
    if (!offsets || !ids || !features) return STATUS_MEMORY;
    for (int b = 0; b <= sentences; b++) offsets[b] = b * words;
    for (size_t t = 0; t < rows; t++) {
        ids[t] = (uint32_t)(pow(c->words, rng_uniform(1, peer->step, t)) - 1);
        features[t * REORDERER_FEATURES] = (int32_t)ids[t] + 2;
        for (uint64_t f = 1; f < REORDERER_FEATURES; f++)
            features[t * REORDERER_FEATURES + f] =
                1 + (int32_t)rng_below(2, ids[t], f, (uint64_t)c->affixes);
    }
    *batch = (ReorderBatch){sentences, offsets, ids, features};
    return STATUS_OK;
}

static Status run_step(Peer *peer, int sentences, int words, double *seconds) {
    Tape tape;
    ReorderBatch batch;
    arena_rewind(&peer->arena, 0);
    STATUS_TRY(draw(peer, sentences, words, &batch));
    const double begun = clock_seconds();
    tape_open(&tape, &peer->arena, TAPE_TRAIN, 1, peer->step++);
    Value *loss = reorderer_loss(peer->model, &tape, &batch, NULL);
    STATUS_TRY(tape_status(&tape));
    STATUS_TRY(tape_backward(&tape, loss, 1));
    const double norm = adamw_norm(peer->adamw);
    STATUS_TRY(adamw_step(peer->adamw, 1e-3, norm > 1 ? 1 / norm : 1));
    *seconds = clock_seconds() - begun;
    return STATUS_OK;
}

static Status answer(Peer *peer, const char *line) {
    char precision[8];
    int sentences, words;
    double seconds;
    if (sscanf(line, "reorder %d %d %7s", &sentences, &words, precision) != 3 || sentences < 1 ||
        words < 1 || sentences > 100000 || words > 256)
        return status_fail(STATUS_ARGUMENT,
                           "command '%.60s'; expected reorder SENTENCES WORDS PRECISION", line);
    STATUS_TRY(open_model(peer, strcmp(precision, "f32") ? PRECISION_BF16 : PRECISION_F32));
    STATUS_TRY(run_step(peer, sentences, words, &seconds));
    printf("%.9f\n", seconds);
    return STATUS_OK;
}

int main(void) {
    threads_set(getenv("OMP_NUM_THREADS") ? threads_count() : 0);
    Peer peer = {0};
    char *line = NULL;
    size_t room = 0;
    Status status = arena_open(&peer.arena, 0);
    while (status == STATUS_OK && getline(&line, &room, stdin) >= 0) {
        status = answer(&peer, line);
        fflush(stdout);
    }
    if (status != STATUS_OK) fprintf(stderr, "peer_reorder: %s\n", status_message());
    adamw_close(peer.adamw);
    reorderer_close(peer.model);
    arena_close(&peer.arena);
    free(line);
    return status != STATUS_OK;
}
