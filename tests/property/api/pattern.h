/* SPDX-License-Identifier: MIT */
/* pattern: the bytes that a test writes to a block, computed from a seed and the byte's offset, so
 * that any part of a block can be checked or extended without a copy of it. */
#ifndef TESTS_PROPERTY_API_PATTERN_H
#define TESTS_PROPERTY_API_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t pattern_word(uint64_t seed, size_t index)
{
    return (seed + index) * UINT64_C(0x9E3779B97F4A7C15) ^ seed;
}

static inline unsigned char pattern_byte(uint64_t seed, size_t offset)
{
    return (unsigned char) (pattern_word(seed, offset / 8) >> (offset % 8 * 8));
}

/* Writes the pattern's bytes [from, to) to block + from. */
static inline void pattern_fill(unsigned char *block, size_t from, size_t to, uint64_t seed)
{
    size_t at = from;
    for (; at < to && at % 8 != 0; at++) {
        block[at] = pattern_byte(seed, at);
    }
    for (; at + 8 <= to; at += 8) {
        uint64_t word = pattern_word(seed, at / 8);
        memcpy(block + at, &word, 8);
    }
    for (; at < to; at++) {
        block[at] = pattern_byte(seed, at);
    }
}

/* True when block + from holds the pattern's bytes [from, to). */
static inline bool pattern_holds(const unsigned char *block, size_t from, size_t to, uint64_t seed)
{
    size_t at = from;
    for (; at < to && at % 8 != 0; at++) {
        if (block[at] != pattern_byte(seed, at)) {
            return false;
        }
    }
    uint64_t difference = 0;
    for (; at + 8 <= to; at += 8) {
        uint64_t word;
        memcpy(&word, block + at, 8);
        difference |= word ^ pattern_word(seed, at / 8);
    }
    for (; at < to; at++) {
        difference |= (uint64_t) (block[at] ^ pattern_byte(seed, at));
    }
    return difference == 0;
}

/* True when block + from holds zeroes up to block + to. */
static inline bool pattern_is_zero(const unsigned char *block, size_t from, size_t to)
{
    uint64_t bits = 0;
    size_t at = from;
    for (; at + 8 <= to; at += 8) {
        uint64_t word;
        memcpy(&word, block + at, 8);
        bits |= word;
    }
    for (; at < to; at++) {
        bits |= block[at];
    }
    return bits == 0;
}

/* splitmix64: one random 64-bit number after another. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* A random number below bound, which is not 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return random_next(state) % bound;
}

#endif
