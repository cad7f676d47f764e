/* q6_cola: parts by themselves; the whole is in test_q6_cola_run.c. */
#define _POSIX_C_SOURCE 200809L
#include "q6_cola.h"
#include "unit/q6_world.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q6_cola(void);

static Q6World world;
static Q6Plan plan;
static Q6Data data;
static BertConfig config;

static int parse(const char *flags) {
    static char text[1024];
    char *argv[48] = {(char *)"q6_cola"};
    int argc = 1;
    snprintf(text, sizeof text, "%s", flags);
    for (char *at = strtok(text, " "); at; at = strtok(NULL, " ")) argv[argc++] = at;
    return q6_plan_parse(&plan, argc, argv);
}

static void open_world(void) {
    q6_world_open(&world);
}

static void close_world(void) {
    q6_world_close(&world);
}

static void open_data(const char *flags) {
    char line[1024], path[256];
    snprintf(line, sizeof line, "--model=%s --data=%s %s", world.model, world.data, flags);
    ck_assert_int_eq(parse(line), -1);
    snprintf(path, sizeof path, "%s/config.json", world.model);
    ck_assert_msg(bert_config_load(path, &config) == STATUS_OK, "%s", status_message());
    ck_assert_msg(q6_data_open(&data, &plan, &config) == STATUS_OK, "%s", status_message());
}

/* --- the command line ------------------------------------------------------------------------ */

START_TEST(a_plan_has_its_name_from_the_model) {
    ck_assert_int_eq(parse("--model=/x/all-mpnet-base-v2/ --random-weights"), -1);
    ck_assert_str_eq(plan.label, "mpnet_control");
    ck_assert_str_eq(plan.experiment, "q6_mpnet_control");
    ck_assert_int_eq(parse("--model=all-MiniLM-L6-v2 --form=tokenized"), -1);
    ck_assert_str_eq(plan.label, "minilm_tokenized");
    ck_assert_int_eq(parse("--model=bert-base-uncased"), -1);
    ck_assert_str_eq(plan.label, "bert");
    ck_assert_int_eq(parse("--model=My.Model --name=mine"), -1);
    ck_assert_str_eq(plan.experiment, "q6_mine");
    ck_assert_int_eq(parse("--model=My.Model"), -1);
    ck_assert_str_eq(plan.label, "my_model");
}
END_TEST

START_TEST(a_model_asks_for_the_whole_and_none_for_a_short_run) {
    ck_assert_int_eq(parse(""), -1);
    ck_assert_int_eq(plan.quick, 1);
    ck_assert_str_eq(plan.experiment, "q6_cola");
    ck_assert_str_eq(plan.label, "quick");
    ck_assert_int_eq(plan.seeds.count, 1);
    ck_assert_int_gt(plan.examples, 0);
    ck_assert_int_eq(parse("--profile=full"), -1);
    ck_assert_int_eq(plan.quick, 0);
    ck_assert_str_eq(plan.experiment, "q6_bert");
    ck_assert_int_eq(plan.seeds.count, 5);
    ck_assert_int_eq(plan.examples, 0);
    ck_assert_int_eq(parse("--model=all-MiniLM-L6-v2 --seed=7"), -1);
    ck_assert_int_eq(plan.quick, 0);
    ck_assert_int_eq(plan.seeds.count, 1);
    ck_assert_int_eq(plan.seeds.values[0], 7);
    ck_assert_int_eq(parse("--model=all-MiniLM-L6-v2 --profile=quick"), -1);
    ck_assert_int_eq(plan.quick, 1);
}
END_TEST

