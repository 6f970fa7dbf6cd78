/* SPDX-License-Identifier: MIT */
#include "lib/leaks/graph.h"

#include "lib/ground/vm.h"
#include "lib/heaps/foreign.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"

#include <errno.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    NUMBERED_UNITS_MAX = 1 << 18, /* 64 GiB of addresses: a megabyte of numbers */
    UNITS_MAX = 1 << 20,          /* of a page */
    GAPS_MAX = 1 << 12,
};

/* ---- Descriptors ----------------------------------------------------------------------------- */

/* Whether all system pages of tags can be read. *checked is the last one that was: pages that are
 * neighbours share them. */
static bool can_read(const uint32_t *tags, size_t count, uintptr_t *checked)
{
    uintptr_t last = (uintptr_t) (tags + count) - 1;
    uintptr_t at = (uintptr_t) tags & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);

    for (; at <= last; at += LMM_SYSTEM_PAGE_BYTES) {
        if (at != *checked && !lmm_vm_is_readable(at)) {
            return false;
        }
        *checked = at;
    }
    return true;
}

/* Whether all units of a page lead to it. */
static bool has_its_units(const struct lmm_page *page, size_t units)
{
    for (size_t i = 1; i < units; i++) {
        const struct lmm_page *unit =
            lmm_page_unit((uintptr_t) lmm_page_base(page) + i * LMM_UNIT_BYTES);
        if (unit == NULL || unit->kind != LMM_PAGE_FOLLOW || unit->unit != page->unit) {
            return false;
        }
    }
    return true;
}

/* The length of a page, in units, when it is where its descriptor is; else 0. */
static size_t units_of(const struct lmm_page *page)
{
    uintptr_t base = (uintptr_t) page->unit << LMM_UNIT_SHIFT;

    if (base >> LMM_ADDRESS_BITS != 0 || lmm_page_unit(base) != page) {
        return 0;
    }
    size_t units = lmm_load_relaxed(&lmm_page_facts(page)->units);
    return units <= UNITS_MAX && has_its_units(page, units) ? units : 0;
}

static bool has_kind(const struct lmm_page *page, const struct lmm_family *family)
{
    switch (page->kind) {
    case LMM_PAGE_SLOTS: return lmm_family_has_slots(family);
    case LMM_PAGE_RUNS:
    case LMM_PAGE_SPAN: return true;
    default: return false;
    }
}

/* The family of a page whose descriptor says nothing impossible; else NULL. */
static const struct lmm_family *family_of(const struct lmm_page *page, size_t units)
{
    if (units == 0 || page->family >= lmm_families_count()) {
        return NULL;
    }
    const struct lmm_family *family = lmm_families_at(page->family);
    bool fits = page->slots != 0 && (uintptr_t) page->tags % sizeof(uint32_t) == 0 &&
                page->slots <= units * LMM_UNIT_BYTES / family->stride &&
                (page->kind != LMM_PAGE_SLOTS || units == 1);
    return page->stride == family->stride && fits && has_kind(page, family) ? family : NULL;
}

/* What a page's blocks are. */
static void describe_blocks(struct lmm_graph_page *record, const struct lmm_family *family)
{
    bool by_multiplication =
        record->bytes == LMM_UNIT_BYTES && record->stride <= LMM_SLOT_STRIDE_MAX;

    record->multiplier = record->kind != LMM_PAGE_SPAN && by_multiplication
                             ? lmm_page_multiplier(record->stride)
                             : 0;
    record->block_bytes =
        record->kind == LMM_PAGE_SLOTS && !family->counts_bytes ? (uint32_t) family->size : 0;
    record->is_pointer_free = lmm_load_relaxed(&family->is_pointer_free);
    record->needs_search = record->kind != LMM_PAGE_SLOTS || record->stride == sizeof(uint64_t);
}

