/* SPDX-License-Identifier: MIT */
/* heap: two heaps in one thread, one of which frees the other's slots; queues, settling,
 * rebuilding. */
#include "tests/support/seam.h"

#include "lib/heaps/foreign.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/repair.h"
#include "lib/ground/tools.h"
#include "lib/ground/reservoir.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fails_with.h"

static struct lmm_heap owner;
static struct lmm_heap other;
static struct lmm_family *family;

enum { SIZE = 64, PAGE_SLOTS = LMM_UNIT_BYTES / SIZE };

static void start(void)
{
    cr_assert(lmm_start());
    family = lmm_families_add("f", SIZE, 1, false);
    cr_assert(lmm_heap_init(&owner, 100, false, false) && lmm_heap_init(&other, 101, false, false));
}

static void *allocate(struct lmm_heap *heap)
{
    void *block = NULL;

    if (lmm_heap_row(heap, family->site) != NULL) {
        block = lmm_heap_pop(&heap->open, family->site, family->index, false);
    }
    while (block == NULL && lmm_heap_refill(heap, family)) {
        block = lmm_heap_pop(&heap->open, family->site, family->index, false);
    }
    if (block != NULL) {
        lmm_tools_block_begins(block, SIZE);
    }
    return block;
}

static struct lmm_page *page_of(const void *block, uint32_t *ret_slot)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) block);

    *ret_slot = (uint32_t) ((size_t) ((const char *) block - lmm_page_base(page)) / SIZE);
    return page;
}

static void free_in(struct lmm_heap *heap, void *block)
{
    uint32_t slot;
    struct lmm_page *page = page_of(block, &slot);

    lmm_tools_block_ends(block, SIZE);
    if (page->owner == heap) {
        lmm_heap_push_own(heap, page, slot, family->site);
    } else {
        cr_assert(lmm_foreign_push(heap, page, slot) == LMM_TAG_LIVE_BASE + family->site);
    }
    lmm_heap_count(heap, family->site, &(struct lmm_ledger_row) {.freed_blocks = 1});
}

static void assert_valid(void)
{
    lmm_lock_acquire(owner.lock);
    cr_assert(lmm_heap_is_valid(&owner));
    lmm_lock_release(owner.lock);
}

static uint64_t pages(void)
{
    return family->record->pages;
}

static void *blocks[24 * PAGE_SLOTS];

static void fill(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i] = allocate(&owner);
        cr_assert(blocks[i] != NULL);
    }
    assert_valid();
}

Test(heap, blocks_are_apart, .init = start)
{
    fill(3 * PAGE_SLOTS);
    for (size_t i = 0; i < 3 * PAGE_SLOTS; i++) {
        memset(blocks[i], (int) (i % 251), SIZE);
    }
    for (size_t i = 0; i < 3 * PAGE_SLOTS; i++) {
        const unsigned char *byte = blocks[i];
        cr_assert(byte[0] == i % 251 && byte[SIZE - 1] == i % 251);
    }
    cr_expect(pages() == 3, "a page is used up before the next one");
    cr_expect(lmm_family_sum(family).allocated_blocks == 3 * PAGE_SLOTS);
}

/* A page goes back with the free of its last block, unless it is the bin's current one. */
Test(heap, empty_pages_go, .init = start)
{
    fill(5 * PAGE_SLOTS);
    for (size_t i = 0; i < 5 * PAGE_SLOTS; i++) {
        free_in(&owner, blocks[i]);
    }
    assert_valid();
    cr_expect(pages() == 1, "%d", (int) pages());
    lmm_heap_settle(&owner);
    cr_expect(pages() == 0);
}

/* The pages that another thread frees wholly go back by that thread, when there are enough of them:
 * the owner does nothing. */
Test(heap, pages_that_others_free_go_back, .init = start)
{
    fill(24 * PAGE_SLOTS);
    for (size_t i = 0; i < 24 * PAGE_SLOTS; i++) {
        free_in(&other, blocks[i]);
    }
    lmm_foreign_flush(&other);
    assert_valid();
    cr_expect(pages() <= 1 + LMM_REAP_PAGES && pages() > 1, "%d", (int) pages());
    cr_expect(lmm_heap_reap(&owner, true) != 0);
    assert_valid();
    cr_expect(pages() == 1, "all except the bin's page");
    for (size_t i = 0; i < PAGE_SLOTS; i++) {
        cr_assert(allocate(&owner) != NULL);
    }
    assert_valid();
    cr_expect(pages() == 1);
}

