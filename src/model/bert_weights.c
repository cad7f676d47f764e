#include "model/bert_weights.h"

#include "base/rng.h"
#include "store/safetensors_json.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the table ------------------------------------------------------------------------------- */

/* Sizes by letter: V words, P positions, Y types, R buckets, H heads, D width, F feed-forward,
 * L labels. */
typedef struct {
    const char *name;  /* after the prefix */
    const char *shape; /* one letter a size */
    size_t field;      /* of the Parameter * in Bert, or in BertLayer */
    int third;         /* 0, 1, 2: which third of a parameter that holds three tensors */
} Row;

#define AT(field)           offsetof(Bert, field), 0
#define IN(field)           offsetof(BertLayer, field), 0
#define THIRD(field, third) offsetof(BertLayer, field), third

static const Row embeddings[] = {
    {"embeddings.word_embeddings.weight", "VD", AT(words)},
    {"embeddings.position_embeddings.weight", "PD", AT(positions)},
    {"embeddings.token_type_embeddings.weight", "YD", AT(types)}, /* BERT alone */
    {"embeddings.LayerNorm.weight", "D", AT(embedding_gain)},
    {"embeddings.LayerNorm.bias", "D", AT(embedding_shift)},
};
#define TYPES_ROW 2

static const Row bert_layer[] = {
    {"attention.self.query.weight", "DD", THIRD(qkv_weight, 0)},
    {"attention.self.query.bias", "D", THIRD(qkv_bias, 0)},
    {"attention.self.key.weight", "DD", THIRD(qkv_weight, 1)},
    {"attention.self.key.bias", "D", THIRD(qkv_bias, 1)},
    {"attention.self.value.weight", "DD", THIRD(qkv_weight, 2)},
    {"attention.self.value.bias", "D", THIRD(qkv_bias, 2)},
    {"attention.output.dense.weight", "DD", IN(output_weight)},
    {"attention.output.dense.bias", "D", IN(output_bias)},
    {"attention.output.LayerNorm.weight", "D", IN(attention_gain)},
    {"attention.output.LayerNorm.bias", "D", IN(attention_shift)},
    {"intermediate.dense.weight", "FD", IN(up_weight)},
    {"intermediate.dense.bias", "F", IN(up_bias)},
    {"output.dense.weight", "DF", IN(down_weight)},
    {"output.dense.bias", "D", IN(down_bias)},
    {"output.LayerNorm.weight", "D", IN(output_gain)},
    {"output.LayerNorm.bias", "D", IN(output_shift)},
};

static const Row mpnet_layer[] = {
    {"attention.attn.q.weight", "DD", THIRD(qkv_weight, 0)},
    {"attention.attn.q.bias", "D", THIRD(qkv_bias, 0)},
    {"attention.attn.k.weight", "DD", THIRD(qkv_weight, 1)},
    {"attention.attn.k.bias", "D", THIRD(qkv_bias, 1)},
    {"attention.attn.v.weight", "DD", THIRD(qkv_weight, 2)},
    {"attention.attn.v.bias", "D", THIRD(qkv_bias, 2)},
    {"attention.attn.o.weight", "DD", IN(output_weight)},
    {"attention.attn.o.bias", "D", IN(output_bias)},
    {"attention.LayerNorm.weight", "D", IN(attention_gain)},
    {"attention.LayerNorm.bias", "D", IN(attention_shift)},
    {"intermediate.dense.weight", "FD", IN(up_weight)},
    {"intermediate.dense.bias", "F", IN(up_bias)},
    {"output.dense.weight", "DF", IN(down_weight)},
    {"output.dense.bias", "D", IN(down_bias)},
    {"output.LayerNorm.weight", "D", IN(output_gain)},
    {"output.LayerNorm.bias", "D", IN(output_shift)},
};

static const Row bert_pooler[] = {
    {"pooler.dense.weight", "DD", AT(pool_weight)},
    {"pooler.dense.bias", "D", AT(pool_bias)},
};
static const Row bert_head[] = {
    {"classifier.weight", "LD", AT(class_weight)},
    {"classifier.bias", "L", AT(class_bias)},
};

