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

/* So many more live slots than at the last sample make the next one due: half a page. */
static uint32_t sample_slots(const struct lmm_cache *cache)
{
    return LMM_UNIT_BYTES / 2 / cache->stride;
}

/* Lets a sample be due after half a page of slots more, where it would be due later. */
static void limit_sample(struct lmm_cache *cache)
{
    uint32_t latest = cache->room_slots + sample_slots(cache);

    if (cache->sample_at > latest) {
        cache->sample_at = latest;
    }
}

/* Makes the cache empty, and open. */
static void make_empty(struct lmm_cache *cache, const struct lmm_family *family)
{
    for (uint32_t class = 0; class < LMM_RUN_CLASSES; class ++) {
        cache->stack[class].count = 0;
    }
    cache->room_slots = cache->bound_slots = (uint32_t) (family->cache_bytes / family->stride);
    cache->sample_at = cache->room_slots + sample_slots(cache);
}

static void init(struct lmm_cache *cache, const struct lmm_heap *heap,
                 const struct lmm_family *family)
{
    LMM_CHECK(family->stride <= LMM_RUN_BYTES_MAX);
    for (uint32_t i = 1; i < LMM_RUN_CLASSES; i++) {
        cache->stack[i].slots = lmm_run_class_slots(i);
    }
    cache->slots_max = (uint32_t) family->runs.slots_max;
    cache->mark = lmm_tag_cached(0) | lmm_tag_cacher(heap->number);
    cache->stride = (uint32_t) family->stride;
    cache->tail_bytes = family->is_flexible ? 0 : (uint32_t) (family->stride - family->size);
    make_empty(cache, family);
}

struct lmm_cache *lmm_cache_of(struct lmm_heap *heap, const struct lmm_family *family)
{
    if (heap->is_shared || family->index >= heap->bin_capacity || lmm_limit_is_set(family)) {
        return NULL; /* many threads use the shared heap, each for a short time */
    }
    struct lmm_bin *bin = &heap->open.bins[family->index];
    if (bin->cache == NULL) {
        struct lmm_cache *cache = lmm_meta_zalloc(sizeof(*cache));
        if (cache == NULL) {
            return NULL;
        }
        init(cache, heap, family);
        lmm_store_release(&bin->cache, cache); /* partner: lmm_cache_refuse() */
    }
    return bin->cache;
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

enum { FIRST_RUNS = 8 }; /* of a stack */

/* Gives a full stack twice the capacity. False: it has the most, or there is no memory. */
static bool stack_grow(struct lmm_cache_stack *stack)
{
    uint32_t capacity = stack->capacity == 0 ? FIRST_RUNS : 2 * (uint32_t) stack->capacity;
    struct lmm_cached_run *run = capacity > LMM_CACHE_STACK_RUNS
                                     ? NULL
                                     : lmm_meta_alloc(&lmm_arena_records, capacity * sizeof(*run));

    if (run == NULL) {
        return false;
    }
    if (stack->run != NULL) {
        memcpy(run, stack->run, stack->count * sizeof(*run));
        lmm_meta_free(&lmm_arena_records, stack->run, stack->capacity * sizeof(*run));
    }
    stack->run = run;
    stack->capacity = (uint16_t) capacity;
    return true;
}

/* ---- Giving back ----------------------------------------------------------------------------- */

enum {
    BATCH = 16,      /* runs that are given back under one lock */
    ROOM_PART = 128, /* of the bound is made free at once */
    IN_TURN = 4,     /* of so many runs that are given back one is of the next class in turn */
};

/* Takes up to `count` of the oldest runs of the class out; returns how many. */
static size_t take_oldest(struct lmm_cache *cache, uint32_t class, size_t count,
                          struct lmm_free_run *ret_run)
{
    struct lmm_cache_stack *stack = &cache->stack[class];
    size_t taken = count < stack->count ? count : stack->count;

