/* SPDX-License-Identifier: MIT */
/*
 * span: pages that hold a family's runs, and runs that have pages of their own: spans.
 *
 * Owns how pages of whole units begin and end: their descriptors, tags and units, and their counts
 * in the books. A span is one run in a page of as many units as it needs. It can grow without a
 * copy: into the address space of its last unit, then into more, which the kernel adds or moves its
 * memory to.
 *
 * Invariants of a span (checked by lmm_span_is_valid_locked()):
 *   I1  tags[0] is LIVE, or that of a cached run while the span is being freed; tags[1] is TAIL with its
 *       length; there are no other tags
 *   I2  its system pages from `clean_from` (page.h) on are absent; clean_from is not before its end
 *   I3  every unit of its page leads to it. While the kernel moves its memory the span is not a
 *       page
 * Locks: RUNS of the family, taken inside, unless a name ends in _locked. Only the thread that
 * holds a span's block changes the span's length; it takes the lock because walks read the length.
 * Not responsible for: what is in a run page (run), counting blocks.
 */
#ifndef LMM_SPAN_H
#define LMM_SPAN_H

#include "lib/ground/base.h"
#include "lib/pages/hole.h"
#include "lib/pages/huge.h"
#include "lib/books/accounts.h"
#include "lib/pages/page.h"
#include "lib/ground/sync.h"

enum {
    LMM_RUN_BYTES_MAX = LMM_UNIT_BYTES / 2, /* longer runs are spans */
    LMM_SPAN_GROWING_BYTES =
        LMM_UNIT_BYTES / 4, /* a run that must move to grow beyond becomes one */
    LMM_SPAN_TAGS = 2,
    LMM_FREED_RUNS = 16,
};

/* A run that became part of a hole, and the site that had allocated it. */
struct lmm_freed_run {
    char *block; /* NULL: none */
    uint32_t site;
};

/* A family's runs. Only run.c uses the holes and what was freed. */
struct lmm_runs {
    struct lmm_lock lock;
    size_t stride;    /* immutable, as are slots_max and family */
    size_t slots_max; /* of a run of a run page; at least 1 */
    uint16_t family;
    struct lmm_ledger_family *record; /* immutable; its gauges count the pages */
    struct lmm_holes holes;
    struct lmm_huge huge;
    struct glthread pages; /* run pages and spans */
    struct lmm_freed_run
        *freed;          /* the last LMM_FREED_RUNS ones; a ring; NULL before the first run */
    uint32_t freed_next; /* page, and without memory */
};

/* Counts bytes of the pages as committed, or, negative, as given back. */
static inline void lmm_runs_count_committed(const struct lmm_runs *runs, int64_t bytes)
{
    lmm_accounts_count_committed(runs->record, bytes);
}

/* Whether a tag can count n slots and a run may have their bytes, *ret_bytes. */
bool lmm_runs_have_length(const struct lmm_runs *runs, size_t n, size_t *ret_bytes);

/* ---- Pages, for run ---- */

/* Takes units from the reservoir, at a multiple of align, and makes them a page of that kind; a long
 * span may get more units. Its tags are FREE, and it is on no list yet. NULL with errno ENOMEM.
 * Needs no lock. */
struct lmm_page *lmm_runs_take_page(struct lmm_runs *runs, size_t units, size_t align,
                                    enum lmm_page_kind kind);

/* What a page that has ended still has to give back. */
struct lmm_ended_page {
    char *base;
    size_t units;
    size_t slots;
    uint32_t *tags;
    size_t tag_bytes;
    bool is_apart;  /* as page->apart */
    bool is_sparse; /* the reservoir does not keep its memory; false until the caller knows */
};

/* Ends a page that is on no list: its descriptors then only remember the family. Its units and tags
 * stay as they are until lmm_runs_give_page_back(). */
struct lmm_ended_page lmm_runs_end_page_locked(struct lmm_page *page);

/* Gives the units and tags of an ended page back; needs no lock. */
void lmm_runs_give_page_back(const struct lmm_runs *runs, const struct lmm_ended_page *ended);

/* ---- Spans ---- */

/* The tags of a span, for lmm_span_begin_locked(). NULL with errno ENOMEM. */
uint32_t *lmm_span_alloc_tags(void);

/* Makes the units of a page of runs that has just ended a span of n slots with those tags; `first` is
 * its first tag. Its memory stays as it is. The caller gives the old tags back. */
void lmm_span_begin_locked(struct lmm_runs *runs, const struct lmm_ended_page *ended, size_t n,
                           uint32_t *tags, uint32_t first);

/* As lmm_run_take(), for an n that lmm_runs_have_length() accepts. */
char *lmm_span_take(struct lmm_runs *runs, size_t n, size_t align, uint32_t live_value,
                    bool *ret_zeroed);

/* The same for a block that grows, of any n. Unless it is long, it keeps the memory that its units have,
 * because it may grow again. Contents undefined. */
char *lmm_span_take_growing(struct lmm_runs *runs, size_t n, uint32_t live_value);

/* Ends a span. Unmaps it without the lock, because the kernel needs long for a long one. */
void lmm_span_give(struct lmm_runs *runs, struct lmm_page *page);

/* Changes the length of a live span within its address space, which it keeps. False when that is
 * too short, and when the span would be short enough for a run page: then the caller copies it to
 * one. */
bool lmm_span_resize(struct lmm_runs *runs, struct lmm_page *page, size_t length, size_t n);

/* Makes a live span n slots long, more than page->slots, where it is: by units that the reservoir
 * keeps right after it, with what they hold. False, with nothing changed, when it cannot. */
bool lmm_span_extend(struct lmm_runs *runs, struct lmm_page *page, size_t n);

/*
 * The same by address space from the kernel, without copying or touching its memory: at the same
 * addresses when those after it are free, else, if it gets 4 MiB or more, at others, still aligned
 * to a unit (but not to more). It gets half as much address space again as it had, if possible, so
 * that a span that grows in small steps seldom comes here.
 *
 * Returns the block's first byte; its tags stay the same words. From the system page on that was
 * `clean_from` before the call the block reads as zero. When the block has moved, `page` is not a
 * page any more. Returns NULL with errno ENOMEM and nothing changed when it would be short, the
 * kernel refuses, the block is not a span, or tools watch every block (lmm_tools_active); then the
 * caller may copy instead. A short span that was moved would be a mapping of its own, whose memory
 * cannot be kept for the next one: each step of a vector that grows again and again would wait for
 * fresh memory.
 */
char *lmm_span_remap(struct lmm_runs *runs, struct lmm_page *page, size_t n);

/* Whether no thread is in lmm_span_remap(), where a block that moves is in no page for a while. With
 * the RUNS locks of all families held, none gets there. */
bool lmm_spans_are_at_rest(void);

/* Whether every unit of a page of runs leads to it. The caller holds the lock. */
bool lmm_runs_page_has_its_units(const struct lmm_page *page);

/* Checks the invariants of a span. The caller holds the lock. */
bool lmm_span_is_valid_locked(const struct lmm_page *page);

#endif
