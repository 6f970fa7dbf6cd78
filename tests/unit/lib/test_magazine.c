/* SPDX-License-Identifier: MIT */
/* magazine: slots that come back in turn, those of another heap, and when a magazine is emptied. */
#include "tests/support/seam.h"

#include "lib/front/block.h"
#include "lib/ground/meta.h"
#include "lib/heaps/foreign.h"
#include "lib/heaps/magazine.h"
#include "lib/heaps/repair.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/pages/limit.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum {
    SHORT = LMM_MAGAZINE_FIRST,
    LONG = LMM_MAGAZINE_END - 1,
    SHORT_BYTES = 1152,
    LONG_BYTES = 8192,
    LONG_SLOTS = LMM_MAGAZINE_BYTES / LONG_BYTES,
    PAGE_SLOTS = LMM_UNIT_BYTES / SHORT_BYTES,
};

_Static_assert(LMM_MAGAZINE_BYTES / SHORT_BYTES > LMM_MAGAZINE_SLOTS, "the slots are the bound");
_Static_assert((int) LONG_SLOTS < (int) LMM_MAGAZINE_SLOTS, "the bytes are the bound");

static struct lmm_heap owner;
static struct lmm_heap other;
static char *blocks[8 * PAGE_SLOTS];

/* As the drop-in does, before any other family. */
static void start_families(void)
{
    cr_assert(lmm_start());
    for (uint32_t i = 0; i < LMM_MAGAZINE_END; i++) {
        char name[16];
        size_t bytes = i < SHORT ? 16 : i < LONG ? SHORT_BYTES : LONG_BYTES;

        snprintf(name, sizeof(name), "class-%u", i);
        const struct lmm_family *family = lmm_families_add(name, bytes, 16, false);
        cr_assert(family != NULL && family->index == i && family->site == i);
    }
}

/* Opens the fast paths of a heap for the families. */
static void open_heap(struct lmm_heap *heap)
{
    cr_assert(lmm_heap_open_sites(heap) && lmm_heap_row(heap, 0) != NULL);
    *heap->open.limit_in_parent = heap->open.first_limit;
    lmm_magazines_create(&heap->open);
    cr_assert(heap->open.magazines != &lmm_no_magazines);
}

static void start(void)
{
    start_families();
    cr_assert(lmm_heap_init(&owner, 100, false, false) && lmm_heap_init(&other, 101, false, false));
    open_heap(&owner);
    open_heap(&other);
}

/* A slot of the bin. */
static char *allocate(struct lmm_heap *heap, uint32_t family)
{
    char *block;

    do {
        block = lmm_heap_pop(&heap->open, family, family, true);
    } while (block == NULL && lmm_heap_refill(heap, lmm_families_at(family)));
    cr_assert(block != NULL);
    return block;
}

static void allocate_all(struct lmm_heap *heap, uint32_t family, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i] = allocate(heap, family);
    }
}

static bool push(struct lmm_heap *heap, char *block)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) block);
    struct lmm_ledger_row *row = lmm_open_first_row(&heap->open, page->family);

    return lmm_magazine_push(&heap->open, page->family, row, page, block, page->owner == heap);
}

static size_t kept(const struct lmm_heap *heap, uint32_t family)
{
    const struct lmm_magazine *magazine = &heap->open.magazines->magazine[family];

    return (size_t) (magazine->top - magazine->first);
}

static uint64_t live(uint32_t family)
{
    struct lmm_ledger_row sum = lmm_family_sum(lmm_families_at(family));

    return sum.allocated_blocks - sum.freed_blocks;
}

static uint64_t pages(uint32_t family)
{
    return lmm_families_at(family)->record->pages;
}

static void assert_valid(void)
{
    cr_assert(lmm_heap_is_valid(&owner) && lmm_heap_is_valid(&other));
}

