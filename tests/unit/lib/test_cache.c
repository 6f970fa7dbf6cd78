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
#include <signal.h>
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

/* The tag of a run in that heap's cache, without a site. */
static uint32_t mark_of(uint32_t number)
{
    return lmm_tag_cached(0) | lmm_tag_cacher(number);
}

static struct lmm_cache_stack *stack_of(struct lmm_cache *cache, size_t n)
{
    return &cache->stack[lmm_run_class(n).number];
}

/* Takes a run and pushes it as a free does; where only the stack is too short, makes it longer. */
static bool push_new(struct lmm_family *family, struct lmm_cache *cache, size_t n, char **ret_block)
{
    struct lmm_location at;
    bool zeroed;

    *ret_block = lmm_run_take(&family->runs, n, 1, family->site, &zeroed);
    cr_assert(lmm_page_locate(*ret_block, &at));
    lmm_page_set_tag(at.page, at.slot, mark_of(heap.number));
    const struct lmm_cache_stack *stack = stack_of(cache, n);
    if (stack->count == stack->capacity && stack->count < LMM_CACHE_STACK_RUNS &&
        stack->slots <= cache->room_slots) {
        cr_assert(lmm_cache_make_room(&heap, family, n));
    }
    if (lmm_cache_push(cache, n, *ret_block, &at.page->tags[at.slot])) {
        return true;
    }
    lmm_run_give(&family->runs, at.page, at.slot, n);
    return false;
}

static char *pop(struct lmm_family *family, struct lmm_cache *cache, size_t n)
{
    return lmm_cache_pop(cache, n, family->site);
}

/* How many runs there are for blocks of n slots; pops them. */
static size_t count_pops(struct lmm_family *family, struct lmm_cache *cache, size_t n)
{
    size_t count = 0;

    lmm_cache_sample(&heap, family);
    for (; pop(family, cache, n) != NULL; count++) {
        lmm_cache_sample(&heap, family);
    }
    return count;
}

static size_t length_of(const struct lmm_family *family, const char *block)
{
    const struct lmm_page *page = lmm_page_of((uintptr_t) block);

    return lmm_run_length(page, (size_t) (block - lmm_page_base(page)) / family->stride);
}

