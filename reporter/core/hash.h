/* SPDX-License-Identifier: MIT */
/* hash: 64-bit keys of strings and numbers, chained. They are for identities where an adversary
 * gains nothing by a collision. Stateless. */
#ifndef LMM_REPORTER_HASH_H
#define LMM_REPORTER_HASH_H

#include "reporter/core/utf8.h"

/* Returns the key of a sequence: `before` is the key of its start (0: none), value comes next.
 * Never 0. */
static inline uint64_t lmm_hash_u64(uint64_t before, uint64_t value)
{
    uint64_t key = (before ^ value) + UINT64_C(0x9e3779b97f4a7c15);

    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    key ^= key >> 31;
    return key == 0 ? 1 : key;
}

/* The same for a string. */
static inline uint64_t lmm_hash_string(uint64_t before, struct lmm_string string)
{
    uint64_t key = lmm_hash_u64(before, string.bytes);

    for (size_t i = 0; i < string.bytes; i++) {
        key = (key ^ (unsigned char) string.text[i]) * UINT64_C(0x100000001b3);
    }
    return lmm_hash_u64(key, string.bytes);
}

#endif
