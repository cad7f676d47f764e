/* q2_drawbacks: the networks that are compared, the stream of characters, what is made of scores
 * over seeds, what generation holds; and a tiny run of the whole grid. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "nn/recurrent_step.h"
#include "q2_drawbacks_gather.h"
#include "q2_drawbacks_generate.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q2_drawbacks(void);

#define ck_ok(call) ck_assert_msg((call) == STATUS_OK, "%s", status_message())

/* --- networks -------------------------------------------------------------------------------- */

static NetShape small_shape(int recurrent) {
    return (NetShape){.recurrent = recurrent,
                      .positions = POSITIONS_SINUSOIDAL,
                      .vocabulary = 7,
                      .classes = 5,
                      .width = 16,
                      .heads = 2,
                      .layers = 2,
                      .lstm_layers = 2};
}

enum { B = 3, N = 9 };

static void draw_batch(int32_t *ids, int32_t *labels) {
    for (int i = 0; i < B * N; i++) {
        ids[i] = (int32_t)rng_below(5, 1, (uint64_t)i, 7);
        labels[i] = (int32_t)rng_below(5, 2, (uint64_t)i, 5);
    }
    labels[4] = labels[N] = -1; /* not scored */
}

START_TEST(both_have_as_many_parameters) {
    for (int layers = 1; layers <= 3; layers++) {
        NetShape shape = small_shape(1);
        shape.width = 48;
        shape.lstm_layers = layers;
        Net net;
        ck_ok(net_open(&net, &shape, 1));
        const double mine = (double)parameters_count(net.parameters);
        ck_assert_double_eq_tol(mine / (double)net_transformer_parameters(&shape), 1, .02);
        net_close(&net);
        shape.recurrent = 0;
        ck_ok(net_open(&net, &shape, 1));
        ck_assert_uint_eq(parameters_count(net.parameters), net_transformer_parameters(&shape));
        net_close(&net);
    }
}
END_TEST

/* Scores by place, summed up, are the loss; and what a network says at a place rests on what stood
 * before it, in the right sequence. */
START_TEST(scores_are_the_loss_by_place) {
    for (int recurrent = 0; recurrent < 2; recurrent++) {
        const NetShape shape = small_shape(recurrent);
        int32_t ids[B * N], labels[B * N];
        double nats[N] = {0}, right[N] = {0}, one[N] = {0}, changed[N] = {0}, unused[N] = {0};
        Net net;
        Arena arena;
        Tape tape;
        draw_batch(ids, labels);
        ck_ok(net_open(&net, &shape, 3));
        ck_ok(arena_open(&arena, 0));
        const NetBatch batch = {B, N, ids, labels};
        ck_ok(net_score(&net, &arena, &batch, nats, right));
        tape_open(&tape, &arena, TAPE_INFER, 0, 0);
        int hits, scored;
        Value *loss = net_loss(&net, &tape, &batch, &hits, &scored);
        ck_ok(tape_status(&tape));
        double sum = 0, all_right = 0;
        for (int t = 0; t < N; t++) sum += nats[t], all_right += right[t];
        ck_assert_int_eq(scored, B * N - 2);
        ck_assert_double_eq_tol(sum / scored, (double)loss->data[0], 1e-5);
        ck_assert_double_eq(all_right, hits);
        /* The sequences one by one. */
        for (int b = 0; b < B; b++) {
            const NetBatch single = {1, N, ids + b * N, labels + b * N};
            ck_ok(net_score(&net, &arena, &single, one, unused));
        }
        for (int t = 0; t < N; t++) ck_assert_double_eq_tol(one[t], nats[t], 1e-4);
        ids[N - 2] = (ids[N - 2] + 1) % 7;
        ck_ok(net_score(&net, &arena, &batch, changed, unused));
        for (int t = 0; t < N - 2; t++) ck_assert_double_eq_tol(changed[t], nats[t], 1e-5);
        ck_assert(fabs(changed[N - 2] - nats[N - 2]) > 1e-4);
        ck_assert(fabs(changed[N - 1] - nats[N - 1]) > 1e-6);
        arena_close(&arena);
        net_close(&net);
    }
}
END_TEST

