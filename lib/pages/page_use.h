/* SPDX-License-Identifier: MIT */
/*
 * page_use: how full the system pages are that hold blocks, by site.
 *
 * Counts one page of LMM after the other. A block lies on the system pages that its bytes requested reach;
 * one of no bytes has one byte here. The bytes of a system page are divided among the sites of its blocks,
 * in proportion to their bytes on it; what the division leaves goes to the last block. A system page is
 * sparse when the bytes of all its blocks are less than a quarter of it. A system page can be given back
 * when no slot of a live block reaches it; the slack of a block holds it, too.
 *
 * Invariants (checked by lmm_page_use_is_valid()):
 *   I1  the sums of the sites are the totals, unless some blocks were of sites past the table
 *   I2  sparse figures are parts of the others; held_bytes is a multiple of a system page in the totals
 * Threads: one uses a counter. The caller holds the lock that guards the page's contents; the fast paths of
 * a slot page's owner go on meanwhile, and a block that begins or ends may or may not be counted.
 * Cost: linear in the tags, and in the system pages of live blocks.
 * Not responsible for: which pages there are (heaps/page_visit), where the result goes (books/page_walks).
 */
#ifndef LMM_PAGE_USE_H
#define LMM_PAGE_USE_H

#include "lib/ground/base.h"
#include "lib/pages/page.h"

#include <lmm/ledger.h>

enum { LMM_PAGE_USE_SPARSE = LMM_SYSTEM_PAGE_BYTES / 4 };

/* Of one system page: what blocks of one site, which follow each other, have of it. */
struct lmm_page_use_piece {
    uint32_t site;
    uint32_t bytes;
    uint32_t blocks; /* those that no sparse system page had a part of before */
};

struct lmm_page_use {
    struct lmm_ledger_page_use *sites; /* by site; the caller's, all zero at first */
    uint32_t site_count;               /* blocks of sites from it on are in the totals alone */
    struct lmm_ledger_page_walk totals;
    /* The system page whose blocks are being counted: */
    size_t at;        /* its number in the page of LMM */
    size_t held;      /* system pages before it, or it, that blocks hold */
    size_t free_from; /* the first one after all that blocks hold */
    uint32_t bytes;   /* of its pieces */
    uint32_t count;   /* of its pieces, each of which has at least a byte */
    struct lmm_page_use_piece pieces[LMM_SYSTEM_PAGE_BYTES];
};

/* Begins: nothing is counted. */
void lmm_page_use_init(struct lmm_page_use *use, struct lmm_ledger_page_use *sites,
                       uint32_t site_count);

/* Counts a page. */
void lmm_page_use_add(struct lmm_page_use *use, const struct lmm_page *page);

/* Checks the invariants. O(sites). */
bool lmm_page_use_is_valid(const struct lmm_page_use *use);

#endif
