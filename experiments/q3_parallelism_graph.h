/* q3_parallelism_graph: which vector of a layer is computed from which, and how many steps one
 * after the other that makes; counted on the graph itself, not read off a formula.
 *
 *     Q3Graph *graph;
 *     STATUS_TRY(q3_graph_open(&graph, Q3_LSTM, 512, 3, 1, 0));
 *     int steps = q3_graph_depth(graph);                    // 513: one product after the other
 *     Q3Path path = q3_graph_path(graph);                   // .longest 513, .pairs 512 * 513 / 2
 *     q3_graph_close(graph);
 *
 * A node is one vector: what one product with a matrix makes (of a weight, of the keys, of the
 * values ...), with the element-wise functions that follow it. What nodes cannot wait for each
 * other can run at once; the depth, the most products on any chain, is what no number of processors
 * can shorten ("sequential operations" of Vaswani et al. 2017, table 1). The path between an input
 * and an output is the fewest products that a signal has to pass ("path length" there).
 *
 *   LSTM         g_t = W x_t;  h_t = cell(g_t, U h_{t-1})
 *   SOFTMAX      p_t = (q, k, v)_t = W x_t;  s_t = softmax(q_t' K);  c_t = s_t V;  y_t = W c_t
 *   ELU          p_t;  S = phi(K)' V, with z;  c_t = phi(q_t)' S;  y_t
 *   FAVOR        p_t;  f_t = phi(Omega p_t);  S;  c_t;  y_t
 *   CONVOLUTION  y_t = sum over taps of W_j x_{t+j}, `layers` of them, dilated where asked
 */
#ifndef EXPERIMENTS_Q3_PARALLELISM_GRAPH_H
#define EXPERIMENTS_Q3_PARALLELISM_GRAPH_H

#include "base/status.h"

/* The layers that question 3 compares, in the order of every table. */
typedef enum { Q3_LSTM, Q3_SOFTMAX, Q3_ELU, Q3_FAVOR, Q3_CONVOLUTION, Q3_LAYERS } Q3LayerKind;

/* "lstm", "softmax", "elu", "favor", "convolution": as in tables and facts. */
extern const char *const q3_layer_slug[Q3_LAYERS];

typedef struct Q3Graph Q3Graph;

/* `length` inputs and outputs. taps, layers and dilated are CONVOLUTION's alone: the layers
 * of a dilated stack look 1, taps, taps^2 ... positions apart, and begin again where that would
 * leave the sequence (van den Oord et al. 2016). *out is the caller's to q3_graph_close.
 * STATUS_ARGUMENT, STATUS_MEMORY. */
Status q3_graph_open(Q3Graph **out, Q3LayerKind kind, int length, int taps, int layers,
                     int dilated);

/* Most nodes on any chain. */
int q3_graph_depth(const Q3Graph *graph);

/* The same where a sum of n terms is a tree of ceil(log2 n) additions one after the other: `width`
 * terms in each product with a weight, as many as positions in a sum over positions. */
int q3_graph_tree_depth(const Q3Graph *graph, int width);

typedef struct {
    int longest; /* fewest steps between an input and an output, for the pair that needs most */
    long pairs;  /* how many (input, output) are connected at all */
} Q3Path;

Q3Path q3_graph_path(const Q3Graph *graph);

/* 1 where a change of input j can reach output i. */
int q3_graph_reaches(const Q3Graph *graph, int input, int output);

void q3_graph_close(Q3Graph *graph);

/* The fewest layers of a convolution that connect every input with every output. */
Status q3_graph_convolution_layers(int length, int taps, int dilated, int *out);

#endif