/* The bound of a magazine, in slots and in bytes; the newest slot is given out first. */
Test(magazine, bound_and_order, .init = start)
{
    static const struct {
        uint32_t family;
        size_t slots;
    } cases[] = {{SHORT, LMM_MAGAZINE_SLOTS}, {LONG, LONG_SLOTS}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t family = cases[i].family;
        size_t slots = cases[i].slots;
        allocate_all(&owner, family, slots + 1);
        for (size_t k = 0; k < slots; k++) {
            cr_assert(kept(&owner, family) == k && push(&owner, blocks[k]));
        }
        cr_expect(!push(&owner, blocks[slots]), "a full magazine");
        cr_expect(live(family) == 1);
        assert_valid();
        for (size_t k = slots; k-- > 0;) {
            struct lmm_location at;
            cr_assert(lmm_magazine_pop(&owner.open, family) == blocks[k]);
            cr_assert(lmm_page_locate(blocks[k], &at));
            cr_assert(at.page->tags[at.slot] == LMM_TAG_LIVE_BASE + family);
        }
        cr_expect(lmm_magazine_pop(&owner.open, family) == NULL, "an empty magazine");
        cr_expect(live(family) == slots + 1);
        assert_valid();
    }
}

/* A slot stays with the heap that has freed it. When that heap empties its magazines, it comes back. */
Test(magazine, slots_of_another_heap, .init = start)
{
    allocate_all(&owner, SHORT, 3 * PAGE_SLOTS);
    for (size_t i = 0; i < 10; i++) {
        cr_assert(push(&other, blocks[i * PAGE_SLOTS / 4]));
    }
    cr_expect(lmm_open_first_row(&other.open, SHORT)->foreign_frees == 10);
    for (size_t i = 10; i-- > 3;) {
        cr_assert(lmm_magazine_pop(&other.open, SHORT) == blocks[i * PAGE_SLOTS / 4]);
        cr_assert(push(&other, blocks[i * PAGE_SLOTS / 4]));
        cr_assert(lmm_magazine_pop(&other.open, SHORT) != NULL);
    }
    cr_expect(live(SHORT) == 3 * PAGE_SLOTS - 3);
    assert_valid();
    for (size_t i = 0; i < 3 * PAGE_SLOTS; i++) {
        bool is_kept = i == 0 || i == PAGE_SLOTS / 4 || i == 2 * PAGE_SLOTS / 4;
        if (!is_kept && !push(&owner, blocks[i])) {
            struct lmm_page *page = lmm_page_of((uintptr_t) blocks[i]);
            uint32_t slot = lmm_page_slot_of(page, blocks[i]);
            lmm_heap_push_own(&owner, page, slot, lmm_tag_site(page->tags[slot]));
        }
    }
    assert_valid();
    lmm_magazines_flush(&owner);
    cr_expect(pages(SHORT) == 1 + 1, "the first page has three slots in the other's magazine; one "
                                     "page is current");
    lmm_magazines_flush(&other);
    cr_expect(kept(&other, SHORT) == 0);
    assert_valid();
    lmm_foreign_flush(&other);
    lmm_heap_settle(&owner);
    cr_expect(pages(SHORT) == 0);
    assert_valid();
}

/* What a magazine does not take is left as it was. */
Test(magazine, refuses_what_is_not_live, .init = start)
{
    allocate_all(&owner, SHORT, 2);
    struct lmm_page *page = lmm_page_of((uintptr_t) blocks[1]);
    uint32_t *tag = &page->tags[lmm_page_slot_of(page, blocks[1])];

    cr_assert(push(&owner, blocks[0]));
    cr_expect(!push(&owner, blocks[0]), "freed before");
    cr_expect(!push(&other, blocks[0]), "freed before, by another heap");
    *tag = LMM_TAG_LIVE_BASE + SHORT + 1;
    cr_expect(!push(&owner, blocks[1]), "live at another site");
    cr_expect(*tag == LMM_TAG_LIVE_BASE + SHORT + 1);
    *tag = LMM_TAG_LIVE_BASE + SHORT;
    cr_expect(kept(&owner, SHORT) == 1 && live(SHORT) == 1);
    assert_valid();
}

