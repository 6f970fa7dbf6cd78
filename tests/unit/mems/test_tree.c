/* SPDX-License-Identifier: MIT */
/* mems_tree: against an array of segments that cover addresses without gaps, as MeMS has them, and
 * are split and merged at random. After every step the tree must be valid and find the same. */
#include "lib/mems/records.h"
#include "lib/mems/tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/support/random.h"

enum { SEGMENTS = 400, STEPS = 6000, WIDTH = 1 << 16 };

/* The segments in address order; none is shorter than 1. */
static struct lmm_mems_segment *order[SEGMENTS];
static size_t count;
static struct lmm_mems_tree tree;
static struct lmm_mems_records records;
static uint64_t state;

static size_t below(size_t limit)
{
    return random_next(&state) % limit;
}

static struct lmm_mems_segment *make(uintptr_t address, size_t bytes, bool is_process)
{
    cr_assert(lmm_mems_records_reserve(&records, 1));
    struct lmm_mems_segment *segment = lmm_mems_records_take(&records);
    *segment =
        (struct lmm_mems_segment) {.address = address, .bytes = bytes, .is_process = is_process};
    cr_assert(lmm_mems_tree_reserve(&tree, 1));
    return segment;
}

/* Cuts segment i in two, and gives both any state. */
static void split(size_t i)
{
    size_t bytes = order[i]->bytes;
    if (bytes == 1 || count == SEGMENTS) {
        return;
    }
    size_t lower_bytes = 1 + below(bytes - 1);
    order[i]->bytes = lower_bytes;
    order[i]->is_process = below(2) & 1;
    for (size_t k = count++; k > i + 1; k--) {
        order[k] = order[k - 1];
    }
    order[i + 1] = make(order[i]->address + lower_bytes, bytes - lower_bytes, below(2));
    lmm_mems_tree_refresh(&tree, order[i]);
    lmm_mems_tree_insert(&tree, order[i + 1]);
}

/* Segment i absorbs the next one. */
static void merge(size_t i)
{
    if (i + 1 == count) {
        return;
    }
    order[i]->bytes += order[i + 1]->bytes;
    order[i]->is_process = below(2) & 1;
    lmm_mems_tree_remove(&tree, order[i + 1]);
    lmm_mems_records_give(&records, order[i + 1]);
    lmm_mems_tree_refresh(&tree, order[i]);
    count--;
    for (size_t k = i + 1; k < count; k++) {
        order[k] = order[k + 1];
    }
}

static void change(size_t i)
{
    order[i]->is_process = !order[i]->is_process;
    lmm_mems_tree_refresh(&tree, order[i]);
}

static struct lmm_mems_segment *first_fit(size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (!order[i]->is_process && order[i]->bytes >= bytes) {
            return order[i];
        }
    }
    return NULL;
}

static void check(void)
{
    cr_assert(lmm_mems_tree_is_valid(&tree));
    for (size_t i = 0; i < count; i++) {
        uintptr_t last = order[i]->address + order[i]->bytes - 1;
        cr_assert(lmm_mems_tree_find(&tree, order[i]->address) == order[i]);
        cr_assert(lmm_mems_tree_find(&tree, last) == order[i]);
        size_t bytes = order[i]->bytes;
        cr_assert(lmm_mems_tree_first_fit(&tree, bytes) == first_fit(bytes));
        cr_assert(lmm_mems_tree_first_fit(&tree, bytes + 1) == first_fit(bytes + 1));
    }
    cr_assert(lmm_mems_tree_find(&tree, 999) == NULL);
    cr_assert(lmm_mems_tree_find(&tree, 1000 + WIDTH) == NULL);
    cr_assert(lmm_mems_tree_first_fit(&tree, WIDTH + 1) == NULL);
}

Test(mems_tree, splits_and_merges_as_an_array_does, .timeout = 300)
{
    const char *seed = getenv("LMM_SEED");
    state = seed != NULL ? strtoull(seed, NULL, 0) | 1 : 1;
    lmm_mems_tree_init(&tree, 4096);
    lmm_mems_records_init(&records, 4096, LMM_CACHE_LINE_BYTES);
    order[0] = make(1000, WIDTH, false);
    count = 1;
    lmm_mems_tree_insert(&tree, order[0]);
    for (size_t step = 0; step < STEPS; step++) {
        /* Now more splits, now more merges; at a random place, at the start, at the end. */
        size_t place = below(4) == 0 ? (below(2) != 0 ? 0 : count - 1) : below(count);
        switch (below(8)) {
        case 0:
        case 1: change(place); break;
        case 2:
        case 3: split(place); break;
        case 4:
        case 5: merge(place); break;
        default: step / 1000 % 2 == 0 ? split(place) : merge(place);
        }
        check();
    }
    while (count > 1) {
        merge(below(count));
        check();
    }
    lmm_mems_tree_remove(&tree, order[0]);
    cr_expect(tree.root == NULL && lmm_mems_tree_is_valid(&tree));
    cr_expect(lmm_mems_tree_finish(&tree) == 0);
    cr_expect(lmm_mems_records_finish(&records) == 0);
}

/* In ascending order, as nodes come, blocks end up three quarters full; whatever order they go
 * in, the tree gets lower again. */
Test(mems_tree, height_is_logarithmic)
{
    enum { MANY = 100000, STRIDE = 7919 };
    lmm_mems_tree_init(&tree, 4096);
    lmm_mems_records_init(&records, 4096, LMM_CACHE_LINE_BYTES);
    for (uintptr_t i = 0; i < MANY; i++) {
        lmm_mems_tree_insert(&tree, make(i, 1, i % 3 == 0));
    }
    cr_expect(lmm_mems_tree_is_valid(&tree));
    cr_expect(tree.levels == 5, "12 to the 5th is more than MANY; levels %u", tree.levels);
    size_t left = MANY;
    for (uintptr_t i = 0; i < MANY; i++, left--) {
        lmm_mems_tree_remove(&tree, lmm_mems_tree_find(&tree, i * STRIDE % MANY));
        if (left % 10000 == 1000) {
            cr_expect(lmm_mems_tree_is_valid(&tree));
        }
        cr_expect(left != 100 || tree.levels <= 3, "levels %u", tree.levels);
        cr_expect(left != 7 || tree.levels == 1, "levels %u", tree.levels);
    }
    cr_expect(tree.root == NULL && tree.levels == 0);
    cr_expect(tree.blocks.mapped_bytes < (size_t) MANY * 48);
    lmm_mems_tree_finish(&tree);
    lmm_mems_records_finish(&records);
}

/* The walker finds each kind of damage. */
Test(mems_tree, the_walker_sees_what_is_wrong)
{
    lmm_mems_tree_init(&tree, 4096);
    lmm_mems_records_init(&records, 4096, LMM_CACHE_LINE_BYTES);
    for (uintptr_t i = 0; i < 300; i++) {
        lmm_mems_tree_insert(&tree, make(100 + i, 1, i % 3 != 0));
    }
    cr_assert(lmm_mems_tree_is_valid(&tree));
    struct lmm_mems_segment *low = lmm_mems_tree_find(&tree, 103);
    low->bytes = 2;
    cr_expect(!lmm_mems_tree_is_valid(&tree), "I2, the length");
    lmm_mems_tree_refresh(&tree, low);
    cr_expect(lmm_mems_tree_is_valid(&tree));
    low->address = 104;
    cr_expect(!lmm_mems_tree_is_valid(&tree), "I2, the address");
    low->address = 103;
    tree.count++;
    cr_expect(!lmm_mems_tree_is_valid(&tree), "I4");
}
