/* SPDX-License-Identifier: MIT */
#include "lib/leaks/scan.h"

#include "lib/ground/vm.h"

/* ---- Blocks reached -------------------------------------------------------------------------- */

/* Notes that a block of the page waits. */
LMM_WORDS_INLINE void note_page(struct lmm_scan *scan, size_t number)
{
    uint64_t bit = (uint64_t) 1 << (number % 64);
    uint64_t *word = &scan->noted[number / 64];

    if ((*word & bit) == 0) {
        *word |= bit;
        scan->noted_groups[number / 64 / 64] |= (uint64_t) 1 << (number / 64 % 64);
        scan->noted_count++;
    }
}

LMM_WORDS_INLINE void put_into_ring(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                    size_t slot)
{
    const char *start = (const char *) page->base + slot * page->stride;

    __builtin_prefetch(start + LMM_CACHE_LINE_BYTES); /* take_word() has fetched the first line */
    lmm_graph_set(page, LMM_PLANE_READ, slot);
    scan->ring[(scan->ring_first + scan->ring_count++) % LMM_SCAN_RING] =
        (struct lmm_scan_block) {(uint32_t) (page - scan->graph.pages), (uint32_t) slot};
}

/* The block is white. */
LMM_WORDS_INLINE void reach(struct lmm_scan *scan, const struct lmm_graph_page *page, size_t slot)
{
    page->bits[slot / 64] &= ~((uint64_t) 1 << (slot % 64));
    if (scan->group_of != NULL) {
        scan->group_of[page->first + slot] = scan->group;
        scan->reached++;
    }
    if (page == scan->current && slot / 64 >= scan->at_word) {
        if (LMM_UNLIKELY(slot / 64 > scan->last_word)) {
            scan->last_word = slot / 64;
        }
    } else if (scan->ring_count < LMM_SCAN_RING) {
        put_into_ring(scan, page, slot);
    } else {
        note_page(scan, (size_t) (page - scan->graph.pages));
    }
}

void lmm_scan_reach(struct lmm_scan *scan, const struct lmm_graph_page *page, uint32_t slot)
{
    if (lmm_graph_has(page, LMM_PLANE_WHITE, slot)) {
        reach(scan, page, slot);
    }
}

void lmm_scan_reach_any(struct lmm_scan *scan, uintptr_t word)
{
    struct lmm_graph_block block;
    uint32_t slot;
    const struct lmm_graph_page *page = lmm_graph_find_white(&scan->graph, word, &slot);

    if (page != NULL) {
        lmm_scan_reach(scan, page, slot);
    }
    if (lmm_graph_find_empty_before(&scan->graph, word, &block)) {
        lmm_scan_reach(scan, block.page, block.slot);
    }
}

/* ---- Words ----------------------------------------------------------------------------------- */

LMM_WORDS_INLINE void take_word(struct lmm_scan *scan, uintptr_t word)
{
    const struct lmm_graph *graph = &scan->graph;

    if (word - graph->low >= graph->span_bytes) {
        return;
    }
    if (scan->ring_count < LMM_SCAN_RING) {
        __builtin_prefetch((const void *) word); /* it will be read soon, if it is white */
    }
    const struct lmm_graph_page *page = lmm_graph_page_of(graph, word);
    if (LMM_LIKELY(page != NULL)) {
        /* Where there is a multiplier, the page has one unit. Without one the product is 0. */
        uint64_t multiplier = page->multiplier;
        uint64_t product = (word & (LMM_UNIT_BYTES - 1)) * multiplier;
        size_t slot = product >> 32;
        bool is_white = (page->bits[slot / 64] >> (slot % 64) & 1) != 0;
        bool is_told = page->needs_search || (!is_white && scan->tells_known);
        if (LMM_LIKELY((uint32_t) product < multiplier)) {
            if (is_white) {
                reach(scan, page, slot);
            }
            if (LMM_LIKELY(slot != 0 && !is_told)) {
                return; /* else it may also be inside of a run, or the end of a block of no length */
            }
        } else if (multiplier != 0 && !is_white && !is_told) {
            return; /* inside of a block that is known, or of none */
        }
    }
    scan->other(scan, word);
}

