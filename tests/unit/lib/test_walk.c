/* SPDX-License-Identifier: MIT */
/* walk: every page and extent in address order, each of them once; gauges. */
#include "lib/pages/family.h"
#include "lib/books/accounts.h"
#include "lib/ground/meta.h"
#include "lib/ground/reservoir.h"
#include "lib/front/walk.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4000 };

static const struct {
    const char *name;
    size_t size;
    size_t length; /* of its blocks; every third is one slot longer */
} kinds[] = {{"slots", 40, 1},
             {"large slots", 6000, 1},
             {"runs", 40, 5},
             {"huge", 20000, 1},
             {"spans", 1000, 400}};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct block {
    char *address;
    size_t slots;
    struct lmm_family *family;
} blocks[BLOCKS];

static int compare(const void *a, const void *b)
{
    const struct block *x = a;
    const struct block *y = b;

    return x->address < y->address ? -1 : x->address > y->address;
}

/* Live blocks in address order, with freed ones between them. */
static size_t make_blocks(void)
{
    size_t count = 0;

    for (size_t i = 0; i < BLOCKS; i++) {
        size_t kind = i % 100 == 0 ? 4 : i % 4;
        struct lmm_family *family = lmm_family_register(kinds[kind].name, kinds[kind].size, 1);
        size_t n = kinds[kind].length + (kinds[kind].length > 1 && i % 3 == 0);
        char *address = n == 1 ? lmm_alloc(family) : lmm_calloc(family, n);
        cr_assert(address != NULL);
        blocks[count++] = (struct block) {address, n, family};
    }
    size_t live = 0;
    for (size_t i = 0; i < count; i++) {
        if (i / 7 % 3 == 1) {
            lmm_free(blocks[i].address);
        } else {
            blocks[live++] = blocks[i];
        }
    }
    qsort(blocks, live, sizeof(blocks[0]), compare);
    return live;
}

struct check {
    const struct lmm_family *only;
    size_t next; /* of blocks */
    size_t live;
    struct lmm_walk_page page;
    size_t slots_seen; /* of the page */
    bool was_free;
    size_t pages;
};

static void end_page(const struct check *check)
{
    cr_assert(check->pages == 0 || check->slots_seen == check->page.slots, "extents tile the page");
}

static int check_page(const struct lmm_walk_page *page, struct check *check)
{
    end_page(check);
    cr_assert(check->pages == 0 || page->base > check->page.base, "in order of address");
    cr_assert(check->only == NULL || page->family == check->only);
    cr_assert(page->committed_bytes <= page->bytes &&
              page->slots * page->stride_bytes <= page->bytes);
    check->page = *page;
    check->slots_seen = 0;
    check->was_free = false;
    check->pages++;
    return 0;
}

static int check_extent(const struct lmm_walk_extent *extent, struct check *check)
{
    cr_assert(extent->base == check->page.base + check->slots_seen * check->page.stride_bytes);
    cr_assert(extent->slots != 0 && (extent->live || !check->was_free), "free stretches are whole");
    check->slots_seen += extent->slots;
    check->was_free = !extent->live;
    if (!extent->live) {
        return 0;
    }
    while (check->next < check->live && check->only != NULL &&
           blocks[check->next].family != check->only) {
        check->next++;
    }
    cr_assert(check->next < check->live);
    const struct block *block = &blocks[check->next++];
    cr_assert(extent->base == block->address && extent->slots == block->slots);
    cr_assert(check->page.family == block->family && extent->site == block->family->site);
    return 0;
}

static int check_item(const struct lmm_walk_item *item, void *arg)
{
    struct check *check = arg;

    if (item->is_page) {
        return check_page(&item->page, check);
    }
    cr_assert(item->page.base == check->page.base);
    return check_extent(&item->extent, check);
}

static void check_walk(struct lmm_family *only, size_t live)
{
    struct check check = {.only = only, .live = live};

    cr_assert(lmm_walk_family(only, check_item, &check) == 0);
    end_page(&check);
    while (check.next < live && only != NULL && blocks[check.next].family != only) {
        check.next++;
    }
    cr_assert(check.next == live && check.pages > 0);
}

Test(walk, shows_each_block_once)
{
    size_t live = make_blocks();

    check_walk(NULL, live);
    for (size_t i = 0; i < KINDS; i++) {
        check_walk(lmm_family_find(kinds[i].name), live);
    }
    lmm_trim();
    check_walk(NULL, live);
}

