/* SPDX-License-Identifier: MIT */
/* sort: sorts items in place. libc's qsort may call malloc, and a report must also work in a
 * program that is out of memory, or inside its own allocator. Stateless. */
#ifndef LMM_REPORTER_SORT_H
#define LMM_REPORTER_SORT_H

#include <stddef.h>

enum {
    LMM_SORT_ITEM_MAX = 240, /* largest item, in bytes */
};

/* Returns below 0, 0 or above 0 as *a stands before, is equal to, or stands after *b. */
typedef int (*lmm_compare_fn)(const void *a, const void *b);

/* Sorts count items of item_bytes (at most LMM_SORT_ITEM_MAX) each, smallest first. Not stable: the
 * order of items that compare equal is undefined. Cost: n log n. */
void lmm_sort(void *items, size_t count, size_t item_bytes, lmm_compare_fn compare);

#endif
