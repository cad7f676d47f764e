/* The state of kernel attention: chunk sums by products, and a scan over them. */
#include "linear.h"

namespace {

/* [v 1 0..] of a panel, zeros beyond its rows. */
KERNEL(CUDA_TEAMED) pack_values(CudaKernel f, CudaPanel p, AttentionIn v, float *out) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, padded) {
        if (r >= padded) continue;
        const float *from = v.data + (size_t)r * v.row + (size_t)h * v.head;
        float *to = out + ((size_t)h * (size_t)padded + (size_t)r) * (size_t)f.w;
        for (int e = lane; e < f.w; e += CUDA_TEAM)
            to[e] = r >= p.rows || e > f.e ? 0 : e < f.e ? from[e] : 1;
    }
}

/* O = N / D: dN = dO / D, dD = -(dO . O) / D. */
KERNEL(CUDA_TEAMED)
pack_gradients(CudaKernel f, CudaPanel p, AttentionIn out, AttentionIn dout,
               const float *normaliser, float *g) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, padded) {
        const bool live = r < p.rows;
        const size_t i = (size_t)(live ? r : 0);
        const size_t at = (size_t)h * (size_t)padded + (size_t)(r < padded ? r : 0);
        const float *o = out.data + i * out.row + (size_t)h * out.head;
        const float *d = dout.data + i * dout.row + (size_t)h * dout.head;
        const float inverse = live ? 1 / normaliser[at] : 0;
        float *to = g + at * (size_t)f.w, inner = 0;
        for (int e = lane; live && e < f.e; e += CUDA_TEAM) inner += o[e] * d[e];
        inner = team_sum(inner);
        for (int e = lane; r < padded && e < f.w; e += CUDA_TEAM)
            to[e] = !live || e > f.e ? 0 : (e < f.e ? d[e] : -inner) * inverse;
    }
}

KERNEL(CUDA_TEAMED)
store_rows(CudaKernel f, CudaPanel p, const float *n, AttentionOut out, int divide,
           int accumulate) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, p.rows) {
        if (r >= p.rows) continue;
        const float *from = n + ((size_t)h * (size_t)padded + (size_t)r) * (size_t)f.w;
        float *to = out.data + (size_t)r * out.row + (size_t)h * out.head;
        const float factor = divide ? 1 / from[f.e] : 1;
        for (int e = lane; e < f.e; e += CUDA_TEAM)
            to[e] = accumulate ? to[e] + from[e] : from[e] * factor;
    }
}

/* 2^(from - to), and 1 where both are infinite. */
__device__ __forceinline__ float shrunk(float from, float to) {
    return from == to ? 1 : exp2f(from - to);
}

const int AHEAD = 8; /* chunks */

/* A thread an element of the state: it walks over the chunks in their order, or backwards, leaves
 * before each what it has, and takes the chunk's sum in; where a maximum grows, all shrinks. */
KERNEL(CUDA_TEAMED)
scan_chunks(CudaKernel f, int chunks, int backwards, int begun, const float *top, float *before,
            float *sums, const float *m_in, float *m_out, float *s) {
    const int h = (int)blockIdx.y;
    const size_t count = (size_t)f.c * (size_t)f.w;
    for (size_t i = (size_t)blockIdx.x * CUDA_TEAMED + threadIdx.x; i < count;
         i += (size_t)gridDim.x * CUDA_TEAMED) {
        const size_t c = i / (size_t)f.w, own = (size_t)h * (size_t)f.c + c;
        const bool first = i % (size_t)f.w == 0;
        float *state = s + (size_t)h * count + i;
        float sum = begun ? *state : 0, m = !top ? 0 : begun ? m_in[own] : -CUDART_INF_F;
        for (int from = 0; from < chunks; from += AHEAD) {
            float u[AHEAD], tops[AHEAD]; /* read ahead of what is written: time, not result */
            UNROLL
            for (int a = 0; a < AHEAD; a++) {
                const int t = backwards ? chunks - 1 - from - a : from + a;
                const size_t place = (size_t)h * (size_t)chunks + (size_t)t;
                if (from + a >= chunks) break;
                u[a] = sums[place * count + i];
                tops[a] = top ? top[place * (size_t)f.c + c] : 0;
            }
            UNROLL
            for (int a = 0; a < AHEAD; a++) {
                const int t = backwards ? chunks - 1 - from - a : from + a;
                const size_t place = (size_t)h * (size_t)chunks + (size_t)t;
                if (from + a >= chunks) break;
                sums[place * count + i] = sum;
                if (!top) {
                    sum += u[a];
                    continue;
                }
                const float next = tops[a] > m ? tops[a] : m;
                if (first) before[place * (size_t)f.c + c] = m;
                sum = sum * shrunk(m, next) + u[a] * shrunk(tops[a], next);
                m = next;
            }
        }
        *state = sum;
        if (first && top) m_out[own] = m;
    }
}