START_TEST(learned_positions_end) {
    NetShape shape = small_shape(0);
    int32_t ids[B * N], labels[B * N];
    double nats[N] = {0}, right[N] = {0};
    Net net;
    Arena arena;
    draw_batch(ids, labels);
    shape.positions = POSITIONS_LEARNED;
    shape.positions_max = N - 1;
    ck_ok(net_open(&net, &shape, 3));
    ck_ok(arena_open(&arena, 0));
    const NetBatch batch = {B, N, ids, labels}, shorter = {B, N - 1, ids, labels};
    ck_assert_int_eq(net_score(&net, &arena, &batch, nats, right), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "learned up to 8"));
    ck_ok(net_score(&net, &arena, &shorter, nats, right));
    arena_close(&arena);
    net_close(&net);
}
END_TEST

/* --- one symbol at a time -------------------------------------------------------------------- */

START_TEST(a_step_at_a_time_is_the_whole_stack) {
    enum { T = 12, IN = 5, H = 11 };
    for (int kind = RECURRENT_TANH; kind <= RECURRENT_LSTM; kind++)
        for (int layers = 1; layers <= 2; layers++) {
            ParameterSet set;
            RecurrentStack stack;
            RecurrentStep *step;
            Arena arena;
            Tape tape;
            float x[T * IN], h[H];
            ck_ok(parameters_open(&set));
            ck_ok(
                nn_recurrent_open(&set, &stack, "s", (RecurrentKind)kind, IN, H, layers, 1, 1, 7));
            ck_ok(parameters_changed(&set));
            rng_fill_normal(x, T * IN, 1, 1);
            ck_ok(arena_open(&arena, 0));
            tape_open(&tape, &arena, TAPE_INFER, 0, 0);
            const Value *all =
                nn_recurrent(&tape, &stack, tape_input(&tape, x, T, IN), T, 1, NULL, NULL);
            ck_ok(tape_status(&tape));
            ck_ok(nn_recurrent_step_open(&step, &stack));
            const size_t kept = kind == RECURRENT_LSTM ? 2 : 1;
            for (int again = 0; again < 2; again++, nn_recurrent_step_reset(step))
                for (int t = 0; t < T; t++) {
                    ck_ok(nn_recurrent_step(step, x + t * IN, h));
                    for (int i = 0; i < H; i++)
                        ck_assert_float_eq_tol(h[i], all->data[t * H + i], 2e-6f);
                    ck_assert_uint_eq(nn_recurrent_step_bytes(step),
                                      kept * (size_t)layers * H * sizeof(float));
                }
            nn_recurrent_step_close(step);
            arena_close(&arena);
            parameters_close(&set);
        }
}
END_TEST

START_TEST(a_step_needs_one_direction) {
    ParameterSet set;
    RecurrentStack stack;
    RecurrentStep *step;
    ck_ok(parameters_open(&set));
    ck_ok(nn_recurrent_open(&set, &stack, "s", RECURRENT_LSTM, 3, 4, 1, 2, 1, 7));
    ck_assert_int_eq(nn_recurrent_step_open(&step, &stack), STATUS_ARGUMENT);
    ck_assert_ptr_null(step);
    parameters_close(&set);
}
END_TEST

static DrawbacksPlan small_plan(void) {
    DrawbacksPlan plan = {.seed = 1, .block = 4, .generated = 24, .repetitions = 2};
    plan.big = small_shape(0);
    plan.big.classes = plan.big.vocabulary;
    return plan;
}

