#include "q4_complexity_cross.h"
#include "base/clock.h"
#include "base/rng.h"
#include "stat/bootstrap.h"
#include "stat/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST        64
#define FEWEST_FEATURES 16
#define WIN             1.5
#define CALLS_MOST      1000

const char *const cross_exact[CROSS_EXACT] = {"tiled", "materialised", "tiled_bf16"};

const char *cross_status_name(CrossStatus status) {
    return status == CROSS_CROSSED ? "crossed" : status == CROSS_NEVER ? "never" : "always";
}

Cross *cross_new(void) {
    Cross *cross = calloc(1, sizeof *cross);
    if (!cross) status_fail(STATUS_MEMORY, "no memory for a table of %zu bytes", sizeof *cross);
    return cross;
}

/* Half an octave apart, in multiples of 8 where that is finer than the step. */
static int half_octave(int from, int step) {
    double exact = from * pow(2, 0.5 * step);
    return step % 2 ? 8 * (int)lround(exact / 8) : (int)lround(exact);
}

static int wants_exact(const Session *session, int e) {
    const int v = case_variant_find(cross_exact[e], strlen(cross_exact[e]));
    return session->plan.variants[v] && !session->lacking[v];
}

/* --- error --------------------------------------------------------------------------------- */

static double relative_error(const float *approximate, const float *exact, size_t count) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        double off = (double)approximate[i] - exact[i];
        difference += off * off;
        size += (double)exact[i] * exact[i];
    }
    return sqrt(difference / size);
}

/* One draw of inputs and of the largest projection. Fewer features are its first rows: still whole
 * orthogonal blocks of independent rows. Made when first needed, since a continued run may find
 * every error in its checkpoint. */
typedef struct {
    Workspace workspace;
    float *exact, *approximate; /* outputs, on the host */
    int made;
} Draw;

static Shape error_shape(const Plan *plan, int width, int features) {
    return (Shape){plan->cross_heads, width, features, plan->error_length};
}

/* On a GPU, where all draws stand at once: each its share of what is left, the most that one may
 * need. */
static size_t draw_bytes(const Session *session, int width) {
    const Plan *plan = &session->plan;
    if (!room_is_gpu(&session->room)) return 0;
    const size_t inputs =
        ((size_t)plan->cross_heads * (size_t)plan->error_length * 4 + (size_t)plan->error_most) *
        (size_t)width * sizeof(float);
    const size_t share = session->room.whole.capacity / 2 / (size_t)plan->error_draws;
    return share > inputs + 64 ? (share - inputs) / 64 * 64 : 64;
}

static Status draw_make(Session *session, int width, int number, Draw *draw) {
    const Plan *plan = &session->plan;
    if (draw->made) return STATUS_OK;
    size_t count = (size_t)plan->cross_heads * (size_t)plan->error_length * (size_t)width;
    STATUS_TRY(workspace_open(&draw->workspace, &session->room, count,
                              (size_t)plan->error_most * (size_t)width,
                              plan->seed + (uint64_t)number, 0, draw_bytes(session, width)));
    draw->made = 1;
    draw->exact = malloc(2 * count * sizeof *draw->exact);
    if (!draw->exact) return status_fail(STATUS_MEMORY, "no memory for %zu floats", 2 * count);
    draw->approximate = draw->exact + count;
    return workspace_project(&draw->workspace, plan->error_most, width, plan->seed,
                             (uint64_t)number);
}

static void draws_free(Draw *draws, int count) {
    for (int i = count - 1; i >= 0; i--) { /* the room wants the last one first */
        if (draws[i].made) workspace_close(&draws[i].workspace);
        free(draws[i].exact);
    }
}

