#include "base/rng.h"
#include "base/hash.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

void rng_words(uint64_t seed, uint64_t stream, uint64_t index, uint32_t words[4]) {
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {
        {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)}};
    philox4x32_ctr_t drawn = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) words[i] = drawn.v[i];
}

uint64_t rng_bits(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t w[4];
    rng_words(seed, stream, index, w);
    return (uint64_t)w[0] << 32 | w[1];
}

/* The middle of one of 2^52 equal cells: never 0, never 1, so that log() is safe. */
static double unit(uint32_t high, uint32_t low) {
    uint64_t bits = ((uint64_t)high << 32 | low) >> 12;
    return ((double)bits + 0.5) * 0x1p-52;
}

double rng_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t w[4];
    rng_words(seed, stream, index, w);
    return unit(w[0], w[1]);
}

double rng_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t w[4];
    rng_words(seed, stream, index >> 1, w);
    double radius = sqrt(-2.0 * log(unit(w[0], w[1])));
    double angle = 6.283185307179586476925287 * unit(w[2], w[3]);
    return index & 1 ? radius * sin(angle) : radius * cos(angle);
}

uint64_t rng_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t bound) {
    /* The high half of a 64x64 product (Lemire): no division, bias under bound / 2^64. */
    return (uint64_t)((__extension__(unsigned __int128) rng_bits(seed, stream, index) * bound) >>
                      64);
}

void rng_fill_normal(float *out, size_t count, uint64_t seed, uint64_t stream) {
    for (size_t i = 0; i < count; i += 2) {
        uint32_t w[4];
        rng_words(seed, stream, i >> 1, w);
        double radius = sqrt(-2.0 * log(unit(w[0], w[1])));
        double angle = 6.283185307179586476925287 * unit(w[2], w[3]);
        out[i] = (float)(radius * cos(angle));
        if (i + 1 < count) out[i + 1] = (float)(radius * sin(angle));
    }
}

void rng_shuffle(uint32_t *order, size_t count, uint64_t seed, uint64_t stream) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rng_below(seed, stream, i, i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

uint64_t rng_stream(const char *name) {
    return hash_bytes(HASH_BEGIN, name, strlen(name));
}
