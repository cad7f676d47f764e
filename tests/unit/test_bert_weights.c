/* bert_weights: every tensor of a folder in its place, or a message that names the tensor. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "model/bert_weights.h"
#include "store/safetensors_json.h"
#include "store/safetensors_write.h"
#include "unit/bert_folder.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_bert_weights(void);

#define BERT_TINY  "tests/golden/bert_tiny"
#define MPNET_TINY "tests/golden/mpnet_tiny"
#define OLD_NAMES  "tests/golden/bert_tiny_old_names.safetensors"

static const BertOptions two = {.labels = 2, .seed = 1};
static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/tamrin-weights-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    char line[128];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(line), 0);
}

static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void good(Status status) {
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
}

static void says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

/* --- a model to spoil ------------------------------------------------------------------------- */

/* The tensors of a file, to be renamed, reshaped, left out and written again. */
typedef struct {
    Safetensors *from;
    SafetensorsTensor tensor[64];
    float *numbers[64];
    size_t count;
} Draft;

static Draft draft_of(const char *path) {
    Draft draft = {.count = 0};
    good(safetensors_open(&draft.from, path));
    for (size_t i = 0; i < safetensors_count(draft.from); i++) {
        const SafetensorsEntry *entry = safetensors_at(draft.from, i);
        if (entry->type == SAFETENSORS_OTHER) continue;
        ck_assert_uint_lt(draft.count, 60);
        float *numbers = malloc(entry->count * sizeof *numbers);
        ck_assert_ptr_nonnull(numbers);
        good(safetensors_read(entry, numbers));
        SafetensorsTensor *tensor = &draft.tensor[draft.count];
        *tensor = (SafetensorsTensor){
            .name = entry->name, .type = SAFETENSORS_F32, .rank = entry->rank, .data = numbers};
        memcpy(tensor->shape, entry->shape, sizeof tensor->shape);
        draft.numbers[draft.count++] = numbers;
    }
    return draft;
}

static SafetensorsTensor *draft_find(Draft *draft, const char *name) {
    for (size_t i = 0; i < draft->count; i++)
        if (strcmp(draft->tensor[i].name, name) == 0) return &draft->tensor[i];
    ck_abort_msg("the golden model has no tensor '%s'", name);
    return NULL;
}

static float *draft_numbers(Draft *draft, const char *name) {
    return draft->numbers[draft_find(draft, name) - draft->tensor];
}

static void draft_remove(Draft *draft, const char *name) {
    SafetensorsTensor *tensor = draft_find(draft, name);
    size_t at = (size_t)(tensor - draft->tensor);
    free(draft->numbers[at]);
    draft->count--;
    for (size_t i = at; i < draft->count; i++) {
        draft->tensor[i] = draft->tensor[i + 1];
        draft->numbers[i] = draft->numbers[i + 1];
    }
}

static void draft_add(Draft *draft, const char *name, const char *like) {
    SafetensorsTensor copy = *draft_find(draft, like);
    copy.name = name;
    draft->numbers[draft->count] = NULL;
    draft->tensor[draft->count++] = copy;
}

/* Writes and loads it; the Bert is left open. */
static Status load(Draft *draft, Bert *bert, const char *config, const BertOptions *options) {
    good(safetensors_write(in_folder("model.safetensors"), draft->tensor, draft->count, NULL, 0));
    bert_folder_open(bert, config, options);
    return bert_weights_load(bert, folder);
}

static void draft_close(Draft *draft) {
    for (size_t i = 0; i < draft->count; i++) free(draft->numbers[i]);
    safetensors_close(draft->from);
}

/* Loads a spoilt copy of bert_tiny and expects this failure. */
static void refuses(Draft *draft, const char *config, const char *text) {
    Bert bert;
    ck_assert_int_eq(load(draft, &bert, config, &two), STATUS_FORMAT);
    says(text);
    bert_folder_close(&bert);
    draft_close(draft);
}

/* --- loading ---------------------------------------------------------------------------------- */

/* The slice of that name; fails the test where there is none. */
static BertSlice slice_named(const Bert *bert, const char *name) {
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(bert, i, &slice); i++)
        if (strcmp(slice.name, name) == 0) return slice;
    ck_abort_msg("no slice '%s'", name);
    return slice;
}