/* A magazine of a class that was not used since the last look is emptied; the others are not. */
Test(magazine, unused_ones_are_emptied, .init = start)
{
    enum { ROUND = LMM_MAGAZINE_END - LMM_MAGAZINE_FIRST };

    allocate_all(&owner, SHORT, 10);
    char *other_class = allocate(&owner, LONG);
    cr_assert(push(&owner, blocks[0]) && push(&owner, other_class));
    for (size_t i = 0; i < ROUND; i++) {
        lmm_magazines_look(&owner);
    }
    cr_expect(kept(&owner, SHORT) == 1 && kept(&owner, LONG) == 1, "seen for the first time");
    cr_assert(push(&owner, blocks[1]));
    for (size_t i = 0; i < ROUND; i++) {
        lmm_magazines_look(&owner);
    }
    cr_expect(kept(&owner, SHORT) == 2 && kept(&owner, LONG) == 0);
    cr_assert(lmm_magazine_pop(&owner.open, SHORT) == blocks[1] && push(&owner, blocks[1]));
    for (size_t i = 0; i < ROUND; i++) {
        lmm_magazines_look(&owner);
    }
    cr_expect(kept(&owner, SHORT) == 2, "in use, and as full as before");
    assert_valid();
}

static void ignore(struct lmm_family *limited, uint64_t live_bytes, void *arg)
{
    (void) limited;
    (void) live_bytes;
    (void) arg;
}

/* Slots in magazines would escape a limit. */
Test(magazine, limits_close, .init = start)
{
    allocate_all(&owner, SHORT, 2);
    cr_assert(push(&owner, blocks[0]));
    cr_assert(lmm_family_limit(lmm_families_at(SHORT), 1 << 20, 0, ignore, NULL) == 0);
    lmm_magazines_look(&owner);
    cr_expect(kept(&owner, SHORT) == 0 && !push(&owner, blocks[1]));
    cr_expect(lmm_magazine_pop(&owner.open, SHORT) == NULL);
    assert_valid();
}

/* As in a forked child: the slots are found by their tags. */
Test(magazine, child, .init = start)
{
    allocate_all(&owner, SHORT, 2 * PAGE_SLOTS);
    for (size_t i = 0; i < 20; i++) {
        cr_assert(push(i % 2 == 0 ? &owner : &other, blocks[i]));
    }
    lmm_magazines_forget(&owner);
    lmm_magazines_forget(&other);
    cr_expect(!lmm_heap_is_valid(&owner), "marks without a slot in a magazine");
    lmm_repair_heap(&other);
    lmm_repair_heap(&owner);
    assert_valid();
    for (size_t i = 0; i < 20; i++) {
        cr_assert(allocate(&owner, SHORT) != NULL);
    }
    cr_expect(pages(SHORT) == 2);
}

Test(magazine, no_memory)
{
    start_families();
    cr_assert(lmm_heap_init(&owner, 100, false, false) && lmm_heap_init(&other, 101, true, false));
    lmm_magazines_create(&other.open);
    cr_expect(other.open.magazines == &lmm_no_magazines, "the shared heap has none");
    cr_assert(lmm_heap_open_sites(&owner) && lmm_heap_row(&owner, 0) != NULL);
    *owner.open.limit_in_parent = owner.open.first_limit;
    char *block = allocate(&owner, LONG);
    cr_expect(!push(&owner, block) && lmm_magazine_pop(&owner.open, LONG) == NULL);
    seam_starve();
    for (size_t i = 0; owner.open.magazines == &lmm_no_magazines && i < 100; i++) {
        lmm_magazines_create(&owner.open); /* takes what meta has left */
        lmm_meta_zalloc(1 << 10);
    }
    seam_heal();
    lmm_magazines_create(&owner.open);
    cr_expect(push(&owner, block) && lmm_magazine_pop(&owner.open, LONG) == block);
}

/* Two threads free one block at the same time: both have found it live. */
static void free_twice_at_once(void)
{
    start();
    allocate_all(&owner, SHORT, 1);
    struct lmm_page *page = lmm_page_of((uintptr_t) blocks[0]);
    cr_assert(push(&owner, blocks[0]));
    page->tags[lmm_page_slot_of(page, blocks[0])] = LMM_TAG_LIVE_BASE + SHORT;
    cr_assert(push(&other, blocks[0]));
}

