/* SPDX-License-Identifier: MIT */
/* A quicksort that turns into a heapsort where it would need more than n log n, as in a ledger made for that. */
#include "reporter/core/sort.h"

#include <string.h>

#include "reporter/core/require.h"

enum {
    FEW = 6, /* items */
};

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

static void heap_sort(unsigned char *base, size_t count, size_t bytes, lmm_compare_fn compare)
{
    for (size_t root = count / 2; root-- > 0;) {
        sift_down(base, root, count, bytes, compare);
    }
    for (size_t end = count; end-- > 1;) {
        swap(base, base + end * bytes, bytes);
        sift_down(base, 0, end, bytes, compare);
    }
}

/* Sorts a few items: each is swapped with those before it. */
static void insert_each(unsigned char *base, size_t count, size_t bytes, lmm_compare_fn compare)
{
    for (size_t i = 1; i < count; i++) {
        for (unsigned char *at = base + i * bytes; at > base && compare(at - bytes, at) > 0;
             at -= bytes) {
            swap(at - bytes, at, bytes);
        }
    }
}

/* Puts the middle one of the first, the middle and the last item first. */
static void choose_pivot(unsigned char *base, size_t count, size_t bytes, lmm_compare_fn compare)
{
    unsigned char *middle = base + count / 2 * bytes;
    unsigned char *last = base + (count - 1) * bytes;

    if (compare(middle, last) > 0) {
        swap(middle, last, bytes);
    }
    if (compare(base, last) > 0) {
        swap(base, last, bytes);
    } else if (compare(base, middle) < 0) {
        swap(base, middle, bytes);
    }
}

/* Puts the items that stand before the first one before it, and the others after it; returns where it is then. */
static size_t split(unsigned char *base, size_t count, size_t bytes, lmm_compare_fn compare)
{
    size_t low = 0;
    size_t high = count;

    for (;;) {
        do {
            low++;
        } while (low < count && compare(base + low * bytes, base) < 0);
        do {
            high--;
        } while (high > 0 && compare(base + high * bytes, base) > 0);
        if (low >= high) {
            swap(base, base + high * bytes, bytes);
            return high;
        }
        swap(base + low * bytes, base + high * bytes, bytes);
    }
}

/* Sorts the smaller part by itself, so this calls itself at most log2(count) deep. turns: how many times the items may be
 * split before they are taken for a bad case. */
static void quick_sort(unsigned char *base, size_t count, size_t bytes, lmm_compare_fn compare,
                       unsigned turns)
{
    while (count > FEW && turns > 0) {
        choose_pivot(base, count, bytes, compare);
        size_t at = split(base, count, bytes, compare);
        unsigned char *after = base + (at + 1) * bytes;
        size_t rest = count - at - 1;

        turns--;
        quick_sort(at < rest ? base : after, at < rest ? at : rest, bytes, compare, turns);
        base = at < rest ? after : base;
        count = at < rest ? rest : at;
    }
    if (count > FEW) {
        heap_sort(base, count, bytes, compare);
    } else {
        insert_each(base, count, bytes, compare);
    }
}

void lmm_sort(void *items, size_t count, size_t bytes, lmm_compare_fn compare)
{
    unsigned turns = 0;

    LMM_REQUIRE(bytes > 0 && bytes <= LMM_SORT_ITEM_MAX);
    for (size_t left = count; left > 0; left /= 2) {
        turns += 2;
    }
    quick_sort(items, count, bytes, compare, turns);
}
