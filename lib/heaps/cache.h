/* SPDX-License-Identifier: MIT */
/*
 * cache: runs that a heap keeps for its next allocations.
 *
 * Owns, per heap and family, a stack of runs for each length class (run.h). For the program a cached
 * run is free; for its page it is handed out, so it neither splits nor merges until it is given back.
 * When the cache is full, runs of other classes are given back for the newest one, one class after
 * the other, so that lengths which the program does not use any more do not fill it. If many requests
 * found no run meanwhile, it grows instead, up to LMM_CACHE_BYTES_MAX, and the caches of a heap by
 * LMM_CACHE_GROWTH_BYTES in all: the memory that they keep is missing where blocks could grow. A
 * heap keeps its runs when its thread ends, for the thread that adopts it (thread.h).
 *
 * A free marks the run's first tag with a plain store, because an atomic exchange takes as long as all
 * the rest. If two threads free one block at once, both may find it LIVE; one overwrites the other's
 * mark, and the other panics when it takes the run out again. That is missed only if one stops between
 * its load and its store while the other takes the run out.
 *
 * Invariants (checked by lmm_cache_is_valid()):
 *   I1  the first tag of a cached run is lmm_tag_cached() of this heap, and its class is that of its
 *       stack; its page is a run page of the family
 *   I2  a run is in a cache once; each entry is on one stack, or spare
 *   I3  the slots of all runs and room_slots add up to bound_slots
 * Threads: the thread that has the heap, without a lock; while the heap is parked, the one that holds
 * HEAPS.
 */
#ifndef LMM_CACHE_H
#define LMM_CACHE_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/heaps/heap.h"

enum {
    LMM_CACHE_RUNS = 1023, /* of all classes */
    LMM_CACHE_MISSES = 32, /* since the last growth: then a full cache grows */
    LMM_CACHE_STEP_BYTES = LMM_UNIT_BYTES,
    LMM_CACHE_BYTES_MAX = 8 * LMM_UNIT_BYTES,
    LMM_CACHE_GROWTH_BYTES = 8 * LMM_UNIT_BYTES,
};

/* An entry. */
struct lmm_cached_run {
    char *block;
    uint32_t *tag;  /* its first */
    uint32_t below; /* the next older run of the class, or the next spare entry; 0: none */
};

struct lmm_cache {
    int32_t unsampled_slots;       /* popped since lmm_cache_sample(), less most of those pushed */
    int32_t sample_slots;          /* immutable: it is due after so many, half a page of slots */
    uint32_t slots_max;            /* immutable: of a block in a run page */
    uint32_t mark;                 /* immutable: lmm_tag_cached() without a site */
    uint32_t bound_slots;          /* of all runs (family.h), by class; 0: the cache is closed */
    uint32_t room_slots;           /* that may still be pushed */
    uint32_t spare;                /* entries that are not used now; 0: none */
    uint32_t fresh;                /* entries from it on were never used */
    uint32_t misses;               /* requests that found no run since the last growth */
    uint32_t hand;                 /* the class of which a run was given back for a newer one */
    uint16_t top[LMM_RUN_CLASSES]; /* by class: the newest run; 0: none */
    struct lmm_cached_run run[LMM_CACHE_RUNS + 1]; /* the first one is not used */
};

/* Panics: the run is not one that this heap has cached, so two threads freed it at once. */
LMM_NOINLINE _Noreturn void lmm_cache_panic(const char *block);

/* Whether the tag is that of a run in this cache. */
static inline bool lmm_cache_has_marked(const struct lmm_cache *cache, uint32_t tag)
{
    return (tag & ~((1u << LMM_SITE_BITS) - 1)) == cache->mark;
}

/* Takes the newest run of the class out, whose entry is i. */
static inline __attribute__((always_inline)) struct lmm_cached_run
lmm_cache_take(struct lmm_cache *cache, struct lmm_run_class class, uint32_t i)
{
    struct lmm_cached_run *entry = &cache->run[i];
    struct lmm_cached_run run = *entry;

    cache->top[class.number] = (uint16_t) run.below;
    entry->below = cache->spare;
    cache->spare = i;
    cache->room_slots += class.slots;
    if (LMM_UNLIKELY(!lmm_cache_has_marked(cache, lmm_load_relaxed(run.tag)))) {
        lmm_cache_panic(run.block);
    }
    return run;
}

