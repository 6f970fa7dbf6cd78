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
 * An owner collects these slots in its slow paths, which may never come: its thread sleeps, or has
 * ended. So the thread whose batch makes a page wholly free counts it, and from LMM_REAP_PAGES such
 * pages on (one, where the heap is parked) it gives them back itself: lmm_heap_reap().
 *
 * Owns the batches of a heap. Invariants: those of a heap (heap.h). Threads: the thread that has
 * the heap, without a lock. Not responsible for: collecting the lists (heap), counting.
 */
#ifndef LMM_FOREIGN_H
#define LMM_FOREIGN_H

#include "lib/heaps/heap.h"

/* Frees a slot of another heap's page. Returns the tag it had; when that is not LIVE, nothing was
 * done. Relaxed stores only, unless a batch is handed over (as lmm_foreign_flush()). */
uint32_t lmm_foreign_push(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot);

/* Hands all batches over. Each is one compare-and-swap of the page's list with release order, so
 * the owner, which takes the list with acquire order, may give the slots' memory out again. */
void lmm_foreign_flush(struct lmm_heap *heap);

#endif
