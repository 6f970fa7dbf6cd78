/* SPDX-License-Identifier: MIT */
/* sort: items of all sizes in many orders, and an order that is made to be the worst. */
#include "reporter/core/sort.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNT_MAX = 300,
    ADVERSE = 4096, /* items */
};

struct item {
    uint32_t key;
    uint32_t id; /* where it was */
    unsigned char rest[LMM_SORT_ITEM_MAX - 8];
};

static uint32_t random_number(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Fills in the key of item i of count, in one of the orders. */
static uint32_t key_of(unsigned order, uint32_t i, uint32_t count, uint32_t *state)
{
    switch (order) {
    case 0: return i;
    case 1: return count - i;
    case 2: return 7; /* all are equal */
    case 3: return i < count / 2 ? i : count - i;
    case 4: return random_number(state) % 4;
    case 5: return i ^ 1;
    default: return random_number(state);
    }
}

static int compare_items(const void *left, const void *right)
{
    uint32_t a;
    uint32_t b;

    memcpy(&a, left, sizeof(a)); /* items of 9 bytes are not aligned */
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}

static void check(unsigned order, uint32_t count, size_t bytes)
{
    static unsigned char items[COUNT_MAX * LMM_SORT_ITEM_MAX];
    static bool seen[COUNT_MAX];
    uint32_t keys[COUNT_MAX];
    uint32_t state = 1;
    struct item item = {.key = 0};
    uint32_t last = 0;

    for (uint32_t i = 0; i < count; i++) {
        item = (struct item) {.key = key_of(order, i, count, &state), .id = i};
        memset(item.rest, (int) i, sizeof(item.rest));
        keys[i] = item.key;
        memcpy(items + i * bytes, &item, bytes);
    }
    lmm_sort(items, count, bytes, compare_items);
    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&item, items + i * bytes, bytes);
        cr_assert(item.id < count && !seen[item.id] && item.key == keys[item.id],
                  "order %u of %u: item %u is none that was there", order, count, i);
        cr_assert(item.key >= last, "order %u of %u: item %u", order, count, i);
        for (size_t k = 0; k < bytes - 8; k++) {
            cr_assert_eq(item.rest[k], (unsigned char) item.id);
        }
        seen[item.id] = true;
        last = item.key;
    }
}

Test(sort, items_in_many_orders)
{
    static const size_t sizes[] = {8, 9, 24, 200, LMM_SORT_ITEM_MAX};

    for (unsigned order = 0; order < 7; order++) {
        for (uint32_t count = 0; count < COUNT_MAX; count += count < 20 ? 1 : 31) {
            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                check(order, count, sizes[i]);
            }
        }
    }
}

/* The adversary of M. D. McIlroy, "A killer adversary for quicksort": keys are decided when they are compared, so that
 * the pivot turns out to be among the smallest. */
static struct {
    uint32_t keys[ADVERSE];
    uint32_t decided;
    uint32_t candidate;
    uint64_t compared;
} adversary;

static int compare_adversely(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left;
    uint32_t b = *(const uint32_t *) right;

    adversary.compared++;
    if (adversary.keys[a] == ADVERSE && adversary.keys[b] == ADVERSE) {
        adversary.keys[a == adversary.candidate ? a : b] = adversary.decided++;
    }
    if (adversary.keys[a] == ADVERSE) {
        adversary.candidate = a;
    } else if (adversary.keys[b] == ADVERSE) {
        adversary.candidate = b;
    }
    return (adversary.keys[a] > adversary.keys[b]) - (adversary.keys[a] < adversary.keys[b]);
}

Test(sort, the_worst_order_is_not_much_worse)
{
    static uint32_t items[ADVERSE];

    for (uint32_t i = 0; i < ADVERSE; i++) {
        items[i] = i;
        adversary.keys[i] = ADVERSE; /* not decided */
    }
    lmm_sort(items, ADVERSE, sizeof(items[0]), compare_adversely);
    for (uint32_t i = 1; i < ADVERSE; i++) {
        cr_assert_leq(adversary.keys[items[i - 1]], adversary.keys[items[i]]);
    }
    cr_expect_lt(adversary.compared, 5 * ADVERSE * 12, "%lu comparisons",
                 (unsigned long) adversary.compared); /* n log n, and not n * n */
}