static size_t wanted_runs(size_t stride, size_t n)
{
    size_t runs = LMM_FAMILY_CACHE_BYTES / stride / lmm_run_class(n).slots;

    return runs < LMM_CACHE_STACK_RUNS ? runs : LMM_CACHE_STACK_RUNS;
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
            for (int k = 0; k < LMM_CACHE_STACK_RUNS + 4; k++) {
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

/* A full cache gives runs of the classes in turn back for a new one, and a little more. */
Test(cache, makes_room, .init = start)
{
    enum { STRIDE = 1024, BOUND = 2048 };
    struct lmm_family *family = open_family("f", STRIDE);
    family->cache_bytes = BOUND * STRIDE;
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_expect(lmm_cache_make_room(&heap, family, 60) && cache->room_slots == BOUND);
    for (size_t i = 0; i < BOUND / 64; i++) {
        cr_assert(push_new(family, cache, i % 2 == 0 ? 60 : 52, &block));
    }
    while (push_new(family, cache, 64, &block)) {
    }
    cr_expect(cache->room_slots < 64);
    size_t room_slots = cache->room_slots;
    cr_expect(lmm_cache_make_room(&heap, family, 28) && push_new(family, cache, 28, &block));
    cr_expect(cache->room_slots == room_slots + 52 - 28 && lmm_cache_is_valid(cache, family));
    cr_expect(count_pops(family, cache, 28) == 1);
    cr_expect(count_pops(family, cache, 60) == BOUND / 128);
    cr_expect(count_pops(family, cache, 52) == BOUND / 128 - 1);
    lmm_cache_close(&heap, family);
    cr_expect(!lmm_cache_make_room(&heap, family, 1), "closed");
}

/* The class with the most runs gives most of them back, but lengths that are not used any more go, too. */
Test(cache, gives_back_what_it_has_most_of, .init = start)
{
    enum { STRIDE = 1024, FEW = 3, USED = 60, UNUSED = 28, GIVEN = 100 };
    struct lmm_family *family = open_family("f", STRIDE);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    const struct lmm_cache_stack *unused = stack_of(cache, UNUSED);
    char *block;

    cr_assert(lmm_cache_make_room(&heap, family, UNUSED));
    for (size_t i = 0; i < FEW; i++) {
        cr_assert(push_new(family, cache, UNUSED, &block));
    }
    cr_assert(lmm_cache_make_room(&heap, family, USED));
    while (push_new(family, cache, USED, &block)) {
    }
    cr_assert(cache->given == 0 && stack_of(cache, USED)->count > FEW);
    while (cache->given < GIVEN) {
        cr_assert(lmm_cache_make_room(&heap, family, USED));
        cr_expect(FEW - unused->count <= (int) (cache->given + 3) / 4, "%u given", cache->given);
        while (push_new(family, cache, USED, &block)) {
        }
    }
    cr_expect(unused->count == 0 && lmm_cache_is_valid(cache, family));
    lmm_cache_flush(&heap);
}

/* A full cache grows while requests find no run, up to the heap's bound. */
Test(cache, grows, .init = start)
{
    enum {
        STRIDE = 1024,
        STEP = LMM_CACHE_STEP_BYTES / STRIDE,
        STEPS = (LMM_CACHE_BYTES_MAX - LMM_FAMILY_CACHE_BYTES) / LMM_CACHE_STEP_BYTES,
    };
    struct lmm_family *family = open_family("f", STRIDE);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    uint32_t bound_slots = cache->bound_slots;
    char *block;

    cr_assert(lmm_cache_make_room(&heap, family, 128));
    for (size_t i = 0; i < STEPS + 2; i++) {
        size_t grown = i < STEPS ? STEP : 0;
        while (push_new(family, cache, 128, &block)) {
        }
        cache->misses = LMM_CACHE_MISSES - 1;
        cr_expect(lmm_cache_make_room(&heap, family, 128) && cache->bound_slots == bound_slots,
                  "step %zu: too few misses", i);
        while (push_new(family, cache, 128, &block)) {
        }
        cache->misses = LMM_CACHE_MISSES;
        cr_expect(lmm_cache_make_room(&heap, family, 128), "step %zu", i);
        cr_expect(cache->bound_slots == bound_slots + grown, "step %zu", i);
        cr_expect(lmm_cache_is_valid(cache, family), "step %zu", i);
        bound_slots = cache->bound_slots;
    }
    heap.cache_growth_bytes = LMM_CACHE_GROWTH_BYTES;
    struct lmm_family *other = open_family("g", STRIDE);
    struct lmm_cache *second = lmm_cache_of(&heap, other);
    second->misses = LMM_CACHE_MISSES;
    cr_assert(lmm_cache_make_room(&heap, other, 128));
    while (push_new(other, second, 128, &block)) {
    }
    cr_expect(lmm_cache_make_room(&heap, other, 128));
    cr_expect(second->bound_slots == LMM_FAMILY_CACHE_BYTES / STRIDE,
              "the heap's bound is reached");
    lmm_cache_flush(&heap);
}

/* A class has a bound of its own; when it is reached, its oldest runs are given back. */
Test(cache, makes_room_on_a_stack, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    const struct lmm_cache_stack *stack = stack_of(cache, 2);
    char *blocks[LMM_CACHE_STACK_RUNS + 1];

    for (int i = 0; i < LMM_CACHE_STACK_RUNS + 1; i++) {
        cr_assert(lmm_cache_make_room(&heap, family, 2) && lmm_cache_is_valid(cache, family));
        cr_assert(push_new(family, cache, 2, &blocks[i]));
    }
    uint32_t left = stack->count;
    cr_expect(stack->capacity == LMM_CACHE_STACK_RUNS && left < LMM_CACHE_STACK_RUNS);
    for (uint32_t i = 0; i < left; i++) {
        cr_expect(pop(family, cache, 2) == blocks[LMM_CACHE_STACK_RUNS - i], "%u", i);
    }
}

/* Without memory for a longer stack the oldest runs are given back; without any for a stack, there is
 * no room. */
Test(cache, stack_without_memory, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    const struct lmm_cache_stack *stack = stack_of(cache, 2);
    char *block;

    do {
        cr_assert(push_new(family, cache, 2, &block));
    } while (stack->count < stack->capacity);
    uint32_t capacity = stack->capacity;
    cr_expect(stack->count == capacity);
    seam_install();
    seam_fail_all(SEAM_MAP);
    for (size_t bytes = 16; bytes <= 4096; bytes *= 2) {
        while (lmm_meta_alloc(&lmm_arena_records, bytes) != NULL) {
        }
    }
    cr_expect(lmm_cache_make_room(&heap, family, 2));
    cr_expect(stack->capacity == capacity && stack->count < capacity);
    cr_expect(!lmm_cache_make_room(&heap, family, 3));
    seam_heal();
    cr_expect(lmm_cache_make_room(&heap, family, 3) && lmm_cache_is_valid(cache, family));
}

/* A run serves all lengths of its class; the block has the length that was requested. */
Test(cache, one_class, .init = start)
{
    static const struct {
        size_t pushed;
        size_t wanted;
        bool is_popped;
    } cases[] = {
        {1, 1, true},        {1, 2, false},       {2, 1, false},           {10, 10, true},
        {10, 9, false},      {16, 16, true},      {16, 17, false},         {17, 18, true},
        {18, 17, true},      {18, 19, false},     {64, 61, true},          {64, 60, false},
        {57, 64, false},     {60, 57, true},      {65, 72, true},          {72, 65, true},
        {128, 113, false},   {121, 128, true},    {128, 0, false},         {8192, 7681, true},
        {8192, 7680, false}, {8192, 8193, false}, {8192, SIZE_MAX, false},
    };
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_assert(lmm_cache_make_room(&heap, family, 1));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(push_new(family, cache, cases[i].pushed, &block));
        const char *popped = pop(family, cache, cases[i].wanted);
        cr_expect(popped == (cases[i].is_popped ? block : NULL), "case %zu", i);
        cr_expect(popped == NULL || length_of(family, popped) == cases[i].wanted, "case %zu", i);
        lmm_cache_flush(&heap);
    }
    cr_expect(pop(family, NULL, 3) == NULL);
}

Test(cache, last_in_first_out_by_class, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *two[3];
    char *three;

    cr_assert(lmm_cache_make_room(&heap, family, 2));
    for (int i = 0; i < 3; i++) {
        cr_assert(push_new(family, cache, 2, &two[i]));
    }
    cr_assert(push_new(family, cache, 3, &three));
    for (int i = 3; i-- > 0;) {
        char *block = pop(family, cache, 2);
        cr_expect(block == two[i]);
        const struct lmm_page *page = lmm_page_of((uintptr_t) block);
        size_t slot = (size_t) (block - lmm_page_base(page)) / 16;
        cr_expect(page->tags[slot] == LMM_TAG_LIVE_BASE + family->site);
        cr_expect(length_of(family, block) == 2);
    }
    cr_expect(pop(family, cache, 2) == NULL);
    cr_expect(pop(family, cache, 3) == three);
}

/* Two threads freed a block at once, and the other one's mark was stored last. */
Test(cache, finds_another_heaps_mark, .init = start, .signal = SIGABRT)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_assert(lmm_cache_make_room(&heap, family, 2) && push_new(family, cache, 2, &block));
    lmm_page_of((uintptr_t) block)->tags[0] = mark_of(heap.number + 1);
    pop(family, cache, 2);
}

