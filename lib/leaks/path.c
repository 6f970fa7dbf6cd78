/* SPDX-License-Identifier: MIT */
#include "lib/leaks/path.h"

#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

#define READS_ANYTHING __attribute__((no_sanitize("address", "thread")))

enum { VIA_REGISTER = 1 }; /* no word has this address */

/* ---- Start and end --------------------------------------------------------------------------- */

static bool map_arrays(struct lmm_path *path)
{
    const struct lmm_graph *graph = &path->marker.scan.graph;
    size_t via_bytes = (graph->slot_count + 1) * sizeof(path->via[0]);
    size_t queue_bytes = 2 * (graph->block_count + 1) * sizeof(path->queue[0]);

    path->mapped_bytes = lmm_round_up(via_bytes + queue_bytes, LMM_SYSTEM_PAGE_BYTES);
    path->mapped = lmm_vm_map(path->mapped_bytes);
    if (path->mapped == NULL) {
        return false;
    }
    path->via = path->mapped;
    path->queue = (struct lmm_scan_block *) (void *) ((char *) path->mapped + via_bytes);
    path->inside = path->queue + graph->block_count + 1;
    return true;
}

bool lmm_path_init(struct lmm_path *path, const struct lmm_marker_settings *settings)
{
    memset(path, 0, sizeof(*path));
    if (!lmm_marker_init(&path->marker, settings)) {
        return false;
    }
    if (!map_arrays(path)) {
        lmm_marker_end(&path->marker);
        return false;
    }
    return true;
}

void lmm_path_end(struct lmm_path *path)
{
    int saved_errno = errno;

    if (path->mapped != NULL) {
        lmm_vm_unmap(path->mapped, path->mapped_bytes);
    }
    lmm_marker_end(&path->marker);
    memset(path, 0, sizeof(*path));
    errno = saved_errno;
}

/* ---- Following pointers ---------------------------------------------------------------------- */

static struct lmm_scan_block name_of(const struct lmm_path *path,
                                     const struct lmm_graph_block *block)
{
    uint32_t number = (uint32_t) (block->page - path->marker.scan.graph.pages);

    return (struct lmm_scan_block) {number, block->slot};
}

static void reach(struct lmm_path *path, const struct lmm_graph_block *block, uintptr_t via)
{
    block->page->bits[block->slot / 64] &= ~((uint64_t) 1 << (block->slot % 64));
    path->via[block->page->first + block->slot] = via;
    path->queue[path->tail++] = name_of(path, block);
}

static void take_block(struct lmm_path *path, const struct lmm_graph_block *block, uintptr_t word,
                       uintptr_t via)
{
    if (!lmm_graph_has(block->page, LMM_PLANE_WHITE, block->slot)) {
        return;
    }
    if (path->takes_all || lmm_marker_holds(&path->marker, block, word)) {
        reach(path, block, via);
    } else if (!lmm_graph_has(block->page, LMM_PLANE_INTERIOR, block->slot)) {
        lmm_graph_set(block->page, LMM_PLANE_INTERIOR, block->slot);
        path->via[block->page->first + block->slot] = via;
        path->inside[path->inside_count++] = name_of(path, block);
    }
}

/* Takes a word, which lies at `via`. */
static void take_word(struct lmm_path *path, uintptr_t word, uintptr_t via)
{
    const struct lmm_graph *graph = &path->marker.scan.graph;
    struct lmm_graph_block block;

    if (word - graph->low >= graph->span_bytes) {
        return;
    }
    if (lmm_graph_find(graph, word, &block)) {
        take_block(path, &block, word, via);
    }
    if (lmm_graph_find_empty_before(graph, word, &block)) {
        take_block(path, &block, word, via);
    }
}

/* Takes the words in [from, to), which lie `shift` bytes higher in the process. */
READS_ANYTHING static void take_range(struct lmm_path *path, uintptr_t from, uintptr_t to,
                                      uintptr_t shift)
{
    size_t step = path->marker.settings.unaligned ? 1 : sizeof(uintptr_t);

    for (uintptr_t at = lmm_round_up(from, step); at + sizeof(uintptr_t) <= to; at += step) {
        uintptr_t word;
        __builtin_memcpy(&word, (const void *) at, sizeof(word));
        take_word(path, word, at + shift);
    }
}

