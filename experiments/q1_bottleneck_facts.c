/* The facts, and the means over seeds that tables and facts share. */
#include "q1_bottleneck_seeds.h"

#include <math.h>
#include <stdio.h>

enum { DRAWS = 2000 };

/* --- means over seeds --------------------------------------------------------------------------
 */

Status q1_over_seeds(const double *values, int seeds, Interval *out) {
    return bootstrap_interval(values, (size_t)seeds, bootstrap_mean, NULL, DRAWS, 1, out);
}

Status q1_means(const Q1Session *session, const Q1Tests *tests, int seeds, int l, Q1Part part,
                Q1Means *out) {
    double accuracy[Q1_SEEDS_MAX], exact[Q1_SEEDS_MAX], forced[Q1_SEEDS_MAX], bits[Q1_SEEDS_MAX];
    *out = (Q1Means){0};
    for (int s = 0; s < seeds; s++) {
        if (l >= tests[s].lengths)
            return status_fail(STATUS_FORMAT, "q1_bottleneck: a training lacks tested lengths");
        accuracy[s] = tests[s].accuracy[l];
        exact[s] = tests[s].exact[l];
        forced[s] = tests[s].forced[l];
        bits[s] = part == Q1_TEXT
                      ? 0
                      : q1_bits_held(tests[s].length[l], session->plan.alphabet, tests[s].loss[l]);
        out->untouched += tests[s].untouched[l] / seeds;
    }
    STATUS_TRY(q1_over_seeds(accuracy, seeds, &out->accuracy));
    STATUS_TRY(q1_over_seeds(exact, seeds, &out->exact));
    STATUS_TRY(q1_over_seeds(forced, seeds, &out->forced));
    return q1_over_seeds(bits, seeds, &out->bits);
}

int q1_length_index(const Q1Tests *tests, int length) {
    for (int l = 0; l < tests->lengths; l++)
        if (tests->length[l] == length) return l;
    return -1;
}

int q1_find(const Q1Session *session, Q1Part part, Q1Encoder encoder, ScoreKind score, int context,
            int longest) {
    for (int i = 0; i < session->cells; i++) {
        const Q1Cell *c = &session->cell[i];
        if (c->part == part && c->encoder == encoder && c->score == score &&
            (!context || c->context == context) && (!longest || c->longest == longest))
            return i;
    }
    return -1;
}

int q1_seeds_of(const Q1Session *session, int first) {
    int count = 1;
    while (first + count < session->cells &&
           session->cell[first + count].model == session->cell[first].model)
        count++;
    return count;
}

int q1_is_width(const Q1Cell *cell) {
    return cell->part == Q1_WIDTH ||
           (cell->part == Q1_COPY && cell->encoder == Q1_LSTM && cell->score == SCORE_NONE);
}

/* The most bits of a network of WIDTH at any length. */
static Status most_bits(const Q1Session *session, const Q1Tests *tests, int first, Interval *out) {
    const int seeds = q1_seeds_of(session, first);
    *out = (Interval){0};
    for (int l = 0; l < tests[first].lengths; l++) {
        Q1Means m;
        STATUS_TRY(q1_means(session, tests + first, seeds, l, Q1_WIDTH, &m));
        if (m.bits.value > out->value) *out = m.bits;
    }
    return STATUS_OK;
}

double q1_bits_per_number(const Q1Session *session, const Q1Tests *tests) {
    double most = 0;
    for (int first = 0; first < session->cells; first += q1_seeds_of(session, first)) {
        Interval bits;
        if (!q1_is_width(&session->cell[first])) continue;
        const Seq2seqConfig config = q1_cell_config(session, &session->cell[first]);
        if (most_bits(session, tests, first, &bits) == STATUS_OK)
            most = fmax(most, bits.value / seq2seq_handed_over(&config));
    }
    return most;
}

/* --- facts --------------------------------------------------------------------------------------
 */

static const int quoted[] = {8, 16, 24, 32, 48};
enum { QUOTED = sizeof quoted / sizeof *quoted };

