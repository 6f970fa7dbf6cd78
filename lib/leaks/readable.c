/* SPDX-License-Identifier: MIT */
#include "lib/leaks/readable.h"

#include "lib/ground/vm.h"
#include "lib/leaks/present.h"
#include "lib/leaks/ranges.h"

#include <string.h>

enum { PAGES_MAX = 1 << 24 };

static void set(const struct lmm_readable *readable, uint64_t *plane, uintptr_t from, uintptr_t to)
{
    size_t end = to / LMM_SYSTEM_PAGE_BYTES - readable->first;

    end = end < readable->count ? end : readable->count;
    for (size_t i = from / LMM_SYSTEM_PAGE_BYTES - readable->first; i < end; i++) {
        plane[i / 64] |= (uint64_t) 1 << (i % 64);
    }
}

/* Of pages that have memory, or had some that is elsewhere. */
static void take_present(uintptr_t from, uintptr_t to, enum lmm_present_kind kind, void *arg)
{
    struct lmm_readable *readable = arg;
    size_t end = to / LMM_SYSTEM_PAGE_BYTES - readable->first;

    end = end < readable->count ? end : readable->count;
    for (size_t i = from / LMM_SYSTEM_PAGE_BYTES - readable->first; i < end; i++) {
        readable->empty[i / 64] &= ~((uint64_t) 1 << (i % 64));
    }
    if (kind == LMM_PRESENT_IN_MEMORY) {
        set(readable, readable->held, from, to);
    }
}

/* Whether it is memory of the process alone, as LMM maps it: the program may have mapped something else
 * there. */
static bool is_plain(const struct lmm_range *range)
{
    const uint32_t others =
        LMM_RANGE_SHARED | LMM_RANGE_FILE | LMM_RANGE_DEVICE | LMM_RANGE_KERNEL | LMM_RANGE_MARKS;

    return (range->flags & (LMM_RANGE_READ | others)) == LMM_RANGE_READ;
}

/* Learns about [from, to), which ascends from call to call, as *at does, the range to go on with. */
static void learn(struct lmm_readable *readable, const struct lmm_ranges *ranges, size_t *at,
                  const struct lmm_present *present, uintptr_t from, uintptr_t to)
{
    while (*at < ranges->count && ranges->list[*at].to <= from) {
        ++*at;
    }
    for (size_t i = *at; i < ranges->count && ranges->list[i].from < to; i++) {
        const struct lmm_range *range = &ranges->list[i];
        uintptr_t start = range->from > from ? range->from : from;
        uintptr_t end = range->to < to ? range->to : to;
        if (is_plain(range)) {
            set(readable, readable->empty, start, end);
            lmm_present_for_each(present, start, end, take_present, readable);
        }
    }
}

static bool has_long_blocks(const struct lmm_graph_page *page)
{
    return !page->is_pointer_free &&
           (page->kind != LMM_PAGE_SLOTS || page->stride >= LMM_SYSTEM_PAGE_BYTES);
}

static bool map_planes(struct lmm_readable *readable, const struct lmm_graph *graph)
{
    size_t count = graph->span_bytes / LMM_SYSTEM_PAGE_BYTES;
    size_t words;

    count = count < PAGES_MAX ? count : PAGES_MAX;
    words = count / 64 + 1;
    readable->mapped_bytes = lmm_round_up(2 * words * sizeof(uint64_t), LMM_SYSTEM_PAGE_BYTES);
    readable->held = lmm_vm_map(readable->mapped_bytes);
    if (readable->held == NULL) {
        return false;
    }
    readable->empty = readable->held + words;
    readable->first = graph->low / LMM_SYSTEM_PAGE_BYTES;
    readable->count = count;
    return true;
}

void lmm_readable_init(struct lmm_readable *readable, const struct lmm_graph *graph,
                       const struct lmm_ranges *ranges, const struct lmm_present *present)
{
    size_t at = 0;

    memset(readable, 0, sizeof(*readable));
    if (graph->page_count == 0 || !map_planes(readable, graph)) {
        return;
    }
    for (size_t i = 0; i < graph->page_count;) {
        uintptr_t from = graph->pages[i].base;
        uintptr_t to = from;
        bool is_long = has_long_blocks(&graph->pages[i]);
        for (; i < graph->page_count && graph->pages[i].base == to &&
               has_long_blocks(&graph->pages[i]) == is_long;
             i++) {
            to += graph->pages[i].bytes;
        }
        if (is_long) {
            learn(readable, ranges, &at, present, from, to);
        }
    }
    LMM_CHECK(lmm_readable_is_valid(readable));
}

void lmm_readable_end(struct lmm_readable *readable)
{
    if (readable->held != NULL) {
        lmm_vm_unmap(readable->held, readable->mapped_bytes);
    }
    memset(readable, 0, sizeof(*readable));
}

bool lmm_readable_is_valid(const struct lmm_readable *readable)
{
    for (size_t i = 0; i < readable->count / 64 + (readable->count != 0); i++) {
        if ((readable->held[i] & readable->empty[i]) != 0) {
            return false;
        }
    }
    return true;
}
