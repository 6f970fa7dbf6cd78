/* SPDX-License-Identifier: MIT */
/* tally: sums by key, the longest blocks as examples, the order of the result. */
#include "lib/ground/vm.h"
#include "lib/leaks/tally.h"
#include "tests/support/seam.h"

#include <criterion/criterion.h>

static struct lmm_tally tally;
static struct lmm_ledger_leak *leaks;
static size_t count;
static size_t mapped_bytes;

static void take(void)
{
    leaks = lmm_tally_take(&tally, &count, &mapped_bytes);
}

static void give_back(void)
{
    cr_assert(lmm_vm_unmap(leaks, mapped_bytes));
}

Test(tally, sums_by_key)
{
    enum { KEYS = 5000, ROUNDS = 3 };

    cr_assert(lmm_tally_init(&tally));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            cr_assert(lmm_tally_add(&tally, i, i / 2, 1 + i % 5, 1000 + i, 10 + i));
        }
    }
    take();
    cr_assert(count == KEYS, "one sum for each key, also after the table has grown");
    for (size_t i = 0; i < count; i++) {
        const struct lmm_ledger_leak *leak = &leaks[i];
        cr_expect(leak->blocks == ROUNDS && leak->bytes == (uint64_t) ROUNDS * (10 + leak->site));
        cr_expect(leak->leader == leak->site / 2 && leak->kind == 1 + leak->site % 5);
        cr_expect(leak->examples == 3 && leak->example[0] == 1000 + leak->site);
    }
    give_back();
}

Test(tally, order)
{
    static const struct {
        uint32_t site, leader, kind;
        size_t bytes;
    } blocks[] = {{7, 7, 3, 5},  {7, 7, 1, 10}, {8, 8, 1, 30}, {9, 9, 1, 10},
                  {9, 2, 2, 10}, {9, 1, 2, 10}, {1, 1, 4, 99}, {1, 1, 3, 500}};
    static const size_t order[] = {2, 1, 3, 5, 4, 7, 0, 6};

    cr_assert(lmm_tally_init(&tally));
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        lmm_tally_add(&tally, blocks[i].site, blocks[i].leader, blocks[i].kind, i, blocks[i].bytes);
    }
    take();
    cr_assert(count == sizeof(order) / sizeof(order[0]));
    for (size_t i = 0; i < count; i++) {
        cr_expect(leaks[i].example[0] == order[i], "sum %zu is of block %zu, not %zu", i,
                  (size_t) leaks[i].example[0], order[i]);
    }
    give_back();
}

Test(tally, examples_are_the_longest)
{
    static const struct {
        size_t bytes[8]; /* of blocks at the addresses 1, 2, ...; 0: no more */
        uint64_t examples[3];
    } cases[] = {
        {{5}, {1}},
        {{5, 5, 5, 5}, {1, 2, 3}},
        {{1, 2, 3, 4}, {4, 3, 2}},
        {{4, 3, 2, 1}, {1, 2, 3}},
        {{1, 9, 1, 9, 1, 9, 9}, {2, 4, 6}},
        {{3, 3, 3, 4, 3, 5}, {6, 4, 1}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(lmm_tally_init(&tally));
        for (size_t j = 0; cases[i].bytes[j] != 0; j++) {
            lmm_tally_add(&tally, 1, 1, 1, j + 1, cases[i].bytes[j]);
        }
        take();
        cr_assert(count == 1);
        for (size_t j = 0; j < 3; j++) {
            cr_expect(leaks[0].example[j] == cases[i].examples[j], "case %zu, example %zu", i, j);
        }
        give_back();
    }
}

Test(tally, many_at_once)
{
    cr_assert(lmm_tally_init(&tally));
    cr_expect(!lmm_tally_add_many(&tally, 1, 1, 1, 50, 64), "the sum is new");
    for (size_t i = 1; i <= 3; i++) {
        lmm_tally_add(&tally, 1, 1, 1, i, 50);
    }
    cr_expect(!lmm_tally_add_many(&tally, 1, 1, 1, 51, 64), "one would be an example");
    cr_expect(!lmm_tally_add_many(&tally, 1, 1, 2, 50, 64), "of another kind");
    cr_expect(lmm_tally_add_many(&tally, 1, 1, 1, 50, 64));
    take();
    cr_expect(count == 1 && leaks[0].blocks == 67 && leaks[0].bytes == 67 * 50);
    give_back();
}

Test(tally, without_memory)
{
    size_t added = 0;

    seam_install();
    cr_assert(lmm_tally_init(&tally));
    seam_fail_all(SEAM_MAP);
    while (added < 100000 && lmm_tally_add(&tally, (uint32_t) added, 0, 1, added, 1)) {
        added++;
    }
    cr_expect(added > 100 && added < 100000);
    cr_expect(lmm_tally_add(&tally, 0, 0, 1, 1, 1), "a sum that it has still grows");
    seam_heal();
    cr_expect(lmm_tally_add(&tally, (uint32_t) added, 0, 1, added, 1));
    take();
    cr_expect(count == added + 1);
    give_back();
}
