/* SPDX-License-Identifier: MIT */
/*
 * alloc: the interface between the workloads and the allocator under test. BENCH_LMM is 0 (libc's
 * malloc, or a library preloaded in its place) or 1 (LMM's typed calls, which count sites).
 *
 * Arrays are zeroed in both cases, by calloc() and LMM_NEW_ARRAY(). Single structs, and blocks of any
 * number of bytes, have undefined contents in both cases; LMM counts the latter by family, because
 * it has no macro for an array with undefined contents.
 */
#ifndef BENCH_ALLOC_H
#define BENCH_ALLOC_H

#if BENCH_LMM

#include <lmm/lmm.h>

#define BENCH_ALLOC(T)          LMM_ALLOC(T)
#define BENCH_ALLOC_ARRAY(T, n) LMM_NEW_ARRAY(T, n)
#define BENCH_ALLOC_BYTES(n)    lmm_alloc_array(bench_words, ((n) + 7) / 8)
#define BENCH_FREE(p)           lmm_free(p)

/* The family of blocks of any number of bytes (main.c). */
extern struct lmm_family *bench_words;

#define BENCH_PREPARE() ((void) (bench_words = LMM_REGISTER(uint64_t)))

#else

#include <stdlib.h>

#define BENCH_ALLOC(T)          ((T *) malloc(sizeof(T)))
#define BENCH_ALLOC_ARRAY(T, n) ((T *) calloc((n), sizeof(T)))
#define BENCH_ALLOC_BYTES(n)    malloc(n)
#define BENCH_FREE(p)           free(p)
#define BENCH_PREPARE()         ((void) 0)

#endif

#endif
