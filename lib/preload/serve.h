/* SPDX-License-Identifier: MIT */
/*
 * serve: requests for bytes off malloc's fast path, whether stacks are taken or not.
 *
 * Owns the start of the drop-in. While stacks are taken (stacked.h) every request comes here or there;
 * else it is counted at its class's own site. Every function may be called by any thread at any time,
 * before constructors and after destructors; errno is changed by a failure alone.
 *
 * A pointer that is not LMM's may be of libc's own malloc: of a module that found that one, as RTLD_DEEPBIND
 * makes it. Such a block goes to libc, if libc's malloc was ever used; else the pointer is misuse.
 */
#ifndef LMM_PRELOAD_SERVE_H
#define LMM_PRELOAD_SERVE_H

#include "lib/ground/base.h"
#include "lib/stacks/unwind.h"

/*
 * Allocates bytes at a multiple of align, a power of two. zero: they read as zero. caller: who asks
 * (unwind.h). NULL with errno ENOMEM.
 */
void *lmm_serve_alloc(size_t bytes, size_t align, bool zero, const struct lmm_caller *caller);

/* Frees p, which may be NULL. */
void lmm_serve_free(void *p);

/* As realloc(p, bytes) for a p that is not NULL and bytes that are not 0. */
void *lmm_serve_resize(void *p, size_t bytes, const struct lmm_caller *caller);

/* Bytes of the block p that its holder may use; 0 for NULL. */
size_t lmm_serve_usable(const void *p);

#endif
