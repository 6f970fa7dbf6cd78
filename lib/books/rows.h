/* SPDX-License-Identifier: MIT */
/*
 * rows: the counters of the ledger by heap and site, and the live blocks at the peak.
 *
 * Owns the row pages. A page has the rows of a group of neighbouring sites: the first 64, which
 * malloc's fast path indexes directly, or 16 others. A heap takes a page when it first counts in the
 * group; when its thread ends, the page waits, as it is, for the next heap that counts there. So a
 * group has at most as many pages as heaps used it at one time, and nothing is added up or moved.
 * The shared pages (owner 0) count for heaps that got no memory for a page; they are made with their
 * sites. The allocator decides nothing by a count.
 *
 * Invariants. lmm_rows_are_valid_locked() checks I2 and I4 when a peak is recorded, in builds with
 * internal checks. The rest is held by tests: I1 by the TSan build of tests/stress, I3 by
 * tests/property/random_model.c, I5 by tests/ledger (kill -9):
 *   I1  a page has one writer: the thread of the heap that took it; only this file writes the
 *       shared pages, under LEDGER
 *   I2  a page is on the list of its group; it is free, a heap's, or the group's shared page
 *   I3  a counter only goes up. What is over (freed, temporaries, foreign frees) is added with release
 *       order, after its allocation; readers load it with acquire order, before allocated. So live blocks
 *       are never fewer than none, also on processors that reorder stores (tests/models/rows.pml)
 *   I4  every site has a row in a shared page
 *   I5  the peak that the header points at is complete: the next one is written to the other of its
 *       two turns
 * The lists are in private memory, because a forked child without memory for a copy of the ledger
 * shares it with its parent. Locks: functions take LEDGER (chunks.h), unless the name ends in
 * _locked, or the comment says that they need none. Not responsible for: which sites exist
 * (accounts), when a peak is recorded.
 */
#ifndef LMM_LIB_ROWS_H
#define LMM_LIB_ROWS_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include <lmm/ledger.h>

enum {
    LMM_ROWS_SHIFT = 4,
    LMM_ROWS_PER_PAGE = 1 << LMM_ROWS_SHIFT,
    LMM_ROWS_IN_FIRST = 64, /* rows of a page of the first group */
};

/* A row page. */
struct lmm_row_page {
    struct lmm_ledger_row_page *record;
    struct lmm_row_page *next;     /* of the heap's pages, or of the free ones of the group */
    struct lmm_row_page *of_group; /* the next of all pages of the group */
    uint32_t first_site;           /* as in the record */
};

/* The row of a site that the page covers. */
static inline struct lmm_ledger_row *lmm_row_of(const struct lmm_row_page *page, uint32_t site)
{
    return &page->record->row[site - page->first_site];
}

/* Takes a page with the row of the site for the heap with number `owner`, which becomes its writer:
 * a free one, or a new one. NULL with errno ENOMEM. */
struct lmm_row_page *lmm_rows_take(uint32_t owner, uint32_t site);

/* Gives up a list of pages, linked by `next`. */
void lmm_rows_give(struct lmm_row_page *first);

/* Makes shared pages for at least `sites` sites. False with errno ENOMEM. */
bool lmm_rows_reach_locked(uint32_t sites);

/* Records that a block of so many bytes was requested, in a row whose one writer the caller is. No
 * lock; relaxed. 0 bytes leave the row as it is. */
static inline void lmm_row_note_bytes(struct lmm_ledger_row *row, uint64_t bytes)
{
    uint32_t kept = bytes < UINT32_MAX ? (uint32_t) bytes : UINT32_MAX;

    /* 0 less 1 is more than any size, so an unknown smallest size is replaced. */
    if (LMM_UNLIKELY(kept - 1 < row->smallest_bytes - 1)) {
        lmm_store_relaxed(&row->smallest_bytes, kept);
    }
    if (LMM_UNLIKELY(kept > row->largest_bytes)) {
        lmm_store_relaxed(&row->largest_bytes, kept);
    }
}

/* Adds delta to a row whose one writer the caller is. No lock; relaxed. */
void lmm_row_add(struct lmm_ledger_row *row, const struct lmm_ledger_row *delta);

/* Adds delta to the shared row of a site. Never fails. */
void lmm_rows_count_shared(uint32_t site, const struct lmm_ledger_row *delta);

/* The sums of all rows of one site: blocks and extra, allocated and freed. Counters grow while they
 * are read; so that the live blocks are never too few, freed is read before allocated. */
struct lmm_ledger_row lmm_rows_sum_locked(uint32_t site);

/* The same in the other order: the live blocks are never too many, and may be fewer than none. */
struct lmm_ledger_row lmm_rows_floor_locked(uint32_t site);

#define LMM_PEAK_OF_SITES UINT64_MAX

/* Records the live blocks of the first `sites` sites as the peak, of `bytes` in total; LMM_PEAK_OF_SITES: of what they
 * have together. bytes_of: the bytes of so many blocks and so much extra, at a site; NULL: the extra is the bytes at all
 * sites. Returns the bytes of the last peak, which is an earlier one if that is larger, or there is no memory. */
uint64_t lmm_rows_take_peak_locked(uint32_t sites, uint64_t bytes,
                                   uint64_t (*bytes_of)(uint32_t site, uint64_t blocks,
                                                        uint64_t extra));

/* Checks what the head says, if the chunks are the process's own. O(row pages). */
bool lmm_rows_are_valid_locked(void);

#endif