static const Row mpnet_relative[] = {
    {"encoder.relative_attention_bias.weight", "RH", AT(relative)},
};
static const Row mpnet_head[] = {
    {"classifier.dense.weight", "DD", AT(pool_weight)},
    {"classifier.dense.bias", "D", AT(pool_bias)},
    {"classifier.out_proj.weight", "LD", AT(class_weight)},
    {"classifier.out_proj.bias", "L", AT(class_bias)},
};

#define ROWS(table) (sizeof(table) / sizeof *(table))

static int is_mpnet(const Bert *bert) {
    return bert->config.kind == BERT_KIND_MPNET;
}

static const char *prefix_of(const Bert *bert) {
    return is_mpnet(bert) ? "mpnet." : "bert.";
}

static size_t size_of(const Bert *bert, char letter) {
    const BertConfig *config = &bert->config;
    int size = letter == 'V'   ? config->vocabulary
               : letter == 'P' ? config->positions
               : letter == 'Y' ? config->types
               : letter == 'R' ? config->relative_buckets
               : letter == 'H' ? config->heads
               : letter == 'F' ? config->feed_forward
               : letter == 'L' ? bert->options.labels
                               : config->width;
    return (size_t)size;
}

/* The row of slice `index` and the layer that it belongs to (-1: none); NULL past the last. */
static const Row *row_at(const Bert *bert, size_t index, int *layer, int *head) {
    int mpnet = is_mpnet(bert);
    *layer = -1;
    *head = 0;
    size_t before = ROWS(embeddings) - (mpnet ? 1 : 0);
    if (index < before) return &embeddings[index + (mpnet && index >= TYPES_ROW)];
    index -= before;
    size_t in_layers = (size_t)bert->config.layers * ROWS(bert_layer);
    if (index < in_layers) {
        *layer = (int)(index / ROWS(bert_layer));
        index %= ROWS(bert_layer);
        return mpnet ? &mpnet_layer[index] : &bert_layer[index];
    }
    index -= in_layers;
    if (mpnet && index < ROWS(mpnet_relative)) return &mpnet_relative[index];
    *head = 1;
    if (mpnet) {
        index -= ROWS(mpnet_relative);
        return index < ROWS(mpnet_head) ? &mpnet_head[index] : NULL;
    }
    if (index < ROWS(bert_pooler)) return &bert_pooler[index];
    index -= ROWS(bert_pooler);
    return index < ROWS(bert_head) ? &bert_head[index] : NULL;
}

int bert_weights_slice(const Bert *bert, size_t index, BertSlice *out) {
    int layer, head;
    const Row *row = row_at(bert, index, &layer, &head);
    memset(out, 0, sizeof *out);
    if (!row) return 0;
    const char *prefix = strncmp(row->name, "classifier.", 11) == 0 ? "" : prefix_of(bert);
    if (layer < 0)
        snprintf(out->name, sizeof out->name, "%s%s", prefix, row->name);
    else
        snprintf(out->name, sizeof out->name, "%sencoder.layer.%d.%s", prefix, layer, row->name);
    out->optional = head;
    out->rank = (int)strlen(row->shape);
    out->count = 1;
    for (int i = 0; i < out->rank; i++) out->count *= out->shape[i] = size_of(bert, row->shape[i]);
    out->offset = (size_t)row->third * out->count;
    const char *owner = layer < 0     ? (const char *)bert
                        : bert->layer ? (const char *)&bert->layer[layer]
                                      : NULL;
    if (owner) memcpy(&out->parameter, owner + row->field, sizeof out->parameter);
    return 1;
}

/* --- drawing --------------------------------------------------------------------------------- */

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static void draw_slice(const Bert *bert, const BertSlice *slice) {
    float *value = slice->parameter->value + slice->offset;
    if (slice->rank == 1) {
        float fill = ends_with(slice->name, "LayerNorm.weight") ? 1 : 0;
        for (size_t i = 0; i < slice->count; i++) value[i] = fill;
        return;
    }
    rng_fill_normal(value, slice->count, bert->options.seed, rng_stream(slice->name));
    for (size_t i = 0; i < slice->count; i++) value[i] *= bert->config.initializer_range;
}

