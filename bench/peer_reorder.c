/* peer_reorder: our side of races of the word orderer (bench/peers/race.py reorder, decode).
 *
 * Reads a command a line from standard input and answers each with a line:
 *
 *     reorder SENTENCES WORDS PRECISION     seconds of one training step (forward, backward,
 *                                           clipping, AdamW) on so many sentences of so many words
 *     load FILE                             from now on the weights of q5_reorder --model=FILE
 *     export FILE SENTENCES WORDS           draws bags, in none of which a word repeats, and writes
 *                                           them and the weights, for the other side
 *     decode BEAM PRECISION                 seconds of putting those bags into order
 *     answers BEAM PRECISION                the rows of the words in the order found, bag by bag
 *
 * The words are drawn, most of them from the frequent ones, as in a text. Without `load` the model
 * is reorderer_config_default, drawn; the optimiser's state is fresh in every process. `PRECISION`
 * is f32 or bf16. A command that cannot be done ends the program with a message.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"
#include "base/rng.h"
#include "base/threads.h"
#include "model/reorderer_file.h"
#include "model/reorderer_search.h"
#include "store/safetensors_write.h"
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
    char path[1024]; /* of the weights; "": drawn */
    int bags, words; /* that are decoded: so many, of so many words */
    int *offsets;    /* [bags + 1] */
    uint32_t *id;    /* [bags * words] */
    int32_t *feature;
} Peer;

static Status open_model(Peer *peer, Precision precision) {
    if (peer->model && peer->precision == precision) return STATUS_OK;
    adamw_close(peer->adamw);
    reorderer_close(peer->model);
    ReordererConfig config = reorderer_config_default();
    config.precision = precision;
    peer->adamw = NULL;
    peer->model = NULL;
    peer->precision = precision;
    if (*peer->path) {
        ReorderWords words = {0};
        const Status status = reorderer_load(&peer->model, precision, peer->path, &words);
        reorder_words_free(&words);
        return status;
    }
    return reorderer_open(&peer->model, &config, 1);
}

