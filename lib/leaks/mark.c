/* SPDX-License-Identifier: MIT */
#include "lib/leaks/mark.h"

#include "lib/ground/vm.h"

#include <lmm/ledger.h>
#include <string.h>

enum {
    VTABLE_WORDS = 20, /* of which so many are looked at ... */
    VTABLE_CODE = 2,   /* ... for so many addresses of code */
    NODE_BYTES = 3 * sizeof(uint64_t),
};

static uint64_t word_at(uintptr_t address)
{
    uint64_t word;

    memcpy(&word, (const void *) address, sizeof(word));
    return word;
}

/* ---- Heuristics ------------------------------------------------------------------------------ */

/* Whether a word at an aligned address can be read. During a scan nothing becomes inaccessible, so pages
 * that could be read are remembered: a system call for each pointer to the inside of a block would take
 * longer than the scan. */
static bool is_readable(struct lmm_marker *marker, uintptr_t address)
{
    const struct lmm_readable *readable = &marker->scan.readable;

    if (lmm_readable_is_held(readable, address) || lmm_readable_is_empty(readable, address)) {
        return true;
    }
    uintptr_t page = address / LMM_SYSTEM_PAGE_BYTES + 1; /* never 0, which an unused entry has */
    uintptr_t *known = &marker->readable[page % LMM_MARKER_READABLE];

    if (*known != page && lmm_vm_is_readable(address)) {
        *known = page;
    }
    return *known == page;
}

/* Whether the words of a block from its start on can be read: a program may make whole system pages
 * of a long block inaccessible. */
static bool can_read(struct lmm_marker *marker, const struct lmm_graph_block *block,
                     uintptr_t address)
{
    return address % sizeof(uint64_t) == 0 &&
           address + sizeof(uint64_t) <= block->start + block->bytes &&
           lmm_graph_may_read(&marker->scan.graph, block->page, address) &&
           (block->bytes < LMM_SYSTEM_PAGE_BYTES || !marker->scan.can_probe ||
            is_readable(marker, address));
}

static bool is_stdstring(const struct lmm_graph_block *block, uintptr_t address)
{
    const size_t head = 3 * sizeof(uint64_t);

    if (address != block->start + head || block->bytes < head) {
        return false;
    }
    uint64_t length = word_at(block->start);
    uint64_t capacity = word_at(block->start + sizeof(uint64_t));
    return capacity == block->bytes - head - 1 && length <= capacity;
}

static bool is_length64(const struct lmm_graph_block *block, uintptr_t address)
{
    if (address != block->start + sizeof(uint64_t)) {
        return false;
    }
    uint64_t length = word_at(block->start);
    return length != 0 && length == block->bytes - sizeof(length);
}

static bool is_newarray(const struct lmm_graph_block *block, uintptr_t address)
{
    if (address != block->start + sizeof(uint64_t)) {
        return false;
    }
    uint64_t count = word_at(block->start);
    return count != 0 && (block->bytes - sizeof(count)) % count == 0;
}

static const struct lmm_marker_mapping *mapping_of(const struct lmm_marker *marker,
                                                   uintptr_t address)
{
    const struct lmm_marker_mapping *mappings = marker->settings.mappings;
    size_t low = 0;
    size_t high = marker->settings.mapping_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings[middle].to <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_inside = low < marker->settings.mapping_count && mappings[low].from <= address;
    return is_inside ? &mappings[low] : NULL;
}

/* Whether only null pointers and addresses of code are there, two of the latter. */
static bool is_vtable(struct lmm_marker *marker, uint64_t address)
{
    const struct lmm_marker_mapping *mapping =
        address % sizeof(uint64_t) == 0 ? mapping_of(marker, address) : NULL;
    size_t found = 0;

    for (size_t i = 0; mapping != NULL && i < VTABLE_WORDS && found < VTABLE_CODE; i++) {
        uintptr_t at = address + i * sizeof(uint64_t);
        if (at + sizeof(uint64_t) > mapping->to || !is_readable(marker, at)) {
            return false;
        }
        uint64_t word = word_at(at);
        const struct lmm_marker_mapping *code = word == 0 ? NULL : mapping_of(marker, word);
        if (word != 0 && (code == NULL || !code->is_code)) {
            return false;
        }
        found += word != 0;
    }
    return found == VTABLE_CODE;
}

