/* SPDX-License-Identifier: MIT */
/*
 * stacked: allocation counted at its call stack, in bytes asked for.
 *
 * While stacks are taken every request of the program comes here. A block's tag has its site, which is
 * (class, stack), and its slack, so that the bytes asked for are known when it is freed, by whichever
 * thread. Beside the rows this counts temporary blocks, and keeps the sum of all live bytes: each time that
 * has passed the highest by 1 % the ledger writes down what lives (the peak).
 *
 * Owns the traces of heaps and that sum. Invariants: I1 the sum and all threads' `pending` add up to the live
 * bytes. I2 a heap's trace is its thread's alone; while that thread is in here, nobody else's.
 * What comes in while the same thread is in here (a signal's handler; libc, called by LMM) is counted at
 * its class's "(unattributed)" site. Locks: none, but those of what it calls.
 */
#ifndef LMM_PRELOAD_STACKED_H
#define LMM_PRELOAD_STACKED_H

#include "lib/ground/base.h"
#include "lib/front/block.h"
#include "lib/preload/classes.h"
#include "lib/stacks/unwind.h"

/* Call once, before the first allocation. False with errno ENOMEM. */
bool lmm_stacked_start(void);

/* As lmm_serve_alloc(), for a shape. NULL: out of memory. */
void *lmm_stacked_alloc(const struct lmm_shape *shape, size_t align, bool zero,
                        const struct lmm_caller *caller);

/* Frees p when it is a slot of this thread's; else does nothing and returns false. May change errno. */
bool lmm_stacked_push(void *p);

/* Frees the block p. May change errno. */
void lmm_stacked_free(void *p, const struct lmm_block_facts *facts);

/* Whether p is the block that this thread allocated last. */
bool lmm_stacked_is_last(const void *p);

/* Counts a block that was, and was freed after its contents had gone to a new one (realloc), as temporary. */
void lmm_stacked_note_temporary(const struct lmm_block_facts *facts);

/* Gives the block a shape that its slots have, or that they can have in place; NULL when they cannot. */
void *lmm_stacked_reshape(void *p, const struct lmm_block_facts *facts,
                          const struct lmm_shape *shape, const struct lmm_caller *caller);

#endif
