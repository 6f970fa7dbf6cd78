/* SPDX-License-Identifier: MIT */
/*
 * cache: runs that a heap keeps for its next allocations of about the same length.
 *
 * Owns, per heap and family, a stack of runs for each length. For the program a cached run is free;
 * for its page it is handed out, so it neither splits nor merges until it is given back. When the
 * cache is full, runs of other lengths are given back for the newest one, one length after the
 * other, so that lengths which the program does not use any more do not fill it.
 *
 * Invariants (checked by lmm_cache_is_valid()):
 *   I1  the first tag of a cached run is lmm_tag_cached(), and its length is that of its stack; its
 *       page is a run page of the family
 *   I2  a run is in a cache once; each entry is on one stack, or spare
 *   I3  the lengths of all runs and room_slots add up to bound_slots
 *   I4  bit n - 1 of `used` is set exactly when there is a run of length n
 * Threads: the thread that has the heap, without a lock.
 */
#ifndef LMM_CACHE_H
#define LMM_CACHE_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/heaps/heap.h"

enum {
    LMM_CACHE_LENGTH_MAX = 128, /* slots of a cached run */
    LMM_CACHE_RUNS = 511,       /* of all lengths */
};

struct lmm_cached_run {
    char *block;
    uint32_t *tag;  /* its first */
    uint32_t below; /* the next older run of the length, or the next spare entry; 0: none */
};

struct lmm_cache {
    int32_t unsampled_slots; /* popped since lmm_cache_sample(), less 15/16 of those pushed */
    int32_t sample_slots;    /* immutable: it is due after so many, half a page of slots */
    uint32_t bound_slots;    /* of all runs (family.h); 0: the cache is closed */
    uint32_t room_slots;     /* that may still be pushed */
    uint32_t spare;          /* unused entries; 0: none */
    uint32_t hand;           /* the length of which a run was given back for a newer one */
    uint64_t used[LMM_CACHE_LENGTH_MAX / 64];
    uint16_t top[LMM_CACHE_LENGTH_MAX + 1];        /* by length: the newest run; 0: none */
    struct lmm_cached_run run[LMM_CACHE_RUNS + 1]; /* the first one is not used */
};

/* The shortest length, from n to `most`, of which there is a run; 0: none, as for an n of 0. */
static inline size_t lmm_cache_length(const struct lmm_cache *cache, size_t n, size_t most)
{
    if (n - 1 >= LMM_CACHE_LENGTH_MAX) {
        return 0;
    }
    if (cache->top[n] != 0) {
        return n;
    }
    uint64_t bits = cache->used[(n - 1) / 64] >> ((n - 1) % 64);
    size_t length = n;
    if (bits == 0) {
        bits = n <= LMM_CACHE_LENGTH_MAX - 64 ? cache->used[(n - 1) / 64 + 1] : 0;
        length = ((n - 1) | 63) + 2;
    }
    length += bits == 0 ? most : (size_t) __builtin_ctzll(bits);
    return length <= most ? length : 0;
}

/* Takes the newest run of that length out; there is one. */
static inline struct lmm_cached_run lmm_cache_take(struct lmm_cache *cache, size_t length)
{
    uint32_t i = cache->top[length];
    struct lmm_cached_run run = cache->run[i];

    cache->top[length] = (uint16_t) run.below;
    if (run.below == 0) {
        cache->used[(length - 1) / 64] &= ~((uint64_t) 1 << ((length - 1) % 64));
    }
    cache->run[i].below = cache->spare;
    cache->spare = i;
    cache->room_slots += (uint32_t) length;
    return run;
}

/* Pops a run of *n slots, or a little longer, up to `most`, and makes it live; its length is then
 * *n. NULL when there is none. */
static inline char *lmm_cache_pop(struct lmm_cache *cache, size_t *n, size_t most,
                                  uint32_t live_value)
{
    size_t length = cache == NULL ? 0 : lmm_cache_length(cache, *n, most);

    if (length == 0) {
        return NULL;
    }
    struct lmm_cached_run run = lmm_cache_take(cache, length);
    LMM_CHECK(lmm_tag_is_cached(lmm_load_relaxed(run.tag)));
    cache->unsampled_slots += (int32_t) length;
    lmm_store_relaxed(run.tag, lmm_tag_after_block(LMM_TAG_LIVE_BASE | live_value, run.block));
    *n = length;
    if (run.block == NULL) {
        __builtin_unreachable(); /* saves the caller a test for NULL */
    }
    return run.block;
}

