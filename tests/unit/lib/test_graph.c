/* SPDX-License-Identifier: MIT */
/* graph: every live block is a node, every address finds its block, damaged pages are left out. */
#include "lib/front/walk.h"
#include "lib/leaks/graph.h"
#include "lib/pages/family.h"
#include "lib/pages/run.h"
#include "tests/support/seam.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <string.h>

enum { BLOCKS = 3000 };

static const struct {
    const char *name;
    size_t size;
    size_t align;
    size_t length;
} kinds[] = {
    {"slots", 40, 8, 1},   {"large slots", 6000, 8, 1}, {"words", 8, 8, 1},
    {"odd", 7, 1, 1},      {"runs", 40, 8, 5},          {"long runs", 40, 8, 900},
    {"huge", 20000, 8, 1}, {"huge runs", 100000, 8, 1}, {"spans", 1000, 8, 400},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static char *blocks[BLOCKS];

/* Live blocks with freed ones between them. */
static void make_blocks(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t kind = i % 97 == 0 ? KINDS - 1 : i % (KINDS - 1);
        struct lmm_family *family =
            lmm_family_register(kinds[kind].name, kinds[kind].size, kinds[kind].align);
        blocks[i] = kinds[kind].length == 1 ? lmm_alloc(family)
                                            : lmm_calloc(family, kinds[kind].length + i % 3);
        cr_assert(blocks[i] != NULL);
    }
    for (size_t i = 0; i < BLOCKS; i += 3) {
        lmm_free(blocks[i]);
        blocks[i] = NULL;
    }
}

static struct lmm_graph graph;

/* A search for white blocks finds the block while it is one, by any address in it. */
static void check_white(uintptr_t address, const struct lmm_graph_block *block)
{
    uint64_t *white = &lmm_graph_plane(block->page, LMM_PLANE_WHITE)[block->slot / 64];
    uint64_t before = *white;
    uint32_t slot = UINT32_MAX;

    cr_expect(lmm_graph_find_white(&graph, address, &slot) == block->page && slot == block->slot);
    *white &= ~((uint64_t) 1 << (block->slot % 64));
    cr_expect(lmm_graph_find_white(&graph, address, &slot) == NULL);
    *white = before;
}

static void check_address(uintptr_t address, const struct lmm_walk_extent *extent)
{
    struct lmm_graph_block block;
    bool found = lmm_graph_find(&graph, address, &block);

    if (extent == NULL || !extent->live) {
        cr_expect(!found, "%#zx is in no block", (size_t) address);
        return;
    }
    cr_assert(found && block.start == (uintptr_t) extent->base);
    cr_expect(lmm_graph_counted_bytes(&block) == extent->bytes);
    check_white(address, &block);
}

static int check_item(const struct lmm_walk_item *item, void *arg)
{
    size_t *live = arg;

    if (!item->is_page) {
        uintptr_t base = (uintptr_t) item->extent.base;
        size_t bytes = item->extent.slots * item->page.stride_bytes;
        check_address(base, &item->extent);
        check_address(base + 1, &item->extent);
        check_address(base + bytes / 2, &item->extent);
        check_address(base + bytes - 1, &item->extent);
        *live += item->extent.live;
    }
    return 0;
}

/* The graph and a walk over the pages agree on every block. */
Test(graph, finds_each_block)
{
    size_t live = 0;

    make_blocks();
    cr_assert(lmm_graph_init(&graph));
    cr_expect(lmm_graph_is_valid(&graph));
    cr_expect(lmm_walk_family(NULL, check_item, &live) == 0);
    cr_expect(live == graph.block_count && graph.damaged == 0);
    lmm_graph_end(&graph);
}

Test(graph, addresses_of_no_page)
{
    static const uintptr_t addresses[] = {
        0, 1, 4095, (uintptr_t) 1 << 46, UINTPTR_MAX, UINTPTR_MAX - 7};
    struct lmm_graph_block block;

    make_blocks();
    cr_assert(lmm_graph_init(&graph));
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        cr_expect(!lmm_graph_find(&graph, addresses[i], &block));
        cr_expect(!lmm_graph_find_empty_before(&graph, addresses[i], &block));
    }
    cr_expect(!lmm_graph_find(&graph, graph.low - 1, &block));
    cr_expect(!lmm_graph_find(&graph, graph.low + graph.span_bytes - 1, &block));
    lmm_graph_end(&graph);
}

/* Without the table of units, by the binary search. */
Test(graph, far_pages)
{
    size_t live = 0;

    make_blocks();
    cr_assert(lmm_graph_init(&graph));
    graph.units /= 2;
    cr_expect(lmm_walk_family(NULL, check_item, &live) == 0 && live == graph.block_count);
    graph.units = 0;
    cr_expect(lmm_walk_family(NULL, check_item, &live) == 0 && live == 2 * graph.block_count);
    lmm_graph_end(&graph);
}