START_TEST(a_plan_that_makes_no_sense_is_refused) {
    static const char *const wrong[] = {
        "--seeds=1,2,1",   "--seed=1 --seeds=2,3", "--name=A.B",      "--epochs=0",
        "--rate=0",        "--rate=nan",           "--batch=0",       "--hold-out=1",
        "--layer-decay=0", "--select=f1",          "--precision=fp8", "--epoch=3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(parse(wrong[i]) == 2, "%s", wrong[i]);
}
END_TEST

/* --- data ------------------------------------------------------------------------------------ */

START_TEST(splits_hold_every_row_once_with_special_tokens_at_the_ends) {
    open_data("--hold-out=.1");
    const Q6Sentences *train = &data.split[Q6_TRAIN], *held = &data.split[Q6_VALIDATION];
    ck_assert_uint_eq(held->count, 20);
    ck_assert_uint_eq(train->count, 180);
    ck_assert_uint_eq(data.split[Q6_IN_DOMAIN].count, Q6_WORLD_IN_DOMAIN);
    ck_assert_uint_eq(data.split[Q6_OUT_OF_DOMAIN].count, Q6_WORLD_OUT_OF_DOMAIN);
    int seen[Q6_WORLD_TRAIN] = {0};
    for (size_t i = 0; i < train->count; i++) seen[train->row[i]]++;
    for (size_t i = 0; i < held->count; i++) seen[held->row[i]]++;
    for (int i = 0; i < Q6_WORLD_TRAIN; i++) ck_assert_int_eq(seen[i], 1);
    int32_t no = wordpiece_find(data.pieces, "not");
    for (int s = 0; s < Q6_SPLITS; s++) {
        const Q6Sentences *split = &data.split[s];
        size_t tokens = 0;
        for (size_t i = 0; i < split->count; i++) {
            const int32_t *ids = split->ids + split->start[i];
            int length = split->length[i], wrong = 0;
            ck_assert_uint_eq(split->start[i], tokens);
            ck_assert_int_eq(ids[0], wordpiece_special(data.pieces, WORDPIECE_CLS));
            ck_assert_int_eq(ids[length - 1], wordpiece_special(data.pieces, WORDPIECE_SEP));
            for (int t = 0; t < length; t++) wrong |= ids[t] == no;
            ck_assert_int_eq(split->label[i], !wrong);
            tokens += (size_t)length;
        }
        ck_assert_uint_eq(split->tokens, tokens);
        ck_assert_uint_eq(split->cut, 0);
    }
    q6_data_close(&data);
}
END_TEST

START_TEST(fewer_examples_and_shorter_sentences_can_be_asked_for) {
    open_data("--examples=50 --longest=6");
    ck_assert_uint_eq(data.split[Q6_TRAIN].count, 50);
    ck_assert_uint_eq(data.split[Q6_VALIDATION].count, 20);
    ck_assert_uint_gt(data.split[Q6_TRAIN].cut, 0);
    for (size_t i = 0; i < 50; i++) {
        ck_assert_int_le(data.split[Q6_TRAIN].length[i], 6);
        if (i) ck_assert_uint_gt(data.split[Q6_TRAIN].row[i], data.split[Q6_TRAIN].row[i - 1]);
    }
    q6_data_close(&data);
}
END_TEST

START_TEST(a_fingerprint_tells_plans_and_sentences_apart) {
    static const char *const other[] = {
        "--epochs=4",       "--batch=16",         "--rate=3e-5",
        "--layer-decay=.9", "--dropout=.2",       "--average=.9",
        "--split-seed=2",   "--examples=100",     "--random-weights",
        "--select=loss",    "--weight-decay=.02", "--precision=bf16",
        "--longest=6",      "--keep-last",        "--evaluations-per-epoch=2"};
    char first[512], second[512];
    open_data("");
    ck_assert_int_eq(q6_fingerprint(&plan, &data, first, sizeof first), STATUS_OK);
    q6_data_close(&data);
    open_data("--seed=9 --name=other");
    ck_assert_int_eq(q6_fingerprint(&plan, &data, second, sizeof second), STATUS_OK);
    q6_data_close(&data);
    ck_assert_str_eq(first, second);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        open_data(other[i]);
        ck_assert_int_eq(q6_fingerprint(&plan, &data, second, sizeof second), STATUS_OK);
        q6_data_close(&data);
        ck_assert_msg(strcmp(first, second) != 0, "%s", other[i]);
    }
}
END_TEST

/* --- answers --------------------------------------------------------------------------------- */

