/* SPDX-License-Identifier: MIT */
/*
 * stacked: blocks counted at their call stacks, in the bytes that were requested.
 *
 * While stacks are taken, every request of the program comes here. A block's tag holds its site,
 * which is (class, stack), and its slack; so any thread that frees the block knows how many bytes
 * were requested. Beside the counters of sites, this counts temporary blocks, and tells the live
 * bytes of families (family.h) and of the process (peak.h), each thread some of them at a time.
 *
 * Owns the tracers of heaps. Invariants:
 *   I1  the process's sum and the pending bytes of all tracers are the live bytes (preload.agree
 *       compares the peak with the program's own count); so are a family's sum and what the bins of
 *       all heaps have noted
 *   I2  only a heap's thread uses the heap's tracer, and not while it is BUSY: a signal's handler, or
 *       libc called by LMM, counts at its class's "(unattributed)" site instead
 * Locks: none, except those of the functions it calls.
 */
#ifndef LMM_PRELOAD_STACKED_H
#define LMM_PRELOAD_STACKED_H

#include "lib/ground/base.h"
#include "lib/front/block.h"
#include "lib/preload/classes.h"
#include "lib/stacks/unwind.h"

/* Call once, before the first allocation. False with errno ENOMEM. */
bool lmm_stacked_start(void);

/* As lmm_serve_alloc(), where the block is a slot that the thread's heap has at hand, aligned as any block of
 * its class. NULL: lmm_serve_alloc() is needed. Preserves errno. */
void *lmm_stacked_alloc_small(size_t bytes, bool zero, const struct lmm_caller *caller);

/* As lmm_serve_alloc(), for a shape. Any thread. NULL: out of memory. */
void *lmm_stacked_alloc(const struct lmm_shape *shape, size_t align, bool zero,
                        const struct lmm_caller *caller);

/* Frees p, the start of a block's room in that page, if it is a live slot of this thread's heap, and call
 * stacks are taken; else returns false. Preserves errno. */
bool lmm_stacked_push(void *p, struct lmm_page *page);

/* Frees the block p, of which lmm_block_find() gave the facts. May change errno. */
void lmm_stacked_free(void *p, const struct lmm_block_facts *facts);

/* Whether p is the block that this thread allocated last, and is not freed yet. */
bool lmm_stacked_is_last(const void *p);

/* Counts a block as temporary: it was this thread's last one, and realloc has moved it. */
void lmm_stacked_note_temporary(const struct lmm_block_facts *facts);

/* Notes that realloc has moved a block: for heaptrack, the free of the old one came before the
 * allocation of this one. */
void lmm_stacked_note_moved(const void *moved);

/* Gives the block another shape in place, or moves it with mremap. NULL: it is as it was. */
void *lmm_stacked_reshape(void *p, const struct lmm_block_facts *facts,
                          const struct lmm_shape *shape, const struct lmm_caller *caller);

#endif
