/* SPDX-License-Identifier: MIT */
/*
 * foreign: frees of slots of other heaps' pages, in the thread that frees.
 *
 * The tag of a freed slot gets the freeing heap's mark, and the slot joins a batch for its page.
 * When the batch is full, or another page needs its entry, its slots are linked and spliced onto
 * the page's foreign list; a page whose list was empty is reported to its owner. A free does no
 * atomic read-modify-write: each one would wait until the stores before it have reached the other
 * core, which is most of the cost of a hand-over between threads. When two threads free the same
 * block at once, both find it LIVE; one overwrites the other's mark, and the other panics when it
 * hands its batch over.
 *
 * A tag is in the cache of the core that allocated the block. So where the caller knows the block's
 * site without its tag, the tag stays LIVE until the batch is handed over: then the lines of many
 * tags are fetched at the same time. What such a free cannot check is checked then: a slot that is
 * not LIVE any more was freed twice. A reader of tags of slot pages calls
 * lmm_foreign_mark_batches() before.
 *
 * An owner collects these slots in its slow paths, which may never come: its thread sleeps, or has
 * ended. So the thread whose batch makes a page wholly free counts it, and from LMM_REAP_PAGES such
 * pages on (one, where the heap is parked) it gives them back itself: lmm_heap_reap().
 *
 * Owns the batches of a heap. Invariants: those of a heap (heap.h). Threads: the thread that has
 * the heap, without a lock. Not responsible for: collecting the lists (heap), counting.
 */
#ifndef LMM_FOREIGN_H
#define LMM_FOREIGN_H

#include "lib/ground/options.h"
#include "lib/heaps/heap.h"

/* Frees a slot of another heap's page. Returns the tag it had; when that is not LIVE, nothing was
 * done. Relaxed stores only, unless a batch is handed over (as lmm_foreign_flush()). */
uint32_t lmm_foreign_push(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot);

/* Frees a slot of another heap's page that the caller counts, without a look at its tag: the drop-in
 * without call stacks (lmm_foreign_leaves_tags()). block: the slot's address. */
void lmm_foreign_push_unread(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot,
                             const void *block);

/* The same for a slot that holds the heap's mark already: it was in a magazine (magazine.h). */
void lmm_foreign_push_marked(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot);

/* Whether slots in batches may have a LIVE tag. */
static inline bool lmm_foreign_leaves_tags(void)
{
    return LMM_DROP_IN && lmm_options.stack_frames == 0;
}

/*
 * Gives the tags of the slots in batches that are still LIVE their mark: of a page, or of all for
 * NULL. first: the list of all heaps. The caller holds the lock of the page's owner, or of all heaps,
 * or is the only thread: so no slot that was in a batch is live again meanwhile. Other threads may
 * free and hand over.
 */
void lmm_foreign_mark_batches(const struct lmm_heap *first, const struct lmm_page *page);

/* Hands all batches over. Each is one compare-and-swap of the page's list with release order, so
 * the owner, which takes the list with acquire order, may give the slots' memory out again. */
void lmm_foreign_flush(struct lmm_heap *heap);

#endif
