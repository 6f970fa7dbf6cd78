/* SPDX-License-Identifier: MIT */
#include "lib/leaks/scan.h"

#include "lib/books/accounts.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What is read belongs to the program: a sanitizer would object to its stacks. */
#define READS_ANYTHING __attribute__((no_sanitize("address", "thread")))
#define INLINE         static inline __attribute__((always_inline)) READS_ANYTHING

/* ---- Start and end --------------------------------------------------------------------------- */

bool lmm_scan_has_marked_site(unsigned mark)
{
    uint32_t sites = lmm_accounts_site_count();

    for (uint32_t id = 0; id < sites; id++) {
        if ((lmm_site_marks(id) & mark) != 0) {
            return true;
        }
    }
    return false;
}

static bool map_notes(struct lmm_scan *scan)
{
    size_t words = scan->graph.page_count / 64 + 1;
    size_t group_words = words / 64 + 1;

    scan->mapped_bytes =
        lmm_round_up((words + group_words) * sizeof(uint64_t), LMM_SYSTEM_PAGE_BYTES);
    scan->noted = lmm_vm_map(scan->mapped_bytes);
    scan->noted_groups = scan->noted + words;
    return scan->noted != NULL;
}

bool lmm_scan_init(struct lmm_scan *scan, bool unaligned, lmm_scan_other *other)
{
    uintptr_t word = 0;

    memset(scan, 0, sizeof(*scan));
    scan->other = other;
    scan->unaligned = unaligned;
    if (!lmm_graph_init(&scan->graph)) {
        return false;
    }
    if (!map_notes(scan)) {
        lmm_graph_end(&scan->graph);
        return false;
    }
    scan->can_probe = lmm_vm_is_readable((uintptr_t) &word);
    scan->has_pointer_free_sites = lmm_scan_has_marked_site(LMM_SITE_POINTER_FREE);
    return true;
}

void lmm_scan_end(struct lmm_scan *scan)
{
    int saved_errno = errno;

    if (scan->noted != NULL) {
        lmm_vm_unmap(scan->noted, scan->mapped_bytes);
    }
    lmm_graph_end(&scan->graph);
    memset(scan, 0, sizeof(*scan));
    errno = saved_errno;
}

/* ---- Blocks reached -------------------------------------------------------------------------- */

/* Notes that a block of the page waits. */
INLINE void note_page(struct lmm_scan *scan, size_t number)
{
    uint64_t bit = (uint64_t) 1 << (number % 64);
    uint64_t *word = &scan->noted[number / 64];

    if ((*word & bit) == 0) {
        *word |= bit;
        scan->noted_groups[number / 64 / 64] |= (uint64_t) 1 << (number / 64 % 64);
        scan->noted_count++;
    }
}

INLINE void put_into_ring(struct lmm_scan *scan, const struct lmm_graph_page *page, size_t number,
                          size_t slot)
{
    const char *start = (const char *) page->base + slot * page->stride;

    __builtin_prefetch(start);
    __builtin_prefetch(start + LMM_CACHE_LINE_BYTES);
    lmm_graph_set(page, LMM_PLANE_READ, slot);
    scan->ring[(scan->ring_first + scan->ring_count++) % LMM_SCAN_RING] =
        (struct lmm_scan_block) {(uint32_t) number, (uint32_t) slot};
}

/* The block is white. */
INLINE void reach(struct lmm_scan *scan, const struct lmm_graph_page *page, size_t slot)
{
    size_t number = (size_t) (page - scan->graph.pages);

    page->bits[slot / 64] &= ~((uint64_t) 1 << (slot % 64));
    if (scan->group_of != NULL) {
        scan->group_of[page->first + slot] = scan->group;
        scan->reached++;
    }
    if (page->is_pointer_free) {
        return;
    }
    if (scan->ring_count < LMM_SCAN_RING) {
        put_into_ring(scan, page, number, slot);
    } else {
        note_page(scan, number);
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

    if (lmm_graph_find(&scan->graph, word, &block)) {
        lmm_scan_reach(scan, block.page, block.slot);
    }
    if (lmm_graph_find_empty_before(&scan->graph, word, &block)) {
        lmm_scan_reach(scan, block.page, block.slot);
    }
}

/* ---- Words ----------------------------------------------------------------------------------- */

INLINE void take_word(struct lmm_scan *scan, uintptr_t word)
{
    if (word - scan->graph.low >= scan->graph.span_bytes) {
        return;
    }
    const struct lmm_graph_page *page = lmm_graph_page_of(&scan->graph, word);
    if (page != NULL && page->multiplier != 0) {
        uint64_t product = (word - page->base) * page->multiplier;
        size_t slot = product >> 32;
        if ((uint32_t) product < page->multiplier &&
            (page->bits[slot / 64] >> (slot % 64) & 1) != 0) {
            reach(scan, page, slot);
            if (slot != 0 && !page->has_empty_ends) {
                return; /* else it may also be the end of a block of no length */
            }
        }
    }
    scan->other(scan, word);
}

void lmm_scan_word(struct lmm_scan *scan, uintptr_t word)
{
    take_word(scan, word);
}

/* Which of four words may be addresses of the graph, a bit each. */
INLINE unsigned candidates_of_4(const uint64_t *words, uintptr_t low, uintptr_t span_bytes)
{
    unsigned found = 0;

    for (unsigned i = 0; i < 4; i++) {
        found |= (unsigned) (words[i] - low < span_bytes) << i;
    }
    return found;
}

READS_ANYTHING static void take_unaligned(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at + sizeof(uint64_t) <= to; at++) {
        uintptr_t word;
        __builtin_memcpy(&word, (const void *) at, sizeof(word));
        take_word(scan, word);
    }
}

