/* SPDX-License-Identifier: MIT */
#include "lib/leaks/gaps.h"

#include "lib/ground/meta.h"

#include <string.h>

enum { GAPS_FIRST = 4096 };

static bool reserve_one(struct lmm_gaps *gaps)
{
    if (gaps->count < gaps->capacity) {
        return true;
    }
    size_t capacity = gaps->capacity == 0 ? GAPS_FIRST : 2 * gaps->capacity;
    struct lmm_gap *larger = lmm_meta_map(capacity * sizeof(*larger));
    if (larger == NULL) {
        return false;
    }
    if (gaps->list != NULL) {
        memcpy(larger, gaps->list, gaps->count * sizeof(*larger));
        lmm_meta_unmap(gaps->list, gaps->capacity * sizeof(*larger));
    }
    gaps->list = larger;
    gaps->capacity = capacity;
    return true;
}

void lmm_gaps_add(struct lmm_gaps *gaps, uintptr_t from, uintptr_t to)
{
    if (from >= to) {
        return;
    }
    if (!reserve_one(gaps)) {
        gaps->is_short = true;
        return;
    }
    gaps->list[gaps->count++] = (struct lmm_gap) {from, to};
}

/* Shell's sort, with the gaps of Ciura (2001): libc's qsort may allocate. */
static void sort(struct lmm_gap *list, size_t count)
{
    static const size_t steps[] = {510774, 227011, 100894, 44842, 19930, 8858, 3937, 1750,
                                   701,    301,    132,    57,    23,    10,   4,    1};

    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        for (size_t i = steps[s]; i < count; i++) {
            struct lmm_gap moved = list[i];
            size_t at = i;
            for (; at >= steps[s] && list[at - steps[s]].from > moved.from; at -= steps[s]) {
                list[at] = list[at - steps[s]];
            }
            list[at] = moved;
        }
    }
}

void lmm_gaps_close(struct lmm_gaps *gaps)
{
    size_t kept = 0;

    if (reserve_one(gaps)) { /* the list may move; so it comes last */
        gaps->list[gaps->count++] =
            (struct lmm_gap) {(uintptr_t) gaps->list, (uintptr_t) (gaps->list + gaps->capacity)};
    } else {
        gaps->is_short = true;
    }
    sort(gaps->list, gaps->count);
    for (size_t i = 0; i < gaps->count; i++) {
        const struct lmm_gap next = gaps->list[i];
        if (kept != 0 && next.from <= gaps->list[kept - 1].to) {
            struct lmm_gap *last = &gaps->list[kept - 1];
            last->to = next.to > last->to ? next.to : last->to;
        } else {
            gaps->list[kept++] = next;
        }
    }
    gaps->count = kept;
}

void lmm_gaps_free(struct lmm_gaps *gaps)
{
    if (gaps->list != NULL) {
        lmm_meta_unmap(gaps->list, gaps->capacity * sizeof(*gaps->list));
    }
    *gaps = (struct lmm_gaps) {0};
}

/* The first gap that ends after the address. */
static size_t first_after(const struct lmm_gaps *gaps, uintptr_t address)
{
    size_t low = 0;
    size_t high = gaps->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (gaps->list[middle].to <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void lmm_gaps_outside(const struct lmm_gaps *gaps, uintptr_t from, uintptr_t to,
                      void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg)
{
    for (size_t i = first_after(gaps, from); i < gaps->count && from < to; i++) {
        const struct lmm_gap *gap = &gaps->list[i];
        uintptr_t end = gap->from < to ? gap->from : to;
        if (from < end) {
            visit(from, end, arg);
        }
        from = gap->to > from ? gap->to : from;
    }
    if (from < to) {
        visit(from, to, arg);
    }
}
