/* SPDX-License-Identifier: MIT */
#include "lib/heaps/cache.h"

#include "lib/ground/meta.h"
#include "lib/pages/limit.h"

#include <errno.h>
#include <string.h>

static void set_depths(struct lmm_cache *cache, size_t stride)
{
    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX; n++) {
        size_t depth = LMM_CACHE_LENGTH_BYTES / (n * stride);
        cache->depth[n] = (uint8_t) (depth < LMM_CACHE_DEPTH ? depth : LMM_CACHE_DEPTH);
    }
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
            set_depths(bin->cache, family->stride);
            bin->cache->sample_slots = (uint32_t) (LMM_UNIT_BYTES / 2 / family->stride);
        }
    }
    return bin->cache;
}

static void flush(struct lmm_cache *cache, struct lmm_family *family)
{
    LMM_CHECK(lmm_cache_is_valid(cache, family));
    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX; n++) {
        while (cache->count[n] != 0) {
            const struct lmm_cached_run *run = &cache->run[n][--cache->count[n]];
            struct lmm_page *page = lmm_page_of((uintptr_t) run->block);
            size_t slot = (size_t) (run->tag - page->tags);
            lmm_run_give(&family->runs, page, slot, n);
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
        memset(cache->depth, 0, sizeof(cache->depth));
    }
}

void lmm_cache_sample(struct lmm_cache *cache, struct lmm_heap *heap, struct lmm_family *family)
{
    int saved_errno = errno;

    LMM_CHECK(lmm_cache_is_valid(cache, family));
    lmm_heap_note(heap, family, cache->unsampled_slots);
    cache->unsampled_slots = 0;
    if (lmm_limit_is_set(family)) {
        lmm_cache_close(heap, family);
    }
    errno = saved_errno;
}

void lmm_cache_forget(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_cache *cache = heap->open.bins[i].cache;
        if (cache != NULL) {
            memset(cache->count, 0, sizeof(cache->count));
            set_depths(cache, lmm_families_at(i)->stride);
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

bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family)
{
    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX; n++) {
        if (cache->count[n] > cache->depth[n] || cache->depth[n] > LMM_CACHE_DEPTH) {
            return false;
        }
        for (size_t i = 0; i < cache->count[n]; i++) {
            for (size_t j = 0; j < i; j++) {
                if (cache->run[n][i].block == cache->run[n][j].block) {
                    return false;
                }
            }
            if (!run_is_valid(family, &cache->run[n][i], n)) {
                return false;
            }
        }
    }
    return true;
}