/* q1.copy.lstm.additive.n16 and the like. */
static Status network_facts(const Q1Session *session, const Q1Tests *tests, Results *results,
                            int first) {
    const Q1Cell *cell = &session->cell[first];
    const Seq2seqConfig config = q1_cell_config(session, cell);
    char name[96];
    if (cell->part == Q1_TEXT)
        snprintf(name, sizeof name, "text.%s.m%d", nn_score_name(cell->score), cell->longest);
    else if (cell->part == Q1_WIDTH)
        snprintf(name, sizeof name, "width.c%d", cell->context);
    else
        snprintf(name, sizeof name, "%s.%s.%s", q1_part_slug[cell->part],
                 q1_encoder_slug[cell->encoder], nn_score_name(cell->score));
    for (int q = 0; q < QUOTED; q++) {
        const int l = q1_length_index(&tests[first], quoted[q]);
        Q1Means m;
        if (l < 0) continue;
        STATUS_TRY(
            q1_means(session, tests + first, q1_seeds_of(session, first), l, cell->part, &m));
        STATUS_TRY(results_factf(results, m.accuracy, "1", "%s.n%d", name, quoted[q]));
        STATUS_TRY(results_factf(results, m.forced, "1", "%s.n%d.forced", name, quoted[q]));
        STATUS_TRY(results_factf(results, m.exact, "1", "%s.n%d.exact", name, quoted[q]));
        if (cell->part == Q1_TEXT)
            STATUS_TRY(
                results_exactf(results, m.untouched, "1", "%s.n%d.untouched", name, quoted[q]));
        else
            STATUS_TRY(results_factf(results, m.bits, "1", "%s.n%d.bits", name, quoted[q]));
    }
    STATUS_TRY(results_exactf(results, config.width, "1", "%s.width", name));
    STATUS_TRY(
        results_exactf(results, (double)seq2seq_parameters(&config), "1", "%s.parameters", name));
    return results_exactf(results, seq2seq_handed_over(&config), "1", "%s.handed_over", name);
}

/* What a score adds to accuracy at a length, between networks of the same seed. */
static Status gain_facts(const Q1Session *session, const Q1Tests *tests, Results *results,
                         int without, int with, const char *name) {
    const int seeds = q1_seeds_of(session, without) < q1_seeds_of(session, with)
                          ? q1_seeds_of(session, without)
                          : q1_seeds_of(session, with);
    for (int q = 0; q < QUOTED; q++) {
        double gain[Q1_SEEDS_MAX];
        Interval mean;
        const int l = q1_length_index(&tests[without], quoted[q]);
        if (l < 0) continue;
        for (int s = 0; s < seeds; s++)
            gain[s] = tests[with + s].accuracy[l] - tests[without + s].accuracy[l];
        STATUS_TRY(q1_over_seeds(gain, seeds, &mean));
        STATUS_TRY(results_factf(results, mean, "1", "%s.n%d", name, quoted[q]));
    }
    return STATUS_OK;
}

static Status all_gains(const Q1Session *session, const Q1Tests *tests, Results *results) {
    char name[64];
    for (int part = Q1_COPY; part <= Q1_REVERSE; part++)
        for (int e = 0; e < Q1_ENCODERS; e++)
            for (int s = SCORE_ADDITIVE; s <= SCORE_DOT; s++) {
                const int none = q1_find(session, (Q1Part)part, (Q1Encoder)e, SCORE_NONE, 0, 0);
                const int with = q1_find(session, (Q1Part)part, (Q1Encoder)e, (ScoreKind)s, 0, 0);
                if (none < 0 || with < 0) continue;
                snprintf(name, sizeof name, "%s.gain.%s.%s", q1_part_slug[part], q1_encoder_slug[e],
                         nn_score_name((ScoreKind)s));
                STATUS_TRY(gain_facts(session, tests, results, none, with, name));
            }
    for (int l = 0; l < session->plan.text_longest.count; l++) {
        const int longest = session->plan.text_longest.value[l];
        const int none = q1_find(session, Q1_TEXT, Q1_BILSTM, SCORE_NONE, 0, longest);
        const int with = q1_find(session, Q1_TEXT, Q1_BILSTM, SCORE_ADDITIVE, 0, longest);
        if (none < 0 || with < 0) continue;
        snprintf(name, sizeof name, "text.gain.m%d", longest);
        STATUS_TRY(gain_facts(session, tests, results, none, with, name));
    }
    return STATUS_OK;
}