/* A sample is due when half a page more lives than at the last time. It makes no difference how much the
 * cache gives back, or whether its room grows. */
Test(cache, samples, .init = start)
{
    struct lmm_family *family = open_family("f", 1024);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    uint32_t bound_slots = cache->bound_slots;
    char *block;

    cr_expect(cache->sample_at == bound_slots + 128);
    cr_assert(lmm_cache_make_room(&heap, family, 100));
    for (int i = 0; i < 3; i++) {
        cr_assert(push_new(family, cache, 100, &block));
    }
    cr_assert(pop(family, cache, 100) != NULL && pop(family, cache, 100) != NULL);
    lmm_cache_sample(&heap, family);
    cr_expect(cache->sample_at == cache->room_slots + 128, "it is not due: less lives than before");
    cr_assert(push_new(family, cache, 100, &block));
    cache->sample_at = cache->room_slots;
    lmm_cache_sample(&heap, family);
    cr_expect(cache->sample_at == cache->room_slots && pop(family, cache, 100) != NULL);
    cr_expect(pop(family, cache, 100) == NULL, "first the sample");
    lmm_cache_sample(&heap, family);
    cr_expect(cache->sample_at == cache->room_slots + 128 && pop(family, cache, 100) != NULL);
    cr_assert(push_new(family, cache, 100, &block));
    uint32_t more = cache->sample_at - cache->room_slots;
    lmm_cache_flush(&heap);
    cr_expect(cache->room_slots == bound_slots && cache->sample_at - bound_slots == more);
}

