/* SPDX-License-Identifier: MIT */
/* key_sort: sorts many items by a number (radix_sort.h), in memory that it takes for that time. Owns nothing. */
#ifndef LMM_PROGRAM_KEY_SORT_H
#define LMM_PROGRAM_KEY_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/radix_sort.h"

/* As lmm_radix_sort(). Returns false when memory ran out: then the keys are as before. */
bool lmm_key_sort(struct lmm_sort_key *keys, size_t count);

/* Sorts `count` items of item_bytes each by ascending key_of(item), as lmm_key_sort() does. Returns them in memory of their own,
 * to be freed, also if there is none; NULL when memory ran out. */
void *lmm_key_sort_items(const void *items, size_t count, size_t item_bytes,
                         uint64_t (*key_of)(const void *item));

#endif