static bool is_multiple_inheritance(struct lmm_marker *marker, const struct lmm_graph_block *block,
                                    uintptr_t address)
{
    /* The start, which can be read, is looked at first: few blocks have a table there. */
    return address % sizeof(uint64_t) == 0 && is_vtable(marker, word_at(block->start)) &&
           can_read(marker, block, address) && is_vtable(marker, word_at(address));
}

/* A node is a key and two pointers to nodes, in which the lowest bit is a colour. */
static bool is_child(const struct lmm_marker *marker, uint64_t word)
{
    uintptr_t start = word & ~(uint64_t) 1;
    struct lmm_graph_block block;

    return start == 0 || (lmm_graph_find(&marker->scan.graph, start, &block) &&
                          block.start == start && block.bytes == NODE_BYTES);
}

static bool is_tree_node(const struct lmm_marker *marker, const struct lmm_graph_block *block,
                         uintptr_t address)
{
    return address == block->start + 1 && block->bytes == NODE_BYTES &&
           word_at(block->start) != 0 &&
           is_child(marker, word_at(block->start + sizeof(uint64_t))) &&
           is_child(marker, word_at(block->start + 2 * sizeof(uint64_t)));
}

/* C++ keeps the end of an array without elements, whose block holds the count 0. */
static bool is_end_of_empty(const struct lmm_graph_block *block, uintptr_t address)
{
    return address == block->start + block->bytes &&
           (block->bytes == 0 || (block->bytes == sizeof(uint64_t) && word_at(block->start) == 0));
}

/* Whether a pointer so many bytes behind the start of a block may hold it: the coloured one of a node, or an aligned
 * one. */
static bool may_hold(uintptr_t offset)
{
    return offset % sizeof(uint64_t) == 0 || offset == 1;
}

bool lmm_marker_holds(struct lmm_marker *marker, const struct lmm_graph_block *block,
                      uintptr_t address)
{
    unsigned heuristics = marker->settings.heuristics;

    if (address == block->start) {
        return true;
    }
    if (!can_read(marker, block, block->start)) {
        return false;
    }
    if (is_end_of_empty(block, address)) {
        return true;
    }
    return ((heuristics & LMM_HEURISTIC_STDSTRING) != 0 && is_stdstring(block, address)) ||
           ((heuristics & LMM_HEURISTIC_LENGTH64) != 0 && is_length64(block, address)) ||
           ((heuristics & LMM_HEURISTIC_NEWARRAY) != 0 && is_newarray(block, address)) ||
           ((heuristics & LMM_HEURISTIC_TREE_NODE) != 0 && is_tree_node(marker, block, address)) ||
           ((heuristics & LMM_HEURISTIC_MULTIPLE_INHERITANCE) != 0 &&
            is_multiple_inheritance(marker, block, address));
}

/* ---- Pointers that are not the start of a white block ---------------------------------------- */

/* In phase 1. */
static void note_interior(struct lmm_scan *scan, uintptr_t word)
{
    struct lmm_marker *marker = (struct lmm_marker *) scan;
    struct lmm_graph_block block;

    if (lmm_graph_find_empty_before(&scan->graph, word, &block)) {
        lmm_scan_reach(scan, block.page, block.slot);
    }
    uint32_t slot;
    const struct lmm_graph_page *page = lmm_graph_find_white(&scan->graph, word, &slot);
    if (page == NULL) {
        return;
    }
    /* Many programs keep pointers behind a header of a few bytes, as redis does: no memory is read for these. */
    if (may_hold(word - page->base - (uintptr_t) slot * page->stride)) {
        block = lmm_graph_block_at(page, slot);
        if (lmm_marker_holds(marker, &block, word)) {
            lmm_scan_reach(scan, page, slot);
            return;
        }
    }
    lmm_graph_set(page, LMM_PLANE_INTERIOR, slot);
}

/* ---- Phases ---------------------------------------------------------------------------------- */

bool lmm_marker_init(struct lmm_marker *marker, const struct lmm_marker_settings *settings)
{
    marker->settings = *settings;
    memset(marker->readable, 0, sizeof(marker->readable));
    return lmm_scan_init(&marker->scan, settings->unaligned, note_interior);
}

void lmm_marker_end(struct lmm_marker *marker)
{
    lmm_scan_end(&marker->scan);
}

void lmm_marker_root(struct lmm_marker *marker, const void *from, const void *to)
{
    lmm_scan_range(&marker->scan, (uintptr_t) from, (uintptr_t) to);
}