void bert_weights_draw(Bert *bert) {
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++) draw_slice(bert, &slice);
}

/* --- loading --------------------------------------------------------------------------------- */

/* The names that a slice has had: with and without prefix, today's and those of 2018. */
#define NAMES_MAX 4
typedef struct {
    char name[NAMES_MAX][PARAMETER_NAME_MAX];
    int count;
} Names;

static Names names_of(const Bert *bert, const BertSlice *slice) {
    static const struct {
        const char *now, *then;
    } norms[] = {{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}};
    Names names = {.count = 0};
    const char *prefix = prefix_of(bert);
    size_t skip = strncmp(slice->name, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    strcpy(names.name[names.count++], slice->name);
    if (skip) strcpy(names.name[names.count++], slice->name + skip);
    for (size_t i = 0; i < ROWS(norms); i++) {
        if (!ends_with(slice->name, norms[i].now)) continue;
        size_t stem = strlen(slice->name) - strlen(norms[i].now);
        for (int form = 0, forms = names.count; form < forms; form++) {
            size_t shorter = form ? skip : 0;
            snprintf(names.name[names.count++], PARAMETER_NAME_MAX, "%.*s%s", (int)(stem - shorter),
                     slice->name + shorter, norms[i].then);
        }
    }
    return names;
}

/* NULL in *out where the file has it under none of its names; two of them are an error. */
static Status find_slice(const Safetensors *model, const Names *names,
                         const SafetensorsEntry **out) {
    *out = NULL;
    for (int i = 0; i < names->count; i++) {
        const SafetensorsEntry *entry = safetensors_find(model, names->name[i]);
        if (entry && *out)
            return status_fail(
                STATUS_FORMAT,
                "%s: holds both '%s' and '%s', two names of one tensor; expected one "
                "of them: the file was put together from two models, get it again",
                entry->file, (*out)->name, entry->name);
        if (entry) *out = entry;
    }
    return STATUS_OK;
}

static Status missing(const Bert *bert, const Safetensors *model, const BertSlice *slice,
                      const Names *names) {
    char tried[NAMES_MAX * (PARAMETER_NAME_MAX + 8)] = "";
    for (int i = 1; i < names->count; i++) {
        strcat(tried, i == 1 ? " (nor '" : "', nor '");
        strcat(tried, names->name[i]);
    }
    if (names->count > 1) strcat(tried, "')");
    size_t count = safetensors_count(model);
    return status_fail(STATUS_FORMAT,
                       "%s: no tensor '%s'%s among its %zu; expected the weights of the %s of %d "
                       "layers of width %d that config.json describes",
                       count ? safetensors_at(model, 0)->file : "the model", slice->name, tried,
                       count, is_mpnet(bert) ? "MPNet" : "BERT", bert->config.layers,
                       bert->config.width);
}

/* What a model may hold beside an encoder and our classifier. */
static int passed_over(const Bert *bert, const char *name) {
    static const char *const heads[] = {"cls.", "lm_head.", "qa_outputs."};
    for (size_t i = 0; i < ROWS(heads); i++)
        if (strncmp(name, heads[i], strlen(heads[i])) == 0) return 1;
    if (ends_with(name, ".position_ids") || ends_with(name, ".token_type_ids")) return 1;
    if (!is_mpnet(bert)) return 0;
    if (strncmp(name, "mpnet.", 6) == 0) name += 6;
    return strncmp(name, "pooler.", 7) == 0;
}

static Status unknown(const Bert *bert, const SafetensorsEntry *entry) {
    char name[SAFETENSORS_QUOTE];
    return status_fail(STATUS_FORMAT,
                       "%s: tensor '%s' has no place in a %s of %d layers; expected none but those "
                       "of the encoder, its classifier and the heads of pre-training: is this the "
                       "config.json of these weights?",
                       entry->file, safetensors_quote(name, entry->name),
                       is_mpnet(bert) ? "MPNet" : "BERT", bert->config.layers);
}

static Status check_shape(const Bert *bert, const Safetensors *model, const BertSlice *slice,
                          const SafetensorsEntry *entry) {
    Parameter *classifier = slice->parameter == bert->class_weight ? bert->class_weight : NULL;
    if (classifier && entry->rank == 2 && entry->shape[0] != slice->shape[0] &&
        entry->shape[1] == slice->shape[1])
        return status_fail(STATUS_FORMAT,
                           "%s: tensor '%s' is a classifier of %zu labels; expected %zu: use a "
                           "model without a classifier, or one of as many labels",
                           entry->file, entry->name, entry->shape[0], slice->shape[0]);
    const SafetensorsEntry *same;
    return safetensors_expect(model, entry->name, SAFETENSORS_OTHER, slice->rank, slice->shape,
                              &same);
}

/* Slices whose weight is there without its bias, or the reverse, were cut out of a model. */
static Status check_pair(const Bert *bert, const Safetensors *model,
                         const SafetensorsEntry *const *from, size_t index) {
    BertSlice slice;
    bert_weights_slice(bert, index, &slice);
    size_t other = ends_with(slice.name, ".weight") ? index + 1 : index - 1;
    if (slice.optional && !from[other]) return STATUS_OK;
    Names names = names_of(bert, &slice);
    return missing(bert, model, &slice, &names);
}

/* Finds where every slice comes from (from[i], NULL: to be drawn) and checks what can be checked
 * without touching a number. used [safetensors_count] gets 1 for tensors that have a place. */
static Status plan(const Bert *bert, const Safetensors *model, const SafetensorsEntry **from,
                   unsigned char *used) {
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++) {
        Names names = names_of(bert, &slice);
        STATUS_TRY(find_slice(model, &names, &from[i]));
        if (!from[i]) continue;
        used[from[i] - safetensors_at(model, 0)] = 1;
        STATUS_TRY(check_shape(bert, model, &slice, from[i]));
    }
    /* Which is missing says more once shapes are right, and what is unknown comes last: a model of
     * another kind has all three faults. */
    for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++)
        if (!from[i]) STATUS_TRY(check_pair(bert, model, from, i));
    for (size_t i = 0; i < safetensors_count(model); i++)
        if (!used[i] && !passed_over(bert, safetensors_at(model, i)->name))
            return unknown(bert, safetensors_at(model, i));
    return STATUS_OK;
}

