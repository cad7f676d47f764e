/* fuzz_models: damaged weights and configurations are refused with a message, or what is loaded is
 * what the bytes say, read here a second time in the plainest way. */
#include "base/rng.h"
#include "fuzz/mutate.h"
#include "model/bert_weights.h"
#include "store/safetensors.h"
#include "unit/bert_folder.h"

#include <cjson/cJSON.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_fuzz_models(void);

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* --- weights ---------------------------------------------------------------------------------- */

static const struct {
    const char *config, *weights, *prefix;
} models[] = {
    {"tests/golden/bert_tiny", "tests/golden/bert_tiny/model.safetensors", "bert."},
    {"tests/golden/bert_tiny", "tests/golden/bert_tiny_old_names.safetensors", "bert."},
    {"tests/golden/mpnet_tiny", "tests/golden/mpnet_tiny/model.safetensors", "mpnet."},
};

static const char *const header_words[] = {
    "0",
    "1",
    "-1",
    "31",
    "32",
    "33",
    "64",
    "120",
    "1e3",
    "1.0",
    "32.5",
    "null",
    "true",
    "[]",
    "{}",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "F32",
    "F16",
    "BF16",
    "F64",
    "I64",
    "bert.",
    "cls.",
    "gamma",
    "weight",
    "bias",
    "shape",
    "dtype",
    "\\u0000",
    "\xd8\xaa",
    "layer",
    "mpnet",
    "query",
    "key",
    ".1.",
    "pooler",
    "lm_head.",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "data_offsets",
    "__metadata__",
    "classifier.",
};

static size_t header_length(Bytes file) {
    size_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | file.bytes[i];
    return length;
}

static Bytes assemble(Bytes header, size_t length, const unsigned char *data, size_t size) {
    Bytes file = {malloc(8 + header.size + size), 8 + header.size + size};
    MUST(file.bytes);
    for (int i = 0; i < 8; i++) file.bytes[i] = (unsigned char)(length >> 8 * i);
    memcpy(file.bytes + 8, header.bytes, header.size);
    memcpy(file.bytes + 8 + header.size, data, size);
    return file;
}

/* Of three trials one changes a byte of the numbers, one the header (which mostly keeps a length
 * that fits: without it nothing gets past the first check), one any bytes. *number gets where the
 * changed byte is, 0 where it is none of the numbers'. */
static Bytes damaged(Bytes good, size_t *number) {
    size_t length = header_length(good), data = 8 + length;
    *number = 0;
    if (mutate_trial % 3 == 0) {
        Bytes file = mutate_copy(good.bytes, good.size);
        *number = data + mutate_below(0, good.size - data);
        file.bytes[*number] = (unsigned char)mutate_below(1, 256);
        return file;
    }
    if (mutate_trial % 3 == 1) {
        Bytes header = mutate((Bytes){good.bytes + 8, length}, header_words, COUNT(header_words));
        size_t says = mutate_below(0, 8) ? header.size : mutate_below(1, 2 * good.size);
        Bytes file = assemble(header, says, good.bytes + data, good.size - data);
        free(header.bytes);
        return file;
    }
    return mutate(good, header_words, COUNT(header_words));
}

/* "embeddings.LayerNorm.gamma" as "bert.embeddings.LayerNorm.weight". */
static void today(const char *name, const char *prefix, char *out, size_t room) {
    int bare = strncmp(name, prefix, strlen(prefix)) != 0 && strncmp(name, "classifier.", 11) != 0;
    snprintf(out, room, "%s%s", bare ? prefix : "", name);
    size_t length = strlen(out);
    const char *old = length > 16 ? out + length - 16 : out;
    if (strcmp(old, ".LayerNorm.gamma") == 0)
        snprintf(out + length - 5, room - length + 5, "weight");
    else if (length > 15 && strcmp(out + length - 15, ".LayerNorm.beta") == 0)
        snprintf(out + length - 4, room - length + 4, "bias");
}

