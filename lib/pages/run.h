/* SPDX-License-Identifier: MIT */
/*
 * run: blocks of several neighbouring slots, and single structs too large for slot pages.
 *
 * Owns what is in a family's run pages. Free runs are holes (hole.h). Allocation takes the one that the
 * option `fit` says and splits the rest off; freeing merges with the free runs on both sides, which the tags
 * before and after the run name. A run longer than LMM_RUN_BYTES_MAX, or aligned to more than a unit, is a
 * span (span.h); the functions here take these too.
 *
 * Invariants of a run page (checked by lmm_runs_are_valid_locked()):
 *   I1  live, cached and free runs tile the page in address order; no two holes are neighbours
 *   I2  a live run starts with LIVE and, when longer than 1, TAIL with its length; a cached run the same
 *       with LMM_TAG_CACHED in place of LIVE; a hole has HOLE with its id in its first and last word;
 *       every other tag is FREE, and not LMM_TAG_CACHED
 *   I3  there are at least as many descriptors as holes and runs handed out together, so that a free
 *       never needs memory
 * Locks: RUNS of the family, inside. A run handed out belongs to its holder: its first tag may be
 * exchanged without a lock. Not responsible for: how pages begin and end (span), threads' caches of runs,
 * counting.
 */
#ifndef LMM_RUN_H
#define LMM_RUN_H

#include "lib/ground/base.h"
#include "lib/pages/span.h"

/* Makes runs empty. */
void lmm_runs_init(struct lmm_runs *runs, uint16_t family, size_t stride,
                   struct lmm_ledger_family *record);

/*
 * Takes a run of n slots, at least 1. Its tags become those of a live run with that live value (page.h).
 * Returns its first byte; *ret_tag is its first tag; *ret_zeroed tells whether its memory is known to read
 * as zero. NULL with errno ENOMEM.
 */
char *lmm_run_take(struct lmm_runs *runs, size_t n, uint32_t live_value, uint32_t **ret_tag,
                   bool *ret_zeroed);

/* The same; the first byte is at a multiple of align, any power of two. With the stride or less it costs
 * what lmm_run_take() does. What is left of the free run on both sides stays free. */
char *lmm_run_take_aligned(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value,
                           uint32_t **ret_tag, bool *ret_zeroed);

/* Returns a run to its page. slot: its first one; n: its length. Its first tag may hold anything. */
void lmm_run_give(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n);

/* The length of the live or cached run that starts at slot. */
size_t lmm_run_length(const struct lmm_page *page, size_t slot);

/* Changes the length of a live run in place, into the free run behind it or by splitting off; a span's
 * within its address space. False when there is no room, and where a span would be short enough for a
 * run page. Slots added hold anything. */
bool lmm_run_resize(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n);

/* A live, cached or free run of a run page or span. */
struct lmm_extent {
    size_t slot;
    size_t length;
    uint32_t tag; /* its first tag: LIVE, FREE (cached) or HOLE */
};

/* The one that starts at slot; 0 is always such a start. The caller holds the lock. */
struct lmm_extent lmm_run_extent_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                        size_t slot);

/* The one that holds slot, found by walking the page. The caller holds the lock. */
struct lmm_extent lmm_run_find_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                      size_t slot);

/* Gives back the system pages inside free runs; returns the bytes. */
size_t lmm_runs_trim(struct lmm_runs *runs);

/* After a fork: runs that are cached by threads which the child does not have become free. */
void lmm_runs_release_cached(struct lmm_runs *runs);

/* Checks I1 and I2 and the queue. The caller holds the lock. */
bool lmm_runs_are_valid_locked(const struct lmm_runs *runs);

#endif
