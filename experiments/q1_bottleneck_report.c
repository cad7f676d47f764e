/* The tables: what the trainings gave, as means over seeds with 95 % intervals. */
#define _POSIX_C_SOURCE 200809L
#include "q1_bottleneck.h"
#include "q1_bottleneck_seeds.h"
#include "text/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- from the grid ---------------------------------------------------------------------------- */

static Status take_test(void *context, size_t cell, const char *row) {
    Q1Tests *t = (Q1Tests *)context + cell;
    const int l = t->lengths;
    if (l == Q1_LENGTHS_MAX ||
        sscanf(row, "%d\t%lf\t%lf\t%lf\t%lf\t%lf", &t->length[l], &t->accuracy[l], &t->exact[l],
               &t->forced[l], &t->loss[l], &t->untouched[l]) != 6)
        return status_fail(STATUS_FORMAT, "q1_bottleneck: cell %zu: no row of a test: %s", cell,
                           row);
    t->lengths++;
    return STATUS_OK;
}

/* --- tests ------------------------------------------------------------------------------------ */

static Status write_tests(const Q1Session *session, const Q1Tests *tests, Results *results) {
    FILE *table = results_table(results, "accuracy",
                                "part\tencoder\tscore\ttrained\tlength\taccuracy\tlow\thigh\texact"
                                "\texact_low\texact_high\tforced\tforced_low\tforced_high\tbits"
                                "\tbits_low\tbits_high\tuntouched");
    if (!table) return STATUS_IO;
    for (int first = 0, seeds; first < session->cells; first += seeds) {
        const Q1Cell *cell = &session->cell[first];
        seeds = q1_seeds_of(session, first);
        if (cell->part == Q1_WIDTH) continue;
        for (int l = 0; l < tests[first].lengths; l++) {
            Q1Means m;
            STATUS_TRY(q1_means(session, tests + first, seeds, l, cell->part, &m));
            fprintf(table,
                    "%s\t%s\t%s\t%d\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t"
                    "%.6g\t%.6g\t%.6g\t%.6g\n",
                    q1_part_slug[cell->part], q1_encoder_slug[cell->encoder],
                    nn_score_name(cell->score), cell->longest, tests[first].length[l],
                    m.accuracy.value, m.accuracy.low, m.accuracy.high, m.exact.value, m.exact.low,
                    m.exact.high, m.forced.value, m.forced.low, m.forced.high, m.bits.value,
                    m.bits.low, m.bits.high, m.untouched);
        }
    }
    return STATUS_OK;
}

/* --- the networks ----------------------------------------------------------------------------- */

static void put_at(FILE *table, const Q1Session *session, const Q1Tests *tests, int seeds,
                   int length, Q1Part part) {
    const int l = q1_length_index(tests, length);
    Q1Means m;
    if (l >= 0 && q1_means(session, tests, seeds, l, part, &m) == STATUS_OK)
        fprintf(table, "\t%.6g\t%.6g\t%.6g", m.accuracy.value, m.accuracy.low, m.accuracy.high);
    else
        fprintf(table, "\tnan\tnan\tnan");
}

static Status write_models(const Q1Session *session, const Q1Tests *tests, Results *results) {
    FILE *table = results_table(results, "models",
                                "part\tencoder\tscore\ttrained\twidth\tparameters\thanded_over\t"
                                "seeds\tn16\tn16_low\tn16_high\tn32\tn32_low\tn32_high");
    if (!table) return STATUS_IO;
    for (int first = 0, seeds; first < session->cells; first += seeds) {
        const Q1Cell *cell = &session->cell[first];
        const Seq2seqConfig config = q1_cell_config(session, cell);
        seeds = q1_seeds_of(session, first);
        fprintf(table, "%s\t%s\t%s\t%d\t%d\t%zu\t%d\t%d", q1_part_slug[cell->part],
                q1_encoder_slug[cell->encoder], nn_score_name(cell->score), cell->longest,
                config.width, seq2seq_parameters(&config), seq2seq_handed_over(&config), seeds);
        put_at(table, session, tests + first, seeds, 16, cell->part);
        put_at(table, session, tests + first, seeds, 32, cell->part);
        fputc('\n', table);
    }
    return STATUS_OK;
}

