/* SPDX-License-Identifier: MIT */
#include "lib/heaps/cache.h"

#include "lib/ground/meta.h"

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
    if (heap->is_shared || family->index >= heap->bin_capacity) {
        return NULL; /* the shared heap's callers come and go; nothing of theirs is kept */
    }
    struct lmm_bin *bin = &heap->open.bins[family->index];
    if (bin->cache == NULL) {
        bin->cache = lmm_meta_zalloc(sizeof(*bin->cache));
        if (bin->cache != NULL) {
            set_depths(bin->cache, family->stride);
        }
    }
    return bin->cache;
}

void lmm_cache_sample(struct lmm_cache *cache, struct lmm_family *family)
{
    lmm_family_note_taken(family, cache->unsampled_slots);
    cache->unsampled_slots = 0;
}

static void give_back(struct lmm_family *family, const struct lmm_cached_run *run, size_t n)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) run->block);

    lmm_run_give(&family->runs, page, (size_t) (run->tag - page->tags), n);
}

static void flush_family(struct lmm_family *family, struct lmm_cache *cache)
{
    for (size_t n = 1; n <= LMM_CACHE_LENGTH_MAX; n++) {
        while (cache->count[n] != 0) {
            give_back(family, &cache->run[n][--cache->count[n]], n);
        }
    }
}

void lmm_cache_flush(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_cache *cache = heap->open.bins[i].cache;
        if (cache != NULL) {
            flush_family(lmm_families_at(i), cache);
        }
    }
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
