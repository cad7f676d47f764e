/* reorderer_parts: the parameters of a reorderer. For model/reorderer*.c only. */
#ifndef MODEL_REORDERER_PARTS_H
#define MODEL_REORDERER_PARTS_H

#include "model/reorderer.h"
#include "model/transformer_parts.h"

struct Reorderer {
    ReordererConfig config;
    Transformer *body;      /* both halves, whose parameters hold the following ones too */
    Parameter *words;       /* [words + 2, D]: the others, the begin of a sentence, the words */
    Parameter *affixes;     /* [affixes + 1, D]: the first of the begin of a sentence */
    Parameter *places;      /* [places, D]: where the decoder is */
    Parameter *left;        /* [places + 1, D]: how many words are left */
    Parameter *state;       /* [D, D]: of the encoder's state of the word placed last */
    Parameter *query, *key; /* [D, D] */
};

/* Rows of `words`. */
enum { REORDERER_OTHER, REORDERER_BEGIN, REORDERER_FIRST };

/* The place and the number of words left, as rows of their tables. */
static inline int32_t reorderer_place(const ReordererConfig *c, int t) {
    return t < c->places ? t : c->places - 1;
}
static inline int32_t reorderer_left(const ReordererConfig *c, int left) {
    return left < c->places ? left : c->places;
}

/* The sums that stand for the words [T, D]. */
Value *reorderer_embed(Reorderer *model, Tape *tape, const ReorderBatch *batch);

#endif
