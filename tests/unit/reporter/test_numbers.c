/* SPDX-License-Identifier: MIT */
/* The table of numbers, and the first items of an array. */
#include "reporter/program/report/numbers.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/program/report/select_first.h"

Test(numbers, each_key_keeps_its_number_while_the_table_grows)
{
    enum { KEYS = 5000 };
    struct lmm_numbers numbers = {.count = 0};

    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 1; i <= KEYS; i++) {
            uint64_t key =
                i % 2 == 0 ? (uint64_t) i << 32 : lmm_hash_u64(0, i); /* even: collisions */
            uint32_t *number = lmm_numbers_at(&numbers, key);

            cr_assert_not_null(number);
            cr_expect_eq(*number, round == 0 ? 0 : i);
            *number = i;
            cr_expect_gt(numbers.room / 4 * 3 + 1, numbers.count);
        }
    }
    cr_expect_eq(numbers.count, KEYS);
    lmm_numbers_free(&numbers);
    cr_expect_null(numbers.entries);
}

static int compare(const void *left, const void *right, void *context)
{
    (void) context;
    return lmm_compare_u64(*(const uint64_t *) left, *(const uint64_t *) right);
}

Test(select_first, brings_the_first_ones_to_the_front_and_loses_none)
{
    enum { ITEMS = 500 };
    static const size_t wanted[] = {0, 1, 3, 20, 100, ITEMS, SIZE_MAX};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        uint64_t items[ITEMS];
        uint64_t sum = 0;

        for (uint64_t k = 0; k < ITEMS; k++) {
            items[k] = k * 7919 % ITEMS;
        }
        lmm_select_first(items, ITEMS, sizeof(items[0]), wanted[i], compare, NULL);
        for (size_t k = 0; k < ITEMS; k++) {
            sum += items[k];
            cr_expect(k >= wanted[i] || items[k] == k, "%zu of %zu", k, wanted[i]);
        }
        cr_expect_eq(sum, (uint64_t) ITEMS * (ITEMS - 1) / 2);
    }
    lmm_select_first(NULL, 0, 8, 3, compare, NULL);
}