static int stop_after(const struct lmm_walk_item *item, void *arg)
{
    size_t *left = arg;

    return !item->is_page && --*left == 0 ? 42 : 0;
}

Test(walk, stops_when_told)
{
    static const size_t counts[] = {1, 2, 100, 1000};

    make_blocks();
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t left = counts[i];
        cr_expect(lmm_walk_family(NULL, stop_after, &left) == 42 && left == 0);
    }
}

/* A walk in pieces of any size finds the same as one walk. */
Test(walk, collecting_is_the_same)
{
    static const size_t rooms[] = {1, 2, 3, 64, 1000};
    size_t live = make_blocks();

    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct lmm_walk_item items[1000];
        struct check check = {.live = live};
        uint64_t position = 0;
        size_t count;
        while ((count = lmm_walk_collect(NULL, &position, items, rooms[i])) != 0) {
            cr_assert(count <= rooms[i]);
            for (size_t j = 0; j < count; j++) {
                check_item(&items[j], &check);
            }
        }
        end_page(&check);
        cr_assert(check.next == live, "room for %zu", rooms[i]);
    }
}

/* The gauges in the books, which are kept without a walk, agree with a walk. */
static void assert_gauges(const char *when)
{
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        const struct lmm_family *family = lmm_families_at(i);
        const struct lmm_ledger_family *record = family->record;
        struct lmm_stats stats;
        cr_assert(lmm_family_stats(family, &stats) == 0);
        cr_expect(record->slots == stats.free_slots + stats.live_slots, "%s: slots of %s", when,
                  family->name);
        cr_expect(record->committed_bytes == stats.committed_bytes,
                  "%s: %s has %zu committed, not %zu", when, family->name,
                  (size_t) stats.committed_bytes, (size_t) record->committed_bytes);
        cr_expect(record->pages == stats.pages && record->mapped_bytes == stats.mapped_bytes,
                  "%s: pages of %s", when, family->name);
        cr_expect(record->run_free_slots <= stats.free_slots &&
                      record->longest_run_slots <= stats.longest_free_slots &&
                      record->longest_run_slots <= record->run_free_slots,
                  "%s: holes of %s", when, family->name);
        cr_expect(record->peak_amount >= stats.live_slots, "%s: peak of %s", when, family->name);
    }
}

Test(walk, gauges)
{
    size_t live = make_blocks();

    assert_gauges("after many blocks");
    for (size_t i = 0; i < live; i += 2) {
        size_t slots = blocks[i].slots * (i % 4 == 0 ? 3 : 1) + i % 3;
        char *moved = lmm_resize(blocks[i].address, slots);
        blocks[i].address = moved == NULL ? blocks[i].address : moved;
    }
    assert_gauges("after resizing");
    for (size_t i = 0; i < live; i++) {
        if (i % 5 != 0) {
            lmm_free(blocks[i].address);
        }
    }
    assert_gauges("after freeing most");
    lmm_trim();
    assert_gauges("after trimming");
    make_blocks();
    assert_gauges("after filling again");
}

/* The longest hole and the sum of holes, in cases where they are easy to compute. */
Test(walk, gauges_of_holes)
{
    struct lmm_family *family = lmm_family_register("long runs", 1000, 8);
    uint64_t page_slots = LMM_UNIT_BYTES / 1000;
    char *first = lmm_calloc(family, 96);
    char *second = lmm_calloc(family, 48);

    cr_assert(first != NULL && second != NULL);
    cr_expect(family->record->run_free_slots == page_slots - 144);
    cr_expect(family->record->longest_run_slots == page_slots - 144);
    lmm_free(first);
    lmm_trim();
    cr_expect(family->record->run_free_slots == page_slots - 48);
    cr_expect(family->record->longest_run_slots == page_slots - 144);
    lmm_free(second);
    lmm_trim();
    cr_expect(family->record->run_free_slots == 0 && family->record->longest_run_slots == 0);
}

Test(walk, gauges_of_the_process)
{
    make_blocks();
    lmm_families_refresh_gauges();
    cr_expect(lmm_chunks_header()->reservoir_bytes == lmm_reservoir_kept_bytes());
    cr_expect(lmm_chunks_header()->overhead_bytes == lmm_meta_mapped_bytes());
}