static void same_numbers(const Bert *bert, const char *name, const Safetensors *model,
                         const char *there) {
    BertSlice slice = slice_named(bert, name);
    float *expected = malloc(slice.count * sizeof *expected);
    ck_assert_ptr_nonnull(expected);
    good(safetensors_load(model, there, slice.rank, slice.shape, expected));
    ck_assert_msg(memcmp(expected, slice.parameter->value + slice.offset,
                         slice.count * sizeof *expected) == 0,
                  "%s is not what the file holds", name);
    free(expected);
}

static const char *const tiny[] = {BERT_TINY, MPNET_TINY};

/* The slices are the tensors of the file that transformers wrote, all of them and no other; they
 * fill the parameters without a gap. */
START_TEST(slices_are_the_layout_of_transformers) {
    Bert bert;
    bert_folder_open(&bert, tiny[_i], &two);
    Safetensors *model;
    good(safetensors_open(&model, tiny[_i]));
    BertSlice slice;
    size_t count = 0, numbers = 0;
    for (; bert_weights_slice(&bert, count, &slice); count++) {
        const SafetensorsEntry *entry;
        good(safetensors_expect(model, slice.name, SAFETENSORS_F32, slice.rank, slice.shape,
                                &entry));
        ck_assert_ptr_nonnull(slice.parameter);
        ck_assert_uint_le(slice.offset + slice.count, slice.parameter->count);
        numbers += slice.count;
    }
    ck_assert_uint_eq(count, safetensors_count(model));
    ck_assert_uint_eq(numbers, parameters_count(&bert.parameters));
    ck_assert_int_eq(bert_weights_slice(&bert, count + 100, &slice), 0);
    safetensors_close(model);
    bert_folder_close(&bert);
}
END_TEST

START_TEST(every_number_comes_to_its_place) {
    Bert bert;
    bert_folder_open(&bert, tiny[_i], &two);
    good(bert_weights_load(&bert, bert.folder));
    Safetensors *model;
    good(safetensors_open(&model, tiny[_i]));
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(&bert, i, &slice); i++)
        same_numbers(&bert, slice.name, model, slice.name);
    /* Queries, keys, values: one below the other. */
    const char *key = _i ? "mpnet.encoder.layer.1.attention.attn.k.weight"
                         : "bert.encoder.layer.1.attention.self.key.weight";
    float first;
    memcpy(&first, safetensors_find(model, key)->data, sizeof first);
    ck_assert_float_eq(bert.layer[1].qkv_weight->value[32 * 32], first);
    safetensors_close(model);
    bert_folder_close(&bert);
}
END_TEST

START_TEST(old_names_give_the_same_encoder) {
    Bert bert;
    bert_folder_open(&bert, BERT_TINY, &two);
    good(bert_weights_load(&bert, OLD_NAMES));
    Safetensors *model;
    good(safetensors_open(&model, OLD_NAMES));
    same_numbers(&bert, "bert.embeddings.LayerNorm.weight", model,
                 "bert.embeddings.LayerNorm.gamma");
    same_numbers(&bert, "bert.encoder.layer.1.output.LayerNorm.bias", model,
                 "bert.encoder.layer.1.output.LayerNorm.beta");
    same_numbers(&bert, "bert.pooler.dense.weight", model, "bert.pooler.dense.weight");
    safetensors_close(model);
    bert_folder_close(&bert);
}
END_TEST

/* As sentence-transformers saves a bare encoder; for MPNet with the pooler it does not use. */
START_TEST(names_without_prefix_are_found) {
    const char *prefix = _i ? "mpnet." : "bert.";
    Draft draft = draft_of(tiny[_i]);
    for (size_t i = 0; i < draft.count; i++)
        if (strncmp(draft.tensor[i].name, prefix, strlen(prefix)) == 0)
            draft.tensor[i].name += strlen(prefix);
    if (_i) {
        draft_add(&draft, "pooler.dense.weight", "classifier.dense.weight");
        draft_add(&draft, "pooler.dense.bias", "classifier.dense.bias");
    }
    Bert bert;
    good(load(&draft, &bert, tiny[_i], &two));
    Safetensors *model;
    good(safetensors_open(&model, tiny[_i]));
    BertSlice slice;
    for (size_t i = 0; bert_weights_slice(&bert, i, &slice); i++)
        same_numbers(&bert, slice.name, model, slice.name);
    safetensors_close(model);
    draft_close(&draft);
    bert_folder_close(&bert);
}
END_TEST

