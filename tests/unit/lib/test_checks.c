/* SPDX-License-Identifier: MIT */
/* checks: results by turns, results that shrink and grow, and failing memory. */
#include "tests/support/seam.h"

#include "lib/books/accounts.h"
#include "lib/books/checks.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct lmm_ledger_leak leaks[3000];

static void start(void)
{
    cr_assert(lmm_accounts_start());
    for (uint32_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
        leaks[i] = (struct lmm_ledger_leak) {.site = i, .kind = LMM_LEDGER_LEAK_DEFINITE};
    }
}

static bool write_check(uint64_t time_ns, uint32_t count)
{
    const struct lmm_ledger_check check = {.time_ns = time_ns, .leaks = count};

    return lmm_checks_write(&check, leaks);
}

/* The records of a turn in the ledger's chunks. */
static uint32_t records_of(uint32_t turn, uint32_t *ret_in_order)
{
    struct lmm_ledger_view view = lmm_chunks_view();
    uint32_t count = 0;

    *ret_in_order = 0;
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        const struct lmm_ledger_leak *records = (const void *) (chunk + 1);
        if (chunk->kind != LMM_LEDGER_LEAKS_EVEN + turn) {
            continue;
        }
        for (uint32_t j = 0; j < chunk->used; j++) {
            *ret_in_order += records[j].site == count + j;
        }
        count += chunk->used;
    }
    return count;
}

Test(checks, there_is_none_at_first, .init = start)
{
    cr_expect(lmm_chunks_header()->check_count == 0 && lmm_checks_last().time_ns == 0);
}

Test(checks, a_result_takes_the_turn_that_is_not_valid, .init = start)
{
    static const uint32_t counts[] = {5, 0, 3000, 7, 2000, 1};
    const struct lmm_ledger_header *header = lmm_chunks_header();

    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint32_t turn = (i + 1) % 2;
        uint32_t in_order;

        cr_expect(write_check(100 + i, counts[i]));
        cr_expect(header->check_count == i + 1 && header->check[turn].time_ns == 100 + i);
        cr_expect(records_of(turn, &in_order) >= counts[i] && in_order >= counts[i]);
        cr_expect(lmm_checks_last().time_ns == 100 + i && lmm_checks_last().leaks == counts[i]);
    }
}

Test(checks, without_memory_the_check_has_failed, .init = start)
{
    cr_expect(write_check(1, 10));
    seam_starve();
    seam_fail_all(SEAM_POPULATE);
    cr_expect(!write_check(2, 3000) && errno == ENOMEM);
    cr_expect(lmm_checks_last().failure == ENOMEM && lmm_checks_last().leaks == 0);
    seam_heal();
    cr_expect(write_check(3, 3000) && lmm_checks_last().failure == 0);
}

Test(checks, keepers_are_records_in_their_order, .init = start)
{
    static const struct lmm_ledger_keeper list[] = {{.bytes = 900, .site = 7},
                                                    {.bytes = 30, .site = 2}};
    struct lmm_ledger_view view;
    uint32_t found = 0;

    cr_assert(lmm_checks_add_keepers(NULL, 0));
    cr_assert(lmm_checks_add_keepers(list, 2));
    view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_keeper *records = (const void *) (view.chunks[i] + 1);

        for (uint32_t k = 0; view.chunks[i]->kind == LMM_LEDGER_KEEPERS && k < view.chunks[i]->used;
             k++) {
            cr_expect_eq(records[k].bytes, list[found].bytes);
            cr_expect_eq(records[k].site, list[found++].site);
        }
    }
    cr_expect_eq(found, 2);
}
