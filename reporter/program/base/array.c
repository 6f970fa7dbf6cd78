/* SPDX-License-Identifier: MIT */
/* array: see array.h for the contract. */
#include "reporter/program/base/array.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *lmm_array_room(void *items, size_t count, size_t item_bytes)
{
    assert(items != NULL || count == 0);
    if ((count & (count - 1)) != 0) {
        return items;
    }
    return reallocarray(items, count == 0 ? 1 : 2 * count, item_bytes);
}

void *lmm_array_reach(void *items, size_t *count, size_t needed, size_t item_bytes)
{
    size_t longer = needed > 2 * *count ? needed : 2 * *count;
    unsigned char *grown;

    assert(items != NULL || *count == 0);
    if (needed <= *count) {
        return items;
    }
    grown = reallocarray(items, longer, item_bytes);
    if (grown != NULL) {
        memset(grown + *count * item_bytes, 0, (longer - *count) * item_bytes);
        *count = longer;
    }
    return grown;
}