/* What is held after every block is what the formula says, and only the keys and values grow. */
START_TEST(generation_holds_what_the_formula_says) {
    const DrawbacksPlan plan = small_plan();
    Generation *g;
    ck_ok(generation_open(&g, &plan));
    ck_ok(generation_run(g, NULL, NULL));
    ck_assert_int_eq(g->blocks, 6);
    for (int k = 0; k < GENERATES; k++)
        for (int b = 0; b < g->blocks; b++) {
            const size_t bytes = g->bytes[k * g->blocks + b];
            ck_assert_uint_eq(bytes, generation_formula_bytes(&plan, k, (b + 1) * g->block));
            if (generation_holds[k] == HOLDS_TILED)
                ck_assert_uint_eq(bytes, (size_t)(2 * 2 * (b + 1) * 4 * 16) * sizeof(float));
            else
                ck_assert_uint_eq(bytes, g->bytes[k * g->blocks]);
            for (int r = 0; r < g->repetitions; r++)
                ck_assert(g->seconds[(size_t)((r * GENERATES + k) * g->blocks + b)] > 0);
        }
    ck_assert_int_eq(g->samples, 2 * 3 * 6);
    generation_close(g);
}
END_TEST

/* Every generator says what its network says about the whole text at once. */
START_TEST(generation_is_the_network) {
    const DrawbacksPlan plan = small_plan();
    for (int k = 0; k < GENERATES; k++) {
        const NetShape shape = drawbacks_big_shape(&plan, generation_holds[k]);
        int32_t ids[N], labels[N];
        double nats[N] = {0}, right[N] = {0};
        Generation *g;
        Net net;
        Arena arena;
        ck_ok(generation_open(&g, &plan));
        for (int t = 0; t < N; t++) {
            ids[t] = (int32_t)rng_below(9, 1, (uint64_t)t, 7);
            ck_ok(generation_step(g, k, ids[t], &labels[t]));
        }
        generation_close(g);
        ck_ok(net_open(&net, &shape, plan.seed));
        ck_ok(arena_open(&arena, 0));
        ck_ok(net_score(&net, &arena, &(NetBatch){1, N, ids, labels}, nats, right));
        for (int t = 0; t < N; t++) ck_assert_msg(right[t] == 1, "%d: symbol %d", k, t);
        arena_close(&arena);
        net_close(&net);
    }
}
END_TEST

/* --- characters ------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(sentences_become_a_stream) {
    char folder[] = "/tmp/tamrin-drawbacks-XXXXXX", path[64], found[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(persian_lines_find(folder, "a", found, sizeof found), 0);
    snprintf(path, sizeof path, "%s/a.txt", folder);
    write_file(path, "سلام سلام\n\nبله\r\n");
    ck_assert_int_eq(persian_lines_find(folder, "a", found, sizeof found), 1);
    PersianLines s;
    Alphabet a;
    CharacterStream stream;
    ck_ok(persian_lines_load(found, &s));
    ck_assert_uint_eq(s.count, 2);
    ck_assert_str_eq(s.text[1], "بله");
    ck_ok(alphabet_make(&a, &s, 2));
    ck_assert_int_eq(a.symbols, SYMBOLS_SPECIAL + 4); /* alef, seen, lam, meem; space once */
    ck_ok(character_stream_make(&stream, &a, &s, (uint32_t[]){1, 0}, 2));
    ck_assert_uint_eq(stream.count, 3 + 1 + 9 + 1);
    ck_assert_uint_eq(stream.other, 3); /* beh, heh, the space */
    ck_assert_int_eq(stream.id[0], SYMBOL_OTHER);
    ck_assert_int_eq(stream.id[1], alphabet_symbol(&a, 0x644));
    ck_assert_int_eq(stream.id[3], SYMBOL_END);
    ck_assert_int_eq(alphabet_symbol(&a, 'x'), SYMBOL_OTHER);
    int32_t ids[8], labels[8];
    ck_assert_uint_eq(character_stream_windows(&stream, 4), 3);
    character_stream_cut(&stream, 4, 1, 1, 2, ids, labels);
    ck_assert_mem_eq(ids, stream.id + 5, sizeof ids);
    ck_assert_mem_eq(labels, stream.id + 6, sizeof labels);
    character_stream_free(&stream);
    alphabet_free(&a);
    persian_lines_free(&s);
    unlink(path);
    snprintf(path, sizeof path, "%s/b.conllu", folder);
    write_file(path, "# sent_id = 1\n# text = بله آقا\n1\tبله\tبله\tINTJ\t_\t_\t0\troot\t_\t_\n"
                     "2\tآقا\tآقا\tNOUN\t_\t_\t1\tdep\t_\t_\n\n");
    ck_ok(persian_lines_load(path, &s));
    ck_assert_uint_eq(s.count, 1);
    ck_assert_str_eq(s.text[0], "بله آقا");
    persian_lines_free(&s);
    write_file(path, "1\tx\n");
    ck_assert_int_eq(persian_lines_load(path, &s), STATUS_FORMAT);
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(counting_alone_has_its_bits) {
    int32_t train[] = {0, 0, 1, 1, 2, 2}, test[] = {0, 1, 2};
    const CharacterStream a = {train, 6, 0}, b = {test, 3, 0};
    ck_assert_double_eq_tol(gather_unigram_bits(&a, &b, 3), log2(3), 1e-12);
    ck_assert_double_eq_tol(gather_unigram_bits(&a, &b, 6), log2(4), 1e-12); /* 3 of 12 each */
}
END_TEST

