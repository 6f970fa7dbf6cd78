/* SPDX-License-Identifier: MIT */
/*
 * alloc: the interface between the workloads and the allocator under test. BENCH_LMM is 0 (libc's
 * malloc, or a library preloaded in its place) or 1 (LMM's typed calls, which count sites).
 *
 * Arrays are zeroed in both cases, by calloc() and LMM_NEW_ARRAY(), because LMM has no call for an
 * array with undefined contents. Single structs have undefined contents in both cases.
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