/* The error of the first `features` rows of a draw's projection on the draw's inputs. */
static Status error_once(Session *session, Draw *draw, int width, double deviation, int features,
                         double *error) {
    Shape shape = error_shape(&session->plan, width, features);
    Workspace *workspace = &draw->workspace;
    /* Queries and keys that are `deviation` times as large are scores that are its square times. */
    float scale = (float)(deviation * deviation / sqrt(width));
    Case one;
    int calls[2] = {1, 0};
    Sample sample[2];
    case_make(&one, case_variant("tiled"), shape, workspace);
    one.attention.scale = scale;
    STATUS_TRY(case_measure(workspace, &one, calls, sample));
    const DeviceMemory *memory = workspace->room->device->memory;
    const size_t bytes = workspace->floats * sizeof *draw->exact;
    STATUS_TRY(memory->download(draw->exact, workspace->output, bytes));
    case_make(&one, case_variant("favor_positive"), shape, workspace);
    one.attention.scale = scale;
    STATUS_TRY(case_measure(workspace, &one, calls, sample));
    STATUS_TRY(memory->download(draw->approximate, workspace->output, bytes));
    *error = relative_error(draw->approximate, draw->exact, workspace->floats);
    return STATUS_OK;
}

static Status error_at(Session *session, Draw *draws, int width, double deviation, int features,
                       CrossError *out) {
    const Plan *plan = &session->plan;
    double errors[STORE_VALUES_MAX];
    size_t count = (size_t)plan->error_draws;
    char name[STORE_NAME_MAX];
    snprintf(name, sizeof name, "error %d %g %d", width, deviation, features);
    if (!store_get(session->store, name, errors, count)) {
        for (size_t i = 0; i < count; i++) {
            STATUS_TRY(session_check(session));
            STATUS_TRY(draw_make(session, width, (int)i, &draws[i]));
            STATUS_TRY(error_once(session, &draws[i], width, deviation, features, &errors[i]));
        }
        STATUS_TRY(store_put(session->store, name, errors, count));
    }
    Interval interval;
    STATUS_TRY(
        bootstrap_interval(errors, count, bootstrap_mean, NULL, 2000, plan->seed, &interval));
    *out = (CrossError){features, interval.value, interval.low, interval.high};
    return STATUS_OK;
}

/* Follows the error over R until every target is reached, or R is the most that is tried. */
static Status find_needed(Session *session, Draw *draws, CrossWidth *out, int s) {
    const Plan *plan = &session->plan;
    int missing = plan->targets, *needed = out->by[s].needed;
    for (int step = 0; missing > 0 && out->by[s].errors < CROSS_ERRORS_MAX; step++) {
        int features = half_octave(FEWEST_FEATURES, step);
        if (features > plan->error_most) break;
        double started = clock_seconds();
        CrossError *error = &out->by[s].error[out->by[s].errors];
        Status status = error_at(session, draws, out->width, plan->deviation[s], features, error);
        if (status == STATUS_MEMORY) { /* the curve ends here; what it shows stays true */
            fprintf(stderr, "q4_complexity: error with %d features of width %d left out: %s\n",
                    features, out->width, status_message());
            return STATUS_OK;
        }
        STATUS_TRY(status);
        out->by[s].errors++;
        for (int t = 0; t < plan->targets; t++)
            if (!needed[t] && error->error <= plan->target[t]) {
                needed[t] = features;
                missing--;
            }
        char detail[64];
        snprintf(detail, sizeof detail, "error, d=%d, R=%d", out->width, features);
        session_done(session, clock_seconds() - started, detail);
    }
    return STATUS_OK;
}

/* The error curves of one width, for every deviation. */
static Status find_all_needed(Session *session, CrossWidth *out) {
    const Plan *plan = &session->plan;
    Draw draws[STORE_VALUES_MAX] = {{.made = 0}};
    Status status = STATUS_OK;
    for (int s = 0; s < plan->deviations && status == STATUS_OK; s++)
        status = find_needed(session, draws, out, s);
    draws_free(draws, plan->error_draws);
    return status;
}

/* --- time ---------------------------------------------------------------------------------- */

typedef struct {
    const Variant *variant;
    int features;            /* of the case; the exact kinds ignore it */
    int active, first, last; /* indices of lengths measured: first .. last - 1 */
    double seconds[CROSS_LENGTHS_MAX][PLAN_REPETITIONS_MAX];
    double median[CROSS_LENGTHS_MAX];
} Curve;

typedef struct {
    int width, lengths, length[CROSS_LENGTHS_MAX];
    int curves; /* the exact kinds, then one for each number of features */
    Curve curve[CROSS_EXACT + CROSS_FEATURES_MAX];
    int open[CROSS_FEATURES_MAX][CROSS_EXACT]; /* pairs that are not decided yet */
    int wins[CROSS_FEATURES_MAX][CROSS_EXACT];
} Race;

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void curve_case(const Session *session, const Race *race, const Curve *curve, int index,
                       const Workspace *workspace, Case *one) {
    Shape shape = {session->plan.cross_heads, race->width, curve->features, race->length[index]};
    case_make(one, curve->variant, shape, workspace);
}