/* Copies a descriptor, except `bits` and `first`. False when it makes no sense. */
static bool describe(const struct lmm_page *page, struct lmm_graph_page *ret_record)
{
    size_t units = units_of(page);
    const struct lmm_family *family = family_of(page, units);
    const uint32_t *tags = lmm_load_acquire(&page->tags);

    if (family == NULL || tags == NULL) {
        return false;
    }
    bool is_span = page->kind == LMM_PAGE_SPAN;
    *ret_record = (struct lmm_graph_page) {
        .base = (uintptr_t) lmm_page_base(page),
        .tags = tags,
        .bytes = units * LMM_UNIT_BYTES,
        .slots = is_span ? 1 : page->slots,
        .stride = page->stride,
        .family = page->family,
        .kind = page->kind,
    };
    /* One bit more, which is 0: what is left after the last slot looks like a slot. */
    ret_record->words = (uint16_t) (ret_record->slots / 64 + 1);
    describe_blocks(ret_record, family);
    return true;
}

/* ---- Building -------------------------------------------------------------------------------- */

struct builder {
    struct lmm_graph *graph;
    uintptr_t checked;
    size_t capacity; /* of pages */
    size_t words;    /* of one plane, of all pages */
    uint64_t *bits;
    size_t words_left; /* of all planes */
};

static int count_page(struct lmm_page *page, void *arg)
{
    struct builder *builder = arg;
    struct lmm_graph_page record;

    if (describe(page, &record)) {
        builder->capacity++;
        builder->words += record.words;
    }
    return 0;
}

/* Bit i: whether tag i of the 64 is LIVE. */
static uint64_t live_of_64(const uint32_t *tags)
{
    uint64_t live = 0;

#if defined(__SSE2__)
    for (size_t i = 0; i < 64; i += 4) {
        __m128i four = _mm_loadu_si128((const __m128i *) (const void *) (tags + i));
        __m128i is_live = _mm_andnot_si128(_mm_slli_epi32(four, 1), four);
        live |= (uint64_t) (unsigned) _mm_movemask_ps(_mm_castsi128_ps(is_live)) << i;
    }
#else
    for (size_t i = 0; i < 64; i++) {
        live |= (uint64_t) (lmm_tag_state(tags[i]) == LMM_TAG_LIVE) << i;
    }
#endif
    return live;
}

static uint64_t live_of(const uint32_t *tags, size_t count)
{
    uint64_t live = 0;

    for (size_t i = 0; i < count; i++) {
        live |= (uint64_t) (lmm_tag_state(lmm_load_relaxed(&tags[i])) == LMM_TAG_LIVE) << i;
    }
    return live;
}

/* Sets the planes WHITE and STARTS; returns how many blocks live. */
static size_t fill_starts(const struct lmm_graph_page *page)
{
    uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
    size_t whole = page->slots / 64;
    size_t blocks = 0;

    for (size_t i = 0; i < whole; i++) {
        starts[i] = live_of_64(page->tags + i * 64);
    }
    starts[whole] = live_of(page->tags + whole * 64, page->slots % 64);
    for (size_t i = 0; i <= whole; i++) {
        page->bits[i] = starts[i];
        blocks += (size_t) __builtin_popcountll(starts[i]);
    }
    return blocks;
}

static size_t tag_count(const struct lmm_graph_page *page)
{
    return page->kind == LMM_PAGE_SPAN ? (size_t) LMM_SPAN_TAGS : page->slots;
}

/* Between the two walks a page may have changed, if a thread runs: its room is bounded again. */
static int add_page(struct lmm_page *page, void *arg)
{
    struct builder *builder = arg;
    struct lmm_graph *graph = builder->graph;
    struct lmm_graph_page record;

    if (!describe(page, &record) || graph->page_count == builder->capacity ||
        !can_read(record.tags, tag_count(&record), &builder->checked) ||
        (size_t) record.words * LMM_PLANES > builder->words_left) {
        graph->damaged++;
        return 0;
    }
    record.bits = builder->bits;
    record.first = (uint32_t) graph->slot_count;
    builder->bits += (size_t) record.words * LMM_PLANES;
    builder->words_left -= (size_t) record.words * LMM_PLANES;
    graph->pages[graph->page_count++] = record;
    graph->slot_count += record.slots;
    graph->block_count += fill_starts(&record);
    return 0;
}

