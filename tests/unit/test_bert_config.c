/* bert_config: a config.json is read exactly, or refused with a message that names the key. */
#define _POSIX_C_SOURCE 200809L
#include "model/bert_config.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_bert_config(void);

#define SIZES                                                                                      \
    "\"num_hidden_layers\": 12, \"hidden_size\": 768, \"num_attention_heads\": 12, "               \
    "\"intermediate_size\": 3072, \"vocab_size\": 30527, \"max_position_embeddings\": 514"
#define BERT  "{\"model_type\": \"bert\", " SIZES
#define MPNET "{\"model_type\": \"mpnet\", " SIZES

static Status parse(const char *text, BertConfig *out) {
    return bert_config_parse("config.json", text, strlen(text), out);
}

static void reads(const char *text, BertConfig *out) {
    ck_assert_msg(parse(text, out) == STATUS_OK, "%s: %s", text, status_message());
}

START_TEST(bert_with_every_default) {
    BertConfig config;
    reads(BERT "}", &config);
    ck_assert_int_eq(config.kind, BERT_KIND_BERT);
    ck_assert_int_eq(config.layers, 12);
    ck_assert_int_eq(config.width, 768);
    ck_assert_int_eq(config.heads, 12);
    ck_assert_int_eq(config.feed_forward, 3072);
    ck_assert_int_eq(config.vocabulary, 30527);
    ck_assert_int_eq(config.positions, 514);
    ck_assert_int_eq(config.first_position, 0);
    ck_assert_int_eq(config.types, 2);
    ck_assert_int_eq(config.relative_buckets, 0);
    ck_assert_float_eq(config.epsilon, 1e-12f);
    ck_assert_float_eq(config.initializer_range, .02f);
    ck_assert_float_eq(config.hidden_dropout, .1f);
    ck_assert_float_eq(config.attention_dropout, .1f);
    ck_assert_float_eq(config.classifier_dropout, .1f);
    ck_assert_int_eq(config.labels, 0);
    ck_assert_int_eq(bert_config_longest(&config), 514);
}
END_TEST

START_TEST(mpnet_positions_start_at_two) {
    BertConfig config;
    reads(MPNET ", \"layer_norm_eps\": 1e-05, \"pad_token_id\": 1, \"type_vocab_size\": 7}",
          &config);
    ck_assert_int_eq(config.kind, BERT_KIND_MPNET);
    ck_assert_int_eq(config.first_position, 2);
    ck_assert_int_eq(config.types, 0);
    ck_assert_int_eq(config.relative_buckets, 32);
    ck_assert_float_eq(config.epsilon, 1e-5f);
    ck_assert_int_eq(bert_config_longest(&config), 512);
}
END_TEST

START_TEST(what_is_given_is_taken) {
    BertConfig config;
    reads(BERT ", \"type_vocab_size\": 1, \"layer_norm_eps\": 1e-6, \"hidden_dropout_prob\": 0, "
               "\"attention_probs_dropout_prob\": 0.25, \"initializer_range\": 0.05, "
               "\"classifier_dropout\": 0.5, \"hidden_act\": \"gelu\", "
               "\"position_embedding_type\": \"absolute\", \"is_decoder\": false}",
          &config);
    ck_assert_int_eq(config.types, 1);
    ck_assert_float_eq(config.epsilon, 1e-6f);
    ck_assert_float_eq(config.hidden_dropout, 0);
    ck_assert_float_eq(config.attention_dropout, .25f);
    ck_assert_float_eq(config.classifier_dropout, .5f);
    ck_assert_float_eq(config.initializer_range, .05f);
    reads(BERT ", \"hidden_dropout_prob\": 0.3, \"classifier_dropout\": null}", &config);
    ck_assert_float_eq(config.classifier_dropout, .3f);
}
END_TEST

