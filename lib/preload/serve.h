/* SPDX-License-Identifier: MIT */
/*
 * serve: requests for bytes that malloc's fast path does not serve, with stacks or without.
 *
 * Owns the start of the drop-in; what the starting thread itself requests meanwhile is the start's
 * pool's (startup.h). While stacks are taken, every request comes here or to stacked.h; otherwise a
 * block is counted at the own site of its class. A pointer that is not LMM's may be a block of
 * another allocator (other.h); otherwise it is misuse, and LMM panics.
 *
 * Any thread may call every function at any time, before constructors and after destructors. They
 * change errno only on failure. Locks: REPORT during the start; else those of what they call.
 */
#ifndef LMM_PRELOAD_SERVE_H
#define LMM_PRELOAD_SERVE_H

#include "lib/ground/base.h"
#include "lib/stacks/unwind.h"

/* Starts the drop-in, unless it has started. False with errno ENOMEM. */
bool lmm_serve_start(void);

/*
 * Allocates a block of bytes (may be 0), whose address is a multiple of align, a power of two.
 * zero: all bytes that lmm_serve_usable() tells are zeroed. caller: the call that requested it (unwind.h). NULL with errno
 * ENOMEM.
 */
void *lmm_serve_alloc(size_t bytes, size_t align, bool zero, const struct lmm_caller *caller);

/* Frees p, which may be NULL. Panics if p is not a block. */
void lmm_serve_free(void *p);

/* As realloc(p, bytes), for p not NULL and bytes not 0. Panics if p is not a block. */
void *lmm_serve_resize(void *p, size_t bytes, const struct lmm_caller *caller);

/* How many bytes of the block p the program may use; 0 for NULL. Panics if p is not a block. */
size_t lmm_serve_usable(void *p);

#endif
