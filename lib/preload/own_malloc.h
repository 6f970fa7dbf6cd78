/* SPDX-License-Identifier: MIT */
/*
 * own_malloc: LMM's functions by names that no other module can take: where the drop-in is loaded late,
 * the names of libc lead to the process's own malloc.
 *
 * Owns nothing; malloc.c defines them, and says what they do.
 */
#ifndef LMM_PRELOAD_OWN_MALLOC_H
#define LMM_PRELOAD_OWN_MALLOC_H

#include <malloc.h>
#include <stdlib.h>

#define LMM_OWN __attribute__((visibility("hidden")))

extern LMM_OWN __typeof__(malloc) lmm_own_malloc;
extern LMM_OWN __typeof__(calloc) lmm_own_calloc;
extern LMM_OWN __typeof__(realloc) lmm_own_realloc;
extern LMM_OWN __typeof__(free) lmm_own_free;
extern LMM_OWN __typeof__(memalign) lmm_own_memalign;
extern LMM_OWN __typeof__(aligned_alloc) lmm_own_aligned_alloc;
extern LMM_OWN __typeof__(posix_memalign) lmm_own_posix_memalign;
extern LMM_OWN __typeof__(valloc) lmm_own_valloc;
extern LMM_OWN __typeof__(pvalloc) lmm_own_pvalloc;
extern LMM_OWN __typeof__(malloc_usable_size) lmm_own_usable_size;

#endif
