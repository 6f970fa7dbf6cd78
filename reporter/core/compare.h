/* SPDX-License-Identifier: MIT */
/* compare: orders of numbers and strings, for comparison functions: each returns below 0, 0 or
 * above 0 as a stands before b, is equal to it, or stands after it. Stateless. */
#ifndef LMM_REPORTER_COMPARE_H
#define LMM_REPORTER_COMPARE_H

#include <string.h>

#include "reporter/core/utf8.h"

static inline int lmm_compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static inline int lmm_compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By bytes; a string stands before those that it is the start of. */
static inline int lmm_compare_strings(struct lmm_string a, struct lmm_string b)
{
    size_t bytes = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = bytes == 0 ? 0 : memcmp(a.text, b.text, bytes);

    return order != 0 ? order : lmm_compare_u64(a.bytes, b.bytes);
}

#endif
