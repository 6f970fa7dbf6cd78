/* SPDX-License-Identifier: MIT */
#include "lib/heaps/cache.h"

#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/pages/limit.h"

#include <errno.h>
#include <string.h>

void lmm_cache_panic(const char *block)
{
    char what[LMM_FAMILY_BLOCK_BYTES];
    const struct lmm_page *page = lmm_page_of((uintptr_t) block);

    lmm_family_describe(lmm_families_at(page->family), LMM_SITE_NONE, what);
    lmm_panic("double free: %p (%s)", (const void *) block, what);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

/* Makes the cache empty, and open. */
static void make_empty(struct lmm_cache *cache, const struct lmm_family *family)
{
    memset(cache->top, 0, sizeof(cache->top));
    cache->spare = 0;
    cache->fresh = 1;
    cache->room_slots = cache->bound_slots = (uint32_t) (family->cache_bytes / family->stride);
}

struct lmm_cache *lmm_cache_of(struct lmm_heap *heap, const struct lmm_family *family)
{
    if (heap->is_shared || family->index >= heap->bin_capacity || lmm_limit_is_set(family)) {
        return NULL; /* many threads use the shared heap, each for a short time */
    }
    struct lmm_bin *bin = &heap->open.bins[family->index];
    if (bin->cache == NULL) {
        bin->cache = lmm_meta_zalloc(sizeof(*bin->cache));
        if (bin->cache != NULL) {
            make_empty(bin->cache, family);
            bin->cache->sample_slots = (int32_t) (LMM_UNIT_BYTES / 2 / family->stride);
            bin->cache->slots_max = (uint32_t) family->runs.slots_max;
            bin->cache->mark = lmm_tag_cached(0) | lmm_tag_cacher(heap->number);
        }
    }
    return bin->cache;
}

/* ---- Giving back ----------------------------------------------------------------------------- */

enum {
    BATCH = 16,          /* runs that are given back under one lock */
    ROOM_PART = 128,     /* of the bound is made free at once */
    FRESH_ENTRIES = 128, /* that are used for the first time at once: 3 KiB */
};

/* The entries that were never used become spare, some at a time. */
static void add_entries(struct lmm_cache *cache)
{
    uint32_t end = cache->fresh + FRESH_ENTRIES;

    end = end < LMM_CACHE_RUNS + 1 ? end : LMM_CACHE_RUNS + 1;
    for (uint32_t i = end; i-- > cache->fresh;) {
        cache->run[i].below = cache->spare;
        cache->spare = i;
    }
    cache->fresh = end;
}

/* Takes the newest run of the class out; there is one. */
static struct lmm_free_run take_out(struct lmm_cache *cache, uint32_t class)
{
    uint32_t i = cache->top[class];
    struct lmm_page *page = lmm_page_of((uintptr_t) cache->run[i].block);
    size_t slot = (size_t) (cache->run[i].tag - page->tags);
    size_t n = lmm_run_length_in(page, cache->run[i].tag, slot);

    lmm_cache_take(cache, lmm_run_class(n), i);
    return (struct lmm_free_run) {page, slot, n};
}

/* The next class after that one, in a circle, of which there is a run; there is one. */
static uint32_t next_class(const struct lmm_cache *cache, uint32_t class)
{
    do {
        class = class + 1 < LMM_RUN_CLASSES ? class + 1 : 1;
    } while (cache->top[class] == 0);
    return class;
}

static bool is_empty(const struct lmm_cache *cache)
{
    return cache->room_slots == cache->bound_slots;
}

/* Gives runs of the classes in turn back, until so many slots are free, but no more than BATCH. */
static void give_some_back(struct lmm_cache *cache, struct lmm_family *family, size_t wanted_slots)
{
    struct lmm_free_run run[BATCH];
    size_t count = 0;

    while (count < BATCH && cache->room_slots < wanted_slots && !is_empty(cache)) {
        cache->hand = next_class(cache, cache->hand);
        run[count++] = take_out(cache, cache->hand);
    }
    lmm_runs_give(&family->runs, run, count);
}

/* Lets the cache grow, if that is due and the heap's bound allows it. */
static void grow(struct lmm_heap *heap, struct lmm_cache *cache, const struct lmm_family *family)
{
    size_t bytes = (size_t) cache->bound_slots * family->stride;
    uint32_t slots = (uint32_t) (LMM_CACHE_STEP_BYTES / family->stride);

    if (cache->misses < LMM_CACHE_MISSES || heap->cache_growth_bytes >= LMM_CACHE_GROWTH_BYTES ||
        bytes > LMM_CACHE_BYTES_MAX - LMM_CACHE_STEP_BYTES) {
        return;
    }
    cache->misses = 0;
    cache->bound_slots += slots;
    cache->room_slots += slots;
    heap->cache_growth_bytes += LMM_CACHE_STEP_BYTES;
}

bool lmm_cache_make_room(struct lmm_heap *heap, struct lmm_family *family, size_t n)
{
    struct lmm_cache *cache = heap->open.bins[family->index].cache;
    size_t slots = lmm_run_class(n).slots;

    if (slots > cache->bound_slots) {
        return false;
    }
    if (cache->unsampled_slots < 0) {
        cache->unsampled_slots = 0; /* a heap that only frees would count down for ever */
    }
    if (cache->spare == 0 && cache->fresh <= LMM_CACHE_RUNS) {
        add_entries(cache);
    }
    if (cache->spare != 0 && slots > cache->room_slots) {
        grow(heap, cache, family);
    }
    size_t wanted = slots + cache->bound_slots / ROOM_PART;
    if (cache->spare == 0) { /* there are many short runs */
        wanted += cache->room_slots;
    }
    wanted = wanted < cache->bound_slots ? wanted : cache->bound_slots;
    while (!lmm_cache_has_room(cache, n)) {
        give_some_back(cache, family, wanted);
    }
    return true;
}

static bool flush(struct lmm_cache *cache, struct lmm_family *family)
{
    bool had_runs = !is_empty(cache);

    LMM_CHECK(lmm_cache_is_valid(cache, family));
    while (!is_empty(cache)) {
        give_some_back(cache, family, cache->bound_slots);
    }
    return had_runs;
}

bool lmm_cache_flush(struct lmm_heap *heap)
{
    bool had_runs = false;

    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].cache != NULL) {
            had_runs |= flush(heap->open.bins[i].cache, lmm_families_at(i));
        }
    }
    return had_runs;
}