START_TEST(half_precision_is_widened) {
    SafetensorsType type = _i ? SAFETENSORS_F16 : SAFETENSORS_BF16;
    Draft draft = draft_of(BERT_TINY);
    for (size_t i = 0; i < draft.count; i++) draft.tensor[i].type = type;
    Bert bert;
    good(load(&draft, &bert, BERT_TINY, &two));
    const float *exact = draft_numbers(&draft, "bert.embeddings.word_embeddings.weight");
    for (size_t i = 0; i < bert.words->count; i++)
        ck_assert_float_le(fabsf(bert.words->value[i] - exact[i]),
                           fabsf(exact[i]) * (_i ? 0x1p-11f : 0x1p-8f) + 0x1p-24f);
    draft_close(&draft);
    bert_folder_close(&bert);
}
END_TEST

/* --- drawing ---------------------------------------------------------------------------------- */

START_TEST(drawn_weights_follow_seed_and_name) {
    Bert bert;
    bert_folder_open(&bert, tiny[_i], &two);
    bert_weights_draw(&bert);
    BertSlice slice;
    double sum = 0;
    for (size_t i = 0; bert_weights_slice(&bert, i, &slice); i++) {
        const float *value = slice.parameter->value + slice.offset;
        int gain = strstr(slice.name, "LayerNorm.weight") != NULL;
        for (size_t k = 0; k < slice.count; k++) {
            float expected = slice.rank == 1
                                 ? (float)gain
                                 : (float)rng_normal(1, rng_stream(slice.name), k) * .02f;
            ck_assert_float_eq_tol(value[k], expected, 1e-7f);
            if (slice.rank == 2) sum += value[k] * value[k];
        }
    }
    ck_assert_double_gt(sum, 0);
    bert_folder_close(&bert);
}
END_TEST

/* What a folder does not hold is drawn, whether or not all was drawn before. */
START_TEST(a_missing_classifier_is_drawn) {
    Draft draft = draft_of(BERT_TINY);
    draft_remove(&draft, "classifier.weight");
    draft_remove(&draft, "classifier.bias");
    draft_remove(&draft, "bert.pooler.dense.weight");
    draft_remove(&draft, "bert.pooler.dense.bias");
    Bert bert, drawn;
    BertOptions three = {.labels = 3, .seed = 77};
    good(load(&draft, &bert, BERT_TINY, &three));
    bert_folder_open(&drawn, BERT_TINY, &three);
    bert_weights_draw(&drawn);
    ck_assert_mem_eq(bert.class_weight->value, drawn.class_weight->value, 3 * 32 * sizeof(float));
    ck_assert_mem_eq(bert.class_bias->value, drawn.class_bias->value, 3 * sizeof(float));
    ck_assert_mem_eq(bert.pool_weight->value, drawn.pool_weight->value, 32 * 32 * sizeof(float));
    ck_assert_mem_ne(bert.words->value, drawn.words->value, 32 * sizeof(float));
    bert_folder_close(&drawn);
    bert_folder_close(&bert);
    draft_close(&draft);
}
END_TEST

/* --- refusing --------------------------------------------------------------------------------- */

START_TEST(a_missing_tensor_is_named_with_what_was_tried) {
    Draft draft = draft_of(BERT_TINY);
    draft_remove(&draft, "bert.encoder.layer.1.output.LayerNorm.weight");
    refuses(&draft, BERT_TINY,
            "model.safetensors: no tensor 'bert.encoder.layer.1.output.LayerNorm.weight' (nor "
            "'encoder.layer.1.output.LayerNorm.weight', nor "
            "'bert.encoder.layer.1.output.LayerNorm.gamma', nor "
            "'encoder.layer.1.output.LayerNorm.gamma') among its 40");
}
END_TEST

