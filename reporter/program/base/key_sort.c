/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/key_sort.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"

bool lmm_key_sort(struct lmm_sort_key *keys, size_t count)
{
    struct lmm_sort_key *room = lmm_array_room(count, sizeof(*room));

    if (room != NULL) {
        lmm_radix_sort(keys, count, room);
    }
    free(room);
    return room != NULL;
}

void *lmm_key_sort_items(const void *items, size_t count, size_t item_bytes,
                         uint64_t (*key_of)(const void *item))
{
    struct lmm_sort_key *keys = lmm_array_room(count, sizeof(*keys));
    unsigned char *sorted = lmm_array_room(count, item_bytes);
    const unsigned char *from = items;
    bool good = keys != NULL && sorted != NULL;

    for (size_t i = 0; good && i < count; i++) {
        keys[i] = (struct lmm_sort_key) {key_of(from + i * item_bytes), i};
    }
    good = good && lmm_key_sort(keys, count);
    for (size_t i = 0; good && i < count; i++) {
        memcpy(sorted + i * item_bytes, from + keys[i].index * item_bytes, item_bytes);
    }
    free(keys);
    if (!good) {
        free(sorted);
        return NULL;
    }
    return sorted;
}