static Status open_adamw(Peer *peer) {
    if (peer->adamw) return STATUS_OK;
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

/* --- decoding ----------------------------------------------------------------------------------
 */

static void close_bags(Peer *peer) {
    free(peer->offsets), free(peer->id), free(peer->feature);
    peer->offsets = NULL, peer->id = NULL, peer->feature = NULL;
    peer->bags = peer->words = 0;
}

static int is_among(const uint32_t *id, int count, uint32_t one) {
    for (int i = 0; i < count; i++)
        if (id[i] == one) return 1;
    return 0;
}

static Status draw_bags(Peer *peer, int bags, int words) {
    const ReordererConfig *c = reorderer_config(peer->model);
    const size_t rows = (size_t)bags * (size_t)words;
    close_bags(peer);
    peer->offsets = malloc(((size_t)bags + 1) * sizeof *peer->offsets);
    peer->id = malloc(rows * sizeof *peer->id);
    peer->feature = malloc(rows * REORDERER_FEATURES * sizeof *peer->feature);
    if (!peer->offsets || !peer->id || !peer->feature)
        return status_fail(STATUS_MEMORY, "no memory for %zu words", rows);
    if (words > c->words)
        return status_fail(STATUS_ARGUMENT, "%d different words; the model knows %d", words,
                           c->words);
    peer->bags = bags, peer->words = words;
    uint64_t draw = 0;
    for (size_t t = 0; t < rows; t++) {
        const uint32_t *bag = peer->id + t - t % (size_t)words;
        do peer->id[t] = (uint32_t)(pow(c->words, rng_uniform(3, 0, draw++)) - 1);
        while (is_among(bag, (int)(t % (size_t)words), peer->id[t]));
        int32_t *feature = peer->feature + t * REORDERER_FEATURES;
        feature[0] = (int32_t)peer->id[t] + 2;
        for (uint64_t f = 1; f < REORDERER_FEATURES; f++)
            feature[f] = 1 + (int32_t)rng_below(2, peer->id[t], f, (uint64_t)c->affixes);
    }
    for (int b = 0; b <= bags; b++) peer->offsets[b] = b * words;
    return STATUS_OK;
}

/* The weights as they are multiplied with, and the bags' features [bags, words,
 * REORDERER_FEATURES], which a float holds exactly. */
static Status export_all(Peer *peer, const char *path) {
    const ParameterSet *set = reorderer_parameters(peer->model);
    const size_t rows = (size_t)peer->bags * (size_t)peer->words, all = rows * REORDERER_FEATURES;
    SafetensorsTensor *tensor = calloc(set->count + 1, sizeof *tensor);
    float *features = malloc(all * sizeof *features);
    Status status = tensor && features ? STATUS_OK : status_fail(STATUS_MEMORY, "no memory");
    for (size_t i = 0; status == STATUS_OK && i < set->count; i++) {
        const Parameter *p = set->item[i];
        tensor[i] = (SafetensorsTensor){
            .name = p->name, .type = SAFETENSORS_F32, .rank = p->rank, .data = p->value};
        memcpy(tensor[i].shape, p->shape, (size_t)p->rank * sizeof *p->shape);
    }
    for (size_t i = 0; status == STATUS_OK && i < all; i++) features[i] = (float)peer->feature[i];
    if (status == STATUS_OK) {
        tensor[set->count] = (SafetensorsTensor){
            .name = "bags",
            .type = SAFETENSORS_F32,
            .rank = 3,
            .shape = {(size_t)peer->bags, (size_t)peer->words, REORDERER_FEATURES},
            .data = features};
        status = safetensors_write(path, tensor, set->count + 1, NULL, 0);
    }
    free(tensor), free(features);
    return status;
}

static Status decode(Peer *peer, int beam, int print) {
    if (!peer->bags) return status_fail(STATUS_ARGUMENT, "no bags; expected an export before");
    arena_rewind(&peer->arena, 0);
    const size_t rows = (size_t)peer->bags * (size_t)peer->words;
    int *order = arena_take(&peer->arena, rows * sizeof *order);
    if (!order) return STATUS_MEMORY;
    const ReorderBatch batch = {peer->bags, peer->offsets, peer->id, peer->feature};
    const double begun = clock_seconds();
    STATUS_TRY(reorderer_search(peer->model, &peer->arena, &batch, &(ReordererSearch){.beam = beam},
                                order, NULL));
    const double seconds = clock_seconds() - begun;
    if (!print) printf("%.9f\n", seconds);
    for (size_t t = 0; print && t < rows; t++) {
        const size_t first = t - t % (size_t)peer->words;
        printf("%u%c", peer->id[first + (size_t)order[t]] + 2, t + 1 < rows ? ' ' : '\n');
    }
    return STATUS_OK;
}

/* --- commands ----------------------------------------------------------------------------------
 */

static Precision precision_of(const char *word) {
    return strcmp(word, "f32") ? PRECISION_BF16 : PRECISION_F32;
}

static Status train(Peer *peer, int sentences, int words, const char *precision) {
    double seconds;
    STATUS_TRY(open_model(peer, precision_of(precision)));
    STATUS_TRY(open_adamw(peer));
    STATUS_TRY(run_step(peer, sentences, words, &seconds));
    printf("%.9f\n", seconds);
    return STATUS_OK;
}

static Status load(Peer *peer, const char *path) {
    snprintf(peer->path, sizeof peer->path, "%s", path);
    reorderer_close(peer->model);
    peer->model = NULL;
    STATUS_TRY(open_model(peer, PRECISION_F32));
    printf("%zu\n", parameters_count(reorderer_parameters(peer->model)));
    return STATUS_OK;
}

static Status export(Peer *peer, const char *path, int bags, int words) {
    STATUS_TRY(open_model(peer, PRECISION_F32));
    STATUS_TRY(draw_bags(peer, bags, words));
    STATUS_TRY(export_all(peer, path));
    printf("%d\n", bags * words);
    return STATUS_OK;
}

static Status answer(Peer *peer, const char *line) {
    char word[8], path[1024];
    int sentences, words, beam;
    if (sscanf(line, "reorder %d %d %7s", &sentences, &words, word) == 3 && sentences > 0 &&
        words > 0 && sentences <= 100000 && words <= 256)
        return train(peer, sentences, words, word);
    if (sscanf(line, "load %1023s", path) == 1) return load(peer, path);
    if (sscanf(line, "export %1023s %d %d", path, &sentences, &words) == 3 && sentences > 0 &&
        words > 0 && sentences <= 100000 && words <= 40)
        return export(peer, path, sentences, words);
    const int timed = sscanf(line, "decode %d %7s", &beam, word) == 2;
    if (timed || sscanf(line, "answers %d %7s", &beam, word) == 2) {
        STATUS_TRY(open_model(peer, precision_of(word)));
        return decode(peer, beam, !timed);
    }
    return status_fail(STATUS_ARGUMENT,
                       "command '%.60s'; expected reorder SENTENCES WORDS PRECISION, load FILE, "
                       "export FILE SENTENCES WORDS, decode or answers BEAM PRECISION",
                       line);
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
    close_bags(&peer);
    adamw_close(peer.adamw);
    reorderer_close(peer.model);
    arena_close(&peer.arena);
    free(line);
    return status != STATUS_OK;
}
