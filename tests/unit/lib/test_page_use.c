/* SPDX-License-Identifier: MIT */
/* page_use: the figures of one page whose live blocks are known. */
#include "lib/pages/family.h"
#include "lib/pages/memory.h"
#include "lib/pages/page_use.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <string.h>

enum { SITES = 64 };

static struct lmm_ledger_page_use sites[SITES];
static struct lmm_page_use use;

struct cell {
    char bytes[64];
};

static void *by_a(void)
{
    return LMM_ALLOC(struct cell);
}

static void *by_b(void)
{
    return LMM_ALLOC(struct cell);
}

/* A slot that stays, or as many from it on. */
struct kept {
    uint32_t slot;
    uint32_t count; /* 0: none any more */
    bool is_of_b;
};

struct figures {
    uint64_t blocks;
    uint64_t live;
    uint64_t held;
    uint64_t sparse_blocks;
    uint64_t sparse_live;
    uint64_t sparse;
};

static void expect(const struct lmm_ledger_page_use *found, const struct figures *wanted,
                   const char *name)
{
    cr_expect_eq(found->blocks, wanted->blocks, "%s: %zu blocks", name, (size_t) found->blocks);
    cr_expect_eq(found->live_bytes, wanted->live, "%s: %zu live", name, (size_t) found->live_bytes);
    cr_expect_eq(found->held_bytes, wanted->held, "%s: %zu held", name, (size_t) found->held_bytes);
    cr_expect_eq(found->sparse_blocks, wanted->sparse_blocks, "%s: %zu sparse blocks", name,
                 (size_t) found->sparse_blocks);
    cr_expect_eq(found->sparse_live_bytes, wanted->sparse_live, "%s: %zu sparse live", name,
                 (size_t) found->sparse_live_bytes);
    cr_expect_eq(found->sparse_bytes, wanted->sparse, "%s: %zu sparse", name,
                 (size_t) found->sparse_bytes);
}

/* Adds a page as a walk does: runs need their lock. */
static void add(const struct lmm_page *page)
{
    struct lmm_lock *lock = &lmm_families_at(page->family)->runs.lock;

    lmm_lock_acquire(lock);
    lmm_page_use_add(&use, page);
    lmm_lock_release(lock);
}

/* Counts the page of a block; its site ids are below SITES. Returns the page. */
static const struct lmm_page *count_page_of(const void *block)
{
    const struct lmm_page *page = lmm_page_of((uintptr_t) block);

    cr_assert(page != NULL);
    memset(sites, 0, sizeof(sites));
    lmm_page_use_init(&use, sites, SITES);
    add(page);
    cr_expect(lmm_page_use_is_valid(&use));
    cr_expect_eq(use.totals.committed_bytes, lmm_memory_committed_bytes(page));
    return page;
}

/* ---- Blocks of two sites ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    struct kept kept[3];
    uint64_t held_pages; /* system pages with a block */
    struct figures a;
    struct figures b;
} cells[] = {
    {"one block", {{0, 1, false}}, 1, {1, 64, 4096, 1, 64, 4096}, {0}},
    {"one block short of a quarter", {{64, 15, false}}, 1, {15, 960, 4096, 15, 960, 4096}, {0}},
    {"a quarter", {{64, 16, false}}, 1, {16, 1024, 4096, 0, 0, 0}, {0}},
    {"a full one and an empty one between",
     {{0, 64, false}, {191, 1, false}},
     2,
     {65, 4160, 8192, 1, 64, 4096},
     {0}},
    {"in proportion",
     {{0, 3, false}, {3, 1, true}},
     1,
     {3, 192, 3072, 3, 192, 3072},
     {1, 64, 1024, 1, 64, 1024}},
    {"what the division leaves goes to the last block",
     {{0, 1, false}, {1, 1, true}, {9, 1, false}},
     1,
     {2, 128, 2731, 2, 128, 2731},
     {1, 64, 1365, 1, 64, 1365}},
    {"each has less than a quarter, and both together more",
     {{0, 10, false}, {20, 10, true}},
     1,
     {10, 640, 2048, 0, 0, 0},
     {10, 640, 2048, 0, 0, 0}},
    {"the last slot of the page", {{4095, 1, true}}, 1, {0}, {1, 64, 4096, 1, 64, 4096}},
};

static bool is_kept(const struct kept kept[3], uint32_t slot, bool *ret_is_of_b)
{
    for (size_t i = 0; i < 3 && kept[i].count != 0; i++) {
        if (slot - kept[i].slot < kept[i].count) {
            *ret_is_of_b = kept[i].is_of_b;
            return true;
        }
    }
    return false;
}

