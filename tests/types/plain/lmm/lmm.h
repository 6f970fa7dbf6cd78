/* SPDX-License-Identifier: MIT */
/*
 * What the programs of testapp/ use of LMM's API, on malloc: so that types are found in them, and
 * are compared with those that they register.
 */
#ifndef LMM_PLAIN_LMM_H
#define LMM_PLAIN_LMM_H

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LMM_REGISTER(T)        ((void) sizeof(T))
#define LMM_NEW(T)             ((T *) calloc(1, sizeof(T)))
#define LMM_NEW_ARRAY(T, n)    ((T *) calloc((n), sizeof(T)))
#define lmm_resize(array, n)   realloc((array), (n) * sizeof(*(array)))
#define lmm_block_count(array) (malloc_usable_size(array) / sizeof(*(array)))
#define lmm_free(block)        free(block)
#define lmm_print_usage(file)  fputs("\n", (file))

struct lmm_stats {
    uint64_t allocations, frees, live_blocks;
};

#define lmm_family_find(name)      (name)
#define lmm_family_stats(f, stats) ((void) (f), (void) (stats), -1) /* nobody counts */

#endif
