/* SPDX-License-Identifier: MIT */
/*
 * run: blocks of several neighbouring slots, and single structs too large for slot pages.
 *
 * Owns what is in a family's run pages. Free runs are holes (hole.h). Allocation takes a hole by
 * the option `fit` and splits off what is left of it; a free merges with the holes before and after
 * the run, which the neighbouring tags name. A run longer than LMM_RUN_BYTES_MAX, or aligned to
 * more than a unit, is a span (span.h); the functions here take spans too.
 *
 * A run has room for the longest block of its length class (run_class.h), so free runs fit blocks of
 * other lengths, too. The length of a block is always what was requested.
 *
 * Invariants of a run page (checked by lmm_runs_are_valid_locked()):
 *   I1  live, cached and free runs tile the page in address order; no two holes are neighbours
 *   I2  a live run starts with LIVE and, when longer than 1, TAIL with its length, and has the slots
 *       of lmm_run_room(); a cached run the same, with lmm_tag_cached() instead of LIVE; a hole has
 *       HOLE with its id in its first and last tag; every other tag is FREE, and not of a cached run
 *   I3  a descriptor is promised for each hole and each run handed out, so that a free never needs
 *       memory
 *   I4  live and cached runs lie on committed memory (memory.h)
 * Locks: RUNS of the family, taken inside. A run that is handed out belongs to the thread that
 * holds it, which may exchange its first tag without a lock.
 * Not responsible for: how pages begin and end (span), threads' caches of runs (cache), counting.
 */
#ifndef LMM_RUN_H
#define LMM_RUN_H

#include "lib/ground/base.h"
#include "lib/pages/run_class.h"
#include "lib/pages/span.h"

/* ---- Runs ---- */

/* The slots that a run in a run page has for a block of n slots. */
static inline size_t lmm_run_room(const struct lmm_runs *runs, size_t n)
{
    size_t room = lmm_run_class(n).slots;
    size_t most = n < runs->slots_max ? runs->slots_max : n; /* n is more after it has grown */

    return room < most ? room : most;
}

/* Initialises a family's runs: it has none. */
void lmm_runs_init(struct lmm_runs *runs, uint16_t family, size_t stride,
                   struct lmm_ledger_family *record);

/*
 * Takes a run of n slots, at least 1, whose first byte is at a multiple of align, any power of two;
 * an align of at most the stride costs nothing. Its tags become those of a live run with that live
 * value (page.h). Returns its first byte; *ret_zeroed tells whether its memory is known to read as
 * zero. NULL with errno ENOMEM.
 */
char *lmm_run_take(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value,
                   bool *ret_zeroed);

/* Returns the run of a block of n slots, from `slot` on, to its page. Its first tag is LIVE, or of a
 * cached run. */
void lmm_run_give(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n);

/* A cached run of a run page, whose last block had n slots. */
struct lmm_free_run {
    struct lmm_page *page;
    size_t slot;
    size_t n;
};

/* Returns so many to their pages. */
void lmm_runs_give(struct lmm_runs *runs, const struct lmm_free_run *run, size_t count);

/* The site that had allocated the run which started at slot and was freed last of those that did:
 * while the run is cached, or among the last of the family that became part of a hole. Else
 * LMM_SITE_NONE. The caller holds the lock. */
uint32_t lmm_run_freed_site_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                   size_t slot);

/* The length of the block that is, or was last, in the live or cached run that starts at slot. */
size_t lmm_run_length(const struct lmm_page *page, size_t slot);

/* The same for a run of a run page, whose first tag is `tag`. */
static inline size_t lmm_run_length_in(const struct lmm_page *page, const uint32_t *tag,
                                       size_t slot)
{
    uint32_t second = LMM_LIKELY(slot + 1 < page->slots) ? lmm_load_relaxed(tag + 1) : 0;

    return LMM_LIKELY(lmm_tag_state(second) == LMM_TAG_TAIL) ? lmm_tag_value(second) : 1;
}

/* Changes the length of a live block to n, at least 1, in place: within its run, into the hole after
 * it, or by splitting off the run's end; of a span within its address space. False when there is no
 * room, and when a span would be short enough for a run page. The contents of slots added are
 * undefined. */
bool lmm_run_resize(struct lmm_runs *runs, struct lmm_page *page, size_t slot, size_t n);

/* Makes a run page whose only block is this one, at its first slot, a span, where the block may grow.
 * The block and its tag stay as they are. False, with nothing changed, when there are others, or cached
 * runs, or no memory. */
bool lmm_run_become_span(struct lmm_runs *runs, struct lmm_page *page, size_t slot);

/* A live, cached or free run of a run page or span; or a slot of a slot page. */
struct lmm_extent {
    size_t slot;
    size_t length; /* in slots */
    size_t used;   /* slots of the block; of a hole all */
    uint32_t tag;  /* its first tag: LIVE, FREE (cached, or a free slot) or HOLE */
};

/* The extent that starts at slot; one always starts at 0. The caller holds the lock; of a slot
 * page, that of its owner. */
struct lmm_extent lmm_run_extent_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                        size_t slot);

/* The end of a page's extents: the slots after it were never handed out, or belong to a span. */
size_t lmm_run_extents_end(const struct lmm_page *page);

/* The extent that holds slot, found by a walk along the page. The caller holds the lock. */
struct lmm_extent lmm_run_find_locked(const struct lmm_runs *runs, const struct lmm_page *page,
                                      size_t slot);

/* Takes runs by another fit from now on. */
void lmm_runs_set_fit(struct lmm_runs *runs, enum lmm_fit fit);

/* Gives the system pages inside holes back; returns the bytes. */
size_t lmm_runs_trim(struct lmm_runs *runs);

/* In a forked child: frees the runs that were cached by threads which the child does not have. */
void lmm_runs_release_cached(struct lmm_runs *runs);

/* Checks the invariants, and those of spans and holes. The caller holds the lock. */
bool lmm_runs_are_valid_locked(const struct lmm_runs *runs);

#endif
