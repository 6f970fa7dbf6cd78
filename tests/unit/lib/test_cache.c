/* SPDX-License-Identifier: MIT */
/* cache: which runs a heap keeps, how many, and where they go afterwards. */
#include "tests/support/seam.h"

#include "lib/heaps/cache.h"
#include "lib/ground/meta.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

static struct lmm_heap heap;

static void start(void)
{
    cr_assert(lmm_start());
}

static struct lmm_family *open_family(const char *name, size_t stride)
{
    struct lmm_family *family = lmm_families_add(name, stride, 1, false);

    cr_assert(family != NULL && (heap.number != 0 || lmm_heap_init(&heap, 100, false, false)));
    cr_assert(lmm_heap_open_sites(&heap));
    return family;
}

/* Takes a run and pushes it as a free does. */
static bool push_new(struct lmm_family *family, struct lmm_cache *cache, size_t n, char **ret_block)
{
    struct lmm_location at;
    bool zeroed;

    *ret_block = lmm_run_take(&family->runs, n, 1, family->site, &zeroed);
    cr_assert(lmm_page_locate(*ret_block, &at));
    lmm_page_set_tag(at.page, at.slot, lmm_tag_cached(0));
    if (lmm_cache_push(cache, n, *ret_block, &at.page->tags[at.slot])) {
        return true;
    }
    lmm_run_give(&family->runs, at.page, at.slot, n);
    return false;
}

static size_t wanted_depth(size_t stride, size_t n)
{
    size_t depth = LMM_CACHE_LENGTH_BYTES / (stride * n);

    return n > LMM_CACHE_LENGTH_MAX ? 0 : depth < LMM_CACHE_DEPTH ? depth : LMM_CACHE_DEPTH;
}

Test(cache, keeps_so_many_of_a_length, .init = start)
{
    static const size_t strides[] = {1, 16, 64, 100, 1000, 8192, 16384, 16385, 100000};
    static const size_t lengths[] = {1, 2, 3, 16, 63, 64, 65, 200};
    char name[32];

    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        snprintf(name, sizeof(name), "stride %zu", strides[i]);
        struct lmm_family *family = open_family(name, strides[i]);
        struct lmm_cache *cache = lmm_cache_of(&heap, family);
        cr_assert(cache != NULL && lmm_cache_of(&heap, family) == cache);
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            size_t kept = 0;
            char *block;
            for (int k = 0; k < 20; k++) {
                kept += push_new(family, cache, lengths[j], &block);
            }
            cr_expect(kept == wanted_depth(strides[i], lengths[j]),
                      "stride %zu length %zu: %zu kept", strides[i], lengths[j], kept);
        }
        lmm_cache_flush(&heap);
        cr_expect(family->record->pages == 0 && family->runs.holes.reserved == 0, "%s: flushed",
                  name);
    }
}

Test(cache, last_in_first_out_by_length, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *two[3];
    char *three;

    for (int i = 0; i < 3; i++) {
        cr_assert(push_new(family, cache, 2, &two[i]));
    }
    cr_assert(push_new(family, cache, 3, &three));
    for (int i = 3; i-- > 0;) {
        char *block = lmm_cache_pop(cache, 2, family->site);
        cr_expect(block == two[i]);
        const struct lmm_page *page = lmm_page_of((uintptr_t) block);
        size_t slot = (size_t) (block - lmm_page_base(page)) / 16;
        cr_expect(page->tags[slot] == LMM_TAG_LIVE_BASE + family->site);
        cr_expect(lmm_run_length(page, slot) == 2);
    }
    cr_expect(lmm_cache_pop(cache, 2, family->site) == NULL);
    cr_expect(lmm_cache_pop(cache, 4, family->site) == NULL);
    cr_expect(lmm_cache_pop(cache, LMM_CACHE_LENGTH_MAX + 1, family->site) == NULL);
    cr_expect(lmm_cache_pop(cache, SIZE_MAX, family->site) == NULL);
    cr_expect(lmm_cache_pop(NULL, 3, family->site) == NULL);
    cr_expect(lmm_cache_pop(cache, 3, family->site) == three);
    cr_expect(cache->unsampled_slots == 3 * 2 + 3);
    lmm_cache_sample(cache, &heap, family);
    cr_expect(cache->unsampled_slots == 0);
}

/* Cached runs do not split or merge; after they are given back they do. */
Test(cache, flush_merges, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block[8];

    bool zeroed;
    char *live = lmm_run_take(&family->runs, 2, 1, family->site, &zeroed);
    cr_assert(live != NULL);
    for (int i = 0; i < 8; i++) {
        cr_assert(push_new(family, cache, 2, &block[i]));
        cr_expect(block[i] == live + 32 * (i + 1), "no cached run is taken again");
    }
    cr_expect(family->runs.holes.queue.count == 1);
    lmm_cache_flush(&heap);
    cr_expect(family->runs.holes.queue.count == 1);
    cr_expect(glpq_largest(&family->runs.holes.queue)->key == LMM_UNIT_BYTES / 16 - 2);
}

Test(cache, forget_leaves_the_tags, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_assert(push_new(family, cache, 2, &block));
    lmm_cache_forget(&heap);
    cr_expect(lmm_cache_pop(cache, 2, family->site) == NULL);
    cr_expect(lmm_page_of((uintptr_t) block)->tags[0] == lmm_tag_cached(0));
    lmm_runs_release_cached(&family->runs);
    cr_expect(family->record->pages == 0);
}

Test(cache, none_for_the_shared_heap_nor_without_memory, .init = start)
{
    static struct lmm_heap shared;
    struct lmm_family *family = open_family("f", 16);

    cr_assert(lmm_heap_init(&shared, 101, true, false));
    cr_expect(lmm_cache_of(&shared, family) == NULL);
    seam_install();
    seam_fail_all(SEAM_MAP);
    while (lmm_meta_alloc(&lmm_arena_records, sizeof(struct lmm_cache)) != NULL) {
    }
    cr_expect(lmm_cache_of(&heap, family) == NULL);
    cr_expect(!lmm_cache_push(NULL, 2, NULL, NULL));
    seam_heal();
    cr_expect(lmm_cache_of(&heap, family) != NULL);
}

/* Checks that *field, wrong, makes the cache invalid, and restores it. */
#define EXPECT_SEEN(field, wrong, ...)                                                             \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (wrong);                                                                         \
        cr_expect(!lmm_cache_is_valid(cache, family), __VA_ARGS__);                                \
        (field) = saved;                                                                           \
        cr_assert(lmm_cache_is_valid(cache, family));                                              \
    } while (0)

Test(cache, validity_sees_what_is_wrong, .init = start)
{
    struct lmm_family *family = open_family("f", 64);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    for (int i = 0; i < 3; i++) {
        cr_assert(push_new(family, cache, 5, &block));
    }
    cr_assert(lmm_cache_is_valid(cache, family));
    EXPECT_SEEN(*cache->run[5][1].tag, LMM_TAG_LIVE_BASE, "I1: a live run");
    EXPECT_SEEN(cache->run[5][1].tag, cache->run[5][0].tag, "I1: another run's tag");
    EXPECT_SEEN(cache->run[5][1].block, block + 1, "I1: not a run's start");
    EXPECT_SEEN(cache->run[5][1].tag[1], lmm_tag_make(LMM_TAG_TAIL, 4), "I1: of another length");
    EXPECT_SEEN(cache->run[5][1], cache->run[5][0], "I2: a run twice");
    EXPECT_SEEN(cache->depth[5], 2, "I2: more runs than the bound");
}