Test(heap, one_page_of_an_idle_heap_goes_back, .init = start)
{
    fill(5 * PAGE_SLOTS);
    lmm_heap_settle(&owner);
    lmm_heap_set_idle(&owner, true);
    for (size_t page = 0; page < 5; page++) {
        for (size_t i = 0; i < PAGE_SLOTS; i++) {
            free_in(&other, blocks[page * PAGE_SLOTS + i]);
        }
        lmm_foreign_flush(&other);
        cr_expect(pages() == 4 - page);
    }
    assert_valid();
}

/* Pages of which the owner freed a part itself; a page with a live block, or with a slot in a batch,
 * stays, and is still reported. */
Test(heap, reaping_counts_every_slot, .init = start)
{
    fill(6 * PAGE_SLOTS);
    for (size_t i = 0; i < 4 * PAGE_SLOTS; i++) {
        bool is_live = i == 2 * PAGE_SLOTS + 7;
        if (!is_live) {
            free_in(i % 3 == 0 ? &owner : &other, blocks[i]);
        }
    }
    for (size_t i = 4 * PAGE_SLOTS; i < 5 * PAGE_SLOTS - 1; i++) {
        free_in(&other, blocks[i]);
    }
    lmm_foreign_flush(&other);
    free_in(&other, blocks[5 * PAGE_SLOTS - 1]);
    assert_valid();
    cr_expect(lmm_heap_reap(&owner, true) == 3 * LMM_UNIT_BYTES && pages() == 3);
    assert_valid();
    cr_expect(lmm_heap_reap(&owner, true) == 0);
    lmm_foreign_flush(&other);
    cr_expect(lmm_heap_reap(&owner, false) == LMM_UNIT_BYTES && pages() == 2);
    free_in(&other, blocks[2 * PAGE_SLOTS + 7]);
    lmm_foreign_flush(&other);
    cr_expect(lmm_heap_reap(&owner, true) == LMM_UNIT_BYTES && pages() == 1);
    assert_valid();
}

/* While the owner holds its lock it collects itself, and another thread does not wait. */
Test(heap, no_reaping_from_a_busy_owner, .init = start)
{
    fill(2 * PAGE_SLOTS);
    for (size_t i = 0; i < PAGE_SLOTS; i++) {
        free_in(&other, blocks[i]);
    }
    lmm_foreign_flush(&other);
    lmm_lock_acquire(owner.lock);
    cr_expect(lmm_heap_reap(&owner, false) == 0);
    lmm_lock_release(owner.lock);
    cr_expect(lmm_heap_reap(&owner, false) == LMM_UNIT_BYTES);
}

/* The owner's last free of a page ends its countdown; before the owner takes the lock for that,
 * another thread has given the page back. */
Test(heap, event_of_a_page_that_has_gone, .init = start)
{
    fill(2 * PAGE_SLOTS);
    uint32_t slot;
    struct lmm_page *page = page_of(blocks[0], &slot);
    for (size_t i = 1; i < PAGE_SLOTS; i++) {
        free_in(&other, blocks[i]);
    }
    lmm_foreign_flush(&other);
    free_in(&owner, blocks[0]);
    cr_expect(lmm_heap_reap(&owner, true) == LMM_UNIT_BYTES);
    lmm_heap_page_event(&owner, page);
    assert_valid();
    cr_expect(pages() == 1);
}

/* The last page of a family that is not used any more goes back in the slow paths of another one;
 * a page with a live block stays. */
Test(heap, last_page, .init = start)
{
    struct lmm_family *first = family;
    struct lmm_family *kept = lmm_families_add("kept", SIZE, 1, false);
    struct lmm_family *turning = lmm_families_add("turning", SIZE, 1, false);

    cr_assert(lmm_heap_open_sites(&owner));
    fill(10);
    for (size_t i = 0; i < 10; i++) {
        free_in(&owner, blocks[i]);
    }
    cr_expect(pages() == 1, "at first it stays");
    family = kept;
    fill(10);
    family = turning;
    fill(24 * PAGE_SLOTS);
    cr_expect(first->record->pages == 0 && kept->record->pages == 1 && pages() == 24);
    assert_valid();
    family = first;
    fill(10);
    cr_expect(pages() == 1);
}

