/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/size_list.h"

#include "reporter/program/base/array.h"

enum {
    SIZES_MAX = 64,
};

bool lmm_size_list_add(struct lmm_size_list *list, struct lmm_size_range sizes, bool *ret_news)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].smallest == sizes.smallest && list->items[i].largest == sizes.largest) {
            return true;
        }
    }
    if (ret_news != NULL) {
        *ret_news = true;
    }
    if (list->count == SIZES_MAX) {
        struct lmm_size_range *last = &list->items[SIZES_MAX - 1];

        last->smallest = sizes.smallest < last->smallest ? sizes.smallest : last->smallest;
        last->largest = sizes.largest > last->largest ? sizes.largest : last->largest;
        return true;
    }
    struct lmm_size_range *added = lmm_array_add(&list->items, &list->count, sizeof(*list->items));

    if (added != NULL) {
        *added = sizes;
    }
    return added != NULL;
}