START_TEST(labels_come_from_either_key) {
    BertConfig config;
    reads(BERT ", \"num_labels\": 5}", &config);
    ck_assert_int_eq(config.labels, 5);
    reads(BERT ", \"id2label\": {\"0\": \"no\", \"1\": \"yes\", \"2\": \"?\"}}", &config);
    ck_assert_int_eq(config.labels, 3);
    reads(BERT ", \"id2label\": {\"0\": \"no\", \"1\": \"yes\"}, \"num_labels\": 4}", &config);
    ck_assert_int_eq(config.labels, 4);
}
END_TEST

/* Each differs from a good one in what its message must say. */
static const struct {
    const char *text;
    Status status;
    const char *says;
} refused[] = {
    /* clang-format off */
    {"", STATUS_FORMAT, "config.json: the configuration is no JSON object"},
    {"[1]", STATUS_FORMAT, "no JSON object"},
    {BERT, STATUS_FORMAT, "no JSON object"},
    {BERT "}}", STATUS_FORMAT, "no JSON object"},
    {BERT ", \"vocab_size\": 1}", STATUS_FORMAT, "the key 'vocab_size' twice"},
    {"{" SIZES "}", STATUS_FORMAT, "key 'model_type': expected \"bert\" or \"mpnet\", found none"},
    {"{\"model_type\": 3, " SIZES "}", STATUS_FORMAT, "key 'model_type'"},
    {"{\"model_type\": \"roberta\", " SIZES "}", STATUS_UNSUPPORTED, "found \"roberta\""},
    {"{\"model_type\": \"BERT\", " SIZES "}", STATUS_UNSUPPORTED, "found \"BERT\""},
    {"{\"model_type\": \"bert\"}", STATUS_FORMAT, "key 'num_hidden_layers': expected a whole number"},
    {BERT ", \"hidden_act\": \"relu\"}", STATUS_UNSUPPORTED, "key 'hidden_act': expected \"gelu\""},
    {BERT ", \"hidden_act\": 1}", STATUS_FORMAT, "key 'hidden_act'"},
    {BERT ", \"position_embedding_type\": \"relative_key\"}", STATUS_UNSUPPORTED, "\"relative_key\""},
    {BERT ", \"is_decoder\": true}", STATUS_UNSUPPORTED, "key 'is_decoder': expected false"},
    {BERT ", \"add_cross_attention\": true}", STATUS_UNSUPPORTED, "key 'add_cross_attention'"},
    {BERT ", \"is_decoder\": 1}", STATUS_FORMAT, "key 'is_decoder'"},
    {BERT ", \"type_vocab_size\": 0}", STATUS_FORMAT, "key 'type_vocab_size'"},
    {BERT ", \"type_vocab_size\": 1.5}", STATUS_FORMAT, "found 1.5"},
    {BERT ", \"layer_norm_eps\": 0}", STATUS_FORMAT, "key 'layer_norm_eps'"},
    {BERT ", \"layer_norm_eps\": 1e-60}", STATUS_FORMAT, "key 'layer_norm_eps'"},
    {BERT ", \"layer_norm_eps\": \"1e-12\"}", STATUS_FORMAT, "found \"1e-12\""},
    {BERT ", \"initializer_range\": 1e999}", STATUS_FORMAT, "key 'initializer_range'"},
    {BERT ", \"initializer_range\": -1}", STATUS_FORMAT, "key 'initializer_range'"},
    {BERT ", \"hidden_dropout_prob\": 1}", STATUS_FORMAT, "key 'hidden_dropout_prob'"},
    {BERT ", \"attention_probs_dropout_prob\": -0.1}", STATUS_FORMAT, "'attention_probs_dropout_prob'"},
    {BERT ", \"classifier_dropout\": [0]}", STATUS_FORMAT, "found a list"},
    {BERT ", \"num_labels\": 0}", STATUS_FORMAT, "key 'num_labels'"},
    {BERT ", \"id2label\": {}}", STATUS_FORMAT, "key 'id2label'"},
    {BERT ", \"id2label\": [\"no\"]}", STATUS_FORMAT, "found a list"},
    {MPNET ", \"relative_attention_num_buckets\": 16}", STATUS_UNSUPPORTED, "expected 32, found 16"},
    /* clang-format on */
};

