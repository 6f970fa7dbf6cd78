/* SPDX-License-Identifier: MIT */
/* gaps: what is left of a range, against a map of single addresses. */
#include "lib/leaks/gaps.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/random.h"

enum { ADDRESSES = 200 };

static void mark(uintptr_t from, uintptr_t to, void *arg)
{
    char *map = arg;

    cr_assert(from < to && to <= ADDRESSES);
    for (uintptr_t i = from; i < to; i++) {
        cr_assert(map[i] == 0);
        map[i] = 1;
    }
}

static bool is_closed(const struct lmm_gaps *gaps)
{
    for (size_t i = 1; i < gaps->count; i++) {
        if (gaps->list[i].from <= gaps->list[i - 1].to) {
            return false;
        }
    }
    return true;
}

Test(gaps, against_a_map)
{
    uint64_t state = 1;

    for (unsigned round = 0; round < 2000; round++) {
        struct lmm_gaps gaps = {0};
        char wanted[ADDRESSES] = {0};
        char found[ADDRESSES] = {0};
        uintptr_t low = random_next(&state) % ADDRESSES;
        uintptr_t high = low + random_next(&state) % (ADDRESSES - low + 1);
        memset(wanted + low, 1, high - low);
        for (unsigned i = 0; i < round % 20; i++) {
            uintptr_t from = random_next(&state) % ADDRESSES;
            uintptr_t to = from + random_next(&state) % (ADDRESSES - from + 1) / (1 + round % 7);
            lmm_gaps_add(&gaps, from, to);
            memset(wanted + from, 0, to - from);
        }
        lmm_gaps_close(&gaps);
        cr_assert(is_closed(&gaps));
        lmm_gaps_outside(&gaps, low, high, mark, found);
        cr_assert(memcmp(wanted, found, sizeof(found)) == 0, "round %u", round);
        lmm_gaps_free(&gaps);
    }
}

Test(gaps, many)
{
    enum { MANY = 20000 };
    struct lmm_gaps gaps = {0};

    for (uintptr_t i = 0; i < MANY; i++) {
        uintptr_t at = i * 7919 % MANY * 4;
        lmm_gaps_add(&gaps, at, at + 2);
    }
    lmm_gaps_close(&gaps);
    cr_expect(gaps.count == MANY + 1 && is_closed(&gaps) && !gaps.is_short);
    lmm_gaps_free(&gaps);
}

static void count(uintptr_t from, uintptr_t to, void *arg)
{
    *(uintptr_t *) arg += to - from;
}

/* What it holds are ends of mappings: a leak check may not take them for the program's addresses. */
Test(gaps, the_list_is_one)
{
    struct lmm_gaps gaps = {0};
    uintptr_t outside = 0;

    for (uintptr_t i = 0; i < 10000; i++) {
        lmm_gaps_add(&gaps, 4 * i + 1, 4 * i + 2);
    }
    lmm_gaps_close(&gaps);
    lmm_gaps_outside(&gaps, (uintptr_t) gaps.list, (uintptr_t) (gaps.list + gaps.count), count,
                     &outside);
    cr_expect(outside == 0);
    lmm_gaps_free(&gaps);
}