START_TEST(half_a_classifier_is_refused) {
    static const char *const parts[] = {"classifier.bias", "classifier.weight",
                                        "bert.pooler.dense.weight", "bert.pooler.dense.bias"};
    Draft draft = draft_of(BERT_TINY);
    draft_remove(&draft, parts[_i]);
    char text[128];
    snprintf(text, sizeof text, "no tensor '%s'", parts[_i]);
    refuses(&draft, BERT_TINY, text);
}
END_TEST

START_TEST(an_unknown_tensor_is_named) {
    static const char *const names[] = {
        "bert.encoder.layer.2.output.dense.bias", /* a deeper model */
        "bert.encoder.layer.0.attention.self.distance_embedding.weight",
        "roberta.embeddings.LayerNorm.weight",
        "pooler.dense.extra",
        "\xd8\xaa",
    };
    Draft draft = draft_of(BERT_TINY);
    draft_add(&draft, names[_i], "bert.embeddings.LayerNorm.weight");
    char text[160];
    snprintf(text, sizeof text, "tensor '%s' has no place in a BERT of 2 layers", names[_i]);
    refuses(&draft, BERT_TINY, text);
}
END_TEST

START_TEST(heads_of_other_trainings_are_passed_over) {
    Draft draft = draft_of(MPNET_TINY);
    static const char *const names[] = {"lm_head.bias", "cls.predictions.bias", "qa_outputs.bias",
                                        "mpnet.pooler.dense.bias", "mpnet.embeddings.position_ids"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        draft_add(&draft, names[i], "mpnet.embeddings.LayerNorm.weight");
    Bert bert;
    good(load(&draft, &bert, MPNET_TINY, &two));
    bert_folder_close(&bert);
    draft_close(&draft);
}
END_TEST

START_TEST(two_names_of_one_tensor_are_refused) {
    Draft draft = draft_of(BERT_TINY);
    draft_add(&draft, "embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight");
    refuses(&draft, BERT_TINY,
            "holds both 'bert.embeddings.LayerNorm.weight' and 'embeddings.LayerNorm.gamma'");
}
END_TEST

START_TEST(a_wrong_shape_says_both) {
    Draft draft = draft_of(BERT_TINY);
    SafetensorsTensor *tensor = draft_find(&draft, "bert.embeddings.word_embeddings.weight");
    tensor->shape[0] = 60;
    tensor->shape[1] = 64;
    refuses(&draft, BERT_TINY,
            "tensor 'bert.embeddings.word_embeddings.weight' has shape [60, 64]; expected [120, "
            "32]");
}
END_TEST

START_TEST(a_classifier_of_other_labels_is_named) {
    Draft draft = draft_of(BERT_TINY);
    Bert bert;
    ck_assert_int_eq(load(&draft, &bert, BERT_TINY, &(BertOptions){.labels = 3, .seed = 1}),
                     STATUS_FORMAT);
    says("tensor 'classifier.weight' is a classifier of 2 labels; expected 3");
    bert_folder_close(&bert);
    draft_close(&draft);
}
END_TEST

START_TEST(the_weights_of_the_other_family_are_refused) {
    Bert bert;
    bert_folder_open(&bert, tiny[_i], &two);
    ck_assert_int_eq(bert_weights_load(&bert, tiny[1 - _i]), STATUS_FORMAT);
    says(tiny[1 - _i]);
    bert_folder_close(&bert);
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_refused) {
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    Draft draft = draft_of(BERT_TINY);
    draft_numbers(&draft, "bert.encoder.layer.0.intermediate.dense.bias")[17] = spoilt[_i];
    refuses(&draft, BERT_TINY,
            "tensor 'bert.encoder.layer.0.intermediate.dense.bias': number 17 of 64 is");
}
END_TEST

START_TEST(a_folder_without_weights_is_named) {
    Bert bert;
    bert_folder_open(&bert, BERT_TINY, &two);
    ck_assert_int_eq(bert_weights_load(&bert, folder), STATUS_IO);
    says(folder);
    bert_folder_close(&bert);
}
END_TEST

/* --- exporting -------------------------------------------------------------------------------- */

static cJSON *config_of(const char *path) {
    char *bytes;
    size_t size;
    cJSON *root;
    good(bert_config_read(path, &bytes, &size));
    good(safetensors_json_parse(path, "configuration", bytes, size, &root));
    free(bytes);
    return root;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(what_was_exported_loads_with_the_same_bits) {
    Bert bert, again;
    BertOptions options = {.labels = 3, .seed = 5};
    bert_folder_open(&bert, tiny[_i], &options);
    bert_weights_draw(&bert);
    good(bert_weights_export(&bert, in_folder("out")));
    bert_folder_open(&again, in_folder("out"), &options);
    ck_assert_int_eq(again.config.labels, 3);
    BertConfig expected = bert.config;
    expected.labels = 3;
    ck_assert_mem_eq(&again.config, &expected, sizeof expected);
    good(bert_weights_load(&again, in_folder("out")));
    BertSlice slice, other;
    for (size_t i = 0; bert_weights_slice(&bert, i, &slice); i++) {
        ck_assert_int_eq(bert_weights_slice(&again, i, &other), 1);
        ck_assert_mem_eq(slice.parameter->value + slice.offset,
                         other.parameter->value + other.offset, slice.count * sizeof(float));
    }
    cJSON *config = config_of(in_folder("out/config.json"));
    cJSON *kinds = cJSON_GetObjectItemCaseSensitive(config, "architectures");
    ck_assert_int_eq(cJSON_GetArraySize(kinds), 1);
    ck_assert_str_eq(cJSON_GetArrayItem(kinds, 0)->valuestring,
                     _i ? "MPNetForSequenceClassification" : "BertForSequenceClassification");
    cJSON_Delete(config);
    bert_folder_close(&again);
    bert_folder_close(&bert);
}
END_TEST

/* Everything else of the original config stays; names of labels stay where they fit. */
START_TEST(the_configuration_is_kept) {
    ck_assert_int_eq(mkdir(in_folder("from"), 0777), 0);
    cJSON *config = config_of(BERT_TINY "/config.json");
    cJSON_AddItemToObject(config, "id2label", cJSON_Parse("{\"0\": \"bad\", \"1\": \"good\"}"));
    cJSON_AddItemToObject(config, "label2id", cJSON_Parse("{\"bad\": 0, \"good\": 1}"));
    cJSON_AddStringToObject(config, "problem_type", "regression");
    cJSON_AddStringToObject(config, "of_a_later_version", "kept");
    char *text = cJSON_Print(config);
    write_file(in_folder("from/config.json"), text);
    cJSON_free(text);
    cJSON_Delete(config);
    write_file(in_folder("from/vocab.txt"), "[PAD]\n[UNK]\n");
    write_file(in_folder("from/tokenizer_config.json"), "{\"do_lower_case\": true}\n");

    for (int labels = 2; labels <= 3; labels++) {
        Bert bert;
        bert_folder_open(&bert, in_folder("from"), &(BertOptions){.labels = labels, .seed = 1});
        bert_weights_draw(&bert);
        good(bert_weights_export(&bert, in_folder("out")));
        bert_folder_close(&bert);
        config = config_of(in_folder("out/config.json"));
        ck_assert_str_eq(
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "of_a_later_version")),
            "kept");
        ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(config, "problem_type"));
        ck_assert_str_eq(
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "torch_dtype")),
            "float32");
        cJSON *names = cJSON_GetObjectItemCaseSensitive(config, "id2label");
        cJSON *numbers = cJSON_GetObjectItemCaseSensitive(config, "label2id");
        ck_assert_int_eq(cJSON_GetArraySize(names), labels);
        ck_assert_int_eq(cJSON_GetArraySize(numbers), labels);
        const char *one = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(names, "1"));
        ck_assert_str_eq(one, labels == 2 ? "good" : "LABEL_1");
        ck_assert_double_eq(cJSON_GetObjectItemCaseSensitive(numbers, one)->valuedouble, 1);
        cJSON_Delete(config);
    }
    char line[512];
    snprintf(line, sizeof line,
             "cd '%s' && cmp from/vocab.txt out/vocab.txt && "
             "cmp from/tokenizer_config.json out/tokenizer_config.json && "
             "[ \"$(ls out | wc -l)\" = 4 ]",
             folder);
    ck_assert_int_eq(system(line), 0);
}
END_TEST