/* Whether the curve is to be measured at this length. */
static int curve_wanted(const Session *session, Race *race, Curve *curve, int index) {
    const Plan *plan = &session->plan;
    if (!curve->active) return 0;
    int exact = curve - race->curve < CROSS_EXACT;
    if (!exact && 4 * race->length[index] < curve->features) return 0;
    Case one;
    curve_case(session, race, curve, index, NULL, &one);
    double expected = session_expect(session, &one, DIRECTION_FORWARD);
    if (curve->last > curve->first) {
        Case before;
        curve_case(session, race, curve, index - 1, NULL, &before);
        expected *= curve->median[index - 1] / session_expect(session, &before, DIRECTION_FORWARD);
    }
    if (expected > plan->cross_seconds ||
        case_need_bytes(&one, DIRECTION_FORWARD) > plan->memory_limit) {
        curve->active = 0;
        return 0;
    }
    if (curve->last == curve->first) curve->first = curve->last = index;
    return 1;
}

static Status curve_sample(Session *session, const Race *race, Curve *curve, int index,
                           Workspace *workspace, int repetition, int *calls) {
    const Plan *plan = &session->plan;
    Case one;
    curve_case(session, race, curve, index, workspace, &one);
    char name[STORE_NAME_MAX];
    snprintf(name, sizeof name, "cross %d %s %d %d %d", race->width, curve->variant->slug,
             curve->features, race->length[index], repetition);
    double *seconds = &curve->seconds[index][repetition];
    if (store_get(session->store, name, seconds, 1)) return STATUS_OK;
    STATUS_TRY(session_check(session));
    Sample sample[2];
    if (*calls == 0) { /* untimed; says how many calls make a sample */
        int once[2] = {1, 0};
        STATUS_TRY(case_measure(workspace, &one, once, sample));
        double count = ceil(plan->sample_seconds / fmax(sample[0].seconds, 1e-7));
        *calls = (int)fmin(fmax(count, 1), CALLS_MOST);
    }
    int number[2] = {*calls, 0};
    STATUS_TRY(case_measure(workspace, &one, number, sample));
    *seconds = sample[0].seconds;
    return store_put(session->store, name, seconds, 1);
}

static Status race_length(Session *session, Race *race, int index, Workspace *workspace) {
    const Plan *plan = &session->plan;
    uint32_t order[(CROSS_EXACT + CROSS_FEATURES_MAX) * PLAN_REPETITIONS_MAX];
    int taken[CROSS_EXACT + CROSS_FEATURES_MAX] = {0},
                            calls[CROSS_EXACT + CROSS_FEATURES_MAX] = {0};
    size_t count = 0;
    for (int c = 0; c < race->curves; c++)
        if (curve_wanted(session, race, &race->curve[c], index))
            for (int r = 0; r < plan->cross_repetitions; r++) order[count++] = (uint32_t)c;
    rng_shuffle(order, count, plan->seed,
                rng_stream("q4.cross.order") + (uint64_t)(race->width * CROSS_LENGTHS_MAX + index));
    for (size_t i = 0; i < count; i++) {
        int c = (int)order[i];
        Curve *curve = &race->curve[c];
        STATUS_TRY(curve_sample(session, race, curve, index, workspace, taken[c]++, &calls[c]));
        char detail[64];
        snprintf(detail, sizeof detail, "crossover, d=%d, N=%d", race->width, race->length[index]);
        session_done(session, curve->seconds[index][taken[c] - 1], detail);
        if (taken[c] < plan->cross_repetitions) continue;
        double sorted[PLAN_REPETITIONS_MAX];
        int repetitions = plan->cross_repetitions;
        memcpy(sorted, curve->seconds[index], (size_t)repetitions * sizeof *sorted);
        qsort(sorted, (size_t)repetitions, sizeof *sorted, compare_doubles);
        curve->median[index] = 0.5 * (sorted[(repetitions - 1) / 2] + sorted[repetitions / 2]);
        curve->last = index + 1;
    }
    return STATUS_OK;
}