/* A curve that needs four times as many sentences everywhere. */
START_TEST(hunger_is_a_ratio_of_sentences) {
    GatheredLanguage slow[4] = {{0}}, fast[4] = {{0}};
    const double x[] = {100, 400, 1600, 6400};
    for (int i = 0; i < 4; i++) {
        slow[i].count = fast[i].count = 2;
        for (int s = 0; s < 2; s++) {
            fast[i].test[s] = 5 - i - .25 * s;
            slow[i].test[s] = 6 - i - .25 * s;
        }
    }
    Interval ratio;
    ck_assert_int_eq(gather_hunger(x, 4, 1, slow, fast, &ratio), 1);
    ck_assert_double_eq_tol(ratio.value, 4, 1e-9);
    ck_assert_double_eq_tol(ratio.low, 4, 1e-9);
    ck_assert_int_eq(gather_hunger(x, 4, 3, slow, fast, &ratio), 0); /* never so low */
    ck_assert_int_eq(gather_hunger(x, 4, 0, fast, slow, &ratio), 0); /* already below */
    ck_assert_int_eq(gather_hunger(x, 4, 1, fast, slow, &ratio), 1);
    ck_assert_double_eq_tol(ratio.value, .25, 1e-9);
}
END_TEST

/* --- all of it, tiny ------------------------------------------------------------------------- */

static void tiny_drawbacks(Drawbacks *d, const char *folder) {
    memset(d, 0, sizeof *d);
    d->plan = small_plan();
    DrawbacksPlan *p = &d->plan;
    p->data = folder;
    p->parity = p->language = small_shape(0);
    p->seeds = p->parity_seeds = p->far_seeds = 1;
    p->parity_length = 6;
    p->parity_longest = 12;
    p->parity_steps = 3;
    p->parity_batch = 2;
    p->parity_test = 4;
    p->parity_rate[0] = p->parity_rate[1] = p->language_rate[0] = p->language_rate[1] = 1e-3;
    p->window = 8;
    p->far = 16;
    p->language_batch = 2;
    p->sentences = (DrawbacksList){2, {4, 8}};
    p->steps = (DrawbacksList){2, {2, 3}};
    p->validation = 4;
    p->test_windows = 8;
    p->lengths = (DrawbacksList){2, {8, 16}};
}

