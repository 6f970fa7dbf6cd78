/* SPDX-License-Identifier: MIT */
/* key_sort: the order of qsort, and that of the items where keys are equal. */
#include "reporter/program/base/key_sort.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 3000 };

static int compare(const void *left, const void *right)
{
    const struct lmm_sort_key *a = left;
    const struct lmm_sort_key *b = right;

    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->index < b->index ? -1 : 1;
}

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state ^ *state >> 29;
}

static uint64_t key_of(const void *item)
{
    return ((const struct lmm_sort_key *) item)->key;
}

Test(key_sort, as_qsort)
{
    static const uint64_t masks[] = {
        0, 3, 0xff, 0xff00ff, 0xffffffff, UINT64_C(0x7f00000000ff0000), UINT64_MAX};
    static const size_t counts[] = {0, 1, 2, 3, 255, 256, 257, MOST};
    static struct lmm_sort_key keys[MOST];
    static struct lmm_sort_key expected[MOST];
    uint64_t state = 1;

    for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++) {
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            for (size_t i = 0; i < counts[c]; i++) {
                keys[i] = (struct lmm_sort_key) {next(&state) & masks[m], i};
                expected[i] = keys[i];
            }
            struct lmm_sort_key *items =
                lmm_key_sort_items(keys, counts[c], sizeof(keys[0]), key_of);

            qsort(expected, counts[c], sizeof(expected[0]), compare);
            cr_assert(lmm_key_sort(keys, counts[c]) && items != NULL);
            cr_expect(memcmp(items, keys, counts[c] * sizeof(keys[0])) == 0, "mask %zu, %zu items",
                      m, counts[c]);
            free(items);
            for (size_t i = 0; i < counts[c]; i++) {
                cr_expect(keys[i].key == expected[i].key && keys[i].index == expected[i].index,
                          "mask %zu, %zu keys, place %zu", m, counts[c], i);
            }
        }
    }
}