/* Closes the pairs that are decided, and retires the curves that no open pair needs. */
static void race_judge(Race *race, int index) {
    int columns = race->curves - CROSS_EXACT;
    for (int f = 0; f < columns; f++)
        for (int e = 0; e < CROSS_EXACT; e++) {
            const Curve *kernel = &race->curve[CROSS_EXACT + f], *exact = &race->curve[e];
            if (!race->open[f][e]) continue;
            if (!exact->active || !kernel->active) race->open[f][e] = 0;
            if (kernel->last != index + 1 || exact->last != index + 1) continue;
            int won = kernel->median[index] * WIN <= exact->median[index];
            race->wins[f][e] = won ? race->wins[f][e] + 1 : 0;
            if (race->wins[f][e] == 2) race->open[f][e] = 0;
        }
    for (int c = 0; c < race->curves; c++) {
        int needed = 0;
        for (int f = 0; f < columns; f++)
            for (int e = 0; e < CROSS_EXACT; e++)
                if (c == e || c == CROSS_EXACT + f) needed |= race->open[f][e];
        if (!needed) race->curve[c].active = 0;
    }
}

static Status race_point(const Session *session, const Race *race, int f, int e, CrossPoint *out) {
    const Plan *plan = &session->plan;
    const Curve *kernel = &race->curve[CROSS_EXACT + f], *exact = &race->curve[e];
    int first = kernel->first > exact->first ? kernel->first : exact->first;
    int last = kernel->last < exact->last ? kernel->last : exact->last;
    *out = (CrossPoint){.status = CROSS_UNMEASURED};
    if (last - first < 2) return STATUS_OK;
    size_t sizes = (size_t)(last - first), repetitions = (size_t)plan->cross_repetitions;
    double x[CROSS_LENGTHS_MAX];
    double *both = malloc(2 * sizes * repetitions * sizeof *both);
    if (!both) return status_fail(STATUS_MEMORY, "no memory for %zu lengths", sizes);
    double *a = both, *b = both + sizes * repetitions;
    for (size_t i = 0; i < sizes; i++) {
        size_t at = (size_t)first + i;
        x[i] = race->length[at];
        memcpy(a + i * repetitions, exact->seconds[at], repetitions * sizeof *a);
        memcpy(b + i * repetitions, kernel->seconds[at], repetitions * sizeof *b);
    }
    FitCrossing fit;
    Status status = fit_crossing(x, a, b, sizes, repetitions, plan->seed, &fit);
    free(both);
    if (status != STATUS_OK) return status;
    if (fit.crossed)
        *out = (CrossPoint){CROSS_CROSSED, fit.x, fit.low, fit.high};
    else if (fit.bound > 0)
        *out = (CrossPoint){CROSS_NEVER, INFINITY, x[sizes - 1], INFINITY};
    else
        *out = (CrossPoint){CROSS_ALWAYS, 0, 0, x[0]};
    return STATUS_OK;
}

static void race_enter(const Session *session, Race *race, const CrossWidth *width) {
    const Plan *plan = &session->plan;
    race->width = width->width;
    for (int step = 0; race->lengths < CROSS_LENGTHS_MAX; step++) {
        int length = half_octave(SHORTEST, step);
        if (length > plan->cross_longest) break;
        race->length[race->lengths++] = length;
    }
    race->curves = CROSS_EXACT + width->columns;
    for (int e = 0; e < CROSS_EXACT; e++)
        race->curve[e] = (Curve){.variant = case_variant(cross_exact[e]),
                                 .features = 1,
                                 .active = wants_exact(session, e)};
    for (int f = 0; f < width->columns; f++) {
        race->curve[CROSS_EXACT + f] = (Curve){
            .variant = case_variant("favor_positive"), .features = width->features[f], .active = 1};
        for (int e = 0; e < CROSS_EXACT; e++) race->open[f][e] = wants_exact(session, e);
    }
}

