/* Recurrent cells over all steps (op/recurrent.h): a product with the recurrent weight and a kernel
 * of the cell for each step, in one stream; nothing comes back to the host between steps. */
#include "device.h"

namespace {

const int THREADS = 256;

/* Where one step reads and writes: [B, G H] or [B, H]; NULL where there is none. */
struct Step {
    RecurrentKind kind;
    int batch, width;
    const float *gates, *sums, *bias; /* X W' + b; h U'; bn of GRU */
    const float *h_previous, *c_previous;
    float *h, *c, *saved;
};

__device__ __forceinline__ float sigmoid(float x) {
    return 1 / (1 + expf(-x));
}

KERNEL(THREADS) cell(Step s) {
    int i = (int)(blockIdx.x * THREADS + threadIdx.x), H = s.width;
    if (i >= s.batch * H) return;
    int b = i / H, u = i % H;
    int G = s.kind == RECURRENT_LSTM ? 4 : s.kind == RECURRENT_GRU ? 3 : 1;
    const float *x = s.gates + (size_t)b * G * H + u;
    const float *a = s.sums ? s.sums + (size_t)b * G * H + u : NULL;
    float *saved = s.saved ? s.saved + (size_t)b * 4 * H + u : NULL;
    if (s.kind == RECURRENT_TANH) {
        s.h[i] = tanhf(x[0] + (a ? a[0] : 0));
        return;
    }
    if (s.kind == RECURRENT_LSTM) {
        float gate[4];
        for (int g = 0; g < 4; g++) {
            float sum = x[g * H] + (a ? a[g * H] : 0);
            gate[g] = g == 2 ? tanhf(sum) : sigmoid(sum);
            if (saved) saved[g * H] = gate[g];
        }
        float c = gate[0] * gate[2] + (s.c_previous ? gate[1] * s.c_previous[i] : 0);
        s.c[i] = c;
        s.h[i] = gate[3] * tanhf(c);
        return;
    }
    float r = sigmoid(x[0] + (a ? a[0] : 0)), z = sigmoid(x[H] + (a ? a[H] : 0));
    float inner = (a ? a[2 * H] : 0) + (s.bias ? s.bias[u] : 0); /* Un h + bn */
    float n = tanhf(x[2 * H] + r * inner);
    if (saved) saved[0] = r, saved[H] = z, saved[2 * H] = n, saved[3 * H] = inner;
    s.h[i] = (1 - z) * n + (s.h_previous ? z * s.h_previous[i] : 0);
}

struct Back {
    RecurrentKind kind;
    int batch, width;
    const float *saved, *h, *c, *h_previous, *c_previous, *dh;
    const float *behind; /* [B,H]: through U of the step that follows in time */
    const float *dc; /* [B,H]: of the cell state of LSTM, z dh of GRU, from the step that follows */
    float *carry;    /* the same for the step before; may be dc */
    float *dgates, *through;
};

KERNEL(THREADS) cell_backward(Back s) {
    int i = (int)(blockIdx.x * THREADS + threadIdx.x), H = s.width;
    if (i >= s.batch * H) return;
    int b = i / H, u = i % H;
    float dh = s.dh[i] + (s.behind ? s.behind[i] : 0);
    if (s.kind == RECURRENT_TANH) { /* h = tanh(g) */
        s.dgates[i] = dh * (1 - s.h[i] * s.h[i]);
        return;
    }
    const float *saved = s.saved + (size_t)b * 4 * H + u;
    if (s.kind == RECURRENT_LSTM) { /* c = f c' + i g, h = o tanh(c) */
        float in = saved[0], forget = saved[H], g = saved[2 * H], o = saved[3 * H];
        float *d = s.dgates + (size_t)b * 4 * H + u;
        float bent = tanhf(s.c[i]), before = s.c_previous ? s.c_previous[i] : 0;
        float dc = (s.dc ? s.dc[i] : 0) + dh * o * (1 - bent * bent);
        d[0] = dc * g * in * (1 - in);
        d[H] = dc * before * forget * (1 - forget);
        d[2 * H] = dc * in * (1 - g * g);
        d[3 * H] = dh * bent * o * (1 - o);
        s.carry[i] = dc * forget;
        return;
    }
    /* h = (1 - z) n + z h', n = tanh(gn + r (Un h' + bn)) */
    float r = saved[0], z = saved[H], n = saved[2 * H], inner = saved[3 * H];
    float *d = s.dgates + (size_t)b * 3 * H + u, *t = s.through + (size_t)b * 3 * H + u;
    dh += s.dc ? s.dc[i] : 0;
    float dn = (1 - z) * dh * (1 - n * n);
    d[0] = t[0] = dn * inner * r * (1 - r);
    d[H] = t[H] = ((s.h_previous ? s.h_previous[i] : 0) - n) * dh * z * (1 - z);
    d[2 * H] = dn;
    t[2 * H] = dn * r;
    s.carry[i] = z * dh;
}

/* out[u] (+)= sum over rows of the last H of 3 H columns. */
KERNEL(THREADS) sum_inner(int rows, int width, const float *through, float *out, int add) {
    int u = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (u >= width) return;
    float sum = 0;
    for (int r = 0; r < rows; r++) sum += through[(size_t)r * 3 * width + 2 * width + u];
    out[u] = add ? out[u] + sum : sum;
}

KERNEL(THREADS) add_two(int count, const float *a, const float *b, float *out) {
    int i = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (i < count) out[i] = a[i] + (b ? b[i] : 0);
}

int step_at(const Recurrent *r, int k) {
    return r->reverse ? r->steps - 1 - k : k;
}

Status forward(const Recurrent *r, const float *gates, const float *weight, const float *bias,
               const float *h0, const float *c0, float *h, float *c, void *saved, Arena *arena) {
    Status status = cuda_host->recurrent_check(r);
    if (status != STATUS_OK) return status;
    const int G = r->kind == RECURRENT_LSTM ? 4 : r->kind == RECURRENT_GRU ? 3 : 1;
    const int H = r->width, B = r->batch;
    const size_t state = (size_t)B * H;
    const size_t mark = cuda_host->mark(arena);
    float *sums = (float *)cuda_host->take(arena, state * G * sizeof *sums), *only = NULL;
    if (sums && r->kind == RECURRENT_LSTM && !c)
        only = (float *)cuda_host->take(arena, state * sizeof *only);
    if (!sums || (r->kind == RECURRENT_LSTM && !c && !only)) {
        cuda_host->rewind(arena, mark);
        return STATUS_MEMORY;
    }
    const float *h_previous = h0, *c_previous = c0;
    for (int k = 0; k < r->steps && status == STATUS_OK; k++) {
        size_t t = (size_t)step_at(r, k);
        if (h_previous)
            status = cuda_gemm(0, 1, B, G * H, H, 1, h_previous, H, weight, H, 0, sums, G * H);
        if (status != STATUS_OK) break;
        Step step = {r->kind,
                     B,
                     H,
                     gates + t * state * G,
                     h_previous ? sums : NULL,
                     bias,
                     h_previous,
                     c_previous,
                     h + t * state,
                     c ? c + t * state : only,
                     saved ? (float *)saved + t * state * 4 : NULL};
        LAUNCH(cell, dim3(cuda_blocks(state, THREADS)), dim3(THREADS), 0, step);
        h_previous = step.h;
        c_previous = step.c;
    }
    if (status == STATUS_OK)
        status = cuda_launched("recurrent forward, %d steps of %d x %d", r->steps, B, H);
    cuda_host->rewind(arena, mark);
    return status;
}

/* dU (+)= through' h of the step before, over all steps that have one. */
Status weight_gradient(const Recurrent *r, int G, const float *through, const float *h,
                       const float *h0, float *dweight, int accumulate) {
    const int H = r->width, B = r->batch;
    const size_t state = (size_t)B * H;
    const int rows = (r->steps - 1) * B;
    const size_t first = (size_t)step_at(r, 0);
    float add = accumulate ? 1.f : 0.f;
    if (rows > 0) {
        const float *t = through + (r->reverse ? 0 : state * G), *p = h + (r->reverse ? state : 0);
        Status status = cuda_gemm(1, 0, G * H, H, rows, 1, t, G * H, p, H, add, dweight, H);
        if (status != STATUS_OK) return status;
        add = 1;
    }
    if (h0)
        return cuda_gemm(1, 0, G * H, H, B, 1, through + first * state * G, G * H, h0, H, add,
                         dweight, H);
    if (add == 0) return cuda_memory.zero(dweight, (size_t)G * H * H * sizeof *dweight);
    return STATUS_OK;
}

Status backward(const Recurrent *r, const float *weight, const float *h0, const float *c0,
                const float *h, const float *c, const void *saved, const float *dh,
                const float *dc_last, float *dgates, float *dweight, float *dbias, float *dh0,
                float *dc0, int accumulate, Arena *arena) {
    Status status = cuda_host->recurrent_check(r);
    if (status != STATUS_OK) return status;
    const int G = r->kind == RECURRENT_LSTM ? 4 : r->kind == RECURRENT_GRU ? 3 : 1;
    const int H = r->width, B = r->batch, T = r->steps;
    const size_t state = (size_t)B * H;
    const size_t mark = cuda_host->mark(arena);
    float *behind = (float *)cuda_host->take(arena, 2 * state * sizeof *behind);
    float *through = dgates;
    if (behind && r->kind == RECURRENT_GRU)
        through = (float *)cuda_host->take(arena, (size_t)T * state * G * sizeof *through);
    if (!behind || !through) {
        cuda_host->rewind(arena, mark);
        return STATUS_MEMORY;
    }
    float *carry = behind + state;
    const float *dc = dc_last;
    for (int k = T - 1; k >= 0 && status == STATUS_OK; k--) {
        size_t t = (size_t)step_at(r, k), previous = k > 0 ? (size_t)step_at(r, k - 1) : 0;
        if (k < T - 1)
            status =
                cuda_gemm(0, 0, B, H, G * H, 1, through + (size_t)step_at(r, k + 1) * state * G,
                          G * H, weight, H, 0, behind, H);
        if (status != STATUS_OK) break;
        Back step = {r->kind,
                     B,
                     H,
                     saved ? (const float *)saved + t * state * 4 : NULL,
                     h + t * state,
                     c ? c + t * state : NULL,
                     k > 0 ? h + previous * state : h0,
                     k > 0 ? (c ? c + previous * state : NULL) : c0,
                     dh + t * state,
                     k < T - 1 ? behind : NULL,
                     dc,
                     carry,
                     dgates + t * state * G,
                     through + t * state * G};
        LAUNCH(cell_backward, dim3(cuda_blocks(state, THREADS)), dim3(THREADS), 0, step);
        if (r->kind != RECURRENT_TANH) dc = carry;
    }
    const float *first = through + (size_t)step_at(r, 0) * state * G;
    if (status == STATUS_OK && dweight)
        status = weight_gradient(r, G, through, h, h0, dweight, accumulate);
    if (status == STATUS_OK && dbias && r->kind == RECURRENT_GRU)
        LAUNCH(sum_inner, dim3(cuda_blocks((size_t)H, THREADS)), dim3(THREADS), 0, T * B, H,
               through, dbias, accumulate);
    if (status == STATUS_OK && dh0) {
        status = cuda_gemm(0, 0, B, H, G * H, 1, first, G * H, weight, H, 0, behind, H);
        if (status == STATUS_OK)
            LAUNCH(add_two, dim3(cuda_blocks(state, THREADS)), dim3(THREADS), 0, (int)state, behind,
                   r->kind == RECURRENT_GRU ? carry : NULL, dh0);
    }
    if (status == STATUS_OK && dc0 && r->kind == RECURRENT_LSTM)
        LAUNCH(add_two, dim3(cuda_blocks(state, THREADS)), dim3(THREADS), 0, (int)state, carry,
               NULL, dc0);
    if (status == STATUS_OK)
        status = cuda_launched("recurrent backward, %d steps of %d x %d", T, B, H);
    cuda_host->rewind(arena, mark);
    return status;
}

} // namespace

const RecurrentOps cuda_recurrent = {forward, backward};
