/* SPDX-License-Identifier: MIT */
/*
 * cache: short runs that a heap keeps for its next allocations of the same length.
 *
 * Owns, per heap and family, a stack of runs for each length. A cached run is free to the program (its
 * first tag is LMM_TAG_CACHED) and handed out to its page's family; it neither splits nor merges until
 * it is given back. Bounded by depth and by bytes. The heap's thread alone uses it: no lock.
 * Not responsible for: counting.
 */
#ifndef LMM_CACHE_H
#define LMM_CACHE_H

#include "base.h"
#include "family.h"
#include "heap.h"

enum {
    LMM_CACHE_LENGTH_MAX = 64,     /* slots of a cached run */
    LMM_CACHE_DEPTH = 16,          /* runs of one length */
    LMM_CACHE_BYTES_MAX = 512 << 10,
};

struct lmm_cached_run {
    char *block;
    uint32_t *tag;                 /* its first */
};

struct lmm_cache {
    size_t bytes;                  /* of all runs in it */
    uint8_t count[LMM_CACHE_LENGTH_MAX + 1];
    struct lmm_cached_run run[LMM_CACHE_LENGTH_MAX + 1][LMM_CACHE_DEPTH];
};

/* Pops a run of n slots, n at least 1, and tags it live for site; NULL when there is none. */
static inline char *lmm_cache_pop(struct lmm_cache *cache, size_t n, size_t stride, uint32_t site)
{
    if (cache == NULL || n > LMM_CACHE_LENGTH_MAX || cache->count[n] == 0) {
        return NULL;
    }
    struct lmm_cached_run run = cache->run[n][--cache->count[n]];
    cache->bytes -= n * stride;
    lmm_store_relaxed(run.tag, LMM_TAG_LIVE_BASE | site);
    return run.block;
}

/*
 * Pushes a run whose first tag is LMM_TAG_CACHED. False when the cache will not have it (or there is no
 * memory for a cache): then the caller gives it back to its page.
 */
bool lmm_cache_push(struct lmm_heap *heap, const struct lmm_family *family, size_t n, char *block,
                    uint32_t *tag);

/* Gives every cached run of the heap back to its page. */
void lmm_cache_flush(struct lmm_heap *heap);

/* In a forked child: forgets all, so that the runs can be found by their tags. */
void lmm_cache_forget(struct lmm_heap *heap);

#endif
