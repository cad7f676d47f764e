/* bert_config: the shape of a BERT or MPNet, from its config.json.
 *
 *     BertConfig config;
 *     STATUS_TRY(bert_config_load("all-MiniLM-L6-v2/config.json", &config));
 *     printf("%d layers, sequences of up to %d\n", config.layers, bert_config_longest(&config));
 */
#ifndef MODEL_BERT_CONFIG_H
#define MODEL_BERT_CONFIG_H

#include "base/status.h"
#include <stddef.h>

/* The largest config.json that is read, in bytes: real ones have about one thousand. */
#define BERT_CONFIG_BYTES_MAX ((size_t)1 << 20)

typedef enum { BERT_KIND_BERT, BERT_KIND_MPNET } BertKind;

typedef struct {
    BertKind kind;        /* model_type */
    int layers;           /* num_hidden_layers */
    int width;            /* D: hidden_size */
    int heads;            /* H: num_attention_heads; divides D */
    int feed_forward;     /* F: intermediate_size */
    int vocabulary;       /* V: vocab_size */
    int positions;        /* rows of the position table: max_position_embeddings */
    int first_position;   /* of the first token: 0 for BERT; 2 for MPNet, where the reference has
                             written it into its code (its padding has 1) */
    int types;            /* type_vocab_size; 0 for MPNet */
    int relative_buckets; /* relative_attention_num_buckets; 0 for BERT */
    float epsilon;        /* layer_norm_eps */
    float initializer_range;
    float hidden_dropout, attention_dropout;
    float classifier_dropout; /* before the classifier: classifier_dropout, else hidden_dropout */
    int labels; /* that the file declares (num_labels, else entries of id2label); 0: none */
} BertConfig;

/* STATUS_IO; STATUS_FORMAT naming file, key, expected and found for JSON that is broken, a key that
 * is missing or out of range, heads that do not divide the width, a file above
 * BERT_CONFIG_BYTES_MAX; STATUS_UNSUPPORTED for what the reference would compute differently:
 * another model_type, another hidden_act than gelu, position_embedding_type other than absolute, a
 * decoder, other than 32 buckets. Keys that Hugging Face defaults (epsilon 1e-12, dropout .1,
 * initializer_range .02, hidden_act gelu, types 2, buckets 32) may be absent or null. */
Status bert_config_load(const char *path, BertConfig *out);

/* The same from `size` bytes in memory, which stay the caller's; `path` is for messages. */
Status bert_config_parse(const char *path, const void *bytes, size_t size, BertConfig *out);

/* The longest sequence, special tokens included. */
int bert_config_longest(const BertConfig *config);

/* The bytes of a regular file of at most BERT_CONFIG_BYTES_MAX, with a NUL behind; the caller's to
 * free, NULL on failure: STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
Status bert_config_read(const char *path, char **bytes, size_t *size);

#endif
