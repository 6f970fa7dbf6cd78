/* SPDX-License-Identifier: MIT */
/*
 * foreign: frees of slots of other heaps' pages, from the freeing thread's side.
 *
 * A freed slot's tag gets the freeing heap's mark, and the slot joins a batch for its page. A batch that
 * is full, or whose place another page needs, is linked and spliced onto the page's foreign list, and a
 * list that was empty is reported to the page's owner. There is no atomic read-modify-write a free: each
 * would wait for the stores before it to reach the other core, most of what a hand-over between threads
 * costs. Two threads at the same block both find it LIVE; the mark of the first is overwritten, and it
 * panics when it hands its batch over.
 *
 * Owns the batches of a heap; each is its thread's alone. Locks: none. Not responsible for: taking the
 * lists in (heap), counting.
 */
#ifndef LMM_FOREIGN_H
#define LMM_FOREIGN_H

#include "lib/heaps/heap.h"

/* Frees a slot of another heap's page. Returns the tag it had; when that is not LIVE nothing else was
 * done. */
uint32_t lmm_foreign_push(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot);

/* Hands all batches over. */
void lmm_foreign_flush(struct lmm_heap *heap);

#endif