Test(magazine, two_frees_at_once_are_found, .init = free_twice_at_once, .signal = SIGABRT)
{
    lmm_magazine_pop(&owner.open, SHORT);
}

Test(magazine, two_frees_at_once_are_found_at_the_end, .init = free_twice_at_once,
     .signal = SIGABRT)
{
    lmm_magazines_flush(&owner);
}

#define EXPECT_SEEN(field, wrong, ...)                                                             \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (wrong);                                                                         \
        cr_expect(!lmm_heap_is_valid(&owner), __VA_ARGS__);                                        \
        (field) = saved;                                                                           \
        cr_assert(lmm_heap_is_valid(&owner));                                                      \
    } while (0)

Test(magazine, validity_sees_what_is_wrong, .init = start)
{
    allocate_all(&owner, SHORT, 3);
    cr_assert(push(&owner, blocks[0]) && push(&owner, blocks[1]));
    struct lmm_magazine *magazine = &owner.open.magazines->magazine[SHORT];
    struct lmm_kept_slot *slot = magazine->first;

    EXPECT_SEEN(*slot[0].tag, LMM_TAG_LIVE_BASE + SHORT, "I1: a live slot");
    EXPECT_SEEN(*slot[0].tag, lmm_foreign_mark(&other), "I1: another heap's mark");
    EXPECT_SEEN(slot[0].block, blocks[2], "I1: a tag of another slot");
    EXPECT_SEEN(slot[0].block, blocks[0] + 8, "I1: inside a slot");
    EXPECT_SEEN(slot[0], slot[1], "I2: a slot twice");
    EXPECT_SEEN(magazine->top, slot + 1, "I2: a mark without a slot");
    EXPECT_SEEN(magazine->top, slot - 1, "I3: before the first");
    EXPECT_SEEN(magazine->end, slot + 1, "I3: after the end");
    EXPECT_SEEN(magazine->end, slot + LMM_MAGAZINE_SLOTS + 1, "I3: too many");
}

/* ---- Whole threads --------------------------------------------------------------------------- */

static struct lmm_family *family_of(uint32_t index)
{
    return lmm_families_at(index);
}

/* Opens the calling thread's fast paths, and leaves `count` slots of one page, all of its live blocks,
 * in its magazine. */
static void fill_own_magazine(size_t count)
{
    lmm_free(lmm_block_alloc(family_of(SHORT), SHORT, 1, 1, false));
    lmm_magazines_create(&lmm_thread_open);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = lmm_block_alloc(family_of(SHORT), SHORT, 1, 1, false);
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert(push(lmm_thread_open.heap, blocks[i]));
    }
}

static void *fill_and_end(void *arg)
{
    fill_own_magazine(20);
    return arg;
}

Test(magazine, threads_end, .init = start_families)
{
    pthread_t thread;

    cr_assert(pthread_create(&thread, NULL, fill_and_end, NULL) == 0);
    cr_assert(pthread_join(thread, NULL) == 0);
    cr_expect(pages(SHORT) == 0 && live(SHORT) == 0);
    struct lmm_heap *heap = lmm_thread_heaps();
    cr_assert(heap->is_parked && heap->open.magazines != &lmm_no_magazines);
    cr_expect(kept(heap, SHORT) == 0);
}

Test(magazine, reports_and_trim, .init = start_families)
{
    static const struct {
        const char *what;
        bool is_own;
    } cases[] = {{"tidy", false}, {"trim", false}, {"another thread's trim", true}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fill_own_magazine(20);
        struct lmm_heap *heap = lmm_thread_open.heap;
        cr_assert(kept(heap, SHORT) == 20);
        if (i == 0) {
            lmm_thread_tidy();
        } else if (i == 1) {
            lmm_thread_trim();
        } else {
            lmm_store_relaxed(&heap->trim_wanted, true);
            lmm_free(lmm_block_alloc(family_of(LONG), LONG, 1, 1, false));
        }
        cr_expect(kept(heap, SHORT) == 0 && pages(SHORT) == 0, "%s", cases[i].what);
    }
}