Test(heap, tidy, .init = start)
{
    fill(10);
    lmm_heap_tidy(&owner);
    cr_expect(pages() == 1, "ten live blocks");
    for (size_t i = 0; i < 10; i++) {
        free_in(i % 2 == 0 ? &owner : &other, blocks[i]);
    }
    lmm_heap_tidy(&owner);
    cr_expect(pages() == 1, "five are in a batch");
    lmm_foreign_flush(&other);
    lmm_heap_tidy(&owner);
    cr_expect(pages() == 0);
    assert_valid();
    fill(10);
    cr_expect(pages() == 1);
}

/* An allocation and a free in turn: however long, the page is created once. */
Test(heap, a_pair_keeps_its_page, .init = start)
{
    uint32_t slot;
    void *block = allocate(&owner);
    const struct lmm_page *page = page_of(block, &slot);

    for (size_t i = 0; i < 20 * PAGE_SLOTS; i++) {
        free_in(&owner, block);
        block = allocate(&owner);
        cr_assert(page_of(block, &slot) == page && pages() == 1);
    }
}

/* The next page is the one with most free slots, rounded to a power of two. */
Test(heap, most_free_slots_first, .init = start)
{
    static const size_t freed[] = {100, 2000, 500, 0};

    fill(4 * PAGE_SLOTS);
    for (size_t page = 0; page < 4; page++) {
        for (size_t i = 0; i < freed[page]; i++) {
            free_in(&owner, blocks[page * PAGE_SLOTS + i]);
        }
    }
    assert_valid();
    uint32_t slot;
    struct lmm_page *largest = page_of(blocks[PAGE_SLOTS], &slot);
    for (size_t i = 0; i < 2000; i++) {
        cr_assert(page_of(allocate(&owner), &slot) == largest, "block %zu", i);
    }
    struct lmm_page *second = page_of(blocks[2 * PAGE_SLOTS], &slot);
    cr_assert(page_of(allocate(&owner), &slot) == second);
    assert_valid();
}

/* Foreign frees wait in batches; after a batch is handed over the owner takes its slots. */
Test(heap, foreign_frees_come_back, .init = start)
{
    enum { FREED = LMM_BATCH_SLOTS - 1 };

    fill(PAGE_SLOTS);
    for (size_t i = 0; i < FREED; i++) {
        free_in(&other, blocks[i]);
    }
    cr_expect(owner.reported == NULL, "a batch is not full");
    lmm_foreign_flush(&other);
    cr_expect(owner.reported != NULL);
    for (size_t i = 0; i < FREED; i++) {
        void *block = allocate(&owner);
        bool found = false;
        for (size_t j = 0; j < FREED; j++) {
            found = found || block == blocks[j];
        }
        cr_assert(found, "the freed slots are taken before a new page");
    }
    cr_expect(pages() == 1 && owner.reported == NULL);
    for (size_t i = FREED; i < FREED + LMM_BATCH_SLOTS; i++) {
        free_in(&other, blocks[i]);
    }
    cr_expect(owner.reported != NULL, "a full batch is handed over at once");
    assert_valid();
}

/* Other threads' batches keep no more than a quarter of a page from its owner. */
Test(heap, a_batch_is_a_part_of_its_page, .init = start)
{
    enum { SLOTS = LMM_UNIT_BYTES / LMM_SLOT_STRIDE_MAX, PART = SLOTS / LMM_BATCH_PART };

    family = lmm_families_add("large", LMM_SLOT_STRIDE_MAX, 1, false);
    cr_assert(lmm_heap_open_sites(&owner) && lmm_heap_open_sites(&other));
    for (size_t i = 0; i < PART; i++) {
        blocks[i] = allocate(&owner);
        cr_assert(blocks[i] != NULL);
    }
    struct lmm_page *page = lmm_page_of((uintptr_t) blocks[0]);
    for (size_t i = 0; i < PART; i++) {
        cr_expect(owner.reported == NULL, "%zu", i);
        size_t offset = (size_t) ((char *) blocks[i] - lmm_page_base(page));
        lmm_foreign_push(&other, page, (uint32_t) (offset / LMM_SLOT_STRIDE_MAX));
    }
    cr_expect(owner.reported == page);
}