START_TEST(scores_are_those_of_the_formulas) {
    /* tp 3, fn 1, fp 2, tn 1 */
    const uint8_t label[] = {1, 1, 1, 1, 0, 0, 0};
    const float margin[] = {1, 2, .5f, -1, 1, .25f, -2};
    double score[Q6_SCORES], loss = 0;
    for (int i = 0; i < 7; i++) {
        double p = 1 / (1 + exp(-(double)margin[i]));
        loss -= log(label[i] ? p : 1 - p) / 7;
    }
    q6_score(label, margin, 7, score);
    ck_assert_double_eq_tol(score[Q6_SCORE_LOSS], loss, 1e-12);
    ck_assert_double_eq_tol(score[Q6_SCORE_ACCURACY], 4. / 7, 1e-12);
    ck_assert_double_eq_tol(score[Q6_SCORE_MCC], (3 * 1 - 2 * 1) / sqrt(5. * 4 * 3 * 2), 1e-12);
    ck_assert_double_eq_tol(score[Q6_SCORE_F1], 6. / 9, 1e-12);
    const float sure[] = {-2000};
    q6_score((const uint8_t[]){1}, sure, 1, score);
    ck_assert_double_eq(score[Q6_SCORE_LOSS], 2000);
    ck_assert_double_eq(score[Q6_SCORE_F1], 0);
}
END_TEST