/* The tensor of that slice in the header; NULL where there is none. */
static const cJSON *entry_of(const cJSON *header, const char *slice, const char *prefix) {
    const cJSON *entry;
    cJSON_ArrayForEach(entry, header) {
        char name[512];
        today(entry->string, prefix, name, sizeof name);
        if (strcmp(name, slice) == 0) return entry;
    }
    return NULL;
}

/* What was loaded for a slice is where the header says, or was drawn. */
static void check_slice(const Bert *bert, const BertSlice *slice, Bytes file, const cJSON *header,
                        const char *prefix) {
    const float *value = slice->parameter->value + slice->offset;
    const cJSON *entry = entry_of(header, slice->name, prefix);
    size_t finite = 0; /* counted, because every assertion of Check costs a write */
    while (finite < slice->count && isfinite(value[finite])) finite++;
    MUST(finite == slice->count);
    if (!entry) {
        MUST(slice->optional);
        float first = slice->rank == 1
                          ? 0
                          : (float)rng_normal(bert->options.seed, rng_stream(slice->name), 0) *
                                bert->config.initializer_range;
        MUST(fabsf(value[0] - first) <= 1e-6f);
        return;
    }
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "dtype"));
    MUST(cJSON_GetArraySize(shape) == slice->rank);
    for (int i = 0; i < slice->rank; i++)
        MUST((size_t)cJSON_GetArrayItem(shape, i)->valuedouble == slice->shape[i]);
    MUST(strcmp(type, "F32") == 0); /* another would need other sizes everywhere */
    size_t at = 8 + header_length(file) + (size_t)cJSON_GetArrayItem(offsets, 0)->valuedouble;
    MUST(at + slice->count * sizeof *value <= file.size);
    MUST(memcmp(value, file.bytes + at, slice->count * sizeof *value) == 0);
}

/* A changed byte of the numbers: the file is as good as it was, unless the number that it belongs
 * to is no longer finite. */
static void check_refusal(Bytes file, size_t number) {
    mutate_expect_message();
    if (!number) return;
    size_t data = 8 + header_length(file);
    size_t first = data + (number - data) / 4 * 4; /* F32 first, so numbers lie at multiples of 4 */
    float value;
    memcpy(&value, file.bytes + first, sizeof value);
    MUST(!isfinite(value));
}

START_TEST(weights) {
    size_t accepted = 0;
    size_t model = (size_t)_i % COUNT(models);
    Bytes good = mutate_read(models[model].weights);
    Bert bert;
    bert_folder_open(&bert, models[model].config, &(BertOptions){.labels = 2, .seed = 3});
    for (mutate_trial = (size_t)_i; mutate_trial < mutate_trials(); mutate_trial += MUTATE_BLOCKS) {
        size_t number;
        Bytes file = damaged(good, &number);
        Safetensors *opened = NULL;
        Status status = safetensors_parse(&opened, "m.safetensors", file.bytes, file.size);
        if (status == STATUS_OK) status = bert_weights_read(&bert, opened);
        if (status != STATUS_OK) {
            check_refusal(file, number);
        } else {
            cJSON *header =
                cJSON_ParseWithLength((const char *)file.bytes + 8, header_length(file));
            MUST(header);
            BertSlice slice;
            for (size_t i = 0; bert_weights_slice(&bert, i, &slice); i++)
                check_slice(&bert, &slice, file, header, models[model].prefix);
            cJSON_Delete(header);
            accepted++;
        }
        safetensors_close(opened);
        free(file.bytes);
    }
    MUST(accepted > 0); /* or nothing was compared */
    bert_folder_close(&bert);
    free(good.bytes);
}
END_TEST

/* --- configurations --------------------------------------------------------------------------- */