/* One NaN would spread to every logit and gradient, and be met far from its cause. */
static Status check_finite(const SafetensorsEntry *entry, const float *value) {
    size_t at = 0;
    while (at < entry->count && isfinite(value[at])) at++;
    if (at == entry->count) return STATUS_OK;
    return status_fail(
        STATUS_FORMAT,
        "%s: tensor '%s': number %zu of %zu is %g; expected finite numbers: the file "
        "is damaged or its training diverged, get it again",
        entry->file, entry->name, at, entry->count, (double)value[at]);
}

static Status copy(const Bert *bert, const SafetensorsEntry *const *from) {
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++) {
        if (!from[i]) {
            draw_slice(bert, &slice);
            continue;
        }
        float *value = slice.parameter->value + slice.offset;
        STATUS_TRY(safetensors_read(from[i], value));
        STATUS_TRY(check_finite(from[i], value));
    }
    return STATUS_OK;
}

Status bert_weights_read(Bert *bert, const Safetensors *model) {
    BertSlice slice;
    size_t slices = 0;
    while (bert_weights_slice(bert, slices, &slice)) slices++;
    size_t tensors = safetensors_count(model);
    const SafetensorsEntry **from = calloc(slices, sizeof *from);
    unsigned char *used = calloc(tensors + 1, 1);
    Status status;
    if (!from || !used) {
        status = status_fail(STATUS_MEMORY, "no memory for a list of %zu tensors", tensors);
    } else {
        status = plan(bert, model, from, used);
        if (status == STATUS_OK) status = copy(bert, from);
    }
    free(from);
    free(used);
    return status;
}

Status bert_weights_load(Bert *bert, const char *folder) {
    Safetensors *model;
    STATUS_TRY(safetensors_open(&model, folder));
    Status status = bert_weights_read(bert, model);
    safetensors_close(model);
    return status;
}
