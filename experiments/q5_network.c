/* The two networks that the experiment trains, as one thing: opened, taught, asked. */
#include "q5_batches.h"

#include <stdlib.h>
#include <string.h>

/* Sentences that are scored in one pass. */
#define SCORE_SENTENCES 200

const char *const q5_network_slug[Q5_NETWORKS] = {"pointer", "lstm"};

Status q5_network_open(Q5Network *out, const Q5ReorderPlan *plan) {
    *out = (Q5Network){0};
    return plan->network == Q5_LSTM
               ? pointer_lstm_open(&out->lstm, &plan->lstm, (uint64_t)plan->seed)
               : reorderer_open(&out->pointer, &plan->shape, (uint64_t)plan->seed);
}

void q5_network_close(Q5Network *network) {
    reorderer_close(network->pointer), pointer_lstm_close(network->lstm);
    *network = (Q5Network){0};
}

ParameterSet *q5_network_parameters(const Q5Network *n) {
    return n->lstm ? pointer_lstm_parameters(n->lstm) : reorderer_parameters(n->pointer);
}

Status q5_network_search(const Q5Network *n, Arena *arena, const ReorderBatch *bags,
                         const ReordererSearch *search, int *order) {
    return n->lstm ? pointer_lstm_search(n->lstm, arena, bags, search, order, NULL)
                   : reorderer_search(n->pointer, arena, bags, search, order, NULL);
}

/* --- the loss of some sentences --------------------------------------------------------------- */

Status q5_pointer_loss(const Q5Network *n, Tape *tape, const Q5Sentences *data, const Q5Part *part,
                       const uint32_t *example, size_t first, size_t count, Value **out,
                       TrainCount *counted) {
    ReorderBatch batch;
    int right = 0;
    STATUS_TRY(q5_pack(tape, data, part, example, first, count, &batch));
    *out = reorderer_loss(n->pointer, tape, &batch, &right);
    *counted = (TrainCount){right, batch.offsets[count]};
    return tape_status(tape);
}

Status q5_lstm_loss(const Q5Network *n, Tape *tape, const Q5Sentences *data, const ReorderSet *set,
                    const Q5Batch *batch, uint64_t seed, uint64_t stream, Value **out,
                    TrainCount *counted) {
    Q5Packed packed;
    int right = 0;
    STATUS_TRY(q5_batch_pack(tape->arena, data, set, batch, seed, stream, &packed));
    const PointerLstmBatch given = {batch->count, batch->length, packed.words, packed.features,
                                    packed.given};
    *out = pointer_lstm_loss(n->lstm, tape, &given, &right);
    *counted = (TrainCount){right, (double)batch->count * batch->length};
    return tape_status(tape);
}

/* --- the loss of a part ----------------------------------------------------------------------- */

typedef struct {
    double loss, right, words;
} Sum;

static void add(Sum *sum, const Value *mean, TrainCount counted) {
    sum->loss += (double)mean->data[0] * counted.counted;
    sum->right += counted.right, sum->words += counted.counted;
}

static Status sum_pointer(const Q5Network *n, Arena *arena, const Q5Sentences *data,
                          const Q5Part *part, Sum *sum) {
    for (size_t first = 0; first < part->count; first += SCORE_SENTENCES) {
        const size_t left = part->count - first;
        const size_t count = left < SCORE_SENTENCES ? left : SCORE_SENTENCES;
        const size_t mark = arena_mark(arena);
        Tape tape;
        Value *mean;
        TrainCount counted;
        tape_open(&tape, arena, TAPE_INFER, 0, 0);
        STATUS_TRY(q5_pointer_loss(n, &tape, data, part, NULL, first, count, &mean, &counted));
        add(sum, mean, counted);
        arena_rewind(arena, mark);
    }
    return STATUS_OK;
}

static Status sum_lstm(const Q5Network *n, Arena *arena, const Q5Sentences *data,
                       const Q5Part *part, Sum *sum) {
    Q5Batches batches;
    Status status = STATUS_OK;
    STATUS_TRY(q5_batches_open(&batches, part, SCORE_SENTENCES, 1));
    for (size_t i = 0; status == STATUS_OK && i < batches.count; i++) {
        const size_t mark = arena_mark(arena);
        Tape tape;
        Value *mean;
        TrainCount counted;
        tape_open(&tape, arena, TAPE_INFER, 0, 0);
        status = q5_lstm_loss(n, &tape, data, part->set, &batches.batch[i], 1, 0, &mean, &counted);
        if (status == STATUS_OK) add(sum, mean, counted);
        arena_rewind(arena, mark);
    }
    q5_batches_close(&batches);
    return status;
}

Status q5_loss(const Q5Network *n, Arena *arena, const Q5Sentences *data, const Q5Part *part,
               double *loss, double *accuracy) {
    Sum sum = {0};
    STATUS_TRY(n->lstm ? sum_lstm(n, arena, data, part, &sum)
                       : sum_pointer(n, arena, data, part, &sum));
    *loss = sum.words > 0 ? sum.loss / sum.words : 0;
    *accuracy = sum.words > 0 ? sum.right / sum.words : 0;
    return STATUS_OK;
}
