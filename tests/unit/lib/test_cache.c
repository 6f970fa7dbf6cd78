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
    if (lmm_cache_has_room(cache, n)) {
        lmm_cache_push(cache, n, *ret_block, &at.page->tags[at.slot]);
        return true;
    }
    lmm_run_give(&family->runs, at.page, at.slot, n);
    return false;
}

/* Pops a run of n slots, or up to `most`; *ret_length is its length. */
static char *pop(struct lmm_family *family, struct lmm_cache *cache, size_t n, size_t most,
                 size_t *ret_length)
{
    *ret_length = n;
    return lmm_cache_pop(cache, ret_length, most, family->site);
}

static char *pop_exact(struct lmm_family *family, struct lmm_cache *cache, size_t n)
{
    size_t length;
    char *block = pop(family, cache, n, n, &length);

    cr_assert(length == n);
    return block;
}

static size_t wanted_runs(size_t stride, size_t n)
{
    size_t runs = LMM_FAMILY_CACHE_BYTES / stride / n;

    return n > LMM_CACHE_LENGTH_MAX ? 0 : runs < LMM_CACHE_RUNS ? runs : LMM_CACHE_RUNS;
}

Test(cache, keeps_so_many_of_a_length, .init = start)
{
    static const size_t strides[] = {1, 16, 64, 100, 1000, 1024, 8192, 100000};
    static const size_t lengths[] = {1, 2, 3, 16, 63, 64, 65, 128, 129, 200};
    char name[32];

    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        snprintf(name, sizeof(name), "stride %zu", strides[i]);
        struct lmm_family *family = open_family(name, strides[i]);
        struct lmm_cache *cache = lmm_cache_of(&heap, family);
        cr_assert(cache != NULL && lmm_cache_of(&heap, family) == cache);
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            size_t kept = 0;
            char *block;
            if (strides[i] * lengths[j] > LMM_RUN_BYTES_MAX) {
                continue;
            }
            for (int k = 0; k < LMM_CACHE_RUNS + 4; k++) {
                kept += push_new(family, cache, lengths[j], &block);
            }
            cr_expect(kept == wanted_runs(strides[i], lengths[j]),
                      "stride %zu length %zu: %zu kept", strides[i], lengths[j], kept);
            lmm_cache_flush(&heap);
            cr_expect(family->record->pages == 0 && family->runs.holes.reserved == 0, "%s: flushed",
                      name);
        }
    }
}

/* A full cache gives runs of the lengths in turn back for a new one, and no more than it must. */
Test(cache, makes_room, .init = start)
{
    enum { STRIDE = 1024, BOUND = 2048 };
    struct lmm_family *family = open_family("f", STRIDE);
    family->cache_bytes = BOUND * STRIDE;
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;
    size_t count[3] = {0};

    for (size_t i = 0; i < BOUND / 64; i++) {
        cr_assert(push_new(family, cache, i % 2 == 0 ? 60 : 68, &block));
    }
    cr_expect(cache->room_slots == 0 && !push_new(family, cache, 1, &block));
    for (size_t i = 0; i < 4; i++) {
        cr_expect(lmm_cache_make_room(cache, family, 30));
        cr_expect(push_new(family, cache, 30, &block));
    }
    cr_expect(lmm_cache_is_valid(cache, family));
    for (; pop_exact(family, cache, 30) != NULL; count[0]++) {
    }
    for (; pop_exact(family, cache, 60) != NULL; count[1]++) {
    }
    for (; pop_exact(family, cache, 68) != NULL; count[2]++) {
    }
    cr_expect(count[0] == 4 && count[1] == BOUND / 128 - 1 && count[2] == BOUND / 128 - 1,
              "%zu %zu %zu", count[0], count[1], count[2]);
    cr_expect(!lmm_cache_make_room(cache, family, LMM_CACHE_LENGTH_MAX + 1));
    lmm_cache_close(&heap, family);
    cr_expect(!lmm_cache_make_room(cache, family, 1), "closed");
}