/* --- the width of the context ------------------------------------------------------------------
 */

static Status write_width(const Q1Session *session, const Q1Tests *tests, Results *results) {
    FILE *table = results_table(results, "width",
                                "context\tlength\taccuracy\tlow\thigh\tbits\tbits_low\tbits_high\t"
                                "needed\tallowed");
    if (!table) return STATUS_IO;
    const double most = q1_bits_per_number(session, tests);
    const int alphabet = session->plan.alphabet;
    for (int first = 0, seeds; first < session->cells; first += seeds) {
        const Q1Cell *cell = &session->cell[first];
        seeds = q1_seeds_of(session, first);
        if (!q1_is_width(cell)) continue;
        const Seq2seqConfig config = q1_cell_config(session, cell);
        const int context = seq2seq_handed_over(&config);
        for (int l = 0; l < tests[first].lengths; l++) {
            const int length = tests[first].length[l];
            Q1Means m;
            STATUS_TRY(q1_means(session, tests + first, seeds, l, cell->part, &m));
            fprintf(table, "%d\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", context,
                    length, m.accuracy.value, m.accuracy.low, m.accuracy.high, m.bits.value,
                    m.bits.low, m.bits.high, length * log2(alphabet),
                    q1_accuracy_allowed(length, alphabet, most * context));
        }
    }
    return STATUS_OK;
}

/* --- alignments --------------------------------------------------------------------------------
 */

typedef struct {
    const Q1Session *session;
    FILE *table;
} Align;

/* A symbol as a reader sees it; ids of random symbols are numbers. */
static void symbol_name(const Q1Session *session, Q1Part part, int id, char name[16]) {
    const Q1Text *text = &session->text;
    if (part != Q1_TEXT) {
        snprintf(name, 16, "%d", id);
    } else if (id == Q1_SPACE || id == Q1_HALF_SPACE) {
        snprintf(name, 16, "%s", id == Q1_SPACE ? "space" : "half-space");
    } else if (id == q1_text_end(text) || id == q1_text_start(text) || id == Q1_RARE) {
        snprintf(name, 16, "%s", id == Q1_RARE ? "rare" : "end");
    } else {
        const size_t used = utf8_encode(text->code[id], name);
        name[used] = 0;
    }
}

static Status take_alignment(void *context, size_t index, const char *row) {
    const Align *a = context;
    const Q1Cell *cell = &a->session->cell[index];
    int map, i, j, target, source;
    double weight;
    char to[16], from[16];
    if (sscanf(row, "%d\t%d\t%d\t%d\t%d\t%lf", &map, &i, &j, &target, &source, &weight) != 6)
        return status_fail(STATUS_FORMAT, "q1_bottleneck: no row of an alignment: %s", row);
    symbol_name(a->session, cell->part, target, to);
    symbol_name(a->session, cell->part, source, from);
    fprintf(a->table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%.4f\n", q1_part_slug[cell->part],
            q1_encoder_slug[cell->encoder], nn_score_name(cell->score), cell->longest, map, i, j,
            to, from, weight);
    return STATUS_OK;
}

static Status write_alignment(const Q1Session *session, const Grid *grid, Results *results) {
    Align align = {session,
                   results_table(results, "alignment",
                                 "part\tencoder\tscore\ttrained\tmap\ti\tj\ttarget\tsource\t"
                                 "weight")};
    if (!align.table) return STATUS_IO;
    return grid_rows(grid, "alignment", take_alignment, &align);
}

/* --- how it was trained ------------------------------------------------------------------------
 */

/* The first seed of a few networks: one of each family. */
static int is_shown(const Q1Session *session, const Q1Cell *cell) {
    const Q1Plan *plan = &session->plan;
    if (cell->seed != 1) return 0;
    if (cell->part == Q1_COPY)
        return cell->score == SCORE_NONE ||
               (cell->encoder == Q1_LSTM && cell->score == SCORE_ADDITIVE);
    return cell->part == Q1_TEXT &&
           cell->longest == plan->text_longest.value[plan->text_longest.count - 1];
}