/* When a family gets a limit, its caches refuse requests until their threads look at it. */
Test(cache, refuses, .init = start)
{
    struct lmm_family *family = open_family("f", 1024);
    struct lmm_family *other = open_family("g", 1024);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_assert(lmm_cache_make_room(&heap, family, 2) && push_new(family, cache, 2, &block));
    lmm_cache_refuse(&heap, other);
    cr_assert(pop(family, cache, 2) == block && push_new(family, cache, 2, &block));
    lmm_cache_refuse(&heap, family);
    cr_expect(pop(family, cache, 2) == NULL);
    lmm_cache_sample(&heap, family);
    cr_expect(pop(family, cache, 2) == block);
}

/* Cached runs do not split or merge; after they are given back they do. */
Test(cache, flush_merges, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block[8];

    bool zeroed;
    cr_assert(lmm_cache_make_room(&heap, family, 2));
    char *live = lmm_run_take(&family->runs, 2, 1, family->site, &zeroed);
    cr_assert(live != NULL);
    for (int i = 0; i < 8; i++) {
        cr_assert(push_new(family, cache, 2, &block[i]));
        cr_expect(block[i] == live + 32 * (i + 1), "no cached run is taken again");
    }
    cr_expect(family->runs.holes.queue.count == 1);
    cr_expect(lmm_cache_bytes(&heap) == (size_t) 8 * 2 * 16);
    cr_expect(lmm_cache_flush(&heap) && !lmm_cache_flush(&heap) && lmm_cache_bytes(&heap) == 0);
    cr_expect(family->runs.holes.queue.count == 1);
    cr_expect(glpq_largest(&family->runs.holes.queue)->key == LMM_UNIT_BYTES / 16 - 2);
}

Test(cache, forget_leaves_the_tags, .init = start)
{
    struct lmm_family *family = open_family("f", 16);
    struct lmm_cache *cache = lmm_cache_of(&heap, family);
    char *block;

    cr_assert(lmm_cache_make_room(&heap, family, 2) && push_new(family, cache, 2, &block));
    lmm_cache_forget(&heap);
    cr_expect(pop(family, cache, 2) == NULL && lmm_cache_is_valid(cache, family));
    cr_expect(lmm_page_of((uintptr_t) block)->tags[0] == mark_of(heap.number));
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

    cr_assert(lmm_cache_make_room(&heap, family, 20));
    for (int i = 0; i < 3; i++) {
        cr_assert(push_new(family, cache, 20, &block));
    }
    cr_assert(lmm_cache_is_valid(cache, family));
    struct lmm_cache_stack *stack = stack_of(cache, 20);
    struct lmm_cached_run *newest = &stack->run[2];
    struct lmm_cached_run *older = &stack->run[1];
    EXPECT_SEEN(*newest->tag, LMM_TAG_LIVE_BASE, "I1: a live run");
    EXPECT_SEEN(*newest->tag, mark_of(heap.number + 1), "I1: another heap's run");
    EXPECT_SEEN(newest->tag, older->tag, "I1: another run's tag");
    EXPECT_SEEN(newest->block, block + 1, "I1: not a run's start");
    EXPECT_SEEN(newest->tag[1], lmm_tag_make(LMM_TAG_TAIL, 18), "I1: of another class");
    EXPECT_SEEN(*newest, *older, "I2: a run twice");
    EXPECT_SEEN(stack->count, 2, "I2: a run lost");
    EXPECT_SEEN(stack->capacity, 2, "I2: too many runs");
    EXPECT_SEEN(stack->capacity, 2 * LMM_CACHE_STACK_RUNS, "I2: too long a stack");
    EXPECT_SEEN(cache->room_slots, cache->room_slots + 1, "I3");
    EXPECT_SEEN(cache->bound_slots, cache->bound_slots - 1, "I3");
}
