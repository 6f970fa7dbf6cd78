/* SPDX-License-Identifier: MIT */
/* origin: what is kept of a block comes back once, for the block with that tag only. */
#include "tests/support/seam.h"

#include "lib/pages/origin.h"

#include <criterion/criterion.h>
#include <stdint.h>

static char blocks[4096];

static const struct lmm_origin cases[] = {
    {LMM_MADE_BY_NEW, 0, 0},          {LMM_MADE_BY_NEW, 0, 1},
    {LMM_MADE_BY_NEW_ARRAY, 0, 40},   {LMM_MADE_BY_NEW, 1, 7},
    {LMM_MADE_BY_NEW_ARRAY, 64, 100}, {LMM_MADE_BY_NEW, (size_t) 1 << 62, LMM_ORIGIN_BYTES_END - 1},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

Test(origin, what_was_put_is_taken_once)
{
    for (size_t i = 0; i < CASES; i++) {
        lmm_origin_put(&blocks[i], (uint32_t) i * 77, &cases[i]);
    }
    for (size_t i = 0; i < CASES; i++) {
        struct lmm_origin origin = {.bytes = 99};
        cr_assert(lmm_origin_take(&blocks[i], (uint32_t) i * 77, &origin), "case %zu", i);
        cr_expect(origin.maker == cases[i].maker && origin.align == cases[i].align &&
                      origin.bytes == cases[i].bytes,
                  "case %zu", i);
        cr_expect(!lmm_origin_take(&blocks[i], (uint32_t) i * 77, &origin), "case %zu", i);
    }
}

Test(origin, a_later_block_there_has_none)
{
    struct lmm_origin origin;

    lmm_origin_put(blocks, 1, &cases[0]);
    cr_expect(!lmm_origin_take(blocks, 2, &origin));
    cr_expect(!lmm_origin_take(blocks, 1, &origin), "it is not kept any longer");
}

Test(origin, the_last_one_put_counts)
{
    struct lmm_origin origin;

    lmm_origin_put(blocks, 1, &cases[0]);
    lmm_origin_put(blocks, 1, &cases[4]);
    cr_assert(lmm_origin_take(blocks, 1, &origin));
    cr_expect(origin.maker == LMM_MADE_BY_NEW_ARRAY && origin.align == 64);
}

Test(origin, thousands_of_blocks)
{
    struct lmm_origin origin;

    for (size_t i = 0; i < sizeof(blocks); i++) {
        origin = (struct lmm_origin) {LMM_MADE_BY_NEW, 0, i};
        lmm_origin_put(&blocks[i], (uint32_t) i, &origin);
    }
    for (size_t i = 0; i < sizeof(blocks); i++) {
        cr_assert(lmm_origin_take(&blocks[i], (uint32_t) i, &origin) && origin.bytes == i, "%zu",
                  i);
    }
}

Test(origin, without_memory_it_is_not_kept)
{
    struct lmm_origin origin;

    seam_starve();
    lmm_origin_put(blocks, 1, &cases[0]);
    seam_heal();
    cr_expect(!lmm_origin_take(blocks, 1, &origin));
}