/* Decides which units are numbered: all, or those of the densest stretch. */
static void choose_units(struct lmm_graph *graph)
{
    size_t most = 0;
    size_t last = 0;

    for (size_t first = 0; first < graph->page_count; first++) {
        uintptr_t from = graph->pages[first].base;
        uintptr_t bound = from + (uintptr_t) NUMBERED_UNITS_MAX * LMM_UNIT_BYTES;
        while (last < graph->page_count &&
               graph->pages[last].base + graph->pages[last].bytes <= bound) {
            last++;
        }
        if (last > first && last - first > most) {
            most = last - first;
            graph->first_unit = from >> LMM_UNIT_SHIFT;
            uintptr_t end = graph->pages[last - 1].base + graph->pages[last - 1].bytes;
            graph->units = (end - from) >> LMM_UNIT_SHIFT;
        }
    }
}

static void number_units(struct lmm_graph *graph)
{
    for (size_t i = 0; i < graph->page_count; i++) {
        size_t unit = (graph->pages[i].base >> LMM_UNIT_SHIFT) - graph->first_unit;
        size_t units = graph->pages[i].bytes >> LMM_UNIT_SHIFT;
        for (size_t j = 0; j < units && unit < graph->units; j++, unit++) {
            graph->numbers[unit] = (uint32_t) i + 1;
        }
    }
}

static void set_range(struct lmm_graph *graph)
{
    if (graph->page_count != 0) {
        const struct lmm_graph_page *last = &graph->pages[graph->page_count - 1];
        graph->low = graph->pages[0].base;
        /* The byte after the last page may be the end of a block of no length. */
        graph->span_bytes = last->base + last->bytes + 1 - graph->low;
    }
}

static bool map(struct lmm_graph *graph, size_t i, size_t bytes)
{
    graph->mapped_bytes[i] = lmm_round_up(bytes, LMM_SYSTEM_PAGE_BYTES);
    graph->mapped[i] = lmm_vm_map(graph->mapped_bytes[i]);
    if (graph->mapped[i] != NULL) {
        lmm_vm_prefer_large_pages(graph->mapped[i], graph->mapped_bytes[i]);
    }
    return graph->mapped[i] != NULL;
}

static bool map_all(struct lmm_graph *graph, struct builder *builder)
{
    size_t page_bytes = builder->capacity * sizeof(struct lmm_graph_page);
    size_t number_bytes = NUMBERED_UNITS_MAX * sizeof(uint32_t);
    size_t plane_bytes = builder->words * LMM_PLANES * sizeof(uint64_t);

    if (builder->words > UINT32_MAX / 64) {
        errno = EOVERFLOW;
        return false;
    }
    size_t gap_bytes = GAPS_MAX * sizeof(struct lmm_graph_gap);
    if (!map(graph, 0, page_bytes + gap_bytes + number_bytes) || !map(graph, 1, plane_bytes + 1)) {
        return false;
    }
    graph->pages = graph->mapped[0];
    graph->gaps = (struct lmm_graph_gap *) (void *) ((char *) graph->mapped[0] + page_bytes);
    graph->numbers = (uint32_t *) (void *) (graph->gaps + GAPS_MAX);
    builder->bits = graph->mapped[1];
    builder->words_left = builder->words * LMM_PLANES;
    return true;
}

bool lmm_graph_init(struct lmm_graph *graph)
{
    struct builder builder = {.graph = graph};

    *graph = (struct lmm_graph) {0};
    lmm_foreign_mark_batches(lmm_thread_heaps(), NULL);
    lmm_page_for_each(count_page, &builder);
    if (!map_all(graph, &builder)) {
        lmm_graph_end(graph);
        return false;
    }
    lmm_page_for_each(add_page, &builder);
    choose_units(graph);
    number_units(graph);
    set_range(graph);
    LMM_CHECK(lmm_graph_is_valid(graph));
    return true;
}

