/* q5_batches: sentences of one length together, with their words in an order drawn anew: what a
 * recurrent network is trained with.
 *
 *     Q5Batches batches;
 *     STATUS_TRY(q5_batches_open(&batches, &sentences.train, 200, seed));
 *     Q5Packed packed;
 *     STATUS_TRY(q5_batch_pack(tape.arena, &sentences, set, &batches.batch[i], seed, stream,
 *                              &packed));
 *     q5_batches_close(&batches);
 */
#ifndef EXPERIMENTS_Q5_BATCHES_H
#define EXPERIMENTS_Q5_BATCHES_H

#include "q5_reorder.h"

/* `sentence` are indices into a part's set. */
typedef struct {
    int length, count;
    const uint32_t *sentence;
} Q5Batch;

typedef struct {
    size_t count;
    Q5Batch *batch; /* [count] */
    uint32_t *memory;
} Q5Batches;

/* Every sentence of a part as often as it stands there, in batches of at most `most` sentences of
 * one length; which stand together is drawn by the seed. The caller's to q5_batches_close. */
Status q5_batches_open(Q5Batches *out, const Q5Part *part, int most, uint64_t seed);
void q5_batches_close(Q5Batches *batches);

/* B sentences of N words. */
typedef struct {
    int *offsets;      /* [B+1] */
    uint32_t *words;   /* [B N] in the right order */
    int32_t *features; /* likewise, REORDERER_FEATURES each */
    int *given;        /* [B N] which word of its sentence stands at each given place */
} Q5Packed;

/* Into the arena's memory. The order in which the words are given is a function of seed, stream and
 * sentence alone. */
Status q5_batch_pack(Arena *arena, const Q5Sentences *data, const ReorderSet *set,
                     const Q5Batch *batch, uint64_t seed, uint64_t stream, Q5Packed *out);

/* The LSTM's mean loss of a batch packed so. */
Status q5_lstm_loss(const Q5Network *network, Tape *tape, const Q5Sentences *data,
                    const ReorderSet *set, const Q5Batch *batch, uint64_t seed, uint64_t stream,
                    Value **out, TrainCount *counted);

#endif