/* A folder may be exported into itself: fine-tuning in place. */
START_TEST(a_folder_can_replace_itself) {
    char line[512];
    snprintf(line, sizeof line, "cp -r " BERT_TINY " '%s/own' && echo '[PAD]' >'%s/own/vocab.txt'",
             folder, folder);
    ck_assert_int_eq(system(line), 0);
    Bert bert;
    bert_folder_open(&bert, in_folder("own"), &two);
    good(bert_weights_load(&bert, bert.folder));
    bert.class_bias->value[1] = 42;
    good(bert_weights_export(&bert, bert.folder));
    good(bert_weights_load(&bert, bert.folder));
    ck_assert_float_eq(bert.class_bias->value[1], 42);
    snprintf(line, sizeof line, "cd '%s/own' && [ \"$(cat vocab.txt)\" = '[PAD]' ]", folder);
    ck_assert_int_eq(system(line), 0);
    bert_folder_close(&bert);
}
END_TEST

START_TEST(what_cannot_be_written_is_named) {
    Bert bert;
    bert_folder_open(&bert, BERT_TINY, &two);
    bert_weights_draw(&bert);
    ck_assert_int_eq(bert_weights_export(&bert, in_folder("no/such/parent")), STATUS_IO);
    says("no/such/parent: cannot make the folder");
    write_file(in_folder("file"), "");
    ck_assert_int_eq(bert_weights_export(&bert, in_folder("file")), STATUS_IO);
    says("file/config.json.partial: cannot create");
    strcpy(bert.folder, "/nowhere");
    ck_assert_int_eq(bert_weights_export(&bert, in_folder("out")), STATUS_IO);
    says("/nowhere/config.json: cannot open");
    bert_folder_close(&bert);
}
END_TEST

