/* bert: encoders of the BERT family with a classifier on top, as Hugging Face folders hold them.
 *
 * BERT (Devlin et al., NAACL 2019) and MPNet (Song et al., NeurIPS 2020: the same encoder with a
 * relative-position bias shared by all layers (Raffel et al. 2020, T5's buckets), positions that
 * start at 2, no token types, and a classifier of dense + tanh + linear), chosen by config.json's
 * model_type.
 *
 *     Bert *bert;
 *     STATUS_TRY(bert_open(&bert, "all-MiniLM-L6-v2", &(BertOptions){.labels = 2, .seed = 1}));
 *     BertBatch batch = {.sequences = 2, .offsets = (int[]){0, 5, 12}, .ids = ids};
 *     Value *logits = bert_classify(bert, &tape, &batch, NULL);       // [2, labels]
 *     STATUS_TRY(tape_status(&tape));
 *     STATUS_TRY(bert_export(bert, "out"));                           // config, weights,
 * vocabulary bert_close(bert);
 *
 * Sequences are packed end to end without padding.
 */
#ifndef MODEL_BERT_H
#define MODEL_BERT_H

#include "grad/tape.h"
#include "model/bert_config.h"

typedef struct {
    int labels;          /* of the classifier; 2 for CoLA */
    uint64_t seed;       /* of what the folder does not hold: the classifier, BERT's pooler */
    int random_weights;  /* 1: no weight of the folder is used, all are drawn (a control) */
    Precision precision; /* of the products */
} BertOptions;

typedef struct {
    int sequences;
    const int *offsets;   /* [sequences + 1] */
    const int32_t *ids;   /* [offsets[sequences]], special tokens included */
    const int32_t *types; /* the same of token types; NULL: all 0 */
} BertBatch;

typedef struct {
    Parameter *qkv_weight, *qkv_bias;       /* [3 D, D], [3 D]: queries, keys, values */
    Parameter *output_weight, *output_bias; /* [D, D] */
    Parameter *attention_gain, *attention_shift;
    Parameter *up_weight, *up_bias;     /* [F, D] */
    Parameter *down_weight, *down_bias; /* [D, F] */
    Parameter *output_gain, *output_shift;
} BertLayer;

typedef struct {
    BertConfig config;
    BertOptions options;
    char folder[1024]; /* that it was opened from */
    ParameterSet parameters;
    Parameter *words, *positions, *types; /* tables; types NULL for MPNet */
    Parameter *embedding_gain, *embedding_shift;
    Parameter *relative;                  /* [buckets, H]; NULL for BERT */
    BertLayer *layer;                     /* [config.layers] */
    Parameter *pool_weight, *pool_bias;   /* BERT's pooler, MPNet's classifier.dense */
    Parameter *class_weight, *class_bias; /* [labels, D] */
} Bert;

/* Reads config.json and, unless options->random_weights, the weights of `folder`. What the folder
 * does not hold (a classifier, a pooler) is drawn by seed: normal with the configuration's
 * initializer_range, biases 0. *out is the caller's to bert_close, NULL on failure: STATUS_IO,
 * STATUS_FORMAT (with file, tensor, expected, found), STATUS_UNSUPPORTED, STATUS_MEMORY. */
Status bert_open(Bert **out, const char *folder, const BertOptions *options);

void bert_close(Bert *bert);

/* Hidden states of the last layer [T, D]. `hidden` where not NULL gets config.layers + 1 values:
 * the embeddings and what each layer gives. Failures stick to the tape. */
Value *bert_encode(Bert *bert, Tape *tape, const BertBatch *batch, Value **hidden);

/* Logits [sequences, labels]. */
Value *bert_classify(Bert *bert, Tape *tape, const BertBatch *batch, Value **hidden);

/* Multiplies and adds of the products of one forward pass over these lengths, times two. */
double bert_flops(const BertConfig *config, int sequences, const int *offsets);

#endif
