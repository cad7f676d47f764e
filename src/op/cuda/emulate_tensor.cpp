#include "emulate.h"
#include "emulate_tensor.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

enum { THREADS_MAX = 1024, LANES = 32 };

/* --- copies ----------------------------------------------------------------------------------- */

struct Copy {
    char *to;
    const void *from;
    int bytes;
    long group;
};

/* Of one thread: what has been asked for and not yet waited for. */
struct Copies {
    std::vector<Copy> pending;
    long groups;
    unsigned long block;
};
Copies copies[THREADS_MAX];

Copies *mine(void) {
    Copies *c = &copies[emulate_thread()];
    if (c->block != emulate_block()) { /* a new block: what the last one left never arrives */
        c->pending.clear();
        c->groups = 0;
        c->block = emulate_block();
    }
    return c;
}

char *address(uint32_t at) {
    return static_cast<char *>(emulate_shared_memory()) + at;
}

/* --- lanes ------------------------------------------------------------------------------------ */

struct Fragments {
    uint32_t a[4], b[2];
};

/* Two of each: whoever gives the next value does so after all have met over this one, and so have
 * taken the one before. */
Fragments fragments[2][THREADS_MAX];
const char *rows[2][THREADS_MAX];
unsigned char turns[2][THREADS_MAX]; /* of multiplications, of loads */

int turn(int which) {
    unsigned char *t = &turns[which][emulate_thread()];
    return *t ^= 1;
}

float half_of(uint32_t both, int high) {
    uint32_t bits = high ? both & 0xffff0000u : both << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

const char *const *given_rows(uint32_t row) {
    const int now = turn(1), me = emulate_thread();
    if (row % 16) {
        fprintf(stderr, "emulated CUDA: a row of a matrix at byte %u; expected a multiple of 16\n",
                row);
        abort();
    }
    rows[now][me] = address(row);
    emulate_meet_warp();
    return &rows[now][me / LANES * LANES];
}

} // namespace

uint32_t tensor_shared(const void *at) {
    return (uint32_t)(static_cast<const char *>(at) -
                      static_cast<const char *>(emulate_shared_memory()));
}

void tensor_copy(uint32_t to, const void *from, int bytes) {
    if (to % 16 || reinterpret_cast<uintptr_t>(from) % 16) {
        fprintf(stderr,
                "emulated CUDA: a copy of 16 bytes to %u from %p; expected multiples of 16\n", to,
                from);
        abort();
    }
    Copies *c = mine();
    c->pending.push_back({address(to), from, bytes, c->groups});
}

void tensor_copy_commit(void) {
    mine()->groups++;
}

void emulate_copy_wait(int groups) {
    Copies *c = mine();
    size_t kept = 0;
    for (const Copy &copy : c->pending) {
        if (copy.group >= c->groups - groups) {
            c->pending[kept++] = copy;
            continue;
        }
        memset(copy.to, 0, 16);
        if (copy.bytes) memcpy(copy.to, copy.from, (size_t)copy.bytes);
    }
    c->pending.resize(kept);
}

void tensor_load(uint32_t r[4], uint32_t row) {
    const char *const *from = given_rows(row);
    const int lane = emulate_lane();
    for (int i = 0; i < 4; i++) memcpy(&r[i], from[8 * i + lane / 4] + 4 * (lane % 4), 4);
}

void tensor_load_transposed(uint32_t r[4], uint32_t row) {
    const char *const *from = given_rows(row);
    const int lane = emulate_lane();
    for (int i = 0; i < 4; i++) {
        uint16_t both[2];
        for (int j = 0; j < 2; j++)
            memcpy(&both[j], from[8 * i + 2 * (lane % 4) + j] + 2 * (lane / 4), 2);
        r[i] = (uint32_t)both[0] | (uint32_t)both[1] << 16;
    }
}

void tensor_multiply(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
    const int now = turn(0), me = emulate_thread(), lane = me % LANES;
    fragments[now][me] = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
    emulate_meet_warp();
    const Fragments *warp = &fragments[now][me / LANES * LANES];
    const int row = lane / 4, column = 2 * (lane % 4); /* of c[0] */
    for (int k = 0; k < 16; k++) {
        const int t = k % 8 / 2, later = k / 8, high = k % 2;
        for (int i = 0; i < 2; i++) {
            const float x = half_of(warp[4 * row + t].a[i + 2 * later], high);
            for (int j = 0; j < 2; j++)
                c[2 * i + j] += x * half_of(warp[4 * (column + j) + t].b[later], high);
        }
    }
}

uint32_t tensor_pack(float low, float high) {
    return (uint32_t)__float2bfloat16_rn(low).bits | (uint32_t)__float2bfloat16_rn(high).bits << 16;
}

float tensor_exp2(float x) {
    const float y = exp2f(x);
    return y < 0x1p-126f ? 0 : y;
}
