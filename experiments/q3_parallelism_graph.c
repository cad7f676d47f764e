#include "q3_parallelism_graph.h"

#include <stdlib.h>

const char *const q3_layer_slug[Q3_LAYERS] = {"lstm", "softmax", "elu", "favor", "convolution"};

enum { SPANS = 2, FAR = 1 << 29 };

/* What a node is computed from: nodes first, first + stride, ... */
typedef struct {
    int first, count, stride;
} Span;

typedef struct {
    Span from[SPANS];
    int spans;
    int over_positions; /* 1: the sum runs over positions, 0: over the width of a vector */
} Node;

/* Nodes 0 .. length - 1 are the inputs; each node comes after those it is computed from. */
struct Q3Graph {
    int length, count, capacity;
    int outputs; /* the first of `length` nodes in a row */
    Node *node;
};

static int add(Q3Graph *graph, int over_positions, int spans, Span a, Span b) {
    Node *node = &graph->node[graph->count];
    *node = (Node){.from = {a, b}, .spans = spans, .over_positions = over_positions};
    return graph->count++;
}

/* `length` nodes in a row, node t from node first + t alone. */
static int add_each(Q3Graph *graph, int first) {
    int start = graph->count;
    for (int t = 0; t < graph->length; t++)
        add(graph, 0, 1, (Span){first + t, 1, 1}, (Span){0, 0, 1});
    return start;
}

static void make_lstm(Q3Graph *graph) {
    int gates = add_each(graph, 0);
    graph->outputs = graph->count;
    for (int t = 0; t < graph->length; t++)
        add(graph, 0, t ? 2 : 1, (Span){gates + t, 1, 1}, (Span){graph->count - 1, 1, 1});
}

static void make_softmax(Q3Graph *graph) {
    int parts = add_each(graph, 0), scores = graph->count, n = graph->length;
    for (int t = 0; t < n; t++) /* a score is a sum over the width, and there are n of them */
        add(graph, 0, 2, (Span){parts + t, 1, 1}, (Span){parts, n, 1});
    int context = graph->count;
    for (int t = 0; t < n; t++) add(graph, 1, 2, (Span){scores + t, 1, 1}, (Span){parts, n, 1});
    graph->outputs = add_each(graph, context);
}

static void make_kernel(Q3Graph *graph, int projected) {
    int parts = add_each(graph, 0), n = graph->length;
    int features = projected ? add_each(graph, parts) : parts;
    int sums = add(graph, 1, projected ? 2 : 1, (Span){features, n, 1}, (Span){parts, n, 1});
    int context = graph->count;
    for (int t = 0; t < n; t++) add(graph, 0, 2, (Span){features + t, 1, 1}, (Span){sums, 1, 1});
    graph->outputs = add_each(graph, context);
}

static void make_convolution(Q3Graph *graph, int taps, int layers, int dilated) {
    int input = 0, n = graph->length;
    long apart = 1;
    for (int l = 0; l < layers; l++) {
        int start = graph->count;
        for (int t = 0; t < n; t++) {
            long low = t - (taps - 1) / 2 * apart, high = low + (taps - 1) * apart;
            while (low < 0) low += apart;
            while (high >= n) high -= apart;
            add(graph, 0, 1, (Span){input + (int)low, (int)((high - low) / apart) + 1, (int)apart},
                (Span){0, 0, 1});
        }
        input = start;
        if (dilated) apart = apart * taps < n ? apart * taps : 1;
    }
    graph->outputs = input;
}

Status q3_graph_open(Q3Graph **out, Q3LayerKind kind, int length, int taps, int layers,
                     int dilated) {
    *out = NULL;
    int convolution = kind == Q3_CONVOLUTION;
    if (length < 1 || (unsigned)kind >= Q3_LAYERS || (convolution && (taps < 2 || layers < 1)))
        return status_fail(STATUS_ARGUMENT,
                           "graph: layer %d of %d positions, %d taps, %d layers; expected at least "
                           "1 position, 2 taps, 1 layer",
                           (int)kind, length, taps, layers);
    size_t nodes = (size_t)length * (convolution ? (size_t)layers + 1 : 5) + 1;
    Q3Graph *graph = calloc(1, sizeof *graph);
    if (graph) graph->node = calloc(nodes, sizeof *graph->node);
    if (!graph || !graph->node) {
        free(graph);
        return status_fail(STATUS_MEMORY, "graph: no memory for %zu nodes", nodes);
    }
    graph->length = graph->count = length;
    if (kind == Q3_LSTM) make_lstm(graph);
    if (kind == Q3_SOFTMAX) make_softmax(graph);
    if (kind == Q3_ELU || kind == Q3_FAVOR) make_kernel(graph, kind == Q3_FAVOR);
    if (convolution) make_convolution(graph, taps, layers, dilated);
    *out = graph;
    return STATUS_OK;
}

