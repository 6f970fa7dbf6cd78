/* SPDX-License-Identifier: MIT */
/*
 * since: which blocks lived at a mark, so that a later check can leave them out.
 *
 * A mark keeps one bit for each slot: whether a live block started there. A block that was freed
 * since, and whose slot was taken again by one of the same page and size, counts as old: so what a
 * check shows as new is new, but some new blocks may be missing.
 *
 * Owns the last LMM_SINCE_KEPT marks. Invariants (tests/unit/lib/test_since.c): I1 the pages of a mark
 * are in ascending order of address.
 * Threads: marks are made and read under the lock of checks (check.h), or in a copy of the process.
 * Not responsible for: what the ledger says of marks (books/checks).
 */
#ifndef LMM_SINCE_H
#define LMM_SINCE_H

#include "lib/leaks/graph.h"

enum { LMM_SINCE_KEPT = 4 };

/*
 * Keeps which blocks live now, as the mark of that number, at least 1, and drops the oldest mark if
 * there are LMM_SINCE_KEPT. What the graph is made from is at rest (graph.h). False with errno ENOMEM
 * or EOVERFLOW; then no mark is dropped.
 */
bool lmm_since_keep(uint32_t number);

struct lmm_since;

/* The mark of that number; NULL when it is not kept. */
const struct lmm_since *lmm_since_find(uint32_t number);

/* Which blocks a check shows. */
struct lmm_since_filter {
    const struct lmm_since *mark; /* NULL: all */
    bool wants_old;               /* those that lived at the mark; else the others */
};

/* The bits of the blocks in the page that lived at the mark: page->words words; NULL when there is no
 * mark (since is NULL), or it has no such page. O(log pages). */
const uint64_t *lmm_since_bits(const struct lmm_since *since, const struct lmm_graph_page *page);

/* Of the 64 slots from slot i * 64 on, the bits of those whose blocks the filter shows. filter: may be NULL:
 * all. old: lmm_since_bits() of its mark and the page. */
static inline uint64_t lmm_since_wanted(const struct lmm_since_filter *filter, const uint64_t *old,
                                        size_t i)
{
    if (filter == NULL || filter->mark == NULL) {
        return UINT64_MAX;
    }
    uint64_t lived = old == NULL ? 0 : old[i];
    return filter->wants_old ? lived : ~lived;
}

#endif