int padded_to(int rows, int multiple) {
    return (rows + multiple - 1) / multiple * multiple;
}

Status take_state(const CudaKernel *f, Arena *arena, CudaState *state) {
    const size_t columns = (size_t)f->heads * (size_t)f->c;
    *state = CudaState();
    state->s = (float *)cuda_host->take(arena, columns * (size_t)f->w * sizeof(float));
    state->m = (float *)cuda_host->take(arena, columns * sizeof(float));
    state->m2 = (float *)cuda_host->take(arena, columns * sizeof(float));
    return state->s && state->m && state->m2 ? STATUS_OK : STATUS_MEMORY;
}

} // namespace

Status cuda_linear_open(const Attention *a, const CudaRows *rows, int backward, Arena *arena,
                        CudaLinear *l) {
    *l = CudaLinear();
    l->f = cuda_kernel(a);
    l->chunk = a->causal ? CUDA_CHUNK : CUDA_SUM;
    int longest = rows->longest_query > rows->longest_key ? rows->longest_query : rows->longest_key;
    const size_t whole = (size_t)l->f.heads * (size_t)padded_to(longest, l->chunk);
    if (longest > CUDA_PANEL) longest = CUDA_PANEL;
    const int panel = padded_to(longest, l->chunk), causal = a->causal;
    const CudaKernel *f = &l->f;
    const size_t t = (size_t)f->heads * (size_t)panel, c = t * (size_t)f->c, w = t * (size_t)f->w;
    const size_t tops = (size_t)f->heads * (size_t)(panel / l->chunk) * (size_t)f->c;
    struct {
        float **to;
        size_t count;
        int wanted;
    } const parts[] = {
        {&l->raw_q, c, 1},
        {&l->raw_k, c, 1},
        {&l->own_q, c, causal && f->logarithmic},
        {&l->own_k, c, causal && f->logarithmic},
        {&l->past_q, c, f->scaled},
        {&l->past_k, c, f->scaled},
        {&l->dphi, c, backward},
        {&l->dphi2, c, backward && causal},
        {&l->log_q, t, 1},
        {&l->log_k, t, 1},
        {&l->v, w, 1},
        {&l->g, w, backward},
        {&l->n, w, 1},
        {&l->normaliser, causal ? whole : t, backward},
        {&l->centre, backward ? whole : t, causal && f->scaled},
        {&l->weights, t * (size_t)l->chunk, causal},
        {&l->dweights, t * (size_t)l->chunk, causal && backward},
        {&l->sums, tops * (size_t)f->w, 1},
        {&l->top, tops, f->scaled},
        {&l->before, tops, f->scaled},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].wanted) continue;
        *parts[i].to = (float *)cuda_host->take(arena, (parts[i].count + 1) * sizeof(float));
        if (!*parts[i].to) return STATUS_MEMORY;
    }
    Status status = take_state(f, arena, &l->state);
    if (status == STATUS_OK && backward) status = take_state(f, arena, &l->gradient);
    return status;
}

int cuda_linear_panels(int rows) {
    return (rows + CUDA_PANEL - 1) / CUDA_PANEL;
}