static Status width_facts(const Q1Session *session, const Q1Tests *tests, Results *results) {
    for (int first = 0; first < session->cells; first += q1_seeds_of(session, first)) {
        const Q1Cell *cell = &session->cell[first];
        Interval bits;
        if (!q1_is_width(cell)) continue;
        const Seq2seqConfig config = q1_cell_config(session, cell);
        const int context = seq2seq_handed_over(&config);
        STATUS_TRY(most_bits(session, tests, first, &bits));
        STATUS_TRY(results_factf(results, bits, "1", "width.c%d.most_bits", context));
        STATUS_TRY(results_factf(
            results, (Interval){bits.value / context, bits.low / context, bits.high / context}, "1",
            "width.c%d.bits_per_number", context));
    }
    const double most = q1_bits_per_number(session, tests);
    STATUS_TRY(results_exactf(results, most, "1", "width.bits_per_number"));
    return results_exactf(results, 16 * log2(session->plan.alphabet), "1", "width.bits_needed.n16");
}

/* How much larger the largest network of a part is than its smallest, at most. */
static double size_spread(const Q1Session *session) {
    double spread = 0;
    for (int part = 0; part < Q1_PARTS; part++) {
        double least = INFINITY, most = 0;
        for (int i = 0; i < session->cells; i++) {
            if (session->cell[i].part != (Q1Part)part) continue;
            const Seq2seqConfig config = q1_cell_config(session, &session->cell[i]);
            const double count = (double)seq2seq_parameters(&config);
            least = fmin(least, count);
            most = fmax(most, count);
        }
        if (most > 0) spread = fmax(spread, most / least - 1);
    }
    return spread;
}

static Status plan_facts(const Q1Session *session, Results *results) {
    const Q1Plan *p = &session->plan;
    const struct {
        const char *name;
        double value;
    } given[] = {{"alphabet", p->alphabet},
                 {"trained.shortest", p->shortest},
                 {"trained.longest", p->longest},
                 {"steps", p->steps},
                 {"batch", p->batch},
                 {"trainings", session->cells},
                 {"copy.seeds", p->seeds[Q1_COPY]},
                 {"reverse.seeds", p->seeds[Q1_REVERSE]},
                 {"width.seeds", p->seeds[Q1_WIDTH]},
                 {"test_sequences", p->test_sequences},
                 {"tested.longest", p->lengths.value[p->lengths.count - 1]}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        STATUS_TRY(results_exactf(results, given[i].value, "1", "%s%s",
                                  i < 6 || i > 8 ? "bottleneck." : "", given[i].name));
    STATUS_TRY(results_exactf(results, size_spread(session), "1", "bottleneck.size_spread"));
    STATUS_TRY(results_exactf(results, p->copy_seeds[SCORE_GENERAL], "1", "copy.general_seeds"));
    if (session->text.count == 0) return STATUS_OK;
    STATUS_TRY(results_exactf(results, p->seeds[Q1_TEXT], "1", "text.seeds"));
    STATUS_TRY(results_exactf(results, session->text.sentences[Q1_TRAIN], "1", "text.sentences"));
    STATUS_TRY(
        results_exactf(results, session->text.sentences[Q1_TEST], "1", "text.test_sentences"));
    STATUS_TRY(results_exactf(results, session->text.letter_bits, "1", "text.letter_bits"));
    return results_exactf(results, session->text.symbols, "1", "text.symbols");
}

Status q1_report_facts(const Q1Session *session, const Q1Tests *tests, Results *results) {
    STATUS_TRY(results_prefix(results, "q1.%s", session->plan.full ? "" : "quick."));
    STATUS_TRY(plan_facts(session, results));
    for (int first = 0; first < session->cells; first += q1_seeds_of(session, first))
        STATUS_TRY(network_facts(session, tests, results, first));
    STATUS_TRY(all_gains(session, tests, results));
    return width_facts(session, tests, results);
}