size_t lmm_cache_bytes(const struct lmm_heap *heap)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        const struct lmm_cache *cache = heap->open.bins[i].cache;
        if (cache != NULL) {
            bytes += (size_t) (cache->bound_slots - cache->room_slots) * lmm_families_at(i)->stride;
        }
    }
    return bytes;
}

void lmm_cache_close(struct lmm_heap *heap, struct lmm_family *family)
{
    struct lmm_cache *cache = heap->open.bins[family->index].cache;

    if (cache != NULL) {
        flush(cache, family);
        cache->room_slots = cache->bound_slots = 0;
    }
}

void lmm_cache_close_limited(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].cache != NULL && lmm_limit_is_set(lmm_families_at(i))) {
            lmm_cache_close(heap, lmm_families_at(i));
        }
    }
}

void *lmm_cache_sample(struct lmm_cache *cache, struct lmm_heap *heap, uint32_t family, void *block)
{
    struct lmm_family *told = lmm_families_at(family);
    int saved_errno = errno;

    LMM_CHECK(lmm_cache_is_valid(cache, told));
    lmm_heap_note(heap, told, (size_t) cache->unsampled_slots);
    cache->unsampled_slots = 0;
    if (lmm_limit_is_set(told)) {
        lmm_cache_close(heap, told);
    }
    errno = saved_errno;
    return block;
}

void lmm_cache_forget(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].cache != NULL) {
            make_empty(heap->open.bins[i].cache, lmm_families_at(i));
        }
    }
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* Checks I1. */
static bool run_is_valid(const struct lmm_cache *cache, const struct lmm_family *family,
                         const struct lmm_cached_run *run, uint32_t class)
{
    struct lmm_location at;

    return lmm_page_locate(run->block, &at) && at.page->kind == LMM_PAGE_RUNS &&
           at.page->family == family->index && at.inside_bytes == 0 &&
           run->tag == &at.page->tags[at.slot] &&
           lmm_cache_has_marked(cache, lmm_load_relaxed(run->tag)) &&
           lmm_run_class(lmm_run_length(at.page, at.slot)).number == class;
}

/* Marks the entry as seen; false when it is no entry, or was seen before. */
static bool see(bool seen[LMM_CACHE_RUNS + 1], uint32_t i)
{
    bool is_new = i != 0 && i <= LMM_CACHE_RUNS && !seen[i];

    if (is_new) {
        seen[i] = true;
    }
    return is_new;
}

/* Checks the runs of one class; *slots gets what they have. */
static bool stack_is_valid(const struct lmm_cache *cache, const struct lmm_family *family,
                           uint32_t class, bool seen[LMM_CACHE_RUNS + 1], size_t *slots)
{
    for (uint32_t i = cache->top[class]; i != 0; i = cache->run[i].below) {
        if (!see(seen, i) || !run_is_valid(cache, family, &cache->run[i], class)) {
            return false;
        }
        for (uint32_t j = cache->run[i].below; j != 0 && j <= LMM_CACHE_RUNS && !seen[j];
             j = cache->run[j].below) {
            if (cache->run[i].block == cache->run[j].block) {
                return false;
            }
        }
        struct lmm_page *page = lmm_page_of((uintptr_t) cache->run[i].block);
        size_t n = lmm_run_length(page, (size_t) (cache->run[i].tag - page->tags));
        *slots += lmm_run_class(n).slots;
    }
    return true;
}

bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family)
{
    bool seen[LMM_CACHE_RUNS + 1] = {false};
    size_t slots = cache->room_slots;

    for (uint32_t class = 0; class < LMM_RUN_CLASSES; class ++) {
        if (!stack_is_valid(cache, family, class, seen, &slots)) {
            return false;
        }
    }
    for (uint32_t i = cache->spare; i != 0; i = cache->run[i].below) {
        if (!see(seen, i)) {
            return false;
        }
    }
    for (uint32_t i = 1; i <= LMM_CACHE_RUNS; i++) {
        if (seen[i] != (i < cache->fresh)) {
            return false;
        }
    }
    return slots == cache->bound_slots;
}
