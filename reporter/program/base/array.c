/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/array.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Sets the array's pointer, which has another type than void *. */
static void set_array(void *items, unsigned char *array)
{
    memcpy(items, &array, sizeof(array));
}

void *lmm_array_add(void *items, size_t *count, size_t item_bytes)
{
    size_t room = *count == 0 ? 1 : 2 * *count;
    unsigned char *array;
    unsigned char *grown;

    memcpy(&array, items, sizeof(array));
    assert(array != NULL || *count == 0);
    grown = (*count & (*count - 1)) == 0 ? reallocarray(array, room, item_bytes) : array;
    if (grown == NULL) {
        return NULL;
    }
    set_array(items, grown);
    return memset(grown + (*count)++ * item_bytes, 0, item_bytes);
}

/* count + 1 is 0 only with count items too many for memory. */
void *lmm_array_room(size_t count, size_t item_bytes)
{
    return reallocarray(NULL, count + 1, item_bytes);
}

bool lmm_array_reach(void *items, size_t *count, size_t needed, size_t item_bytes)
{
    size_t longer = needed > 2 * *count ? needed : 2 * *count;
    unsigned char *array;
    unsigned char *grown;

    memcpy(&array, items, sizeof(array));
    assert(array != NULL || *count == 0);
    if (needed <= *count) {
        return true;
    }
    grown = reallocarray(array, longer, item_bytes);
    if (grown != NULL) {
        memset(grown + *count * item_bytes, 0, (longer - *count) * item_bytes);
        set_array(items, grown);
        *count = longer;
    }
    return grown != NULL;
}
