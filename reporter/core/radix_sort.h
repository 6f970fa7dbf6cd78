/* SPDX-License-Identifier: MIT */
/* radix_sort: sorts many items by a number in linear time, in memory of the caller's. Stateless. */
#ifndef LMM_REPORTER_RADIX_SORT_H
#define LMM_REPORTER_RADIX_SORT_H

#include <stddef.h>
#include <stdint.h>

/* An item that is sorted elsewhere, by its place there. */
struct lmm_sort_key {
    uint64_t key;
    size_t index;
};

/* Sorts by ascending key; equal keys stay in their order. room: for `count` keys, of any contents before and after.
 * Cost: linear in count, for each byte in which keys differ. */
void lmm_radix_sort(struct lmm_sort_key *keys, size_t count, struct lmm_sort_key *room);

#endif
