/* SPDX-License-Identifier: MIT */
/* A heapsort: no recursion, no worst case beyond n log n. */
#include "reporter/core/sort.h"

#include <string.h>

#include "reporter/core/require.h"

static void swap(unsigned char *a, unsigned char *b, size_t bytes)
{
    unsigned char held[LMM_SORT_ITEM_MAX];

    memcpy(held, a, bytes);
    memcpy(a, b, bytes);
    memcpy(b, held, bytes);
}

static void sift_down(unsigned char *base, size_t root, size_t count, size_t bytes,
                      lmm_compare_fn compare)
{
    while (root < count / 2) {
        size_t child = 2 * root + 1;

        if (child + 1 < count && compare(base + child * bytes, base + (child + 1) * bytes) < 0) {
            child++;
        }
        if (compare(base + root * bytes, base + child * bytes) >= 0) {
            return;
        }
        swap(base + root * bytes, base + child * bytes, bytes);
        root = child;
    }
}

void lmm_sort(void *items, size_t count, size_t bytes, lmm_compare_fn compare)
{
    unsigned char *base = items;

    LMM_REQUIRE(bytes > 0 && bytes <= LMM_SORT_ITEM_MAX);
    for (size_t root = count / 2; root-- > 0;) {
        sift_down(base, root, count, bytes, compare);
    }
    for (size_t end = count; end-- > 1;) {
        swap(base, base + end * bytes, bytes);
        sift_down(base, 0, end, bytes, compare);
    }
}
