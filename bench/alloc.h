/* SPDX-License-Identifier: MIT */
/*
 * alloc: the seam between the workloads and the allocator under test. BENCH_LMM is 0 (libc's
 * malloc, or whatever is preloaded in its place) or 1 (LMM's typed calls, site tracking on).
 *
 * Arrays come zeroed on both sides, calloc() against LMM_NEW_ARRAY(), because LMM has no array
 * call that leaves its contents undefined. Single structs come with undefined contents on both
 * sides.
 */
#ifndef BENCH_ALLOC_H
#define BENCH_ALLOC_H

#if BENCH_LMM

#include <lmm/lmm.h>

#define BENCH_ALLOC(T)          LMM_ALLOC(T)
#define BENCH_ALLOC_ARRAY(T, n) LMM_NEW_ARRAY(T, n)
#define BENCH_FREE(p)           lmm_free(p)

#else

#include <stdlib.h>

#define BENCH_ALLOC(T)          ((T *) malloc(sizeof(T)))
#define BENCH_ALLOC_ARRAY(T, n) ((T *) calloc((n), sizeof(T)))
#define BENCH_FREE(p)           free(p)

#endif

#endif