void lmm_marker_root_word(struct lmm_marker *marker, uintptr_t word)
{
    lmm_scan_word(&marker->scan, word);
}

bool lmm_marker_is_block(const struct lmm_marker *marker, uintptr_t address, uintptr_t *ret_start,
                         size_t *ret_bytes)
{
    struct lmm_graph_block block;

    if (!lmm_graph_find(&marker->scan.graph, address, &block)) {
        return false;
    }
    *ret_start = block.start;
    *ret_bytes = block.bytes;
    return true;
}

/* Reaches the blocks of the page that are white and in the plane. */
static void reach_white(struct lmm_scan *scan, const struct lmm_graph_page *page,
                        enum lmm_graph_plane plane, bool of_ignored_sites)
{
    const uint64_t *bits = lmm_graph_plane(page, plane);

    for (size_t i = 0; i < page->words; i++) {
        uint64_t left = page->bits[i] & bits[i];
        for (; left != 0; left &= left - 1) {
            uint32_t slot = (uint32_t) (i * 64 + (size_t) __builtin_ctzll(left));
            uint32_t site = lmm_tag_site(lmm_load_relaxed(&page->tags[slot]));
            if (!of_ignored_sites || (lmm_site_marks(site) & LMM_SITE_IGNORED) != 0) {
                lmm_scan_reach(scan, page, slot);
            }
        }
    }
}

static void follow(struct lmm_scan *scan, enum lmm_graph_plane from, bool of_ignored_sites)
{
    for (size_t i = 0; i < scan->graph.page_count; i++) {
        reach_white(scan, &scan->graph.pages[i], from, of_ignored_sites);
    }
    lmm_scan_run(scan);
}

void lmm_marker_run(struct lmm_marker *marker)
{
    struct lmm_scan *scan = &marker->scan;

    lmm_scan_run(scan);
    lmm_graph_copy_plane(&scan->graph, LMM_PLANE_WHITE, LMM_PLANE_UNHELD);
    scan->other = lmm_scan_reach_any;
    if (lmm_scan_has_marked_site(LMM_SITE_IGNORED)) {
        follow(scan, LMM_PLANE_UNHELD, true);
    }
    lmm_graph_copy_plane(&scan->graph, LMM_PLANE_WHITE, LMM_PLANE_UNIGNORED);
    lmm_marker_doubt(marker);
}

void lmm_marker_doubt(struct lmm_marker *marker)
{
    struct lmm_scan *scan = &marker->scan;

    follow(scan, LMM_PLANE_INTERIOR, false);
    lmm_graph_copy_plane(&scan->graph, LMM_PLANE_WHITE, LMM_PLANE_LOST);
    LMM_CHECK(lmm_scan_is_valid(scan) && lmm_marker_is_valid(marker));
}

uint32_t lmm_marker_kind(const struct lmm_marker *marker, uintptr_t address)
{
    struct lmm_graph_block block;

    if (!lmm_graph_find(&marker->scan.graph, address, &block) || block.start != address) {
        return 0;
    }
    if (!lmm_graph_has(block.page, LMM_PLANE_UNHELD, block.slot)) {
        return LMM_LEDGER_LEAK_REACHABLE;
    }
    if (!lmm_graph_has(block.page, LMM_PLANE_UNIGNORED, block.slot)) {
        return LMM_LEDGER_LEAK_IGNORED;
    }
    return lmm_graph_has(block.page, LMM_PLANE_LOST, block.slot) ? LMM_LEDGER_LEAK_DEFINITE
                                                                 : LMM_LEDGER_LEAK_POSSIBLE;
}

bool lmm_marker_is_valid(const struct lmm_marker *marker)
{
    static const enum lmm_graph_plane order[] = {LMM_PLANE_STARTS, LMM_PLANE_UNHELD,
                                                 LMM_PLANE_UNIGNORED, LMM_PLANE_LOST};

    for (size_t i = 0; i < marker->scan.graph.page_count; i++) {
        const struct lmm_graph_page *page = &marker->scan.graph.pages[i];
        for (size_t j = 0; j + 1 < sizeof(order) / sizeof(order[0]); j++) {
            const uint64_t *larger = lmm_graph_plane(page, order[j]);
            const uint64_t *smaller = lmm_graph_plane(page, order[j + 1]);
            for (size_t k = 0; k < page->words; k++) {
                if ((smaller[k] & ~larger[k]) != 0) {
                    return false;
                }
            }
        }
    }
    return true;
}
