/* SPDX-License-Identifier: MIT */
/*
 * matching: with match=1, compares how each block is freed with how it was allocated, and tells the
 * mistakes: free of a block of new, delete of a block of new[] or of malloc, another size or
 * alignment than that of the allocation, and so on.
 *
 * The program goes on, because LMM frees the block well all the same. One line for each pair of
 * places, LINES at most, and a record in the ledger, which counts such blocks. Nothing is said where LMM does not know: of a block that an operator made
 * which LMM did not see, of a free in a module that may have operators of its own, of places without
 * a call stack, and while the imports are not clear (imports.h).
 *
 * Owns the list of what was told. Threads: any. Locks: none; ORIGINS, STACKS and those of stacks,
 * inside. Callers hold no lock of LMM. All functions preserve errno.
 */
#ifndef LMM_PRELOAD_MATCHING_H
#define LMM_PRELOAD_MATCHING_H

#include "lib/front/block.h"
#include "lib/ground/base.h"
#include "lib/pages/origin.h"

enum lmm_freer {
    LMM_FREED_BY_FREE,
    LMM_FREED_BY_REALLOC,
    LMM_FREED_BY_DELETE,
    LMM_FREED_BY_DELETE_ARRAY,
};

/* How a block is freed. */
struct lmm_release {
    enum lmm_freer freer;
    size_t align;  /* 0: without alignment */
    bool has_size; /* the size of the allocation is given */
    size_t bytes;
};

/* Remembers by which operator p was made. It may be no block of LMM. */
void lmm_matching_made(const void *p, const struct lmm_origin *origin);

/* Compares, and forgets how p was made. Call it before the live block p is freed; facts: of
 * lmm_block_find(). */
void lmm_matching_freed(const void *p, const struct lmm_block_facts *facts,
                        const struct lmm_release *release);

/* Forgets how p, any value, was made. */
void lmm_matching_forget(const void *p);

#endif