Test(heap, foreign_free_of_what_is_free, .init = start)
{
    fill(10);
    uint32_t slot;
    struct lmm_page *page = page_of(blocks[3], &slot);
    free_in(&other, blocks[3]);
    uint32_t tag = lmm_foreign_push(&other, page, slot);
    cr_expect(lmm_tag_state(tag) == LMM_TAG_FREE, "the tag is returned, nothing is done");
}

/* Batches are indexed by page: pages with the same index evict each other. */
Test(heap, batches_of_many_pages, .init = start)
{
    fill(8 * PAGE_SLOTS);
    for (size_t i = 0; i < PAGE_SLOTS; i++) {
        for (size_t page = 0; page < 8; page++) {
            free_in(&other, blocks[page * PAGE_SLOTS + i]);
        }
    }
    lmm_foreign_flush(&other);
    lmm_heap_settle(&owner);
    assert_valid();
    cr_expect(pages() == 0);
    cr_expect(lmm_family_sum(family).freed_blocks == 8 * PAGE_SLOTS);
}

Test(heap, trim_then_use, .init = start)
{
    fill(4 * PAGE_SLOTS);
    for (size_t i = 0; i < 4 * PAGE_SLOTS; i++) {
        memset(blocks[i], (int) (i % 251), SIZE);
    }
    size_t stretch = 4 * LMM_SYSTEM_PAGE_BYTES / SIZE;
    for (size_t i = 0; i < 4 * PAGE_SLOTS; i++) {
        if (i / stretch % 2 == 1) {
            free_in(&owner, blocks[i]);
        }
    }
    size_t bytes = lmm_heap_trim(&owner);
    cr_expect(bytes == 2 * LMM_UNIT_BYTES, "%zu", bytes);
    assert_valid();
    for (size_t i = 0; i < 2 * PAGE_SLOTS; i++) {
        memset(allocate(&owner), 0xEE, SIZE);
    }
    assert_valid();
    cr_expect(pages() == 4, "trimmed slots are used again");
    for (size_t i = 0; i < 4 * PAGE_SLOTS; i++) {
        const unsigned char *byte = blocks[i];
        cr_assert(i / stretch % 2 == 1 || (byte[0] == i % 251 && byte[SIZE - 1] == i % 251));
    }
}

Test(heap, trim_wanted_is_done_in_the_slow_path, .init = start)
{
    fill(2 * PAGE_SLOTS);
    for (size_t i = 0; i < PAGE_SLOTS; i++) {
        if (i % (2 * PAGE_SLOTS / 64) < PAGE_SLOTS / 64) {
            free_in(&owner, blocks[i]);
        }
    }
    seam_install();
    lmm_store_relaxed(&owner.trim_wanted, true);
    cr_expect(seam_calls(SEAM_DISCARD) == 0);
    cr_assert(allocate(&owner) != NULL);
    cr_expect(seam_calls(SEAM_DISCARD) != 0 && !owner.trim_wanted);
}

/* As in a forked child: lists, queues and batches are wrong, the states of the tags right. */
Test(heap, rebuild, .init = start)
{
    fill(4 * PAGE_SLOTS);
    size_t freed = 0;
    for (size_t i = 0; i < 4 * PAGE_SLOTS; i++) {
        if (i % 3 == 0 || i / PAGE_SLOTS == 2) {
            free_in(i % 2 == 0 ? &owner : &other, blocks[i]);
            freed++;
        }
    }
    uint32_t slot;
    struct lmm_page *page = page_of(blocks[0], &slot);
    page->head = 12345678;
    page->countdown = 99;
    lmm_repair_heap(&other);
    lmm_repair_heap(&owner);
    assert_valid();
    cr_expect(pages() == 3, "the third page was wholly free");
    for (size_t i = 0; i < freed - PAGE_SLOTS; i++) {
        cr_assert(allocate(&owner) != NULL);
    }
    cr_expect(pages() == 3);
    assert_valid();
}