INLINE void take_aligned(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    const uint64_t *at = (const uint64_t *) lmm_round_up(from, sizeof(uint64_t));
    const uint64_t *end = (const uint64_t *) (to & ~(uintptr_t) (sizeof(uint64_t) - 1));
    uintptr_t low = scan->graph.low;
    uintptr_t span_bytes = scan->graph.span_bytes;

    for (; end - at >= 4; at += 4) {
        unsigned found = candidates_of_4(at, low, span_bytes);
        for (; LMM_UNLIKELY(found != 0); found &= found - 1) {
            take_word(scan, at[__builtin_ctz(found)]);
        }
    }
    for (; at < end; at++) {
        if (LMM_UNLIKELY(*at - low < span_bytes)) {
            take_word(scan, *at);
        }
    }
}

INLINE void take_range(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
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
        take_range(scan, from, to);
    }
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Reads a block that has whole system pages of its own, which the program may have made
 * inaccessible. Stretches that can be read are read at once. */
static LMM_NOINLINE void read_long(struct lmm_scan *scan, uintptr_t from, uintptr_t to)
{
    uintptr_t at = lmm_round_up(from, LMM_SYSTEM_PAGE_BYTES);

    for (; at + LMM_SYSTEM_PAGE_BYTES <= to; at += LMM_SYSTEM_PAGE_BYTES) {
        if (scan->can_probe && !lmm_vm_is_readable(at)) {
            lmm_scan_range(scan, from, at);
            from = at + LMM_SYSTEM_PAGE_BYTES;
        }
    }
    lmm_scan_range(scan, from, to);
}

static LMM_NOINLINE void read_unlike(struct lmm_scan *scan, const struct lmm_graph_page *page,
                                     size_t slot)
{
    struct lmm_graph_block block = lmm_graph_block_at(page, (uint32_t) slot);
    uint32_t site = lmm_tag_site(lmm_load_relaxed(&page->tags[slot]));

    if (scan->has_pointer_free_sites && (lmm_site_marks(site) & LMM_SITE_POINTER_FREE) != 0) {
        return;
    }
    if (block.bytes >= LMM_SYSTEM_PAGE_BYTES) {
        read_long(scan, block.start, block.start + block.bytes);
    } else {
        lmm_scan_range(scan, block.start, block.start + block.bytes);
    }
}

/* Whether the page's blocks differ: in length, or in whether they have pointers. */
INLINE bool is_mixed(const struct lmm_scan *scan, const struct lmm_graph_page *page)
{
    return page->block_bytes == 0 || page->block_bytes >= LMM_SYSTEM_PAGE_BYTES ||
           scan->has_pointer_free_sites;
}

INLINE void read_block(struct lmm_scan *scan, const struct lmm_graph_page *page, size_t slot)
{
    if (LMM_UNLIKELY(is_mixed(scan, page))) {
        read_unlike(scan, page, slot);
        return;
    }
    uintptr_t start = page->base + slot * page->stride;
    take_range(scan, start, start + page->block_bytes);
}

READS_ANYTHING static void drain_ring(struct lmm_scan *scan)
{
    while (scan->ring_count != 0) {
        struct lmm_scan_block block = scan->ring[scan->ring_first];
        scan->ring_first = (scan->ring_first + 1) % LMM_SCAN_RING;
        scan->ring_count--;
        read_block(scan, &scan->graph.pages[block.page], block.slot);
    }
}

/* Reads the blocks of the page that wait, also those that are reached meanwhile if they come later. */
READS_ANYTHING static void read_page(struct lmm_scan *scan, const struct lmm_graph_page *page)
{
    const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
    uint64_t *read = lmm_graph_plane(page, LMM_PLANE_READ);

    for (size_t i = 0; i < page->words; i++) {
        uint64_t waiting;
        while ((waiting = starts[i] & ~page->bits[i] & ~read[i]) != 0) {
            read[i] |= waiting;
            for (; waiting != 0; waiting &= waiting - 1) {
                read_block(scan, page, i * 64 + (size_t) __builtin_ctzll(waiting));
            }
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

    drain_ring(scan);
    while (scan->noted_count != 0) {
        number = next_noted(scan, number);
        unnote(scan, number);
        read_page(scan, &scan->graph.pages[number++]);
        drain_ring(scan);
    }
    LMM_CHECK(lmm_scan_is_valid(scan));
}

bool lmm_scan_is_valid(const struct lmm_scan *scan)
{
    for (size_t i = 0; i < scan->graph.page_count; i++) {
        const struct lmm_graph_page *page = &scan->graph.pages[i];
        const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
        const uint64_t *read = lmm_graph_plane(page, LMM_PLANE_READ);
        for (size_t j = 0; j < page->words; j++) {
            uint64_t white = page->bits[j];
            bool waits = !page->is_pointer_free && (starts[j] & ~white & ~read[j]) != 0;
            if (waits || ((white | read[j]) & ~starts[j]) != 0 || (white & read[j]) != 0) {
                return false;
            }
        }
    }
    return scan->ring_count == 0 && scan->noted_count == 0;
}