static const char *const config_words[] = {
    "0",
    "1",
    "2",
    "-1",
    "768",
    "1e999",
    "1e-400",
    "0.5",
    "NaN",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
    "\"gelu\"",
    "\"",
    "\\",
    "\\u0000",
    "\xef\xbb\xbf",
    "bert",
    "mpnet",
    "gelu_new",
    ",",
    ":",
    "{",
    "}",
    "/*",
    "*/",
    "//",
    "2147483648",
    "4294967297",
    "\"num_labels\": 3, ",
    "\"is_decoder\": true, ",
    "\"classifier_dropout\": 0.3, ",
    "\"id2label\": {\"0\": \"a\"}, ",
    "\"position_embedding_type\": \"relative_key\", ",
};

/* The number under a key; `otherwise` where it is absent or null. */
static double number_of(const cJSON *root, const char *key, double otherwise) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    if (!item || cJSON_IsNull(item)) return otherwise;
    MUST(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void check_config(const BertConfig *config, const cJSON *root) {
    int mpnet = config->kind == BERT_KIND_MPNET;
    MUST(strcmp(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "model_type")),
                mpnet ? "mpnet" : "bert") == 0);
    const struct {
        const char *key;
        double otherwise;
        int found;
    } sizes[] = {
        {"num_hidden_layers", 0, config->layers},
        {"hidden_size", 0, config->width},
        {"num_attention_heads", 0, config->heads},
        {"intermediate_size", 0, config->feed_forward},
        {"vocab_size", 0, config->vocabulary},
        {"max_position_embeddings", 0, config->positions},
        {mpnet ? "relative_attention_num_buckets" : "type_vocab_size", mpnet ? 32 : 2,
         mpnet ? config->relative_buckets : config->types},
    };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        MUST(number_of(root, sizes[i].key, sizes[i].otherwise) == sizes[i].found);
        MUST(sizes[i].found > 0);
    }
    MUST(config->width % config->heads == 0);
    MUST(bert_config_longest(config) >= 1);
    MUST(config->epsilon > 0);
    MUST(config->epsilon == (float)number_of(root, "layer_norm_eps", 1e-12));
    MUST(config->hidden_dropout == (float)number_of(root, "hidden_dropout_prob", .1));
    MUST(config->attention_dropout == (float)number_of(root, "attention_probs_dropout_prob", .1));
    MUST(config->initializer_range == (float)number_of(root, "initializer_range", .02));
    MUST(config->hidden_dropout >= 0 && config->hidden_dropout < 1);
    MUST(config->attention_dropout >= 0 && config->attention_dropout < 1);
    MUST(isfinite(config->initializer_range) && config->initializer_range >= 0);
    MUST(!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "is_decoder")));
}

START_TEST(configurations) {
    static const char *const paths[] = {"tests/golden/bert_tiny/config.json",
                                        "tests/golden/mpnet_tiny/config.json"};
    size_t accepted = 0;
    Bytes good = mutate_read(paths[_i % 2]);
    for (mutate_trial = (size_t)_i; mutate_trial < mutate_trials(); mutate_trial += MUTATE_BLOCKS) {
        Bytes file = mutate(good, config_words, COUNT(config_words));
        BertConfig config;
        if (bert_config_parse("config.json", file.bytes, file.size, &config) != STATUS_OK) {
            mutate_expect_message();
        } else {
            cJSON *root = cJSON_ParseWithLength((const char *)file.bytes, file.size);
            MUST(root);
            check_config(&config, root);
            cJSON_Delete(root);
            accepted++;
        }
        free(file.bytes);
    }
    MUST(accepted > 0);
    free(good.bytes);
}
END_TEST

Suite *suite_fuzz_models(void) {
    Suite *suite = suite_create("fuzz_models");
    TCase *damage = tcase_create("damage");
    tcase_add_loop_test(damage, weights, 0, MUTATE_BLOCKS);
    tcase_add_loop_test(damage, configurations, 0, MUTATE_BLOCKS);
    suite_add_tcase(suite, damage);
    return suite;
}
