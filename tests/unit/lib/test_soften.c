/* SPDX-License-Identifier: MIT */
/* soften: lost blocks become possibly lost ones, one record for each site. */
#include "lib/leaks/soften.h"

#include <criterion/criterion.h>

enum { D = LMM_LEDGER_LEAK_DEFINITE, I = LMM_LEDGER_LEAK_INDIRECT, P = LMM_LEDGER_LEAK_POSSIBLE };
enum { R = LMM_LEDGER_LEAK_REACHABLE };

static struct lmm_ledger_leak make(uint32_t kind, uint32_t site, uint32_t leader, uint64_t bytes)
{
    return (struct lmm_ledger_leak) {.site = site,
                                     .leader = leader,
                                     .kind = kind,
                                     .examples = 2,
                                     .blocks = 1,
                                     .bytes = bytes,
                                     .example = {1000 * kind + site, 1001 * kind + site}};
}

Test(soften, classes_become_one)
{
    struct lmm_ledger_leak leaks[] = {make(D, 7, 7, 50), make(D, 8, 8, 10), make(I, 9, 7, 90),
                                      make(I, 7, 7, 5),  make(I, 9, 8, 3),  make(P, 8, 8, 200),
                                      make(R, 7, 7, 99), make(R, 6, 6, 1)};
    static const struct {
        uint32_t kind, site;
        uint64_t bytes, blocks;
        uint32_t examples;
    } wanted[] = {
        {P, 8, 210, 2, 3}, {P, 9, 93, 2, 3}, {P, 7, 55, 2, 3}, {R, 7, 99, 1, 2}, {R, 6, 1, 1, 2}};
    size_t count = sizeof(leaks) / sizeof(leaks[0]);

    lmm_soften(leaks, &count);
    cr_assert(count == sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < count; i++) {
        cr_expect(leaks[i].kind == wanted[i].kind && leaks[i].site == wanted[i].site &&
                      leaks[i].leader == wanted[i].site && leaks[i].bytes == wanted[i].bytes &&
                      leaks[i].blocks == wanted[i].blocks &&
                      leaks[i].examples == wanted[i].examples,
                  "row %zu", i);
    }
}

Test(soften, nothing_is_lost)
{
    struct lmm_ledger_leak leaks[] = {make(R, 1, 1, 2), make(R, 2, 2, 1)};
    size_t count = 2;

    lmm_soften(leaks, &count);
    cr_expect(count == 2 && leaks[0].kind == R && leaks[0].site == 1);
    count = 0;
    lmm_soften(leaks, &count);
    cr_expect(count == 0);
}
