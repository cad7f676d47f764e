/* One line for each kind of training, the curves of a few of them, and what is printed at the end.
 */
#include "q2_drawbacks_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Drawbacks *d;
    FILE *stream;
    char optimiser[DRAWBACKS_CELLS_MAX][128]; /* of every cell */
    int steps[DRAWBACKS_CELLS_MAX], batch[DRAWBACKS_CELLS_MAX];
    long parameters[DRAWBACKS_CELLS_MAX];
} Cards;

/* The trainings whose curves are shown: one of each family, the first seed. */
static const char *shown(const Drawbacks *d, size_t cell) {
    const DrawbacksCell *c = &d->cell[cell];
    const int most = d->plan.sentences.value[d->plan.sentences.count - 1];
    if (c->seed != 1 || (c->net != NET_LSTM && c->net != NET_SINUSOIDAL)) return NULL;
    if (c->kind == CELL_PARITY) return c->net == NET_LSTM ? "parity_lstm" : "parity_transformer";
    if (c->kind == CELL_LANGUAGE && c->sentences == most)
        return c->net == NET_LSTM ? "character_lstm" : "character_transformer";
    return NULL;
}

static Status take_curve(void *context, size_t cell, const char *row) {
    const Cards *t = context;
    const char *name = shown(t->d, cell), *rest = strchr(row, '\t');
    if (name && rest) fprintf(t->stream, "%s\t%d%s\n", name, t->d->cell[cell].seed, rest);
    return STATUS_OK;
}

static Status take_card(void *context, size_t cell, const char *row) {
    Cards *t = context;
    if (sscanf(row, "%*[^\t]\t%ld\t%127[^\t]\t%d\t%d", &t->parameters[cell], t->optimiser[cell],
               &t->steps[cell], &t->batch[cell]) != 4)
        return status_fail(STATUS_FORMAT, "a row of 'card' cannot be read: %.80s", row);
    return STATUS_OK;
}

static void architecture(const NetShape *shape, char *text, size_t size) {
    static const char *const positions[] = {"no", "sinusoidal", "learned"};
    if (shape->recurrent)
        snprintf(text, size, "LSTM, %d layer%s of width %d, inputs of width %d", shape->lstm_layers,
                 shape->lstm_layers > 1 ? "s" : "", net_lstm_width(shape), shape->width);
    else
        snprintf(text, size,
                 "Transformer decoder, %d layers of width %d, %d heads, feed-forward %d, %s "
                 "positions",
                 shape->layers, shape->width, shape->heads, 4 * shape->width,
                 positions[shape->positions]);
}

static int same_training(const DrawbacksCell *a, const DrawbacksCell *b) {
    return a->kind == b->kind && a->net == b->net && a->sentences == b->sentences;
}

static void write_card(const Cards *t, size_t cell) {
    const Drawbacks *d = t->d;
    const DrawbacksCell *c = &d->cell[cell];
    const int parity = c->kind == CELL_PARITY;
    const NetShape shape =
        parity ? drawbacks_parity_shape(&d->plan, c->net) : drawbacks_language_shape(d, c->net);
    char what[160], data[240], seeds[64] = "";
    architecture(&shape, what, sizeof what);
    for (size_t other = 0; other < d->cells; other++)
        if (same_training(c, &d->cell[other])) {
            size_t used = strlen(seeds);
            snprintf(seeds + used, sizeof seeds - used, "%s%d", used ? ", " : "",
                     d->cell[other].seed);
        }
    if (parity)
        snprintf(data, sizeof data, "fair bits drawn as needed, 1 to %d of them",
                 d->plan.parity_length);
    else
        snprintf(data, sizeof data,
                 "%d sentences of UD PerDT train, windows of %d characters; %d sentences held out "
                 "choose among %s; tested on dev",
                 c->sentences, d->plan.window, d->plan.validation, "the evaluations");
    fprintf(t->stream, "%s\t%s\t%ld\tcross-entropy of every %s\t%s\t%d\t%d\t%s\t%s\n",
            parity ? "running parity" : "next character", what, t->parameters[cell],
            parity ? "step" : "character", t->optimiser[cell], t->steps[cell], t->batch[cell], data,
            seeds);
}

Status drawbacks_report_cards(const Drawbacks *d, const Gathered *g, const Grid *grid,
                              Results *results) {
    (void)g;
    Cards *t = calloc(1, sizeof *t);
    if (!t) return status_fail(STATUS_MEMORY, "no memory for cards");
    t->d = d;
    t->stream = results_table(results, "curve", "training\tseed\tsplit\tstep\tloss\taccuracy");
    Status status = t->stream ? grid_rows(grid, "curve", take_curve, t) : STATUS_IO;
    if (status == STATUS_OK) status = grid_rows(grid, "card", take_card, t);
    t->stream = results_table(results, "cards",
                              "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\tbatch\t"
                              "data\tseeds");
    if (!t->stream && status == STATUS_OK) status = STATUS_IO;
    for (size_t cell = 0; cell < d->cells && status == STATUS_OK; cell++)
        if (d->cell[cell].kind != CELL_MEMORY && d->cell[cell].seed == 1) write_card(t, cell);
    free(t);
    return status;
}

/* --- the end --------------------------------------------------------------------------------- */

static void print_mean(FILE *stream, const double *values, int count) {
    Interval i;
    if (count && gather_mean(values, count, &i) == STATUS_OK)
        fprintf(stream, "  %7.3f", i.value);
    else
        fprintf(stream, "  %7s", "-");
}

void drawbacks_report_print(const Drawbacks *d, const Gathered *g, const Generation *generation,
                            FILE *stream) {
    const DrawbacksPlan *plan = &d->plan;
    const int lengths[] = {plan->parity_length, 2 * plan->parity_length, 4 * plan->parity_length,
                           plan->parity_longest};
    fprintf(stream, "running parity, the last step's accuracy (trained on up to %d bits)\n",
            plan->parity_length);
    fprintf(stream, "  %-12s", "bits");
    for (int i = 0; i < 4; i++) fprintf(stream, "  %7d", lengths[i]);
    for (int k = 0; k < NET_KINDS; k++) {
        fprintf(stream, "\n  %-12s", drawbacks_net_slug[k]);
        for (int i = 0; i < 4; i++)
            print_mean(stream, g->parity[k][lengths[i]].last, g->parity[k][lengths[i]].count);
    }
    fprintf(stream, "\nnext character, bits a character of unseen sentences\n");
    if (!d->has_text)
        fprintf(stream,
                "  not measured: no fa_perdt-ud-train and fa_perdt-ud-dev in %s (make "
                "data)\n",
                plan->data);
    else
        fprintf(stream, "  %-12s  %7s  %7s\n", "sentences", "LSTM", "Transf.");
    for (int i = 0; d->has_text && i < plan->sentences.count; i++) {
        fprintf(stream, "  %-12d", plan->sentences.value[i]);
        print_mean(stream, g->language[NET_LSTM][i].test, g->language[NET_LSTM][i].count);
        print_mean(stream, g->language[NET_SINUSOIDAL][i].test,
                   g->language[NET_SINUSOIDAL][i].count);
        fputc('\n', stream);
    }
    const int last = generation->blocks - 1;
    fprintf(stream, "symbol %d: bytes held", (last + 1) * generation->block);
    for (int k = 0; k < GENERATES; k++)
        fprintf(stream, "%s %s %zu", k ? "," : "", drawbacks_holds_slug[generation_holds[k]],
                generation->bytes[k * generation->blocks + last]);
    fputc('\n', stream);
}