Test(cache, longer_runs, .init = start)
{
    static const struct {
        size_t pushed;
        size_t wanted;
        size_t most;
        size_t popped; /* 0: none */
    } cases[] = {
        {10, 10, 10, 10}, {10, 9, 10, 10},      {10, 9, 9, 0},        {10, 11, 20, 0},
        {64, 60, 70, 64}, {65, 64, 65, 65},     {65, 60, 67, 65},     {65, 60, 64, 0},
        {64, 65, 73, 0},  {128, 120, 135, 128}, {128, 128, 144, 128}, {1, 1, 1, 1},
        {66, 65, 66, 66}, {128, 1, 128, 128},
    };
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length;
        cr_assert(push_new(family, cache, cases[i].pushed, &block));
        char *popped = pop(family, cache, cases[i].wanted, cases[i].most, &length);
        cr_expect(cases[i].popped == 0 ? popped == NULL && length == cases[i].wanted
                                       : popped == block && length == cases[i].popped,
                  "case %zu", i);
        lmm_cache_flush(&heap);
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
        char *block = pop_exact(family, cache, 2);
        cr_expect(block == two[i]);
        const struct lmm_page *page = lmm_page_of((uintptr_t) block);
        size_t slot = (size_t) (block - lmm_page_base(page)) / 16;
        cr_expect(page->tags[slot] == LMM_TAG_LIVE_BASE + family->site);
        cr_expect(lmm_run_length(page, slot) == 2);
    }
    cr_expect(pop_exact(family, cache, 0) == NULL);
    cr_expect(pop_exact(family, cache, 2) == NULL);
    cr_expect(pop_exact(family, cache, 4) == NULL);
    cr_expect(pop_exact(family, cache, LMM_CACHE_LENGTH_MAX + 1) == NULL);
    cr_expect(pop_exact(family, cache, SIZE_MAX) == NULL);
    cr_expect(pop_exact(family, NULL, 3) == NULL);
    cr_expect(pop_exact(family, cache, 3) == three);
}

/* A sample is due when more lives than the last time; a free takes off what it frees, but not all. */
Test(cache, samples, .init = start)
{
    struct lmm_family *family = open_family("f", 1024);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_expect(cache->sample_slots == 128);
    for (int i = 0; i < 2; i++) {
        cr_assert(push_new(family, cache, 100, &block));
    }
    cr_expect(cache->unsampled_slots == -2 * 93);
    cr_assert(pop_exact(family, cache, 100) != NULL && pop_exact(family, cache, 100) != NULL);
    cr_expect(cache->unsampled_slots == 2 * 7, "now and then even if nothing is more");
    cr_expect(lmm_cache_sample(cache, &heap, family->index, block) == block);
    cr_expect(cache->unsampled_slots == 0);
    cr_assert(push_new(family, cache, 100, &block) && cache->unsampled_slots < 0);
    cr_expect(lmm_cache_make_room(cache, family, 1) && cache->unsampled_slots == 0,
              "a heap that only frees does not count down for ever");
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
    cr_expect(pop_exact(family, cache, 2) == NULL);
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
    cr_expect(!lmm_cache_has_room(NULL, 2));
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
    uint32_t top = cache->top[5];
    struct lmm_cached_run *newest = &cache->run[top];
    struct lmm_cached_run *older = &cache->run[newest->below];
    EXPECT_SEEN(*newest->tag, LMM_TAG_LIVE_BASE, "I1: a live run");
    EXPECT_SEEN(newest->tag, older->tag, "I1: another run's tag");
    EXPECT_SEEN(newest->block, block + 1, "I1: not a run's start");
    EXPECT_SEEN(newest->tag[1], lmm_tag_make(LMM_TAG_TAIL, 4), "I1: of another length");
    EXPECT_SEEN(newest->block, older->block, "I2: a run twice");
    EXPECT_SEEN(older->below, top, "I2: an entry twice");
    EXPECT_SEEN(older->below, 0, "I2: an entry lost");
    EXPECT_SEEN(cache->spare, top, "I2: an entry both used and spare");
    EXPECT_SEEN(cache->spare, LMM_CACHE_RUNS + 1, "I2: no entry");
    EXPECT_SEEN(cache->room_slots, cache->room_slots + 1, "I3");
    EXPECT_SEEN(cache->bound_slots, cache->bound_slots - 1, "I3");
    EXPECT_SEEN(cache->used[0], 0, "I4: a bit cleared");
    EXPECT_SEEN(cache->used[1], 1, "I4: a bit set");
}