static void training_name(const Q1Cell *cell, char *name, size_t size) {
    int used = snprintf(name, size, "%s, %s, attention %s", q1_part_slug[cell->part],
                        q1_encoder_slug[cell->encoder], nn_score_name(cell->score));
    if (cell->context)
        used += snprintf(name + used, size - (size_t)used, ", %d handed over", cell->context);
    if (cell->part == Q1_TEXT)
        snprintf(name + used, size - (size_t)used, ", up to %d letters", cell->longest);
}

static Status take_curve(void *context, size_t index, const char *row) {
    const Align *a = context;
    const Q1Cell *cell = &a->session->cell[index];
    const char *rest = strchr(row, '\t');
    char name[96];
    if (!rest) return status_fail(STATUS_FORMAT, "q1_bottleneck: no row of a curve: %s", row);
    if (!is_shown(a->session, cell)) return STATUS_OK;
    training_name(cell, name, sizeof name);
    fprintf(a->table, "%s\t%llu%s\n", name,
            (unsigned long long)a->session->plan.seed + (unsigned long long)cell->seed - 1, rest);
    return STATUS_OK;
}

static Status write_curve(const Q1Session *session, const Grid *grid, Results *results) {
    Align curve = {session,
                   results_table(results, "curve", "training\tseed\tsplit\tstep\tloss\taccuracy")};
    if (!curve.table) return STATUS_IO;
    return grid_rows(grid, "curve", take_curve, &curve);
}

static void data_text(const Q1Session *session, const Q1Cell *cell, char *text, size_t size) {
    const Q1Plan *p = &session->plan;
    if (cell->part == Q1_TEXT)
        snprintf(text, size,
                 "phrases of %d-%d letters of UD Persian PerDT: %d sentences for training, %d "
                 "validation, %d test",
                 p->text_shortest, cell->longest, session->text.sentences[Q1_TRAIN],
                 session->text.sentences[Q1_VALIDATE], session->text.sentences[Q1_TEST]);
    else
        snprintf(text, size,
                 "%d symbols, lengths %d-%d, every sequence drawn once; validation 512, test %d of "
                 "each length",
                 p->alphabet, p->shortest, p->longest, p->test_sequences);
}

static Status write_cards(const Q1Session *session, Results *results) {
    FILE *table = results_table(results, "cards",
                                "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\t"
                                "batch\tdata\tseeds");
    if (!table) return STATUS_IO;
    for (int first = 0, seeds; first < session->cells; first += seeds) {
        const Q1Cell *cell = &session->cell[first];
        const Q1Plan *plan = &session->plan;
        const Seq2seqConfig c = q1_cell_config(session, cell);
        char name[96], data[256];
        seeds = q1_seeds_of(session, first);
        training_name(cell, name, sizeof name);
        data_text(session, cell, data, sizeof data);
        fprintf(table,
                "%s\tencoder of width %d%s, decoder %d, embeddings %d, one layer each\t%zu\t"
                "cross-entropy of each symbol\tAdamW, peak rate %g, cosine to 0, warm-up %g, decay "
                "%g, clip 1\t%d\t%d\t%s\t%d\n",
                name, c.width / c.directions, c.directions == 2 ? " in each direction" : "",
                c.width, c.embedding, seq2seq_parameters(&c), q1_rate(plan, cell->encoder),
                plan->warmup, plan->decay, q1_steps(plan, cell->part), plan->batch, data, seeds);
    }
    return STATUS_OK;
}

Status q1_report_write(const Q1Session *session, const Grid *grid, Results *results) {
    Q1Tests *tests = calloc((size_t)session->cells + 1, sizeof *tests);
    if (!tests) return status_fail(STATUS_MEMORY, "q1_bottleneck: no memory for its tables");
    Status status = grid_rows(grid, "test", take_test, tests);
    if (status == STATUS_OK) status = write_tests(session, tests, results);
    if (status == STATUS_OK) status = write_models(session, tests, results);
    if (status == STATUS_OK) status = write_width(session, tests, results);
    if (status == STATUS_OK) status = write_alignment(session, grid, results);
    if (status == STATUS_OK) status = write_curve(session, grid, results);
    if (status == STATUS_OK) status = write_cards(session, results);
    if (status == STATUS_OK) status = q1_report_facts(session, tests, results);
    free(tests);
    return status;
}