void lmm_graph_end(struct lmm_graph *graph)
{
    int saved_errno = errno;

    for (size_t i = 0; i < sizeof(graph->mapped) / sizeof(graph->mapped[0]); i++) {
        if (graph->mapped[i] != NULL) {
            lmm_vm_unmap(graph->mapped[i], graph->mapped_bytes[i]);
        }
    }
    *graph = (struct lmm_graph) {0};
    errno = saved_errno;
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

void lmm_graph_add_gap(struct lmm_graph *graph, uintptr_t from, uintptr_t to)
{
    bool has_room = graph->gap_count < GAPS_MAX;
    bool is_used = false;

    for (size_t i = 0; i < graph->page_count; i++) {
        struct lmm_graph_page *page = &graph->pages[i];
        if (page->base < to && from < page->base + page->bytes) {
            page->has_gaps = true;
            page->is_pointer_free |= !has_room;
            graph->damaged += !has_room;
            is_used = true;
        }
    }
    if (is_used && has_room) {
        graph->gaps[graph->gap_count++] = (struct lmm_graph_gap) {from, to};
    }
}

const struct lmm_graph_gap *lmm_graph_next_gap(const struct lmm_graph *graph,
                                               const struct lmm_graph_page *page, uintptr_t address)
{
    size_t low = 0;
    size_t high = page->has_gaps ? graph->gap_count : 0;
    size_t count = high;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (graph->gaps[middle].to <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count ? &graph->gaps[low] : NULL;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

const struct lmm_graph_page *lmm_graph_far_page(const struct lmm_graph *graph, uintptr_t address)
{
    size_t low = 0;
    size_t high = graph->page_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (graph->pages[middle].base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct lmm_graph_page *page = low == 0 ? NULL : &graph->pages[low - 1];
    return page != NULL && address - page->base < page->bytes ? page : NULL;
}

/* The slots of the run that starts there, bounded by its page. */
static size_t run_length(const struct lmm_graph_page *page, size_t slot)
{
    bool is_span = page->kind == LMM_PAGE_SPAN;
    size_t room = is_span ? page->bytes / page->stride : page->slots - slot;
    uint32_t tail = room > 1 ? lmm_load_relaxed(&page->tags[slot + 1]) : 0;

    if (lmm_tag_state(tail) != LMM_TAG_TAIL || lmm_tag_value(tail) == 0) {
        return 1;
    }
    return lmm_tag_value(tail) < room ? lmm_tag_value(tail) : room;
}

struct lmm_graph_block lmm_graph_block_at(const struct lmm_graph_page *page, uint32_t slot)
{
    struct lmm_graph_block block = {
        .page = page,
        .slot = slot,
        .start = page->base + (size_t) slot * page->stride,
        .bytes = page->block_bytes,
        .room = page->stride,
    };

    if (block.bytes == 0) {
        const struct lmm_family *family = lmm_families_at(page->family);
        size_t length = page->kind == LMM_PAGE_SLOTS ? 1 : run_length(page, slot);
        uint32_t slack = lmm_tag_slack(lmm_load_relaxed(&page->tags[slot]));
        block.room = length * page->stride;
        slack = family->counts_bytes ? slack : page->stride - (uint32_t) family->size;
        block.bytes = slack < block.room ? block.room - slack : 0;
    }
    return block;
}

/* The last slot from `slot` down in which a block starts; SIZE_MAX: none. */
static size_t start_before(const struct lmm_graph_page *page, size_t slot)
{
    const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
    size_t i = slot / 64;
    uint64_t word = starts[i] & UINT64_MAX >> (63 - slot % 64);

    while (word == 0 && i > 0) {
        word = starts[--i];
    }
    return word == 0 ? SIZE_MAX : i * 64 + 63 - (size_t) __builtin_clzll(word);
}

static size_t slot_of(const struct lmm_graph_page *page, uintptr_t address)
{
    size_t offset = address - page->base;

    if (page->kind == LMM_PAGE_SPAN) {
        return 0;
    }
    return page->multiplier != 0 ? offset * page->multiplier >> 32 : offset / page->stride;
}

/* The page of any value, or NULL. */
static const struct lmm_graph_page *page_at(const struct lmm_graph *graph, uintptr_t address)
{
    return address - graph->low < graph->span_bytes ? lmm_graph_page_of(graph, address) : NULL;
}

/* The slot of the page in which the last block starts that may hold address; SIZE_MAX: none. */
static size_t first_slot_of(const struct lmm_graph_page *page, uintptr_t address)
{
    size_t slot = slot_of(page, address);

    if (slot >= page->slots) {
        return SIZE_MAX;
    }
    if (page->kind == LMM_PAGE_SLOTS) {
        return lmm_graph_has(page, LMM_PLANE_STARTS, slot) ? slot : SIZE_MAX;
    }
    return start_before(page, slot);
}

bool lmm_graph_find(const struct lmm_graph *graph, uintptr_t address,
                    struct lmm_graph_block *ret_block)
{
    const struct lmm_graph_page *page = page_at(graph, address);
    size_t first = page == NULL ? SIZE_MAX : first_slot_of(page, address);

    if (first == SIZE_MAX) {
        return false;
    }
    struct lmm_graph_block block = lmm_graph_block_at(page, (uint32_t) first);
    if (address - block.start >= block.room) {
        return false;
    }
    *ret_block = block;
    return true;
}

const struct lmm_graph_page *lmm_graph_find_white(const struct lmm_graph *graph, uintptr_t address,
                                                  uint32_t *ret_slot)
{
    const struct lmm_graph_page *page = page_at(graph, address);
    size_t first = page == NULL ? SIZE_MAX : first_slot_of(page, address);

    if (first == SIZE_MAX || !lmm_graph_has(page, LMM_PLANE_WHITE, first)) {
        return NULL;
    }
    *ret_slot = (uint32_t) first;
    if (page->kind != LMM_PAGE_SLOTS) {
        struct lmm_graph_block block = lmm_graph_block_at(page, *ret_slot);
        return address - block.start < block.room ? page : NULL;
    }
    return page;
}

bool lmm_graph_find_empty_before(const struct lmm_graph *graph, uintptr_t address,
                                 struct lmm_graph_block *ret_block)
{
    uint64_t word;
    struct lmm_graph_block block;
    const struct lmm_graph_page *page = page_at(graph, address - sizeof(word));

    if (page == NULL || page->stride != sizeof(word) ||
        !lmm_graph_find(graph, address - sizeof(word), &block) ||
        block.start != address - sizeof(word) || block.room != sizeof(word)) {
        return false;
    }
    if (!lmm_graph_may_read(graph, block.page, block.start)) {
        return false;
    }
    memcpy(&word, (const void *) block.start, sizeof(word));
    if (block.bytes != 0 && (block.bytes != sizeof(word) || word != 0)) {
        return false;
    }
    *ret_block = block;
    return true;
}

size_t lmm_graph_counted_bytes(const struct lmm_graph_block *block)
{
    const struct lmm_family *family = lmm_families_at(block->page->family);

    return family->counts_bytes ? block->bytes : block->room / block->page->stride * family->size;
}

void lmm_graph_copy_plane(const struct lmm_graph *graph, enum lmm_graph_plane from,
                          enum lmm_graph_plane to)
{
    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        memcpy(lmm_graph_plane(page, to), lmm_graph_plane(page, from),
               page->words * sizeof(uint64_t));
    }
}

/* ---- Invariants ------------------------------------------------------------------------------ */

static bool page_is_valid(const struct lmm_graph_page *page)
{
    size_t last = page->slots % 64;

    if (page->kind != LMM_PAGE_SPAN && (size_t) page->slots * page->stride > page->bytes) {
        return false;
    }
    for (int plane = 0; plane < LMM_PLANES; plane++) {
        const uint64_t *bits = lmm_graph_plane(page, plane);
        if (bits[page->slots / 64] >> last != 0) {
            return false;
        }
    }
    for (uint32_t slot = 0; slot < page->slots; slot++) {
        if (lmm_graph_has(page, LMM_PLANE_STARTS, slot)) {
            struct lmm_graph_block block = lmm_graph_block_at(page, slot);
            if (block.bytes > block.room || block.start - page->base + block.room > page->bytes) {
                return false;
            }
        }
    }
    return true;
}

bool lmm_graph_is_valid(const struct lmm_graph *graph)
{
    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        if (!page_is_valid(page) || (i > 0 && page[-1].base + page[-1].bytes > page->base) ||
            lmm_graph_page_of(graph, page->base + page->bytes - 1) != page) {
            return false;
        }
    }
    return true;
}