/* When there is no new page, the last free slot of the old ones is found. */
Test(heap, no_memory_uses_every_slot_there_is, .init = start)
{
    fill(3 * PAGE_SLOTS);
    free_in(&owner, blocks[0]);
    free_in(&owner, blocks[PAGE_SLOTS]);
    free_in(&other, blocks[7]);
    lmm_foreign_flush(&other);
    seam_starve();
    for (int i = 0; i < 3; i++) {
        void *block = allocate(&owner);
        cr_assert(block == blocks[0] || block == blocks[PAGE_SLOTS] || block == blocks[7]);
    }
    FAILS_WITH(ENOMEM, allocate(&owner));
    cr_expect(allocate(&owner) == NULL);
    cr_expect(lmm_space.taken == 3 && lmm_reservoir_kept_bytes() == 0,
              "a page without tags is not lost");
    assert_valid();
    cr_expect(lmm_family_sum(family).allocated_blocks == 3 * PAGE_SLOTS + 3);
    seam_heal();
    cr_expect(allocate(&owner) != NULL);
    assert_valid();
}

Test(heap, no_memory_for_tables, .init = start)
{
    seam_starve();
    static struct lmm_heap late;
    FAILS_WITH(ENOMEM, lmm_heap_init(&late, 102, false, false));
    cr_expect(allocate(&owner) == NULL, "not even its list of pages");
    seam_heal();
    cr_expect(lmm_heap_init(&late, 102, false, false));
    cr_expect(allocate(&owner) != NULL);
}

/* I4; and a count for a site without a row goes to the shared rows. */
Test(heap, open_sites, .init = start)
{
    char name[32];
    uint32_t site = 0;

    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "late %d", i);
        site = lmm_families_add(name, 8, 8, false)->site;
    }
    cr_expect(owner.open.site_limit <= site);
    seam_starve();
    cr_expect(!lmm_heap_open_sites(&owner));
    lmm_heap_count(&owner, site, &(struct lmm_ledger_row) {.freed_blocks = 3});
    seam_heal();
    cr_expect(lmm_heap_open_sites(&owner));
    cr_expect(owner.open.site_limit == lmm_accounts_site_count());
    cr_expect(owner.directory_capacity << LMM_ROWS_SHIFT >= site);
    cr_expect(owner.bin_capacity >= lmm_families_count());
    lmm_heap_count(&owner, site, &(struct lmm_ledger_row) {.freed_blocks = 4});
    lmm_lock_acquire(&lmm_chunks_lock);
    cr_expect(lmm_rows_sum_locked(site).freed_blocks == 7);
    lmm_lock_release(&lmm_chunks_lock);
}

static size_t pages_of(const struct lmm_heap *heap)
{
    size_t count = 0;

    for (const struct lmm_row_page *page = heap->row_pages; page != NULL; page = page->next) {
        count++;
    }
    return count;
}

/* The heap has the row pages of the sites where it has counted, until it gives them up. */
Test(heap, rows_only_where_it_has_counted, .init = start)
{
    static const uint32_t sites[] = {70, 75, 79, 80, 301, 300, 3, 63};
    static const size_t pages[] = {1, 1, 1, 2, 3, 3, 4, 4};
    char name[32];

    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof(name), "late %d", i);
        cr_assert(lmm_families_add(name, 8, 8, false) != NULL);
    }
    cr_assert(lmm_heap_open_sites(&owner));
    lmm_heap_give_rows(&owner);
    cr_assert(pages_of(&owner) == 0 && owner.open.first_limit == 0 && lmm_heap_is_valid(&owner));
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        cr_expect((lmm_open_row(&owner.open, sites[i]) == NULL) ==
                  (i == 0 || pages[i] > pages[i - 1]));
        lmm_heap_count(&owner, sites[i], &(struct lmm_ledger_row) {.allocated_blocks = 1 + i});
        cr_expect(pages_of(&owner) == pages[i] && lmm_heap_is_valid(&owner), "count %zu", i);
    }
    cr_expect(lmm_open_first_row(&owner.open, 3) == lmm_open_row(&owner.open, 3));
    cr_expect(lmm_open_first_row(&owner.open, 63)->allocated_blocks == 8);
    cr_expect(lmm_open_first_row(&owner.open, 64) == NULL);
    lmm_heap_give_rows(&owner);
    cr_expect(pages_of(&owner) == 0 && lmm_heap_is_valid(&owner));
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        cr_expect(lmm_open_row(&owner.open, sites[i]) == NULL);
        lmm_lock_acquire(&lmm_chunks_lock);
        cr_expect(lmm_rows_sum_locked(sites[i]).allocated_blocks >= 1 + i);
        lmm_lock_release(&lmm_chunks_lock);
    }
}