void lmm_scan_word(struct lmm_scan *scan, uintptr_t word)
{
    take_word(scan, word);
}

LMM_WORDS_INLINE void take_8(struct lmm_scan *scan, const uint64_t *words)
{
    unsigned found = lmm_words_candidates(&scan->words, words);

    while (LMM_UNLIKELY(found != 0)) {
        unsigned i = (unsigned) __builtin_ctz(found) / 2;
        take_word(scan, words[i]);
        found = lmm_words_after_first(found);
    }
}

LMM_WORDS_READS static void take_unaligned(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at + sizeof(uint64_t) <= to; at++) {
        uintptr_t word;
        __builtin_memcpy(&word, (const void *) at, sizeof(word));
        take_word(scan, word);
    }
}

/* The last 8 words may include some that were taken already, which does no harm. */
LMM_WORDS_INLINE void take_aligned(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    const uint64_t *at = (const uint64_t *) lmm_round_up(from, sizeof(uint64_t));
    const uint64_t *end = (const uint64_t *) (to & ~(uintptr_t) (sizeof(uint64_t) - 1));

    if (end - at >= 8) {
        for (; end - at >= 8; at += 8) {
            take_8(scan, at);
        }
        if (at != end) {
            take_8(scan, end - 8);
        }
    } else {
        for (; at < end; at++) {
            take_word(scan, *at);
        }
    }
}

LMM_WORDS_INLINE void take_range(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    scan->bytes += to - from;
    if (LMM_UNLIKELY(scan->unaligned)) {
        take_unaligned(scan, from, to);
    } else {
        take_aligned(scan, from, to);
    }
}