/* Whether there is a cache, and room in it for a run of n slots; else lmm_cache_make_room(). */
static inline bool lmm_cache_has_room(const struct lmm_cache *cache, size_t n)
{
    return cache != NULL && n <= LMM_CACHE_LENGTH_MAX && n <= cache->room_slots &&
           cache->spare != 0;
}

/* Pushes a run of n slots, n at least 1, whose first tag is lmm_tag_cached() and for which there is
 * room. */
static inline void lmm_cache_push(struct lmm_cache *cache, size_t n, char *block, uint32_t *tag)
{
    LMM_CHECK(n != 0 && lmm_cache_has_room(cache, n) && lmm_tag_is_cached(lmm_load_relaxed(tag)));
    uint32_t i = cache->spare;
    struct lmm_cached_run *run = &cache->run[i];
    cache->spare = run->below;
    *run = (struct lmm_cached_run) {block, tag, cache->top[n]};
    cache->top[n] = (uint16_t) i;
    cache->used[(n - 1) / 64] |= (uint64_t) 1 << ((n - 1) % 64);
    cache->room_slots -= (uint32_t) n;
    cache->unsampled_slots -= (int32_t) (n - (n + 15) / 16);
}

/* Gives other runs back until a run of n slots can be pushed; false when it cannot be. */
bool lmm_cache_make_room(struct lmm_cache *cache, struct lmm_family *family, size_t n);

/* Returns the heap's cache for an open family, which it creates the first time; NULL for the shared
 * heap, for a family with a limit, and when there is no memory. */
struct lmm_cache *lmm_cache_of(struct lmm_heap *heap, const struct lmm_family *family);

/* Gives the heap's cached runs of the family back, and keeps none from now on. */
void lmm_cache_close(struct lmm_heap *heap, struct lmm_family *family);

/* Tells the heap of the slots popped (lmm_heap_note()). If the family has got a limit, which cached
 * runs are not held to, closes the cache. Returns block. Preserves errno. */
LMM_NOINLINE void *lmm_cache_sample(struct lmm_cache *cache, struct lmm_heap *heap, uint32_t family,
                                    void *block);

/* Counts a run that was popped, not NULL, at a row of its site: with that extra (lmm_family_extra()),
 * and as so many bytes of the program's. When live slots are more by half a page than the last time,
 * and now and then, for the limit, samples. Returns block. */
static inline void *lmm_cache_count(struct lmm_cache *cache, const struct lmm_open *open,
                                    uint32_t family, struct lmm_ledger_row *row, uint64_t extra,
                                    size_t bytes, void *block)
{
    lmm_add_single_writer(&row->allocated_blocks, 1);
    lmm_add_single_writer(&row->allocated_extra, extra);
    lmm_row_note_bytes(row, bytes);
    return LMM_UNLIKELY(cache->unsampled_slots > cache->sample_slots)
               ? lmm_cache_sample(cache, open->heap, family, block)
               : block;
}

/* Pops a run of n slots, or a little longer, of the open family with that index and stride, whose
 * blocks may be longer than requested (family.h), and counts it at the family's first site, whose id
 * is the family's index. NULL: the slow path is needed. */
static inline void *lmm_cache_pop_longer(const struct lmm_open *open, uint32_t family,
                                         size_t stride, size_t n)
{
    struct lmm_ledger_row *row = lmm_open_row_to_allocate(open, family, true);

    if (LMM_UNLIKELY(row == NULL)) {
        return NULL;
    }
    struct lmm_cache *cache = open->bins[family].cache;
    void *block = lmm_cache_pop(cache, &n, lmm_family_longest(n), family);
    return LMM_UNLIKELY(block == NULL)
               ? NULL
               : lmm_cache_count(cache, open, family, row, n - 1, n * stride, block);
}

/* Gives every cached run of the heap back to its page. */
void lmm_cache_flush(struct lmm_heap *heap);

/* In a forked child: empties the caches; lmm_runs_release_cached() finds the runs by their tags. */
void lmm_cache_forget(struct lmm_heap *heap);

/* Checks the invariants of a heap's cache for the family. */
bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family);

#endif
