#include "unit/bert_folder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static Parameter *add(Bert *bert, const char *name, int layer, size_t rows, size_t columns) {
    char whole[PARAMETER_NAME_MAX];
    snprintf(whole, sizeof whole, "%d.%s", layer, name);
    Parameter *parameter =
        parameters_add(&bert->parameters, whole, columns ? 2 : 1, (size_t[]){rows, columns});
    ck_assert_msg(parameter != NULL, "%s", status_message());
    return parameter;
}

static void add_layer(Bert *bert, int index) {
    size_t D = (size_t)bert->config.width, F = (size_t)bert->config.feed_forward;
    bert->layer[index] = (BertLayer){
        .qkv_weight = add(bert, "qkv_weight", index, 3 * D, D),
        .qkv_bias = add(bert, "qkv_bias", index, 3 * D, 0),
        .output_weight = add(bert, "output_weight", index, D, D),
        .output_bias = add(bert, "output_bias", index, D, 0),
        .attention_gain = add(bert, "attention_gain", index, D, 0),
        .attention_shift = add(bert, "attention_shift", index, D, 0),
        .up_weight = add(bert, "up_weight", index, F, D),
        .up_bias = add(bert, "up_bias", index, F, 0),
        .down_weight = add(bert, "down_weight", index, D, F),
        .down_bias = add(bert, "down_bias", index, D, 0),
        .output_gain = add(bert, "output_gain", index, D, 0),
        .output_shift = add(bert, "output_shift", index, D, 0),
    };
}

void bert_folder_make(Bert *bert, const BertConfig *config, const BertOptions *options) {
    *bert = (Bert){.config = *config, .options = *options};
    ck_assert_int_eq(parameters_open(&bert->parameters), STATUS_OK);
    size_t D = (size_t)config->width, labels = (size_t)options->labels;
    bert->words = add(bert, "words", -1, (size_t)config->vocabulary, D);
    bert->positions = add(bert, "positions", -1, (size_t)config->positions, D);
    if (config->types) bert->types = add(bert, "types", -1, (size_t)config->types, D);
    bert->embedding_gain = add(bert, "embedding_gain", -1, D, 0);
    bert->embedding_shift = add(bert, "embedding_shift", -1, D, 0);
    if (config->relative_buckets)
        bert->relative =
            add(bert, "relative", -1, (size_t)config->relative_buckets, (size_t)config->heads);
    bert->layer = calloc((size_t)config->layers, sizeof *bert->layer);
    ck_assert_ptr_nonnull(bert->layer);
    for (int i = 0; i < config->layers; i++) add_layer(bert, i);
    bert->pool_weight = add(bert, "pool_weight", -1, D, D);
    bert->pool_bias = add(bert, "pool_bias", -1, D, 0);
    bert->class_weight = add(bert, "class_weight", -1, labels, D);
    bert->class_bias = add(bert, "class_bias", -1, labels, 0);
}

void bert_folder_open(Bert *bert, const char *folder, const BertOptions *options) {
    char path[1200];
    BertConfig config;
    snprintf(path, sizeof path, "%s/config.json", folder);
    ck_assert_msg(bert_config_load(path, &config) == STATUS_OK, "%s", status_message());
    bert_folder_make(bert, &config, options);
    snprintf(bert->folder, sizeof bert->folder, "%s", folder);
}

void bert_folder_close(Bert *bert) {
    parameters_close(&bert->parameters);
    free(bert->layer);
    *bert = (Bert){0};
}
