/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/select_first.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PASSES_MAX =
        24, /* about as many comparisons for each item as a sort makes of a million items */
};

static void swap(char *a, char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char byte = a[i];

        a[i] = b[i];
        b[i] = byte;
    }
}

void lmm_select_first(void *items, size_t count, size_t item_bytes, size_t most,
                      int (*compare)(const void *left, const void *right, void *context),
                      void *context)
{
    char *start = items;

    assert(item_bytes > 0);
    if (count < 2) {
        return;
    }
    if (most > PASSES_MAX || most >= count) {
        qsort_r(items, count, item_bytes, compare, context);
        return;
    }
    for (size_t i = 0; i < most; i++) {
        char *first = start + i * item_bytes;

        for (size_t k = i + 1; k < count; k++) {
            char *item = start + k * item_bytes;

            first = compare(item, first, context) < 0 ? item : first;
        }
        swap(start + i * item_bytes, first, item_bytes);
    }
}