START_TEST(a_tiny_run_leaves_every_number) {
    char folder[] = "/tmp/tamrin-drawbacks-XXXXXX", path[2][64], work[64], fingerprint[640];
    static const char *const names[] = {"train", "dev"};
    static Drawbacks d;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int f = 0; f < 2; f++) {
        char text[12 * 64] = "";
        for (int s = 0; s < 12; s++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "جملهٔ %d است و بس.\n",
                     10 + s % 3);
        snprintf(path[f], sizeof path[f], "%s/fa_perdt-ud-%s.txt", folder, names[f]);
        write_file(path[f], text);
    }
    snprintf(work, sizeof work, "%s/work", folder);
    tiny_drawbacks(&d, folder);
    ck_ok(drawbacks_text_open(&d));
    ck_assert_int_eq(d.has_text, 1);
    drawbacks_list_cells(&d);
    ck_assert_uint_eq(d.cells, 4 + 2 + 4 + 4 * 2);
    drawbacks_fingerprint(&d, fingerprint, sizeof fingerprint);
    const Grid grid = {.name = "tiny",
                       .folder = work,
                       .fingerprint = fingerprint,
                       .cells = d.cells,
                       .cost = drawbacks_cost,
                       .cell_name = drawbacks_cell_name,
                       .work = drawbacks_work,
                       .context = &d,
                       .processes = 2};
    Gathered *g;
    ck_ok(grid_run(&grid));
    ck_ok(drawbacks_gather(&g, &d, &grid));
    for (int n = 1; n <= 12; n++)
        for (int k = 0; k < NET_KINDS; k++) { /* learned positions end with training's lengths */
            const GatheredParity *p = &g->parity[k][n];
            ck_assert_int_eq(p->count, k == NET_LEARNED && n > 6 ? 0 : 1);
            if (p->count) ck_assert(p->last[0] >= 0 && p->last[0] <= 1 && p->all[0] <= 1);
        }
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < NET_KINDS; k++) {
            const GatheredLanguage *l = &g->language[k][i];
            ck_assert_int_eq(l->count, k == NET_LSTM || k == NET_SINUSOIDAL || i == 1);
            if (l->count) ck_assert(l->test[0] > 0 && l->test[0] < 10 && l->best_update[0] > 0);
        }
    ck_assert_int_eq(g->places, 16);
    ck_assert_int_eq(g->place[NET_LSTM][15].last, 16);
    ck_assert_int_eq(g->place[NET_LEARNED][8].count, 0);
    /* Twice the length is twice the bytes of the LSTM; the stored weights grow faster. */
    const GatheredMemory *lstm = g->memory[HOLDS_LSTM], *stored = g->memory[HOLDS_STORED];
    ck_assert(lstm[0].counted > 0 && lstm[1].counted < 2.2 * lstm[0].counted);
    ck_assert(stored[1].counted > stored[0].counted);
    free(g);
    grid_remove(&grid);
    drawbacks_text_close(&d);
    for (int f = 0; f < 2; f++) unlink(path[f]);
    rmdir(folder);
}
END_TEST

START_TEST(without_sentences_the_rest_is_left) {
    static Drawbacks d;
    tiny_drawbacks(&d, "/nonexistent");
    ck_ok(drawbacks_text_open(&d));
    ck_assert_int_eq(d.has_text, 0);
    drawbacks_list_cells(&d);
    ck_assert_uint_eq(d.cells, 4 + 4 * 2);
    for (size_t i = 0; i < d.cells; i++) ck_assert_int_ne(d.cell[i].kind, CELL_LANGUAGE);
}
END_TEST

Suite *suite_q2_drawbacks(void) {
    Suite *suite = suite_create("q2_drawbacks");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, both_have_as_many_parameters);
    tcase_add_test(tests, scores_are_the_loss_by_place);
    tcase_add_test(tests, learned_positions_end);
    tcase_add_test(tests, a_step_at_a_time_is_the_whole_stack);
    tcase_add_test(tests, a_step_needs_one_direction);
    tcase_add_test(tests, generation_holds_what_the_formula_says);
    tcase_add_test(tests, generation_is_the_network);
    tcase_add_test(tests, sentences_become_a_stream);
    tcase_add_test(tests, counting_alone_has_its_bits);
    tcase_add_test(tests, hunger_is_a_ratio_of_sentences);
    tcase_add_test(tests, a_tiny_run_leaves_every_number);
    tcase_add_test(tests, without_sentences_the_rest_is_left);
    suite_add_tcase(suite, tests);
    return suite;
}