/* I5: what heaps add is what lives, whoever frees, and whoever takes a page over. */
Test(heap, additions_are_what_lives, .init = start)
{
    enum { MANY = 4 * PAGE_SLOTS };
    struct lmm_ledger_header *header = lmm_chunks_header();

    fill(MANY);
    cr_expect(family->live > MANY - 2 * PAGE_SLOTS && family->live <= MANY);
    cr_expect(family->record->peak_amount > MANY - 2 * PAGE_SLOTS);
    lmm_heap_give_rows(&owner);
    cr_expect(family->live == MANY && family->record->peak_amount == MANY, "%d",
              (int) family->live);
    cr_expect(lmm_heap_row(&other, family->site)->allocated_blocks == MANY,
              "it takes the page over");
    lmm_heap_note(&other, family, 2 * PAGE_SLOTS);
    cr_expect(family->live == MANY, "nothing twice");
    for (size_t i = 0; i < MANY; i++) {
        free_in(i % 3 == 0 ? &owner : &other, blocks[i]);
    }
    lmm_foreign_flush(&other);
    cr_expect(family->live < 2 * PAGE_SLOTS, "%d", (int) family->live);
    lmm_heap_give_rows(&owner);
    lmm_heap_give_rows(&other);
    cr_expect(family->live == 0 && family->record->peak_amount == MANY, "%d", (int) family->live);
    cr_expect(header->peak_count != 0);
    cr_expect(header->peak_bytes[header->peak_count % 2] <= (uint64_t) MANY * SIZE);
    cr_expect(header->peak_bytes[header->peak_count % 2] >
              (uint64_t) (MANY - 2 * PAGE_SLOTS) * SIZE);
    fill(MANY + 10);
    lmm_heap_give_rows(&owner);
    cr_expect(family->live == MANY + 10 && family->record->peak_amount == MANY + 10);
    lmm_heap_reset_noted(&owner);
    cr_expect(lmm_family_reset_live(family) == (MANY + 10) * SIZE);
}

/* What changes by no more than a system page of slots is not added; the next larger change brings it
 * along. */
Test(heap, small_changes_are_not_added, .init = start)
{
    enum { FEW = LMM_SYSTEM_PAGE_BYTES / SIZE };

    fill(PAGE_SLOTS);
    lmm_heap_note(&owner, family, PAGE_SLOTS);
    int64_t live = family->live;
    cr_expect(live >= PAGE_SLOTS - FEW && live <= PAGE_SLOTS);
    size_t freed = (size_t) (live - (PAGE_SLOTS - FEW));
    for (size_t i = 0; i < freed; i++) {
        free_in(&owner, blocks[i]);
    }
    lmm_heap_note(&owner, family, PAGE_SLOTS);
    cr_expect(family->live == live);
    free_in(&owner, blocks[freed]);
    lmm_heap_note(&owner, family, PAGE_SLOTS);
    cr_expect(family->live == PAGE_SLOTS - FEW - 1, "%d", (int) family->live);
}

/* The descriptors of two heaps' pages are no neighbours. */
Test(heap, pages_of_two_heaps_lie_apart, .init = start)
{
    uint32_t slot;
    const struct lmm_page *first = page_of(allocate(&owner), &slot);
    const struct lmm_page *second = page_of(allocate(&other), &slot);
    ptrdiff_t apart = first > second ? first - second : second - first;

    cr_expect(apart >= 4, "%td", apart);
    fill(PAGE_SLOTS);
    cr_expect(page_of(blocks[PAGE_SLOTS - 1], &slot)->unit == first->unit + 1);
}