/* Packing many sentences must not let one see another. */
START_TEST(an_answer_does_not_depend_on_its_neighbours) {
    Bert *bert;
    Arena arena;
    float whole[Q6_WORLD_TRAIN], alone;
    open_data("");
    const Q6Sentences *split = &data.split[Q6_TRAIN];
    ck_assert_msg(bert_open(&bert, world.model, &(BertOptions){.labels = 2}) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(arena_open(&arena, 0), STATUS_OK);
    ck_assert_int_eq(q6_answer(bert, &arena, split, whole), STATUS_OK);
    for (size_t i = 0; i < split->count; i += 17) {
        Q6Sentences one = {.count = 1,
                           .length = split->length + i,
                           .start = (size_t[]){0},
                           .label = split->label + i,
                           .ids = split->ids + split->start[i]};
        ck_assert_int_eq(q6_answer(bert, &arena, &one, &alone), STATUS_OK);
        ck_assert_float_eq_tol(alone, whole[i], 1e-5f);
    }
    ck_assert_double_eq(q6_parameters(&config), (double)parameters_count(&bert->parameters));
    arena_close(&arena);
    bert_close(bert);
    q6_data_close(&data);
}
END_TEST

START_TEST(parameters_are_counted_for_mpnet_too) {
    Bert *bert;
    ck_assert_msg(bert_open(&bert, "tests/golden/mpnet_tiny", &(BertOptions){.labels = 2}) ==
                      STATUS_OK,
                  "%s", status_message());
    ck_assert_double_eq(q6_parameters(&bert->config), (double)parameters_count(&bert->parameters));
    bert_close(bert);
}
END_TEST

/* --- the store ------------------------------------------------------------------------------- */

static Q6Seed make_seed(void) {
    Q6Seed seed = {.seed = 3, .batches = 4, .evaluations = 2, .chosen = 1, .seconds = 1.5};
    seed.batch = calloc(seed.batches, sizeof *seed.batch);
    seed.evaluation = calloc(seed.evaluations, sizeof *seed.evaluation);
    snprintf(seed.exported, sizeof seed.exported, "/tmp/a \"model\"");
    for (int i = 0; i < 4; i++)
        seed.batch[i] = (TrainBatch){.1f * (float)i, 1.f / 3, 2e-5f, (float)i, 8};
    for (int i = 0; i < 2; i++)
        seed.evaluation[i] = (TrainEvaluation){
            .step = (uint64_t)i + 2, .training_loss = 1. / 3, .score = {.1, .2, -.3, i}};
    for (int s = 0; s < Q6_SPLITS; s++) {
        seed.count[s] = data.split[s].count;
        seed.margin[s] = malloc(seed.count[s] * sizeof *seed.margin[s]);
        for (size_t i = 0; i < seed.count[s]; i++) seed.margin[s][i] = (float)i / 7 - (float)s;
    }
    return seed;
}

START_TEST(a_finished_seed_comes_back_as_it_was) {
    char path[256];
    Q6Seed back;
    int found;
    open_data("");
    Q6Seed seed = make_seed();
    snprintf(path, sizeof path, "%s/seed-3.safetensors", world.folder);
    ck_assert_int_eq(q6_store_load(path, "plan a", &data, 3, &back, &found), STATUS_OK);
    ck_assert_int_eq(found, 0);
    ck_assert_msg(q6_store_save(path, "plan a", &seed) == STATUS_OK, "%s", status_message());
    ck_assert_msg(q6_store_load(path, "plan a", &data, 3, &back, &found) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(found, 1);
    ck_assert_uint_eq(back.chosen, 1);
    ck_assert_double_eq(back.seconds, 1.5);
    ck_assert_str_eq(back.exported, seed.exported);
    ck_assert_mem_eq(back.batch, seed.batch, 4 * sizeof *seed.batch);
    ck_assert_uint_eq(back.evaluation[1].step, 3);
    ck_assert_double_eq(back.evaluation[1].training_loss, 1. / 3);
    ck_assert_double_eq(back.evaluation[1].score[2], -.3);
    for (int s = 0; s < Q6_SPLITS; s++)
        ck_assert_mem_eq(back.margin[s], seed.margin[s], seed.count[s] * sizeof(float));
    q6_seed_free(&back);

    ck_assert_int_eq(q6_store_load(path, "plan b", &data, 3, &back, &found), STATUS_FORMAT);
    ck_assert_int_eq(found, 0);
    ck_assert_int_eq(q6_store_load(path, "plan a", &data, 4, &back, &found), STATUS_FORMAT);
    FILE *file = fopen(path, "r+b");
    ck_assert_int_eq(fseek(file, -9, SEEK_END), 0);
    fputc('!', file);
    fclose(file);
    ck_assert_int_eq(q6_store_load(path, "plan a", &data, 3, &back, &found), STATUS_FORMAT);
    ck_assert_int_eq(access(path, R_OK), 0);
    q6_seed_free(&seed);
    q6_data_close(&data);
}
END_TEST

START_TEST(a_work_folder_is_of_one_plan_and_one_process) {
    Q6Work work, second;
    char path[1300];
    const char *a = "model 1, ids 2, epochs 3, batch 32", *b = "model 1, ids 2, epochs 4, batch 32";
    ck_assert_msg(q6_work_open(&work, world.folder, "q6_x", a, 0) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(q6_work_open(&second, world.folder, "q6_x", a, 0), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(status_message(), "another q6_cola"));
    q6_work_path(&work, 1, "", path, sizeof path);
    fclose(fopen(path, "w"));
    q6_work_close(&work, 0);
    ck_assert_int_eq(access(path, R_OK), 0);

    ck_assert_int_eq(q6_work_open(&work, world.folder, "q6_x", b, 0), STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "'epochs 3' (asked: 'epochs 4')") != NULL, "%s",
                  status_message());
    q6_work_close(&work, 0);
    ck_assert_int_eq(access(path, R_OK), 0);
    ck_assert_int_eq(q6_work_open(&work, world.folder, "q6_x", a, 0), STATUS_OK);
    q6_work_close(&work, 0);
    ck_assert_int_eq(access(path, R_OK), 0);
    ck_assert_int_eq(q6_work_open(&work, world.folder, "q6_x", b, 1), STATUS_OK);
    ck_assert_int_ne(access(path, R_OK), 0);
    q6_work_close(&work, 1);
    ck_assert_int_ne(access(work.folder, R_OK), 0);
}
END_TEST

Suite *suite_q6_cola(void) {
    Suite *suite = suite_create("q6_cola");
    TCase *flags = tcase_create("command line");
    tcase_add_test(flags, a_plan_has_its_name_from_the_model);
    tcase_add_test(flags, a_model_asks_for_the_whole_and_none_for_a_short_run);
    tcase_add_test(flags, a_plan_that_makes_no_sense_is_refused);
    tcase_add_test(flags, scores_are_those_of_the_formulas);
    tcase_add_test(flags, parameters_are_counted_for_mpnet_too);
    suite_add_tcase(suite, flags);
    TCase *parts = tcase_create("parts");
    tcase_add_checked_fixture(parts, open_world, close_world);
    tcase_add_test(parts, splits_hold_every_row_once_with_special_tokens_at_the_ends);
    tcase_add_test(parts, fewer_examples_and_shorter_sentences_can_be_asked_for);
    tcase_add_test(parts, a_fingerprint_tells_plans_and_sentences_apart);
    tcase_add_test(parts, an_answer_does_not_depend_on_its_neighbours);
    tcase_add_test(parts, a_finished_seed_comes_back_as_it_was);
    tcase_add_test(parts, a_work_folder_is_of_one_plan_and_one_process);
    suite_add_tcase(suite, parts);
    return suite;
}