Test(graph, without_any_block)
{
    struct lmm_graph_block block;

    cr_assert(lmm_graph_init(&graph));
    cr_expect(graph.block_count == 0 && !lmm_graph_find(&graph, 4096, &block));
    cr_expect(lmm_graph_is_valid(&graph));
    lmm_graph_end(&graph);
}

Test(graph, without_memory)
{
    make_blocks();
    seam_install();
    for (uint64_t call = 1; call <= 2; call++) {
        uint64_t before = seam_calls(SEAM_MAP);
        seam_fail(SEAM_MAP, before + call, before + call);
        cr_expect(!lmm_graph_init(&graph) && graph.pages == NULL);
    }
    cr_expect(lmm_graph_init(&graph));
    lmm_graph_end(&graph);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static uint32_t own_tags[LMM_UNIT_BYTES / 8];

static void damage_unit(struct lmm_page *page)
{
    page->unit++;
}
static void damage_far_unit(struct lmm_page *page)
{
    page->unit = UINT32_MAX;
}
static void damage_slots(struct lmm_page *page)
{
    page->slots = UINT32_MAX;
}
static void damage_no_slots(struct lmm_page *page)
{
    page->slots = 0;
}
static void damage_stride(struct lmm_page *page)
{
    page->stride = 0;
}
static void damage_large_stride(struct lmm_page *page)
{
    page->stride *= 2;
}
static void damage_family(struct lmm_page *page)
{
    page->family = UINT16_MAX;
}
static void damage_kind(struct lmm_page *page)
{
    page->kind = LMM_PAGE_FOLLOW + 1;
}
static void damage_no_tags(struct lmm_page *page)
{
    page->tags = NULL;
}
static void damage_tags(struct lmm_page *page)
{
    page->tags = (uint32_t *) (uintptr_t) 4096;
}
static void damage_tags_alignment(struct lmm_page *page)
{
    page->tags = (uint32_t *) (void *) ((char *) own_tags + 1);
}
static void damage_units(struct lmm_page *page)
{
    lmm_page_facts(page)->units = UINT32_MAX;
}
static void damage_more_units(struct lmm_page *page)
{
    lmm_page_facts(page)->units++;
}
static void damage_no_units(struct lmm_page *page)
{
    lmm_page_facts(page)->units = 0;
}

static const struct {
    const char *what;
    void (*damage)(struct lmm_page *page);
} damages[] = {
    {"unit", damage_unit},
    {"a unit of no page", damage_far_unit},
    {"slots", damage_slots},
    {"no slots", damage_no_slots},
    {"stride 0", damage_stride},
    {"stride", damage_large_stride},
    {"family", damage_family},
    {"kind", damage_kind},
    {"no tags", damage_no_tags},
    {"tags that cannot be read", damage_tags},
    {"tags at an odd address", damage_tags_alignment},
    {"units", damage_units},
    {"one unit more", damage_more_units},
    {"no units", damage_no_units},
};

/* A page with a damaged descriptor is left out; all other blocks are found. */
Test(graph, damaged_descriptors)
{
    struct lmm_graph_block block;

    make_blocks();
    cr_assert(lmm_graph_init(&graph));
    size_t pages = graph.page_count;
    lmm_graph_end(&graph);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        for (size_t j = 1; j <= KINDS; j++) {
            char *victim = j % 3 == 0 ? blocks[97] : blocks[j];
            struct lmm_page *page = lmm_page_of((uintptr_t) victim);
            struct lmm_page saved = *page;
            struct lmm_page_facts *facts = lmm_page_facts(page);
            struct lmm_page_facts saved_facts = *facts;
            damages[i].damage(page);
            cr_assert(lmm_graph_init(&graph), "%s", damages[i].what);
            cr_expect(graph.page_count == pages - 1 && lmm_graph_is_valid(&graph), "%s of %s",
                      damages[i].what, lmm_families_at(saved.family)->name);
            cr_expect(!lmm_graph_find(&graph, (uintptr_t) victim, &block));
            lmm_graph_end(&graph);
            *page = saved;
            *facts = saved_facts;
        }
    }
}

/* Tags of runs that lie: no block leaves its page. */
Test(graph, damaged_tags)
{
    static const uint32_t lengths[] = {0, 1, 5, 1000000, LMM_TAG_VALUE_MASK};

    make_blocks();
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t j = 0; j < BLOCKS; j++) {
            struct lmm_location at;
            if (blocks[j] == NULL || !lmm_page_locate(blocks[j], &at) ||
                at.page->kind == LMM_PAGE_SLOTS || lmm_run_length(at.page, at.slot) == 1) {
                continue;
            }
            uint32_t saved = at.page->tags[at.slot + 1];
            at.page->tags[at.slot + 1] = lmm_tag_make(LMM_TAG_TAIL, lengths[i]);
            if (j % 50 == 4) {
                cr_assert(lmm_graph_init(&graph));
                cr_expect(lmm_graph_is_valid(&graph), "length %u", lengths[i]);
                lmm_graph_end(&graph);
            }
            at.page->tags[at.slot + 1] = saved;
        }
    }
}