    for (size_t i = 0; i < taken; i++) {
        struct lmm_page *page = lmm_page_of((uintptr_t) stack->run[i].block);
        size_t slot = (size_t) (stack->run[i].tag - page->tags);
        size_t n = lmm_run_length_in(page, stack->run[i].tag, slot);
        if (LMM_UNLIKELY(!lmm_cache_has_marked(cache, lmm_load_relaxed(stack->run[i].tag)))) {
            lmm_cache_panic(stack->run[i].block);
        }
        ret_run[i] = (struct lmm_free_run) {page, slot, n};
    }
    stack->count = (uint16_t) (stack->count - taken);
    cache->room_slots += (uint32_t) taken * stack->slots;
    cache->sample_at += (uint32_t) taken * stack->slots; /* they do not live */
    memmove(stack->run, stack->run + taken, stack->count * sizeof(*stack->run));
    return taken;
}

/* The next class after that one, in a circle, of which there is a run; there is one. */
static uint32_t next_class(const struct lmm_cache *cache, uint32_t class)
{
    do {
        class = class + 1 < cache->end ? class + 1 : 1;
    } while (cache->stack[class].count == 0);
    return class;
}

static bool is_empty(const struct lmm_cache *cache)
{
    return cache->room_slots == cache->bound_slots;
}

/* The class of which a run is given back: mostly that with the most runs, which needs it least. But each
 * class in turn, too, because the program may not use its lengths any more. There is a run. */
static uint32_t class_to_give(struct lmm_cache *cache)
{
    uint32_t fullest = 1;

    if (cache->given++ % IN_TURN == 0) {
        cache->hand = next_class(cache, cache->hand);
        return cache->hand;
    }
    for (uint32_t class = 2; class < cache->end; class ++) {
        fullest = cache->stack[class].count > cache->stack[fullest].count ? class : fullest;
    }
    return fullest;
}

/* Gives runs back, until so many slots are free, but no more than BATCH. */
static void give_some_back(struct lmm_cache *cache, struct lmm_family *family, size_t wanted_slots)
{
    struct lmm_free_run run[BATCH];
    size_t count = 0;

    while (count < BATCH && cache->room_slots < wanted_slots && !is_empty(cache)) {
        count += take_oldest(cache, class_to_give(cache), 1, run + count);
    }
    lmm_runs_give(&family->runs, run, count);
}

/* Makes room on the stack of the class, which is full. False without memory for a first run. */
static bool make_stack_room(struct lmm_cache *cache, struct lmm_family *family, uint32_t class)
{
    struct lmm_cache_stack *stack = &cache->stack[class];
    struct lmm_free_run run[BATCH];

    if (!stack_grow(stack) && stack->capacity != 0) {
        lmm_runs_give(&family->runs, run, take_oldest(cache, class, BATCH, run));
    }
    cache->end = cache->end > class + 1 ? cache->end : class + 1;
    return stack->count < stack->capacity;
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
    cache->sample_at += slots;
    heap->cache_growth_bytes += LMM_CACHE_STEP_BYTES;
}

bool lmm_cache_make_room(struct lmm_heap *heap, struct lmm_family *family, size_t n)
{
    struct lmm_cache *cache = heap->open.bins[family->index].cache;
    struct lmm_run_class class = lmm_run_class(n);

    if (class.slots > cache->bound_slots) {
        return false;
    }
    limit_sample(cache);
    if (class.slots > cache->room_slots) {
        grow(heap, cache, family);
    }
    size_t wanted = class.slots + cache->bound_slots / ROOM_PART;
    wanted = wanted < cache->bound_slots ? wanted : cache->bound_slots;
    while (class.slots > cache->room_slots) {
        give_some_back(cache, family, wanted);
    }
    const struct lmm_cache_stack *stack = &cache->stack[class.number];
    return stack->count < stack->capacity || make_stack_room(cache, family, class.number);
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

void lmm_cache_refuse(struct lmm_heap *first, const struct lmm_family *family)
{
    for (struct lmm_heap *heap = first; heap != NULL; heap = heap->next) {
        lmm_lock_acquire(heap->lock);
        struct lmm_cache *cache = family->index < heap->bin_capacity
                                      ? lmm_load_acquire(&heap->open.bins[family->index].cache)
                                      : NULL;
        if (cache != NULL) {
            lmm_store_relaxed(&cache->slots_max, 0);
        }
        lmm_lock_release(heap->lock);
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

void lmm_cache_sample(struct lmm_heap *heap, struct lmm_family *family)
{
    struct lmm_cache *cache = heap->open.bins[family->index].cache;

    if (cache == NULL) {
        return;
    }
    if (lmm_load_relaxed(&cache->slots_max) == 0) {
        /* Before the caller looks at the limit, by which another thread made it refuse requests. */
        lmm_exchange_acq_rel(&cache->slots_max, (uint32_t) family->runs.slots_max);
    }
    if (cache->room_slots <= cache->sample_at) {
        limit_sample(cache); /* the caller tells the heap of all slots */
        return;
    }
    LMM_CHECK(lmm_cache_is_valid(cache, family));
    lmm_heap_note(heap, family, cache->room_slots - cache->sample_at + sample_slots(cache));
    cache->sample_at = cache->room_slots + sample_slots(cache);
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

/* Checks the runs of one class; *slots gets what they have. */
static bool stack_is_valid(const struct lmm_cache *cache, const struct lmm_family *family,
                           uint32_t class, size_t *slots)
{
    const struct lmm_cache_stack *stack = &cache->stack[class];

    if (stack->count > stack->capacity || stack->capacity > LMM_CACHE_STACK_RUNS) {
        return false;
    }
    for (uint32_t i = 0; i < stack->count; i++) {
        const struct lmm_cached_run *run = &stack->run[i];
        if (!run_is_valid(cache, family, run, class)) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (run->block == stack->run[j].block) {
                return false;
            }
        }
        struct lmm_page *page = lmm_page_of((uintptr_t) run->block);
        *slots += lmm_run_class(lmm_run_length(page, (size_t) (run->tag - page->tags))).slots;
    }
    return true;
}

bool lmm_cache_is_valid(const struct lmm_cache *cache, const struct lmm_family *family)
{
    size_t slots = cache->room_slots;

    for (uint32_t class = 0; class < LMM_RUN_CLASSES; class ++) {
        if (!stack_is_valid(cache, family, class, &slots)) {
            return false;
        }
    }
    return slots == cache->bound_slots;
}
