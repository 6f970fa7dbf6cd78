/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include "meta.h"

#include <string.h>

static struct lmm_cache *cache_of(struct lmm_heap *heap, const struct lmm_family *family)
{
    if (heap->is_late || family->index >= heap->bin_capacity) {
        return NULL;    /* the late heap's callers come and go; nothing of theirs is kept */
    }
    struct lmm_lot *lot = lmm_heap_lot(heap, family);
    if (lot != NULL && lot->cache == NULL) {
        lot->cache = lmm_meta_zalloc(sizeof(*lot->cache));
    }
    return lot == NULL ? NULL : lot->cache;
}

bool lmm_cache_push(struct lmm_heap *heap, const struct lmm_family *family, size_t n, char *block,
                    uint32_t *tag)
{
    size_t bytes = n * family->stride;

    if (n > LMM_CACHE_LENGTH_MAX || bytes > LMM_CACHE_BYTES_MAX / 4) {
        return false;
    }
    struct lmm_cache *cache = cache_of(heap, family);
    if (cache == NULL || cache->count[n] == LMM_CACHE_DEPTH ||
        cache->bytes + bytes > LMM_CACHE_BYTES_MAX) {
        return false;
    }
    cache->run[n][cache->count[n]++] = (struct lmm_cached_run) {block, tag};
    cache->bytes += bytes;
    return true;
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
    cache->bytes = 0;
}

void lmm_cache_flush(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_lot *lot = heap->open.bins[i].lot;
        if (lot != NULL && lot->cache != NULL) {
            flush_family(lmm_families_at(i), lot->cache);
        }
    }
}

void lmm_cache_forget(struct lmm_heap *heap)
{
    for (uint32_t i = 0; i < heap->bin_capacity; i++) {
        struct lmm_lot *lot = heap->open.bins[i].lot;
        if (lot != NULL && lot->cache != NULL) {
            memset(lot->cache->count, 0, sizeof(lot->cache->count));
            lot->cache->bytes = 0;
        }
    }
}