START_TEST(refused_with_the_key) {
    BertConfig config;
    ck_assert_msg(parse(refused[_i].text, &config) == refused[_i].status, "%s: %s",
                  refused[_i].text, status_message());
    ck_assert_msg(strstr(status_message(), refused[_i].says), "'%s' should say '%s'",
                  status_message(), refused[_i].says);
    ck_assert_ptr_nonnull(strstr(status_message(), "config.json"));
}
END_TEST

/* The sizes, one at a time out of range. */
static const struct {
    const char *key, *value;
} out_of_range[] = {
    {"num_hidden_layers", "0"},       {"num_hidden_layers", "1000000"},
    {"hidden_size", "-768"},          {"hidden_size", "1e300"},
    {"num_attention_heads", "0"},     {"num_attention_heads", "7"},
    {"intermediate_size", "2.5"},     {"intermediate_size", "\"3072\""},
    {"vocab_size", "4294967297"},     {"vocab_size", "null"},
    {"max_position_embeddings", "2"}, {"max_position_embeddings", "false"},
};

START_TEST(sizes_out_of_range_are_refused) {
    static const char *const keys[] = {"num_hidden_layers",   "hidden_size",
                                       "num_attention_heads", "intermediate_size",
                                       "vocab_size",          "max_position_embeddings"};
    char text[1024] = "{\"model_type\": \"mpnet\"", expected[64];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int this = strcmp(keys[i], out_of_range[_i].key) == 0;
        snprintf(text + strlen(text), sizeof text - strlen(text), ", \"%s\": %s", keys[i],
                 this ? out_of_range[_i].value : "768");
    }
    strcat(text, "}");
    BertConfig config;
    ck_assert_int_eq(parse(text, &config), STATUS_FORMAT);
    snprintf(expected, sizeof expected, "key '%s': expected", out_of_range[_i].key);
    ck_assert_msg(strstr(status_message(), expected), "%s: '%s'", text, status_message());
}
END_TEST

START_TEST(files_are_read_or_named) {
    BertConfig config;
    ck_assert_msg(bert_config_load("tests/golden/bert_tiny/config.json", &config) == STATUS_OK,
                  "%s", status_message());
    ck_assert_int_eq(config.layers, 2);
    ck_assert_int_eq(config.width, 32);
    ck_assert_int_eq(bert_config_load("/nowhere/config.json", &config), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(status_message(), "/nowhere/config.json: cannot open"));
    ck_assert_int_eq(bert_config_load("tests/golden", &config), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(status_message(), "tests/golden: expected a file"));

    char path[] = "/tmp/tamrin-config-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(ftruncate(file, (off_t)BERT_CONFIG_BYTES_MAX + 1), 0);
    close(file);
    Status status = bert_config_load(path, &config);
    unlink(path);
    ck_assert_int_eq(status, STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(status_message(), "expected at most"));
}
END_TEST

Suite *suite_bert_config(void) {
    Suite *suite = suite_create("bert_config");
    TCase *config = tcase_create("config");
    tcase_add_test(config, bert_with_every_default);
    tcase_add_test(config, mpnet_positions_start_at_two);
    tcase_add_test(config, what_is_given_is_taken);
    tcase_add_test(config, labels_come_from_either_key);
    tcase_add_loop_test(config, refused_with_the_key, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_loop_test(config, sizes_out_of_range_are_refused, 0,
                        (int)(sizeof out_of_range / sizeof *out_of_range));
    tcase_add_test(config, files_are_read_or_named);
    suite_add_tcase(suite, config);
    return suite;
}
