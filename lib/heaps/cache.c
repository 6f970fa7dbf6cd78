/* SPDX-License-Identifier: MIT */
#include "lib/heaps/cache.h"

#include "lib/ground/meta.h"
#include "lib/pages/limit.h"

#include <errno.h>
#include <string.h>

/* Makes the cache empty, and open. */
static void clear(struct lmm_cache *cache, const struct lmm_family *family)
{
    memset(cache->used, 0, sizeof(cache->used));
    memset(cache->top, 0, sizeof(cache->top));
    for (uint32_t i = 1; i <= LMM_CACHE_RUNS; i++) {
        cache->run[i] = (struct lmm_cached_run) {.below = i < LMM_CACHE_RUNS ? i + 1 : 0};
    }
    cache->spare = 1;
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
            clear(bin->cache, family);
            bin->cache->sample_slots = (int32_t) (LMM_UNIT_BYTES / 2 / family->stride);
        }
    }
    return bin->cache;
}

static void give_back(struct lmm_cache *cache, struct lmm_family *family, size_t length)
{
    struct lmm_cached_run run = lmm_cache_take(cache, length);
    struct lmm_page *page = lmm_page_of((uintptr_t) run.block);

    lmm_run_give(&family->runs, page, (size_t) (run.tag - page->tags), length);
}

/* The next length after that one, in a circle, of which there is a run; there is one. */
static size_t next_length(const struct lmm_cache *cache, size_t length)
{
    size_t next = lmm_cache_length(cache, length % LMM_CACHE_LENGTH_MAX + 1, LMM_CACHE_LENGTH_MAX);

    return next != 0 ? next : lmm_cache_length(cache, 1, LMM_CACHE_LENGTH_MAX);
}

bool lmm_cache_make_room(struct lmm_cache *cache, struct lmm_family *family, size_t n)
{
    if (n > LMM_CACHE_LENGTH_MAX || n > cache->bound_slots) {
        return false;
    }
    if (cache->unsampled_slots < 0) {
        cache->unsampled_slots = 0; /* a heap that only frees would count down for ever */
    }
    while (n > cache->room_slots || cache->spare == 0) {
        cache->hand = (uint32_t) next_length(cache, cache->hand);
        give_back(cache, family, cache->hand);
    }
    return true;
}

static void flush(struct lmm_cache *cache, struct lmm_family *family)
{
    LMM_CHECK(lmm_cache_is_valid(cache, family));
    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX; n++) {
        while (cache->top[n] != 0) {
            give_back(cache, family, n);
        }
    }
}

void lmm_cache_flush(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        if (heap->open.bins[i].cache != NULL) {
            flush(heap->open.bins[i].cache, lmm_families_at(i));
        }
    }
}

void lmm_cache_close(struct lmm_heap *heap, struct lmm_family *family)
{
    struct lmm_cache *cache = heap->open.bins[family->index].cache;

    if (cache != NULL) {
        flush(cache, family);
        cache->room_slots = cache->bound_slots = 0;
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
            clear(heap->open.bins[i].cache, lmm_families_at(i));
        }
    }
}

static bool run_is_valid(const struct lmm_family *family, const struct lmm_cached_run *run,
                         size_t n)
{
    struct lmm_location at;

    return lmm_page_locate(run->block, &at) && at.page->kind == LMM_PAGE_RUNS &&
           at.page->family == family->index && at.inside_bytes == 0 &&
           run->tag == &at.page->tags[at.slot] && lmm_tag_is_cached(lmm_load_relaxed(run->tag)) &&
           lmm_run_length(at.page, at.slot) == n;
}

/* Marks the entries from i on in seen. The number of them; SIZE_MAX when an entry is seen twice. */
static size_t count_entries(const struct lmm_cache *cache, uint32_t i,
                            bool seen[LMM_CACHE_RUNS + 1])
{
    size_t count = 0;

    for (; i != 0; i = cache->run[i].below, count++) {
        if (i > LMM_CACHE_RUNS || seen[i]) {
            return SIZE_MAX;
        }
        seen[i] = true;
    }
    return count;
}

/* Checks the runs of one length; `slots` gets their sum. */
static bool stack_is_valid(const struct lmm_cache *cache, const struct lmm_family *family, size_t n,
                           size_t *slots)
{
    bool is_used = (cache->used[(n - 1) / 64] >> ((n - 1) % 64) & 1) != 0;

    for (uint32_t i = cache->top[n]; i != 0; i = cache->run[i].below) {
        for (uint32_t j = cache->run[i].below; j != 0; j = cache->run[j].below) {
            if (cache->run[i].block == cache->run[j].block) {
                return false;
            }
        }
        if (!run_is_valid(family, &cache->run[i], n)) {
            return false;
        }
        *slots += n;
    }
    return is_used == (cache->top[n] != 0);
}

bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family)
{
    bool seen[LMM_CACHE_RUNS + 1] = {false};
    size_t entries = count_entries(cache, cache->spare, seen);
    size_t slots = cache->room_slots;

    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX && entries <= LMM_CACHE_RUNS; n++) {
        size_t count = count_entries(cache, cache->top[n], seen);
        entries = count == SIZE_MAX ? SIZE_MAX : entries + count;
    }
    if (entries != LMM_CACHE_RUNS) {
        return false;
    }
    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX; n++) {
        if (!stack_is_valid(cache, family, n, &slots)) {
            return false;
        }
    }
    return slots == cache->bound_slots;
}
