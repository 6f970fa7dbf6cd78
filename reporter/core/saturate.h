/* SPDX-License-Identifier: MIT */
/* saturate: arithmetic on figures of a ledger that may be hostile: results are limited to 0 and
 * UINT64_MAX instead of wrapping around. Stateless. */
#ifndef LMM_REPORTER_SATURATE_H
#define LMM_REPORTER_SATURATE_H

#include <stdint.h>

static inline uint64_t lmm_add_saturated(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint64_t lmm_subtract_saturated(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static inline uint64_t lmm_multiply_saturated(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static inline uint64_t lmm_smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
