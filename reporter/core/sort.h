/* SPDX-License-Identifier: MIT */
/*
 * sort: puts items in order where they are. libc's qsort may call malloc, and a report must also
 * work in a program that is out of memory or inside its own allocator. Stateless.
 */
#ifndef LMM_REPORTER_SORT_H
#define LMM_REPORTER_SORT_H

#include <stddef.h>

enum {
    LMM_SORT_ITEM_MAX = 160, /* largest item, in bytes */
};

/* Returns below 0, 0 or above 0 as *a goes before, with or after *b. */
typedef int (*lmm_compare_fn)(const void *a, const void *b);

/*
 * Sorts count items of item_bytes (at most LMM_SORT_ITEM_MAX) each, smallest first. Not stable: a
 * comparison that should not leave equals to chance must order them itself. Cost: n log n.
 */
void lmm_sort(void *items, size_t count, size_t item_bytes, lmm_compare_fn compare);

#endif
