/* The micro-benchmark of everything in a layer of BERT that is no large product: activations,
 * LayerNorm, dropout, and attention over a batch of short sentences; the cases of the operator
 * tables (tests/op/layer_table.c, tests/op/table.c) at the sizes of BERT-base and MiniLM.
 *
 *     build/bin/bench_layers --benchmark_list_tests
 *     build/bin/bench_layers --benchmark_filter=attention/ --benchmark_repetitions=9
 *     OMP_NUM_THREADS=1 TAMRIN_ISA=avx2 build/bin/bench_layers
 *
 * Names: layer/<variant>/<shape>/<direction> and attention/<variant>/<shape>/<direction>. Counters:
 * bytes, what the operation must read and write once, a second; flops of products a second. Both
 * stay far below the machine's peaks where operands lie in its caches or products are small: what
 * counts is the time, as a share of a training step.
 */
#include "hayai.h"
#include "base/arena.h"
#include "base/interrupt.h"
#include "base/threads.h"
#include "op/layer_problem.h"
#include "op/problem.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const ways[2] = {"forward", "backward"};

typedef struct {
    int variant, shape;
    Direction way;
} Case;

static Arena arena;

static void layer(HayaiState *state) {
    const Case *c = hayai_context(state);
    LayerProblem p;
    layer_open(&p, layer_variant(c->variant), layer_shape(c->shape), &arena);
    Status status = layer_forward(&p);
    if (status == STATUS_OK && c->way == DIRECTION_BACKWARD) status = layer_backward(&p);
    if (status != STATUS_OK) hayai_skip_with_error(state, "%s", status_message());
    while (hayai_keep_running(state))
        if (c->way == DIRECTION_FORWARD ? layer_launch_forward(&p) : layer_launch_backward(&p))
            hayai_skip_with_error(state, "%s", status_message());
    hayai_counter(state, "bytes", layer_bytes(&p, c->way), HAYAI_RATE | HAYAI_INVARIANT);
    if (layer_flops(&p, c->way) > 0)
        hayai_counter(state, "flops", layer_flops(&p, c->way), HAYAI_RATE | HAYAI_INVARIANT);
    hayai_set_label(state, "%s", device_cpu_isa());
    layer_close(&p);
}

static void attention(HayaiState *state) {
    const Case *c = hayai_context(state);
    Problem p;
    problem_open(&p, table_variant(c->variant), table_shape(c->shape), 0);
    if (problem_forward(&p, device_cpu(), 1, &arena) || problem_backward(&p, device_cpu(), &arena))
        hayai_skip_with_error(state, "%s", status_message());
    while (hayai_keep_running(state))
        if (problem_launch(&p, device_cpu(), c->way, 1, &arena))
            hayai_skip_with_error(state, "%s", status_message());
    hayai_counter(state, "flops", attention_work(&p.attention, c->way).flops,
                  HAYAI_RATE | HAYAI_INVARIANT);
    hayai_set_label(state, "%s", device_cpu_isa());
    problem_close(&p);
}

static void add(HayaiSuite *suite, HayaiFunction function, const char *name, const Case *c) {
    Case *kept = malloc(sizeof *kept); /* lives as long as the program */
    if (!kept) return;
    *kept = *c;
    HayaiBenchmark *benchmark = hayai_register(suite, name, function, kept);
    hayai_use_real_time(benchmark);
    hayai_unit(benchmark, HAYAI_MICROSECOND);
    hayai_min_time(benchmark, .1); /* there are many */
}

static void add_layers(HayaiSuite *suite) {
    char name[128];
    for (int v = 0; v < layer_variants(); v++)
        for (int s = 0; s < layer_shapes(); s++) {
            if (!layer_holds(layer_variant(v), layer_shape(s), USE_BENCHMARK)) continue;
            for (int way = 0; way < 2; way++) {
                Case c = {v, s, (Direction)way};
                int in_place = layer_variant(v)->flags & LAYER_IN_PLACE;
                if (in_place) continue; /* a clock would feed results to themselves */
                snprintf(name, sizeof name, "layer/%s/%s/%s", layer_variant(v)->name,
                         layer_shape(s)->name, ways[way]);
                add(suite, layer, name, &c);
            }
        }
}

static void add_attention(HayaiSuite *suite) {
    char name[128];
    for (int v = 0; v < table_variants(); v++)
        for (int s = 0; s < table_shapes(); s++) {
            if (!table_holds(table_variant(v), table_shape(s), USE_SENTENCES)) continue;
            for (int way = 0; way < 2; way++) {
                Case c = {v, s, (Direction)way};
                snprintf(name, sizeof name, "attention/%s/%s/%s", table_variant(v)->name,
                         table_shape(s)->name, ways[way]);
                add(suite, attention, name, &c);
            }
        }
}

int main(int argc, char **argv) {
    HayaiSuite *suite;
    if (!getenv("OMP_NUM_THREADS")) threads_set(0);
    if (arena_open(&arena, 0) || hayai_suite_create(&suite)) {
        fprintf(stderr, "%s: %s\n", argv[0], status_message());
        return 1;
    }
    add_attention(suite);
    add_layers(suite);
    interrupt_install();
    int status = hayai_run(suite, argc, argv, stdout, stderr);
    hayai_suite_free(suite);
    arena_close(&arena);
    return status;
}