CudaPanel cuda_linear_panel(const CudaLinear *l, int first, int rows, int index) {
    const int from = index * CUDA_PANEL, left = rows - from;
    CudaPanel p;
    p.first = first + from;
    p.rows = left < CUDA_PANEL ? left : CUDA_PANEL;
    p.chunk = rows < l->chunk ? padded_to(rows, 8) : l->chunk;
    p.chunks = (p.rows + p.chunk - 1) / p.chunk;
    return p;
}

Status cuda_linear_values(CudaLinear *l, CudaPanel p, AttentionIn v) {
    LAUNCH(pack_values, cuda_row_grid(cuda_padded(p), l->f.heads), dim3(CUDA_TEAMED), 0, l->f, p,
           cuda_from_row(v, p.first), l->v);
    return cuda_launched("values of %d rows, %d heads", p.rows, l->f.heads);
}

Status cuda_linear_gradients(CudaLinear *l, CudaPanel p, AttentionIn out, AttentionIn dout,
                             const float *normaliser) {
    LAUNCH(pack_gradients, cuda_row_grid(cuda_padded(p), l->f.heads), dim3(CUDA_TEAMED), 0, l->f, p,
           cuda_from_row(out, p.first), cuda_from_row(dout, p.first), normaliser, l->g);
    return cuda_launched("gradients of %d rows, %d heads", p.rows, l->f.heads);
}

Status cuda_linear_collect(CudaLinear *l, CudaPanel p, CudaState *state, const float *phi,
                           const float *right, int scaled, int backwards) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, w = (size_t)f->w, chunk = (size_t)p.chunk;
    Status status = cuda_gemm_many(f->heads * p.chunks, 1, 0, f->c, f->w, p.chunk, 1, phi, c,
                                   chunk * c, right, w, chunk * w, 0, l->sums, w, c * w);
    if (status != STATUS_OK) return status;
    const unsigned blocks = EMULATED ? 1 : cuda_blocks(c * w, CUDA_TEAMED);
    LAUNCH(scan_chunks, dim3(blocks, (unsigned)f->heads), dim3(CUDA_TEAMED), 0, *f, p.chunks,
           backwards, state->begun, scaled ? l->top : NULL, l->before, l->sums, state->m, state->m2,
           state->s);
    if (scaled) {
        float *m = state->m;
        state->m = state->m2, state->m2 = m;
    }
    state->begun = 1;
    return cuda_launched("sums over %d chunks, %d heads", p.chunks, f->heads);
}

Status cuda_linear_absorb(CudaLinear *l, CudaPanel p, CudaState *state, const float *raw,
                          const float *row, float sign, const float *right, float *room,
                          int backwards) {
    const CudaKernel *f = &l->f;
    const float *phi = raw;
    if (f->scaled) {
        Status status = cuda_features_maxima(f, p, raw, row, sign, l->top);
        if (status == STATUS_OK)
            status = cuda_features_expand(f, p, raw, cuda_column_chunks(f, p, l->top, -1), row,
                                          sign, room, &phi);
        if (status != STATUS_OK) return status;
    }
    return cuda_linear_collect(l, p, state, phi, right, f->scaled, backwards);
}

Status cuda_linear_store(CudaLinear *l, CudaPanel p, AttentionOut out, int divide, int accumulate) {
    LAUNCH(store_rows, cuda_row_grid(p.rows, l->f.heads), dim3(CUDA_TEAMED), 0, l->f, p, l->n,
           cuda_from_row(out, p.first), divide, accumulate);
    return cuda_launched("results of %d rows, %d heads", p.rows, l->f.heads);
}

Status cuda_linear_nothing(const Attention *a, int b, AttentionOut dq, AttentionOut dk,
                           AttentionOut dv) {
    const int queries = a->query_offsets[b + 1] - a->query_offsets[b];
    const int keys = a->key_offsets[b + 1] - a->key_offsets[b];
    Status status = cuda_zero_rows(a, queries, cuda_from_row(dq, a->query_offsets[b]));
    if (status == STATUS_OK) status = cuda_zero_rows(a, keys, cuda_from_row(dk, a->key_offsets[b]));
    if (status == STATUS_OK) status = cuda_zero_rows(a, keys, cuda_from_row(dv, a->key_offsets[b]));
    return status;
}