static Status race_run(Session *session, CrossWidth *width) {
    const Plan *plan = &session->plan;
    Race *race = calloc(1, sizeof *race);
    if (!race)
        return status_fail(STATUS_MEMORY, "no memory for a table of %zu bytes", sizeof *race);
    race_enter(session, race, width);
    int most = width->features[width->columns - 1];
    Workspace workspace;
    size_t row = (size_t)plan->cross_heads * (size_t)width->width;
    Status status =
        workspace_open(&workspace, &session->room, row * (size_t)race->length[race->lengths - 1],
                       (size_t)most * (size_t)width->width, plan->seed, 0, 0);
    /* Fewer features are the first rows of the largest projection: still whole blocks of it. */
    if (status == STATUS_OK)
        status = workspace_project(&workspace, most, width->width, plan->seed, 0);
    for (int i = 0; i < race->lengths && status == STATUS_OK; i++) {
        status = race_length(session, race, i, &workspace);
        race_judge(race, i);
    }
    workspace_close(&workspace);
    for (int f = 0; f < width->columns && status == STATUS_OK; f++)
        for (int e = 0; e < CROSS_EXACT && status == STATUS_OK; e++)
            status = race_point(session, race, f, e, &width->point[f][e]);
    free(race);
    return status;
}

/* --- all widths ---------------------------------------------------------------------------- */

static void add_column(CrossWidth *width, int features) {
    int at = 0;
    while (at < width->columns && width->features[at] < features) at++;
    if (at < width->columns && width->features[at] == features) return;
    if (width->columns == CROSS_FEATURES_MAX) return;
    memmove(width->features + at + 1, width->features + at,
            (size_t)(width->columns - at) * sizeof *width->features);
    width->features[at] = features;
    width->columns++;
}

/* The error curve, mostly followed to its end for the larger deviation, to a part for the others.
 */
static double expect_errors(const Session *session, int width) {
    const Plan *plan = &session->plan;
    double total = 0;
    for (int step = 0; half_octave(FEWEST_FEATURES, step) <= plan->error_most; step++) {
        int features = half_octave(FEWEST_FEATURES, step);
        Case one;
        case_make(&one, case_variant("favor_positive"), error_shape(plan, width, features), NULL);
        total += plan->error_draws * (session_expect(session, &one, DIRECTION_FORWARD) + 1e-3);
    }
    return 1.5 * total + plan->error_draws * 2e-7 * plan->error_most * width;
}

double cross_expect(const Session *session) {
    const Plan *plan = &session->plan;
    double total = 0;
    for (int w = 0; w < plan->cross_widths; w++) {
        total += expect_errors(session, plan->cross_width[w]);
        for (int step = 0; half_octave(SHORTEST, step) <= plan->cross_longest; step++) {
            int length = half_octave(SHORTEST, step);
            for (int f = -CROSS_EXACT; f < plan->cross_features; f++) {
                int features = f < 0 ? 1 : plan->cross_feature[f];
                /* Kernels mostly win by four times their R; exact attention runs on beside the
                 * large R of equal error. */
                if (f >= 0 && length > 8 * features) continue;
                const char *slug = f < 0 ? cross_exact[f + CROSS_EXACT] : "favor_positive";
                if (f < 0 && !wants_exact(session, f + CROSS_EXACT)) continue;
                Case one;
                case_make(&one, case_variant(slug),
                          (Shape){plan->cross_heads, plan->cross_width[w], features, length}, NULL);
                double call = session_expect(session, &one, DIRECTION_FORWARD);
                if (call > plan->cross_seconds) continue;
                /* ... which cost about as much again. */
                total += (f < 0 ? 2 : 1) *
                         (plan->cross_repetitions * fmax(call, plan->sample_seconds) + call);
            }
        }
    }
    return total;
}

Status cross_measure(Session *session, Cross *cross) {
    const Plan *plan = &session->plan;
    for (int w = 0; w < plan->cross_widths; w++) {
        CrossWidth *width = &cross->width[w];
        width->width = plan->cross_width[w];
        for (int f = 0; f < plan->cross_features; f++) add_column(width, plan->cross_feature[f]);
        STATUS_TRY(find_all_needed(session, width));
        for (int s = 0; s < plan->deviations; s++)
            for (int t = 0; t < plan->targets; t++)
                if (width->by[s].needed[t]) add_column(width, width->by[s].needed[t]);
        STATUS_TRY(race_run(session, width));
        STATUS_TRY(session_measure_peaks(session));
    }
    return STATUS_OK;
}