void lmm_path_root(struct lmm_path *path, const void *from, const void *to, uintptr_t address)
{
    if (from < to) {
        take_range(path, (uintptr_t) from, (uintptr_t) to, address - (uintptr_t) from);
    }
}

void lmm_path_root_word(struct lmm_path *path, uintptr_t word)
{
    take_word(path, word, VIA_REGISTER);
}

static void follow_queue(struct lmm_path *path)
{
    const struct lmm_scan *scan = &path->marker.scan;

    while (path->head < path->tail) {
        struct lmm_scan_block name = path->queue[path->head++];
        struct lmm_graph_block block = lmm_graph_block_at(&scan->graph.pages[name.page], name.slot);
        uintptr_t from;
        for (uintptr_t to = block.start; lmm_scan_next_stretch(scan, &block, &from, &to);) {
            take_range(path, from, to, 0);
        }
    }
}

void lmm_path_run(struct lmm_path *path)
{
    const struct lmm_graph *graph = &path->marker.scan.graph;

    follow_queue(path);
    path->takes_all = true;
    for (size_t i = 0; i < path->inside_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[path->inside[i].page];
        struct lmm_graph_block block = lmm_graph_block_at(page, path->inside[i].slot);
        if (lmm_graph_has(page, LMM_PLANE_WHITE, block.slot)) {
            reach(path, &block, path->via[page->first + block.slot]);
        }
    }
    follow_queue(path);
    LMM_CHECK(lmm_path_is_valid(path));
}

/* ---- Chains ---------------------------------------------------------------------------------- */

bool lmm_path_step_to(const struct lmm_path *path, struct lmm_graph_block block,
                      struct lmm_path_step *ret_step, struct lmm_graph_block *ret_before)
{
    uintptr_t via = path->via[block.page->first + block.slot];
    uintptr_t word = block.start; /* of a register the word is not known any more */

    if (lmm_graph_has(block.page, LMM_PLANE_WHITE, block.slot)) {
        return false;
    }
    bool is_root = !lmm_graph_find(&path->marker.scan.graph, via, ret_before);
    if (!is_root) {
        memcpy(&word, (const void *) via, sizeof(word));
    }
    *ret_step = (struct lmm_path_step) {
        .is_root = is_root,
        .from = is_root ? (via == VIA_REGISTER ? 0 : via) : ret_before->start,
        .offset = is_root ? 0 : via - ret_before->start,
        .to = block.start,
        .to_offset = word - block.start,
    };
    return true;
}

/* Bounded: each step leads to a block that was reached earlier. */
static size_t length_to(const struct lmm_path *path, struct lmm_graph_block block)
{
    struct lmm_path_step step;
    size_t length = 0;

    while (length < path->tail && lmm_path_step_to(path, block, &step, &block)) {
        length++;
        if (step.is_root) {
            return length;
        }
    }
    return 0;
}

size_t lmm_path_find(const struct lmm_path *path, uintptr_t address,
                     struct lmm_path_step *ret_steps, size_t room)
{
    struct lmm_graph_block block;

    if (!lmm_graph_find(&path->marker.scan.graph, address, &block)) {
        return 0;
    }
    size_t length = length_to(path, block);
    size_t left_out = length > room ? length - room : 0;
    for (size_t i = length; i-- > 0;) {
        struct lmm_path_step step;
        lmm_path_step_to(path, block, &step, &block);
        if (i < room / 2) {
            ret_steps[i] = step;
        } else if (i >= room / 2 + left_out) {
            ret_steps[i - left_out] = step;
        }
    }
    return length;
}

/* ---- Invariants ------------------------------------------------------------------------------ */

bool lmm_path_is_valid(const struct lmm_path *path)
{
    const struct lmm_graph *graph = &path->marker.scan.graph;

    for (size_t i = 0; i < path->tail; i++) {
        const struct lmm_graph_page *page = &graph->pages[path->queue[i].page];
        struct lmm_graph_block block = lmm_graph_block_at(page, path->queue[i].slot);
        if (lmm_graph_has(page, LMM_PLANE_WHITE, block.slot) || length_to(path, block) == 0) {
            return false;
        }
    }
    return path->tail <= graph->block_count && path->inside_count <= graph->block_count;
}
