/* SPDX-License-Identifier: MIT */
/*
 * cache: short runs that a heap keeps for its next allocations of the same length.
 *
 * Owns, per heap and family, a stack of runs for each length. For the program a cached run is free;
 * for its page it is handed out, so it neither splits nor merges until it is given back.
 *
 * Invariants (checked by lmm_cache_is_valid()):
 *   I1  the first tag of a cached run is lmm_tag_cached(), and its length is that of its stack; its
 *       page is a run page of the family
 *   I2  a run is in a cache once; a stack holds at most LMM_CACHE_LENGTH_BYTES
 * Threads: the thread that has the heap, without a lock. Not responsible for: counting.
 */
#ifndef LMM_CACHE_H
#define LMM_CACHE_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/heaps/heap.h"

enum {
    LMM_CACHE_LENGTH_MAX = 64, /* slots of a cached run */
    LMM_CACHE_DEPTH = 16,      /* runs of one length */
    LMM_CACHE_LENGTH_BYTES = 16 << 10,
};

struct lmm_cached_run {
    char *block;
    uint32_t *tag; /* its first */
};

struct lmm_cache {
    uint32_t unsampled_slots; /* popped since lmm_cache_sample() */
    uint32_t sample_slots;    /* immutable: it is due after so many, half a page of slots */
    uint8_t count[LMM_CACHE_LENGTH_MAX + 1];
    uint8_t depth[LMM_CACHE_LENGTH_MAX + 1]; /* immutable; bound of count */
    struct lmm_cached_run run[LMM_CACHE_LENGTH_MAX + 1][LMM_CACHE_DEPTH];
};

/* Pops a run of n slots, n at least 1, and makes it live; NULL when there is none. */
static inline char *lmm_cache_pop(struct lmm_cache *cache, size_t n, uint32_t live_value)
{
    if (cache == NULL || n > LMM_CACHE_LENGTH_MAX || cache->count[n] == 0) {
        return NULL;
    }
    struct lmm_cached_run run = cache->run[n][--cache->count[n]];
    LMM_CHECK(n != 0 && lmm_tag_is_cached(lmm_load_relaxed(run.tag)));
    cache->unsampled_slots += (uint32_t) n;
    lmm_store_relaxed(run.tag, lmm_tag_after_block(LMM_TAG_LIVE_BASE | live_value, run.block));
    return run.block;
}

/* Pushes a run of n slots whose first tag is lmm_tag_cached(). Returns false if there is no cache,
 * the run is too long for it, or it is full. */
static inline bool lmm_cache_push(struct lmm_cache *cache, size_t n, char *block, uint32_t *tag)
{
    if (cache == NULL || n > LMM_CACHE_LENGTH_MAX || cache->count[n] >= cache->depth[n]) {
        return false;
    }
    LMM_CHECK(n != 0 && lmm_tag_is_cached(lmm_load_relaxed(tag)));
    cache->run[n][cache->count[n]++] = (struct lmm_cached_run) {block, tag};
    return true;
}

/* Returns the heap's cache for an open family, which it creates the first time; NULL for the shared
 * heap, for a family with a limit, and when there is no memory. */
struct lmm_cache *lmm_cache_of(struct lmm_heap *heap, const struct lmm_family *family);

/* Gives the heap's cached runs of the family back, and keeps none from now on. */
void lmm_cache_close(struct lmm_heap *heap, struct lmm_family *family);

/* Whether lmm_cache_sample() is due. */
static inline bool lmm_cache_sample_is_due(const struct lmm_cache *cache)
{
    return LMM_UNLIKELY(cache->unsampled_slots >= cache->sample_slots);
}

/* Tells the heap of the slots popped (lmm_heap_note()). If the family has got a limit, which cached
 * runs are not held to, closes the cache. Preserves errno. */
void lmm_cache_sample(struct lmm_cache *cache, struct lmm_heap *heap, struct lmm_family *family);

/* Gives every cached run of the heap back to its page. */
void lmm_cache_flush(struct lmm_heap *heap);

/* In a forked child: empties the caches; lmm_runs_release_cached() finds the runs by their tags. */
void lmm_cache_forget(struct lmm_heap *heap);

/* Checks the invariants of a heap's cache for the family. */
bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family);

#endif
