/* rng: random numbers as a pure function of (seed, stream, index).
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), through
 * Random123. There is no state: the same three numbers give the same bits on every machine, for
 * any number of threads, in any order, before and after a resumed run.
 *
 *     float noise = rng_normal(seed, STREAM_NOISE, i);
 *     rng_fill_normal(weights, count, seed, STREAM_WEIGHTS);
 *     rng_shuffle(order, count, seed, STREAM_ORDER + epoch);
 *
 * A stream is any 64-bit number; rng_stream("q4.features.keys") makes one from a name.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Four independent 32-bit words for (seed, stream, index). */
void rng_words(uint64_t seed, uint64_t stream, uint64_t index, uint32_t words[4]);

uint64_t rng_bits(uint64_t seed, uint64_t stream, uint64_t index);

/* Uniform on the open interval (0, 1), 53 bits. */
double rng_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* Standard normal (Box-Muller; indices 2k and 2k+1 are the two values of one pair). */
double rng_normal(uint64_t seed, uint64_t stream, uint64_t index);

/* Uniform on 0 .. bound-1 without bias beyond 2^-64; bound must be positive. */
uint64_t rng_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t bound);

/* out[i] = rng_normal(seed, stream, i). */
void rng_fill_normal(float *out, size_t count, uint64_t seed, uint64_t stream);

/* Fisher-Yates over order[0..count). */
void rng_shuffle(uint32_t *order, size_t count, uint64_t seed, uint64_t stream);

/* A stream number from a name (FNV-1a, 64 bits). */
uint64_t rng_stream(const char *name);

#endif