Suite *suite_bert_weights(void) {
    Suite *suite = suite_create("bert_weights");
    TCase *weights = tcase_create("weights");
    tcase_add_checked_fixture(weights, make_folder, remove_folder);
    tcase_add_loop_test(weights, slices_are_the_layout_of_transformers, 0, 2);
    tcase_add_loop_test(weights, every_number_comes_to_its_place, 0, 2);
    tcase_add_test(weights, old_names_give_the_same_encoder);
    tcase_add_loop_test(weights, names_without_prefix_are_found, 0, 2);
    tcase_add_loop_test(weights, half_precision_is_widened, 0, 2);
    tcase_add_loop_test(weights, drawn_weights_follow_seed_and_name, 0, 2);
    tcase_add_test(weights, a_missing_classifier_is_drawn);
    tcase_add_test(weights, a_missing_tensor_is_named_with_what_was_tried);
    tcase_add_loop_test(weights, half_a_classifier_is_refused, 0, 4);
    tcase_add_loop_test(weights, an_unknown_tensor_is_named, 0, 5);
    tcase_add_test(weights, heads_of_other_trainings_are_passed_over);
    tcase_add_test(weights, two_names_of_one_tensor_are_refused);
    tcase_add_test(weights, a_wrong_shape_says_both);
    tcase_add_test(weights, a_classifier_of_other_labels_is_named);
    tcase_add_loop_test(weights, the_weights_of_the_other_family_are_refused, 0, 2);
    tcase_add_loop_test(weights, numbers_that_are_not_finite_are_refused, 0, 3);
    tcase_add_test(weights, a_folder_without_weights_is_named);
    tcase_add_loop_test(weights, what_was_exported_loads_with_the_same_bits, 0, 2);
    tcase_add_test(weights, the_configuration_is_kept);
    tcase_add_test(weights, a_folder_can_replace_itself);
    tcase_add_test(weights, what_cannot_be_written_is_named);
    suite_add_tcase(suite, weights);
    return suite;
}
