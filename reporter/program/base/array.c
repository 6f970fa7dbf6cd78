/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/array.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *lmm_array_add(void *items, size_t *count, size_t item_bytes)
{
    unsigned char *array;

    memcpy(&array, items, sizeof(array)); /* a pointer of another type */
    assert(array != NULL || *count == 0);
    if ((*count & (*count - 1)) == 0) {
        array = reallocarray(array, *count == 0 ? 1 : 2 * *count, item_bytes);
        if (array == NULL) {
            return NULL;
        }
        memcpy(items, &array, sizeof(array));
    }
    return memset(array + (*count)++ * item_bytes, 0, item_bytes);
}

bool lmm_array_reach(void *items, size_t *count, size_t needed, size_t item_bytes)
{
    size_t longer = needed > 2 * *count ? needed : 2 * *count;
    unsigned char *array;

    memcpy(&array, items, sizeof(array));
    assert(array != NULL || *count == 0);
    if (needed <= *count) {
        return true;
    }
    array = reallocarray(array, longer, item_bytes);
    if (array != NULL) {
        memset(array + *count * item_bytes, 0, (longer - *count) * item_bytes);
        memcpy(items, &array, sizeof(array));
        *count = longer;
    }
    return array != NULL;
}