void lmm_scan_range(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    if (from < to) {
        lmm_scan_use_first(from, to);
        take_range(scan, from, to);
    }
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Whether a whole system page is to be read. An empty one has no words; but where words count at any
 * address, one may begin before it. */
static bool may_read(const struct lmm_scan *scan, uintptr_t page)
{
    if (lmm_readable_is_held(&scan->readable, page)) {
        return true;
    }
    if (lmm_readable_is_empty(&scan->readable, page)) {
        return scan->unaligned;
    }
    return !scan->can_probe || lmm_vm_is_readable(page);
}

/* The end of what is to be read from `from` on, at most `end`. */
static uintptr_t readable_end(const struct lmm_scan *scan, uintptr_t from, uintptr_t end)
{
    uintptr_t to = lmm_round_up(from, LMM_SYSTEM_PAGE_BYTES);

    while (to + LMM_SYSTEM_PAGE_BYTES <= end && may_read(scan, to)) {
        to += LMM_SYSTEM_PAGE_BYTES;
    }
    return to + LMM_SYSTEM_PAGE_BYTES > end ? end : to;
}

bool lmm_scan_next_stretch(const struct lmm_scan *scan, const struct lmm_graph_block *block,
                           uintptr_t *from, uintptr_t *to)
{
    uintptr_t end = block->start + block->bytes;
    uint32_t site = lmm_tag_site(lmm_load_relaxed(&block->page->tags[block->slot]));

    if (*to == block->start &&
        (block->page->is_pointer_free ||
         (scan->has_pointer_free_sites && (lmm_site_marks(site) & LMM_SITE_POINTER_FREE) != 0))) {
        return false;
    }
    for (*from = *to; *from < end;) {
        const struct lmm_graph_gap *gap = lmm_graph_next_gap(&scan->graph, block->page, *from);
        if (gap != NULL && gap->from <= *from) {
            *from = gap->to;
            continue;
        }
        *to = readable_end(scan, *from, gap != NULL && gap->from < end ? gap->from : end);
        if (*to > *from) {
            return true;
        }
        *from += LMM_SYSTEM_PAGE_BYTES;
    }
    return false;
}

/* Reads a block of a page that is not plain. */
static LMM_NOINLINE void read_unlike(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                     size_t slot)
{
    struct lmm_graph_block block = lmm_graph_block_at(page, (uint32_t) slot);
    uintptr_t from;

    for (uintptr_t to = block.start; lmm_scan_next_stretch(scan, &block, &from, &to);) {
        lmm_scan_range(scan, from, to);
    }
}

LMM_WORDS_INLINE void read_block(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                 size_t slot, bool is_plain)
{
    if (LMM_UNLIKELY(!is_plain)) {
        read_unlike(scan, page, slot);
        return;
    }
    uintptr_t start = page->base + slot * page->stride;
    size_t bytes = lmm_words_slot_bytes(page, slot);
    scan->bytes += bytes;
    take_aligned(scan, start, start + bytes);
}

/* ---- Many blocks of a page at once ----------------------------------------------------------- */

/* Takes those of 8 words that lie in one of the slots. */
LMM_WORDS_READS static LMM_NOINLINE void take_swept(struct lmm_scan *scan,
                                                    const struct lmm_graph_page *page, size_t i,
                                                    uint64_t slots, const uint64_t *words,
                                                    unsigned found)
{
    while (found != 0) {
        unsigned j = (unsigned) __builtin_ctz(found) / 2;
        if (words[j] - scan->graph.low < scan->graph.span_bytes) {
            size_t slot = lmm_words_slot_of(page, i, (uintptr_t) &words[j]);
            if (slot < 64 && (slots >> slot & 1) != 0) {
                take_word(scan, words[j]);
            }
        }
        found = lmm_words_after_first(found);
    }
}

LMM_WORDS_READS static void sweep_slots(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                        size_t i, uint64_t slots)
{
    struct lmm_words_sweep sweep = lmm_words_sweep_of(page, i);

    scan->bytes += (uint64_t) 64 * page->stride;
    for (;; sweep.at += 8) {
        const uint64_t *words = sweep.at < sweep.last ? sweep.at : sweep.last;
        unsigned found = lmm_words_candidates(&scan->words, words);
        if (LMM_UNLIKELY(found != 0)) {
            take_swept(scan, page, i, slots, words, found);
        }
        if (words == sweep.last) {
            return;
        }
    }
}

/* ---- Blocks that wait ------------------------------------------------------------------------ */

/*
 * Reads the blocks of 64 slots that wait, also those that are reached meanwhile. Often blocks lead to each
 * other at one distance, mostly to a neighbour. So the next one is guessed: the processor then reads it
 * while it still computes which one it is, and the comparison only confirms that.
 */
LMM_WORDS_INLINE void read_slots(struct lmm_scan *scan, const struct lmm_graph_page *page, size_t i,
                                 size_t guess, bool is_plain)
{
    const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
    uint64_t *read = lmm_graph_plane(page, LMM_PLANE_READ);
    uint64_t done = read[i]; /* only this function changes it meanwhile */

    for (uint64_t waiting; (waiting = starts[i] & ~page->bits[i] & ~done) != 0;) {
        if ((waiting & (waiting - 1)) != 0 && is_plain && lmm_words_are_many(waiting) &&
            lmm_words_can_sweep(page, i)) {
            done |= waiting;
            sweep_slots(scan, page, i, waiting);
            continue;
        }
        size_t slot = i * 64 + (size_t) __builtin_ctzll(waiting);
        size_t same = guess;
        __asm__("" : "+r"(same)); /* else the compiler sees that guess is slot, and reads that */
        if (LMM_UNLIKELY(slot != same)) {
            scan->distance += slot - guess;
            guess = slot;
        }
        done |= waiting & -waiting;
        read_block(scan, page, guess, is_plain);
        guess += scan->distance;
    }
    read[i] = done;
}

/* Reads a block, and those of its page that it, or one of them, reaches in the slots after it. */
LMM_WORDS_INLINE void read_from(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                size_t slot)
{
    bool is_plain = lmm_scan_is_plain(scan, page);

    scan->current = page;
    scan->at_word = slot / 64;
    scan->last_word = scan->at_word;
    read_block(scan, page, slot, is_plain);
    for (size_t guess = slot + scan->distance; scan->at_word <= scan->last_word;
         scan->at_word++, guess = scan->at_word * 64) {
        read_slots(scan, page, scan->at_word, guess, is_plain);
    }
    scan->current = NULL;
}

/* Until so few blocks are in the ring. */
LMM_WORDS_READS static void drain_ring(struct lmm_scan *scan, uint32_t few)
{
    while (scan->ring_count > few) {
        struct lmm_scan_block block = scan->ring[scan->ring_first];
        const struct lmm_graph_page *page = &scan->graph.pages[block.page];
        scan->ring_first = (scan->ring_first + 1) % LMM_SCAN_RING;
        scan->ring_count--;
        if (!page->is_pointer_free) {
            read_from(scan, page, block.slot);
        }
    }
}

/* Reads many of 64 slots at once, or puts a few into the ring, so that they are fetched together. */
LMM_WORDS_READS static void read_or_fetch(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                          size_t i, uint64_t waiting)
{
    if (lmm_words_are_many(waiting) && lmm_scan_is_plain(scan, page) &&
        lmm_words_can_sweep(page, i)) {
        lmm_graph_plane(page, LMM_PLANE_READ)[i] |= waiting;
        sweep_slots(scan, page, i, waiting);
        return;
    }
    for (; waiting != 0; waiting &= waiting - 1) {
        if (scan->ring_count == LMM_SCAN_RING) {
            drain_ring(scan, LMM_SCAN_RING / 2);
        }
        size_t slot = i * 64 + (size_t) __builtin_ctzll(waiting);
        if (!lmm_graph_has(page, LMM_PLANE_READ, slot)) {
            __builtin_prefetch((const char *) page->base + slot * page->stride);
            put_into_ring(scan, page, slot);
        }
    }
}

/* Reads the blocks of a noted page that wait, or puts them into the ring. */
static void read_page(struct lmm_scan *scan, const struct lmm_graph_page *page)
{
    const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
    const uint64_t *read = lmm_graph_plane(page, LMM_PLANE_READ);
    uint64_t waiting;

    if (page->is_pointer_free) {
        return;
    }
    for (size_t i = 0; i < page->words; i++) {
        while ((waiting = starts[i] & ~page->bits[i] & ~read[i]) != 0) {
            scan->current = page;
            scan->at_word = i;
            read_or_fetch(scan, page, i, waiting);
            scan->current = NULL;
        }
    }
}

/* The first noted page from number `from` on, or from 0 on when there is none; one is noted. */
static size_t next_noted(const struct lmm_scan *scan, size_t from)
{
    size_t words = scan->graph.page_count / 64 + 1;
    size_t i = from / 64;
    uint64_t word = i < words ? scan->noted[i] & UINT64_MAX << (from % 64) : 0;

    if (word == 0) {
        size_t groups = words / 64 + 1;
        size_t group = (i + 1) / 64;
        uint64_t bits =
            group < groups ? scan->noted_groups[group] & UINT64_MAX << ((i + 1) % 64) : 0;
        while (bits == 0) {
            group = group + 1 < groups ? group + 1 : 0;
            bits = scan->noted_groups[group];
        }
        i = group * 64 + (size_t) __builtin_ctzll(bits);
        word = scan->noted[i];
    }
    return i * 64 + (size_t) __builtin_ctzll(word);
}

static void unnote(struct lmm_scan *scan, size_t number)
{
    uint64_t *word = &scan->noted[number / 64];

    *word &= ~((uint64_t) 1 << (number % 64));
    if (*word == 0) {
        scan->noted_groups[number / 64 / 64] &= ~((uint64_t) 1 << (number / 64 % 64));
    }
    scan->noted_count--;
}

void lmm_scan_run(struct lmm_scan *scan)
{
    size_t number = 0;

    drain_ring(scan, 0);
    while (scan->noted_count != 0) {
        number = next_noted(scan, number);
        unnote(scan, number);
        read_page(scan, &scan->graph.pages[number++]);
        drain_ring(scan, scan->noted_count == 0 ? 0 : LMM_SCAN_RING / 2);
    }
}