/* Pops a run for a block of n slots, and makes it live. NULL when there is none. */
static inline __attribute__((always_inline)) char *lmm_cache_pop(struct lmm_cache *cache, size_t n,
                                                                 uint32_t live_value)
{
    if (LMM_UNLIKELY(cache == NULL || n - 1 >= cache->slots_max)) {
        return NULL;
    }
    struct lmm_run_class class = lmm_run_class(n);
    uint32_t i = cache->top[class.number];
    if (LMM_UNLIKELY(i == 0)) {
        return NULL;
    }
    struct lmm_cached_run run = lmm_cache_take(cache, class, i);
    cache->unsampled_slots += (int32_t) n;
    if (LMM_LIKELY(n != 1)) {
        lmm_store_relaxed(run.tag + 1, lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    }
    lmm_store_relaxed(run.tag, lmm_tag_after_block(LMM_TAG_LIVE_BASE | live_value, run.block));
    if (run.block == NULL) {
        __builtin_unreachable(); /* saves the caller a test for NULL */
    }
    return run.block;
}

/* Whether there is room for the run of a block of n slots, and an entry; else
 * lmm_cache_make_room(). */
static inline bool lmm_cache_has_room(const struct lmm_cache *cache, size_t n)
{
    return lmm_run_class(n).slots <= cache->room_slots && cache->spare != 0;
}

/* Pushes the run of a block of n slots, whose first tag is marked as cached and for which there is
 * room. */
static inline __attribute__((always_inline)) void lmm_cache_push(struct lmm_cache *cache, size_t n,
                                                                 char *block, uint32_t *tag)
{
    LMM_CHECK(lmm_cache_has_room(cache, n));
    struct lmm_run_class class = lmm_run_class(n);
    uint32_t i = cache->spare;
    struct lmm_cached_run *run = &cache->run[i];
    cache->spare = run->below;
    *run = (struct lmm_cached_run) {block, tag, cache->top[class.number]};
    cache->top[class.number] = (uint16_t) i;
    cache->room_slots -= class.slots;
    cache->unsampled_slots -= (int32_t) (n - 1 - n / 16);
}

/* Lets the heap's cache for the family grow, or gives other runs back, until the run of a block of n
 * slots can be pushed; false when it cannot be. */
bool lmm_cache_make_room(struct lmm_heap *heap, struct lmm_family *family, size_t n);

/* Returns the heap's cache for an open family, which it creates the first time; NULL for the shared
 * heap, for a family with a limit, and when there is no memory. */
struct lmm_cache *lmm_cache_of(struct lmm_heap *heap, const struct lmm_family *family);

/* Gives the heap's cached runs of the family back, and keeps none from now on. */
void lmm_cache_close(struct lmm_heap *heap, struct lmm_family *family);

/* The same for each family that has a limit now. */
void lmm_cache_close_limited(struct lmm_heap *heap);

/* Tells the heap of the slots popped (lmm_heap_note()). If the family has got a limit, which cached
 * runs are not held to, closes the cache. Returns block. Preserves errno. */
LMM_NOINLINE void *lmm_cache_sample(struct lmm_cache *cache, struct lmm_heap *heap, uint32_t family,
                                    void *block);

/*
 * Pops a run for a block of n slots of the open family with that index, counts it at the site of the
 * live value, with that extra (lmm_family_extra()), and as so many bytes of the program's; contents
 * undefined. own_site: the site's id is the family's index. When live slots are more by half a page
 * than the last time, and now and then, for the limit, samples. NULL: the slow path is needed.
 */
static inline __attribute__((always_inline)) void *
lmm_cache_pop_counted(const struct lmm_open *open, uint32_t family, uint32_t live_value,
                      bool own_site, size_t n, uint64_t extra, size_t bytes)
{
    struct lmm_ledger_row *row = lmm_open_row_to_allocate(open, lmm_tag_site(live_value), own_site);

    if (LMM_UNLIKELY(row == NULL)) {
        return NULL;
    }
    struct lmm_cache *cache = open->bins[family].cache;
    void *block = lmm_cache_pop(cache, n, live_value);
    if (LMM_UNLIKELY(block == NULL)) {
        return NULL;
    }
    lmm_add_single_writer(&row->allocated_blocks, 1);
    lmm_add_single_writer(&row->allocated_extra, extra);
    lmm_row_note_bytes(row, (uint32_t) bytes); /* a run's bytes are few */
    return LMM_UNLIKELY(cache->unsampled_slots > cache->sample_slots)
               ? lmm_cache_sample(cache, open->heap, family, block)
               : block;
}

/* Gives every cached run of the heap back to its page. False: there was none. */
bool lmm_cache_flush(struct lmm_heap *heap);

/* The bytes of the heap's cached runs. */
size_t lmm_cache_bytes(const struct lmm_heap *heap);

/* In a forked child: empties the caches; lmm_runs_release_cached() finds the runs by their tags. */
void lmm_cache_forget(struct lmm_heap *heap);

/* Checks the invariants of a heap's cache for the family. */
bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family);

#endif