void q3_graph_close(Q3Graph *graph) {
    if (!graph) return;
    free(graph->node);
    free(graph);
}

/* --- chains ---------------------------------------------------------------------------------- */

static int tree_depth(int terms) {
    int depth = 0;
    while ((1 << depth) < terms) depth++;
    return depth;
}

/* Most of `cost` on any chain; width 0: every node costs 1. */
static int deepest(const Q3Graph *graph, int width) {
    int *depth = calloc((size_t)graph->count, sizeof *depth), most = 0;
    if (!depth) return -1;
    for (int i = graph->length; i < graph->count; i++) {
        const Node *node = &graph->node[i];
        for (int s = 0; s < node->spans; s++)
            for (int k = 0; k < node->from[s].count; k++) {
                int before = depth[node->from[s].first + k * node->from[s].stride];
                if (before > depth[i]) depth[i] = before;
            }
        depth[i] += !width ? 1 : tree_depth(node->over_positions ? graph->length : width);
        if (depth[i] > most) most = depth[i];
    }
    free(depth);
    return most;
}

int q3_graph_depth(const Q3Graph *graph) {
    return deepest(graph, 0);
}

int q3_graph_tree_depth(const Q3Graph *graph, int width) {
    return deepest(graph, width);
}

/* steps[i]: the fewest from `input` to node i, FAR where no chain leads there. */
static void spread(const Q3Graph *graph, int input, int *steps) {
    for (int i = 0; i < graph->length; i++) steps[i] = i == input ? 0 : FAR;
    for (int i = graph->length; i < graph->count; i++) {
        const Node *node = &graph->node[i];
        int fewest = FAR;
        for (int s = 0; s < node->spans; s++)
            for (int k = 0; k < node->from[s].count; k++) {
                int before = steps[node->from[s].first + k * node->from[s].stride];
                if (before < fewest) fewest = before;
            }
        steps[i] = fewest == FAR ? FAR : fewest + 1;
    }
}

Q3Path q3_graph_path(const Q3Graph *graph) {
    Q3Path path = {0, 0};
    int *steps = calloc((size_t)graph->count, sizeof *steps);
    if (!steps) return (Q3Path){-1, -1};
    for (int j = 0; j < graph->length; j++) {
        spread(graph, j, steps);
        for (int i = 0; i < graph->length; i++) {
            int fewest = steps[graph->outputs + i];
            if (fewest == FAR) continue;
            path.pairs++;
            if (fewest > path.longest) path.longest = fewest;
        }
    }
    free(steps);
    return path;
}

int q3_graph_reaches(const Q3Graph *graph, int input, int output) {
    int *steps = calloc((size_t)graph->count, sizeof *steps), reaches = -1;
    if (steps) {
        spread(graph, input, steps);
        reaches = steps[graph->outputs + output] != FAR;
    }
    free(steps);
    return reaches;
}

Status q3_graph_convolution_layers(int length, int taps, int dilated, int *out) {
    /* The ends are the pair that is connected last. A longer stack connects whatever a shorter one
     * does, so that the fewest layers can be looked up by halving. */
    int low = 0, high = length;
    while (high - low > 1) {
        Q3Graph *graph;
        int middle = low + (high - low) / 2;
        STATUS_TRY(q3_graph_open(&graph, Q3_CONVOLUTION, length, taps, middle, dilated));
        long pairs = q3_graph_reaches(graph, 0, length - 1) == 1 &&
                     q3_graph_reaches(graph, length - 1, 0) == 1;
        q3_graph_close(graph);
        if (pairs)
            high = middle;
        else
            low = middle;
    }
    *out = high;
    return STATUS_OK;
}
