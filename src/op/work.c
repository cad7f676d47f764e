/* Exact work of attention, from shapes alone. Kept apart from the code that does the work, so
 * that a test can hold one against the other. */
#include "op/op.h"

typedef struct {
    double queries, keys; /* rows of the batch */
    double pairs;         /* (query, key) pairs that are not masked */
    double square;        /* entries of a score matrix stored whole */
    double largest;       /* entries of the largest of these score matrices */
    double longest;       /* rows, of queries and keys together, of the longest sequence */
} Count;

static Count count(const Attention *a) {
    Count c = {0};
    for (int b = 0; b < a->sequences; b++) {
        double q = a->query_offsets[b + 1] - a->query_offsets[b];
        double k = a->key_offsets[b + 1] - a->key_offsets[b];
        c.queries += q;
        c.keys += k;
        c.square += q * k;
        if (q * k > c.largest) c.largest = q * k;
        if (q + k > c.longest) c.longest = q + k;
        c.pairs += a->causal ? q * (q + 1) / 2 : q * k;
    }
    return c;
}

/* phi of `rows` rows, forward: the projection, and one transcendental function a column. */
static void add_features(const Attention *a, double rows, AttentionWork *work) {
    double columns = attention_feature_columns(a);
    if (a->map != FEATURE_ELU1) work->flops += 2 * rows * a->features * a->width;
    if (a->map != FEATURE_RELU) work->exponentials += rows * columns;
}

/* Of one head; `once` is what is held for one head after another, not for all. */
static AttentionWork head_work(const Attention *a, Direction direction, double *once) {
    const Count c = count(a);
    const double e = a->width, columns = attention_feature_columns(a), number = sizeof(float);
    const int forward = direction == DIRECTION_FORWARD;
    AttentionWork w = {0};
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        /* forward QK' and PV; backward dP = dO V', dV = P' dO, dQ = dS K, dK = dS' Q */
        w.flops = (forward ? 4 : 8) * c.pairs * e;
        w.exponentials = forward ? c.pairs : 0;
        w.bytes = (forward ? 1 : 2) * c.square * number;
        if (a->dropout > 0) *once = c.largest * number; /* what it leaves of one head's P */
        break;
    case ATTENTION_TILED:
        /* backward forms QK' and its exponentials again: five products */
        w.flops = (forward ? 4 : 10) * c.pairs * e;
        w.exponentials = c.pairs;
        w.bytes = c.queries * number; /* log-sum-exps */
        /* one head's keys and values, packed; backward, its gradient of queries and two scales */
        *once = c.longest * (forward ? e : e / 2 + 1) * number;
        break;
    case ATTENTION_KERNEL_QUADRATIC:
        /* forward phi(Q)phi(K)' and AV; backward dA = dO V', dV = A' dO, dphi(Q) = dA phi(K),
         * dphi(K) = dA' phi(Q), the features of both twice more, and their gradients */
        add_features(a, c.queries, &w);
        add_features(a, c.keys, &w);
        w.flops += forward ? 2 * c.pairs * (columns + e) : 4 * c.pairs * (columns + e);
        if (!forward) {
            add_features(a, c.queries + c.keys, &w);
            if (a->map != FEATURE_ELU1) w.flops += 2 * (c.queries + c.keys) * a->features * e;
        }
        w.bytes = (forward ? 1 : 2) * c.square * number;
        *once = c.longest * columns * number;
        break;
    case ATTENTION_KERNEL_LINEAR:
        /* forward phi(K)'V and phi(Q)S; backward the state again, dphi(Q) = g S', dS = phi(Q)' g,
         * dphi(K) = V dS', dV = phi(K) dS, the features again and their gradients. Causal attention
         * is counted as the recurrence S_i = S_(i-1) + phi(k_i) v_i' needs it; working by chunks
         * adds a product within each chunk, which is linear in N too. */
        add_features(a, c.queries, &w);
        add_features(a, c.keys, &w);
        w.flops += 2 * columns * e * (forward ? c.keys + c.queries : 3 * c.keys + 2 * c.queries);
        if (!forward) {
            add_features(a, c.keys, &w); /* once for the state, once for its gradient */
            if (a->map != FEATURE_ELU1) w.flops += 2 * (c.queries + c.keys) * a->features * e;
        }
        *once = (forward ? 1 : 2) * columns * (e + 1) * number;
        break;
    case ATTENTION_VALUE:
        break;
    }
    return w;
}

AttentionWork attention_work(const Attention *attention, Direction direction) {
    double once = 0;
    AttentionWork work = head_work(attention, direction, &once);
    work.flops *= attention->heads;
    work.exponentials *= attention->heads;
    work.bytes = attention->heads * work.bytes + once;
    return work;
}