static void fill_page(const struct kept kept[3], char **blocks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool is_of_b = false;
        is_kept(kept, i, &is_of_b);
        blocks[i] = is_of_b ? by_b() : by_a();
        cr_assert_eq(blocks[i], blocks[0] + i * sizeof(struct cell), "in the order of addresses");
    }
}

static void check_cells(size_t i, char **blocks, uint32_t count)
{
    char *one = NULL;
    bool is_of_b;
    uint32_t ids[2] = {SITES, SITES};

    for (uint32_t slot = 0; slot < count; slot++) {
        if (is_kept(cells[i].kept, slot, &is_of_b)) {
            one = blocks[slot];
            ids[is_of_b] = lmm_tag_site(lmm_page_of((uintptr_t) one)->tags[slot]);
        } else {
            lmm_free(blocks[slot]);
        }
    }
    const struct lmm_page *page = count_page_of(one);
    static const struct lmm_ledger_page_use none;
    expect(ids[0] < SITES ? &sites[ids[0]] : &none, &cells[i].a, cells[i].name);
    expect(ids[1] < SITES ? &sites[ids[1]] : &none, &cells[i].b, cells[i].name);
    cr_expect_eq(use.totals.held_bytes, cells[i].held_pages * LMM_SYSTEM_PAGE_BYTES);
    cr_expect_eq(use.totals.returnable_bytes,
                 lmm_memory_committed_bytes(page) - cells[i].held_pages * LMM_SYSTEM_PAGE_BYTES,
                 "%s", cells[i].name);
}

/* Each case has a process of its own: its page is the family's first one. */
static void run_cells(size_t i)
{
    static char *blocks[LMM_UNIT_BYTES / sizeof(struct cell)];
    uint32_t count = sizeof(blocks) / sizeof(blocks[0]);

    fill_page(cells[i].kept, blocks, count);
    check_cells(i, blocks, count);
}

#define CELLS(number)                                                                              \
    Test(page_use, cells_##number)                                                                 \
    {                                                                                              \
        run_cells(number);                                                                         \
    }
CELLS(0)
CELLS(1)
CELLS(2)
CELLS(3)
CELLS(4)
CELLS(5)
CELLS(6)
CELLS(7)
static_assert(sizeof(cells) / sizeof(cells[0]) == 8, "each has a test");

/* ---- Blocks on several system pages ------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t size;
    size_t length;       /* of the block, in structs */
    uint32_t before;     /* blocks allocated before it, and freed */
    uint64_t held_pages; /* by its slots */
    struct figures figures;
} large[] = {
    {"neither is sparse", 6000, 1, 0, 2, {1, 6000, 8192, 0, 0, 0}},
    {"the second is sparse", 5000, 1, 0, 2, {1, 5000, 8192, 1, 904, 4096}},
    {"both ends are sparse, one block", 5000, 1, 4, 3, {1, 5000, 12288, 1, 904, 8192}},
    {"a run", 64, 100, 0, 2, {1, 6400, 8192, 0, 0, 0}},
    {"a span whose end is sparse", 1000, 300, 0, 0, {1, 300000, 303104, 1, 992, 4096}},
};

static void *make_large(size_t i, struct lmm_family *family)
{
    return large[i].length == 1 ? lmm_alloc(family) : lmm_calloc(family, large[i].length);
}

Test(page_use, blocks_on_several_system_pages)
{
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        struct lmm_family *family = lmm_family_register(large[i].name, large[i].size, 1);
        void *others[8];

        for (uint32_t k = 0; k < large[i].before; k++) {
            others[k] = make_large(i, family);
        }
        char *block = make_large(i, family);
        for (uint32_t k = 0; k < large[i].before; k++) {
            lmm_free(others[k]);
        }
        const struct lmm_page *page = count_page_of(block);
        size_t slot = (size_t) (block - lmm_page_base(page)) / page->stride;
        expect(&sites[lmm_tag_site(page->tags[slot])], &large[i].figures, large[i].name);
        size_t held = large[i].held_pages == 0 ? lmm_memory_committed_bytes(page)
                                               : large[i].held_pages * LMM_SYSTEM_PAGE_BYTES;
        cr_expect_eq(use.totals.returnable_bytes, lmm_memory_committed_bytes(page) - held, "%s",
                     large[i].name);
    }
}

/* ---- Sites past the table ------------------------------------------------------------------------ */

Test(page_use, blocks_of_sites_past_the_table_are_in_the_totals)
{
    char *block = by_a();
    const struct lmm_page *page = lmm_page_of((uintptr_t) block);

    lmm_page_use_init(&use, sites, 0);
    add(page);
    cr_expect(lmm_page_use_is_valid(&use));
    cr_expect_eq(use.totals.live_bytes, sizeof(struct cell));
    cr_expect_eq(use.totals.sparse_bytes, LMM_SYSTEM_PAGE_BYTES);
}
