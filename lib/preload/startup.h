/* SPDX-License-Identifier: MIT */
/*
 * startup: memory for requests that arrive while the same thread starts LMM.
 *
 * The start calls few functions of libc (ground/system.h), but another preloaded library may replace
 * even these, and allocate in its own. Such a request cannot wait for the start, which waits for
 * it. It is served from a pool of address space that the first of them maps, and cut upwards. The
 * blocks are in no page of LMM and are counted nowhere: neither in the ledger nor in reports. Their
 * memory is zeroed, and not used again when they are freed.
 *
 * Locks: none. Only the thread that starts LMM allocates, under serve's lock; any thread may ask
 * about a pointer and free it.
 */
#ifndef LMM_PRELOAD_STARTUP_H
#define LMM_PRELOAD_STARTUP_H

#include "lib/ground/base.h"

/* Allocates zeroed bytes (may be 0) at a multiple of align, a power of two. NULL: the pool, of 1 MiB,
 * is used up, or there is no memory. */
void *lmm_startup_alloc(size_t bytes, size_t align);

/* True and *ret_bytes, the bytes requested, when p is a block of the pool. */
bool lmm_startup_find(const void *p, size_t *ret_bytes);

#endif
