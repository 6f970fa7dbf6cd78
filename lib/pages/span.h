/* SPDX-License-Identifier: MIT */
/*
 * span: the pages of a family's runs, and runs that have pages of their own: spans.
 *
 * Owns how pages of whole units begin and end: their descriptors, tags and units, and what the books say of
 * them. A span is one run in a page of as many units as it needs. It can grow without being copied: into the
 * address space of its last unit, then into more, which the kernel adds or moves its memory to.
 *
 * Invariants of a span:
 *   I1  tags[0] is LIVE, or LMM_TAG_CACHED in a cache; tags[1] is TAIL with its length; there are no others
 *   I2  its system pages from `clean_from` (page.h) on are absent, and that is not before its end
 *   I3  from its first store to its last as a page, its memory is at its addresses: while the kernel moves
 *       it, it is no page
 * Locks: RUNS of the family, inside, unless a name ends in _locked; a span's length is its holder's alone,
 * who takes the lock for those who walk. Not responsible for: what is in a run page (run), counting blocks.
 */
#ifndef LMM_SPAN_H
#define LMM_SPAN_H

#include "lib/ground/base.h"
#include "lib/pages/hole.h"
#include "lib/books/accounts.h"
#include "lib/pages/page.h"
#include "lib/ground/sync.h"

enum {
    LMM_RUN_BYTES_MAX = LMM_UNIT_BYTES / 2, /* longer runs are spans */
    LMM_SPAN_TAGS = 2,
};

/* A family's runs; the holes are run.c's alone. */
struct lmm_runs {
    struct lmm_lock lock;
    size_t stride; /* immutable, as is family */
    uint16_t family;
    struct lmm_ledger_family *record; /* immutable; told of pages */
    struct lmm_holes holes;
    struct glthread pages; /* run pages and spans */
};

/* Tells the books of memory touched in the pages, or, negative, given back. */
static inline void lmm_runs_count_committed(const struct lmm_runs *runs, int64_t bytes)
{
    lmm_accounts_count_committed(runs->record, bytes);
}

/* Whether n slots are as many as a tag can count, and *ret_bytes as a run may have. */
bool lmm_runs_have_length(const struct lmm_runs *runs, size_t n, size_t *ret_bytes);

/* ---- Pages, for run ---- */

/* Takes units from the reservoir, at a multiple of align, and makes them a page of that kind, whose tags hold
 * FREE; it is on no list yet. NULL with errno ENOMEM. */
struct lmm_page *lmm_runs_take_page(struct lmm_runs *runs, size_t units, size_t align,
                                    enum lmm_page_kind kind, size_t slots, size_t tag_count);

/* A page that has ended, and what is to be given back of it. */
struct lmm_ended_page {
    char *base;
    size_t units;
    size_t slots;
    uint32_t *tags;
    size_t tag_count;
};

/* Ends a page that is on no list any more: its descriptors tell only whose it was. Its units and tags are
 * as they were; they may be given back without the lock. */
struct lmm_ended_page lmm_runs_end_page_locked(struct lmm_page *page);

/* Gives them back; needs no lock. */
void lmm_runs_give_page_back(const struct lmm_runs *runs, const struct lmm_ended_page *ended);

/* ---- Spans ---- */

/* As lmm_run_take_aligned(), which calls it, of a length that lmm_runs_have_length(). */
char *lmm_span_take(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value,
                    uint32_t **ret_tag, bool *ret_zeroed);

/* Ends a span. The kernel takes its time to unmap a long one, so that is done without the lock. */
void lmm_span_give(struct lmm_runs *runs, struct lmm_page *page);

/* The first half of that; lmm_runs_give_page_back() is the second. A walk may be looking at the span until
 * the lock is released. */
struct lmm_ended_page lmm_span_end_locked(struct lmm_runs *runs, struct lmm_page *page);

/* Changes the length of a live span in its address space, which it keeps. False where that is too short,
 * and for one that would be short enough for a run page, which it is to become. */
bool lmm_span_resize(struct lmm_runs *runs, struct lmm_page *page, size_t length, size_t n);

/*
 * Makes a live span n slots long, more than page->slots, without copying or touching its memory: at the
 * same addresses when those behind it are free, else at others, still aligned to a unit (and to nothing
 * more that it may have been aligned to). It gets half as much address space again as it had, if there
 * is, so that one that grows bit by bit seldom comes here. Returns the block's first byte; *ret_tag its
 * first tag, the same word as before; *ret_zero_from the offset from which on the block's bytes read as
 * zero: mostly where the system page ends that the block's end was in. `page` is no page any more when
 * the block has moved. NULL with errno ENOMEM, and then all is as it was: when the kernel cannot, the
 * block is no span, or tools watch every block (lmm_tools_active); the caller may copy instead.
 */
char *lmm_span_remap(struct lmm_runs *runs, struct lmm_page *page, size_t n, uint32_t **ret_tag,
                     size_t *ret_zero_from);

#endif