/* Without memory for a row page the heap allocates and frees, and its counts go to the shared rows. */
Test(heap, no_memory_for_a_row_page, .init = start)
{
    char name[32];
    uint32_t late = 0;

    cr_assert(allocate(&owner) != NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "late %d", i);
        late = lmm_families_add(name, 8, 8, false)->site;
    }
    cr_assert(lmm_heap_open_sites(&owner) && late >= LMM_ROWS_IN_FIRST);
    seam_starve();
    while (lmm_rows_take(99, late) != NULL) {
        /* Uses up the room in the chunk. */
    }
    cr_expect(lmm_heap_row(&owner, late) == NULL && errno == ENOMEM);
    lmm_heap_count(&owner, late, &(struct lmm_ledger_row) {.freed_blocks = 5});
    seam_heal();
    lmm_heap_count(&owner, late, &(struct lmm_ledger_row) {.freed_blocks = 2});
    cr_expect(lmm_open_row(&owner.open, late)->freed_blocks == 2);
    lmm_lock_acquire(&lmm_chunks_lock);
    cr_expect(lmm_rows_sum_locked(late).freed_blocks == 7);
    lmm_lock_release(&lmm_chunks_lock);
}

/* Checks that *field, wrong, makes the heap invalid, and restores it. */
#define EXPECT_SEEN(heap, field, wrong, ...)                                                       \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (wrong);                                                                         \
        cr_expect(!lmm_heap_is_valid(heap), __VA_ARGS__);                                          \
        (field) = saved;                                                                           \
        cr_assert(lmm_heap_is_valid(heap));                                                        \
    } while (0)

Test(heap, validity_sees_what_is_wrong, .init = start)
{
    uint32_t slot;

    fill(3 * PAGE_SLOTS);
    for (size_t i = 0; i < PAGE_SLOTS / 2; i++) {
        free_in(i % 2 == 0 ? &owner : &other, blocks[i]);
    }
    free_in(&other, blocks[PAGE_SLOTS]);
    struct lmm_page *page = page_of(blocks[0], &slot);
    struct lmm_page *another = page_of(blocks[PAGE_SLOTS], &slot);
    struct lmm_batch *batch = &other.batch[lmm_batch_index(another)];
    cr_assert(lmm_heap_is_valid(&owner) && lmm_heap_is_valid(&other));
    cr_assert(page->foreign >> 32 != 0 && owner.reported == page && batch->page == another);

    uint32_t *listed = &page->tags[page->head];
    uint32_t *foreign = &page->tags[(uint32_t) page->foreign];
    EXPECT_SEEN(&owner, *foreign, LMM_TAG_END, "I1: a foreign list cut short");
    EXPECT_SEEN(&owner, *foreign, LMM_TAG_LIVE_BASE, "I1: a live slot on the foreign list");
    EXPECT_SEEN(&owner, *listed, (uint32_t) page->foreign, "I1: a slot on two lists");
    EXPECT_SEEN(&owner, another->tags[slot], (uint32_t) LMM_TAG_END, "I1: a slot on no list");
    EXPECT_SEEN(&other, another->tags[slot], (uint32_t) LMM_TAG_END, "I1: a batch's mark is gone");
    EXPECT_SEEN(&other, batch->count, 2, "I1: a batch has a slot too many");
    EXPECT_SEEN(&other, batch->page, NULL, "I1: a marked slot is in no batch");
    owner.next = &other;
    cr_expect(lmm_heaps_are_valid(&owner));
    batch->page = NULL;
    cr_expect(!lmm_heaps_are_valid(&owner), "I1: a marked slot is in no batch of any heap");
    batch->page = another;
    page->queued = 0;
    cr_expect(!lmm_heap_is_valid(&owner), "I2: a page with free slots is not queued");
    page->queued = 1;
    EXPECT_SEEN(&owner, page->node.key, page->node.key - 1, "I2: the key of the queue");
    EXPECT_SEEN(&owner, owner.reported, NULL, "I3: a foreign list that is not reported");
    EXPECT_SEEN(&owner, page->reported, another, "I3: a reported page without a foreign list");
    EXPECT_SEEN(&owner, owner.open.site_limit, (owner.directory_capacity << LMM_ROWS_SHIFT) + 1,
                "I4: a site past the directory");
    EXPECT_SEEN(&owner, owner.open.rows, NULL, "I4: the first rows are not known");
    EXPECT_SEEN(&owner, owner.open.first_limit, 0, "I4: a site less in the first rows");
    EXPECT_SEEN(&owner, *owner.open.limit_in_parent, LMM_ROWS_IN_FIRST + 1,
                "I4: a site more in the first rows of the parent");
    EXPECT_SEEN(&owner, owner.open.directory[0], 0, "I4: a page that the directory lacks");
    EXPECT_SEEN(&owner, owner.bin_capacity, family->index, "I4: a site without a bin");
}
