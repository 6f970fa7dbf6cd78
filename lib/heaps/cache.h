/* SPDX-License-Identifier: MIT */
/*
 * cache: runs that a heap keeps for its next allocations.
 *
 * Owns, per heap and family, a stack of runs for each length class (run.h). For the program a cached
 * run is free; for its page it is handed out, so it neither splits nor merges until it is given back.
 * When the cache is full, runs are given back for the newest one: the oldest of the class that has the most,
 * so that as many classes as possible keep one; and, for each fourth run, of one class after the other, so
 * that lengths which the program does not use any more do not fill it. If many requests
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
 *   I2  a run is in a cache once; a stack has `count` runs, at most `capacity`
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
    LMM_CACHE_STACK_RUNS = 256, /* of a class at most */
    LMM_CACHE_MISSES = 32,      /* since the last growth: then a full cache grows */
    LMM_CACHE_STEP_BYTES = LMM_UNIT_BYTES,
    LMM_CACHE_BYTES_MAX = 8 * LMM_UNIT_BYTES,
    LMM_CACHE_GROWTH_BYTES = 8 * LMM_UNIT_BYTES,
};

struct lmm_cached_run {
    char *block;
    uint32_t *tag; /* its first */
};

/* The runs of a class, the newest one last. */
struct lmm_cache_stack {
    struct lmm_cached_run *run; /* room for `capacity`; NULL: none */
    uint16_t count;
    uint16_t capacity;
    uint32_t slots; /* immutable: of a run, lmm_run_class() */
};

struct lmm_cache {
    uint32_t slots_max;   /* of a block in a run page; atomic, relaxed; 0: lmm_cache_refuse() */
    uint32_t mark;        /* immutable: lmm_tag_cached() without a site */
    uint32_t stride;      /* immutable: the family's */
    uint32_t tail_bytes;  /* immutable: of a stride, that are no part of a struct */
    uint32_t bound_slots; /* of all runs (family.h), by class; 0: the cache is closed */
    uint32_t room_slots;  /* that may still be pushed */
    uint32_t sample_at;   /* with more room_slots, lmm_cache_sample() is due */
    uint32_t misses;      /* requests that found no run since the last growth */
    uint32_t given;       /* runs that were given back for newer ones */
    uint32_t hand;        /* the class of which one was given back in turn */
    uint32_t end;         /* the classes from it on never had a run */
    struct lmm_cache_stack stack[LMM_RUN_CLASSES]; /* by class; the first one is not used */
};

/* Panics: the run is not one that this heap has cached, so two threads freed it at once. */
LMM_NOINLINE _Noreturn void lmm_cache_panic(const char *block);

/* Whether the tag is that of a run in this cache. */
static inline bool lmm_cache_has_marked(const struct lmm_cache *cache, uint32_t tag)
{
    return (tag & ~((1u << LMM_SITE_BITS) - 1)) == cache->mark;
}

/* Pops a run for a block of n slots, and makes it live. NULL when there is none, or a sample is due. */
static inline __attribute__((always_inline)) char *lmm_cache_pop(struct lmm_cache *cache, size_t n,
                                                                 uint32_t live_value)
{
    if (LMM_UNLIKELY(cache == NULL || n - 1 >= lmm_load_relaxed(&cache->slots_max) ||
                     cache->room_slots > cache->sample_at)) {
        return NULL;
    }
    struct lmm_cache_stack *stack = &cache->stack[lmm_run_class_number(n)];
    uint32_t count = stack->count;
    if (LMM_UNLIKELY(count == 0)) {
        return NULL;
    }
    struct lmm_cached_run run = stack->run[count - 1];
    stack->count = (uint16_t) (count - 1);
    cache->room_slots += stack->slots;
    if (LMM_UNLIKELY(!lmm_cache_has_marked(cache, lmm_load_relaxed(run.tag)))) {
        lmm_cache_panic(run.block);
    }
    if (LMM_LIKELY(n != 1)) {
        lmm_store_relaxed(run.tag + 1, lmm_tag_make(LMM_TAG_TAIL, (uint32_t) n));
    }
    lmm_store_relaxed(run.tag, lmm_tag_after_block(LMM_TAG_LIVE_BASE | live_value, run.block));
    if (run.block == NULL) {
        __builtin_unreachable(); /* saves the caller a test for NULL */
    }
    return run.block;
}

/* Pushes the run of a block of n slots, whose first tag the caller marks as cached. False, and nothing
 * is done, when there is no room; then lmm_cache_make_room(). */
static inline __attribute__((always_inline)) bool lmm_cache_push(struct lmm_cache *cache, size_t n,
                                                                 char *block, uint32_t *tag)
{
    struct lmm_cache_stack *stack = &cache->stack[lmm_run_class_number(n)];
    uint32_t slots = stack->slots;

    if (LMM_UNLIKELY(stack->count >= stack->capacity || slots > cache->room_slots)) {
        return false;
    }
    cache->room_slots -= slots;
    stack->run[stack->count++] = (struct lmm_cached_run) {block, tag};
    return true;
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

/* Where a sample is due, because more slots by half a page live than at the last one, tells the heap of
 * them (lmm_heap_note()); else the caller tells it of its own. Ends lmm_cache_refuse(): the caller then
 * looks at the limit. */
void lmm_cache_sample(struct lmm_heap *heap, struct lmm_family *family);

/* Makes all heaps' caches of the family refuse requests, which are not held to a limit there, until
 * lmm_cache_sample(). first: the list of heaps. Any thread; takes the heaps' locks. */
void lmm_cache_refuse(struct lmm_heap *first, const struct lmm_family *family);

/* The bytes of n structs, at least 1, in a run of the cache. */
static inline size_t lmm_cache_bytes_of(const struct lmm_cache *cache, size_t n)
{
    return n * cache->stride - cache->tail_bytes;
}

/*
 * Pops a run for a block of n slots of the open family with that index, counts it at the site, with
 * that extra (lmm_family_extra()), and notes its bytes; contents undefined. live_value: of that site.
 * own_site: the site's id is the family's index. *bytes: the program's bytes; SIZE_MAX: n structs, and it
 * gets their bytes. NULL: the slow path is needed.
 */
static inline __attribute__((always_inline)) void *
lmm_cache_pop_counted(const struct lmm_open *open, uint32_t family, uint32_t site,
                      uint32_t live_value, bool own_site, size_t n, uint64_t extra, size_t *bytes)
{
    struct lmm_ledger_row *row = lmm_open_row_to_allocate(open, site, own_site);

    if (LMM_UNLIKELY(row == NULL)) {
        return NULL;
    }
    struct lmm_cache *cache = open->bins[family].cache;
    void *block = lmm_cache_pop(cache, n, live_value);
    if (LMM_UNLIKELY(block == NULL)) {
        return NULL;
    }
    *bytes = *bytes == SIZE_MAX ? lmm_cache_bytes_of(cache, n) : *bytes;
    lmm_add_single_writer(&row->allocated_blocks, 1);
    lmm_add_single_writer(&row->allocated_extra, extra);
    lmm_row_note_bytes(row, (uint32_t) *bytes); /* a run's bytes are few */
    return block;
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
