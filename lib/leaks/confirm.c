/* SPDX-License-Identifier: MIT */
#include "lib/leaks/confirm.h"

#include "lib/ground/meta.h"
#include "lib/pages/page.h"

enum { PRINT_BYTES = 256 }; /* of the contents */

/* ---- Memory ---------------------------------------------------------------------------------- */

static int count_page(struct lmm_page *page, void *arg)
{
    struct lmm_confirm *confirm = arg;

    confirm->page_room++;
    confirm->slot_room += page->kind == LMM_PAGE_SPAN ? 1 : page->slots;
    return 0;
}

bool lmm_confirm_map(struct lmm_confirm *confirm)
{
    *confirm = (struct lmm_confirm) {0};
    lmm_page_for_each(count_page, confirm);
    size_t page_bytes = confirm->page_room * sizeof(struct lmm_old_page);

    confirm->bytes = sizeof(*confirm->first) + page_bytes + confirm->slot_room * sizeof(uint16_t);
    confirm->first = lmm_meta_map_shared(confirm->bytes);
    if (confirm->first != NULL) {
        confirm->prints = (uint16_t *) (void *) (confirm->first->pages + confirm->page_room);
    }
    return confirm->first != NULL;
}

void lmm_confirm_unmap(struct lmm_confirm *confirm)
{
    if (confirm->first != NULL) {
        lmm_meta_unmap(confirm->first, confirm->bytes);
        confirm->first = NULL;
    }
}

/* ---- Prints ---------------------------------------------------------------------------------- */

static uint64_t add_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * LMM_HASH_MULTIPLIER;
    return hash ^ hash >> 29;
}

static uint64_t add_bytes(uint64_t hash, uintptr_t from, uintptr_t to)
{
    for (; to - from >= sizeof(uint64_t); from += sizeof(uint64_t)) {
        hash = add_word(hash, *(const uint64_t *) from);
    }
    for (; from < to; from++) {
        hash = add_word(hash, *(const unsigned char *) from);
    }
    return hash;
}

static uint16_t print_of(const struct lmm_scan *scan, const struct lmm_graph_page *page,
                         size_t slot)
{
    struct lmm_graph_block block = lmm_graph_block_at(page, (uint32_t) slot);
    uintptr_t end = block.start + (block.bytes < PRINT_BYTES ? block.bytes : PRINT_BYTES);
    uintptr_t to = block.start;
    uintptr_t from;
    uint64_t hash = add_word(block.bytes, lmm_tag_site(lmm_load_relaxed(&page->tags[slot])));

    if (lmm_scan_next_stretch(scan, &block, &from, &to)) {
        hash = add_bytes(hash, from < end ? from : end, to < end ? to : end);
    }
    uint16_t print = (uint16_t) (hash >> 20);
    return print != 0 ? print : 1;
}

/* ---- The passes ------------------------------------------------------------------------------ */

void lmm_confirm_keep(struct lmm_confirm *confirm, const struct lmm_marker *marker)
{
    const struct lmm_graph *graph = &marker->scan.graph;

    for (size_t i = 0; i < graph->page_count && i < confirm->page_room; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        const uint64_t *lost = lmm_graph_plane(page, LMM_PLANE_LOST);
        if (page->slots > confirm->slot_room - page->first) {
            break;
        }
        confirm->first->pages[i] = lmm_old_page_of(page, page->first);
        confirm->first->count = i + 1;
        for (size_t j = 0; j < page->words; j++) {
            for (uint64_t left = lost[j]; left != 0; left &= left - 1) {
                size_t slot = j * 64 + (size_t) __builtin_ctzll(left);
                confirm->prints[page->first + slot] = print_of(&marker->scan, page, slot);
            }
        }
    }
}

void lmm_confirm_apply(const struct lmm_confirm *confirm, struct lmm_marker *marker)
{
    const struct lmm_graph *graph = &marker->scan.graph;

    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        const uint64_t *lost = lmm_graph_plane(page, LMM_PLANE_LOST);
        const struct lmm_old_page *old =
            lmm_old_page_find(confirm->first->pages, confirm->first->count, page);
        for (size_t j = 0; j < page->words; j++) {
            for (uint64_t left = lost[j]; left != 0; left &= left - 1) {
                size_t slot = j * 64 + (size_t) __builtin_ctzll(left);
                if (old == NULL ||
                    confirm->prints[old->first + slot] != print_of(&marker->scan, page, slot)) {
                    lmm_graph_set(page, LMM_PLANE_INTERIOR, slot);
                }
            }
        }
    }
    lmm_marker_doubt(marker);
}
