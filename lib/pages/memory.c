/* SPDX-License-Identifier: MIT */
#include "lib/pages/memory.h"

#include "lib/ground/meta.h"
#include "lib/ground/reservoir.h"

static uint64_t *absent_word(struct lmm_page_facts *facts, size_t i)
{
    return facts->absent_long == NULL ? &facts->absent : &facts->absent_long[i / 64];
}

static bool is_absent(const struct lmm_page *page, size_t i)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);

    if (page->kind == LMM_PAGE_SPAN) {
        return i >= lmm_load_relaxed(&facts->clean_from);
    }
    return (lmm_load_relaxed(absent_word(facts, i)) >> (i % 64) & 1) != 0;
}

static void set_absent(const struct lmm_page *page, size_t i, bool absent)
{
    uint64_t *word = absent_word(lmm_page_facts(page), i);
    uint64_t bit = (uint64_t) 1 << (i % 64);
    uint64_t old = lmm_load_relaxed(word);

    lmm_store_relaxed(word, absent ? old | bit : old & ~bit);
}

/* The bits of the system pages [first, last] of a unit. */
static uint64_t bits_between(size_t first, size_t last)
{
    return UINT64_MAX << first & UINT64_MAX >> (LMM_UNIT_SYSTEM_PAGES - 1 - last);
}

/* Whether one word has the absent bits of all system pages. */
static bool has_one_word(const struct lmm_page *page, const struct lmm_page_facts *facts)
{
    return page->kind != LMM_PAGE_SPAN && facts->absent_long == NULL;
}

bool lmm_memory_begin(struct lmm_page *page, bool is_fresh)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);

    facts->absent_long = NULL;
    if (facts->units > 1) {
        facts->absent_long = lmm_meta_alloc(&lmm_arena_records, facts->units * sizeof(uint64_t));
        if (facts->absent_long == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < facts->units; i++) {
        uint64_t left =
            is_fresh ? UINT64_MAX : lmm_load_relaxed(&lmm_page_unit_facts(page->unit + i)->absent);
        lmm_store_relaxed(absent_word(facts, i * LMM_UNIT_SYSTEM_PAGES), left);
    }
    return true;
}

/* The absent bits of unit i of a span. */
static uint64_t span_absent(const struct lmm_page_facts *facts, size_t i)
{
    size_t first = i * LMM_UNIT_SYSTEM_PAGES;
    size_t clean_from = facts->clean_from;

    if (clean_from <= first) {
        return UINT64_MAX;
    }
    return clean_from - first >= 64 ? 0 : UINT64_MAX << (clean_from - first);
}

void lmm_memory_end(const struct lmm_page *page)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    bool is_span = page->kind == LMM_PAGE_SPAN;

    for (size_t i = 0; i < facts->units; i++) {
        uint64_t absent = is_span ? span_absent(facts, i)
                                  : lmm_load_relaxed(absent_word(facts, i * LMM_UNIT_SYSTEM_PAGES));
        lmm_store_relaxed(&lmm_page_unit_facts(page->unit + i)->absent, absent);
    }
}

uint32_t lmm_memory_clean_from(const char *base, size_t units)
{
    size_t unit = (uintptr_t) base >> LMM_UNIT_SHIFT;

    for (size_t i = units; i-- > 0;) {
        uint64_t present = ~lmm_load_relaxed(&lmm_page_unit_facts(unit + i)->absent);
        if (present != 0) {
            return (uint32_t) (i * LMM_UNIT_SYSTEM_PAGES + 64 - (size_t) __builtin_clzll(present));
        }
    }
    return 0;
}

bool lmm_memory_slots_are(const struct lmm_page *page, size_t slot, size_t n, bool absent)
{
    const struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t first = slot * page->stride / LMM_SYSTEM_PAGE_BYTES;
    size_t last = ((slot + n) * page->stride - 1) / LMM_SYSTEM_PAGE_BYTES;

    if (has_one_word(page, facts)) {
        uint64_t bits = bits_between(first, last);
        return (lmm_load_relaxed(&facts->absent) & bits) == (absent ? bits : 0);
    }
    for (size_t i = first; i <= last; i++) {
        if (is_absent(page, i) != absent) {
            return false;
        }
    }
    return true;
}

size_t lmm_memory_commit(struct lmm_page *page, size_t first, size_t last)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);
    size_t bytes = 0;

    LMM_CHECK(page->kind != LMM_PAGE_SPAN && first <= last);
    first = lmm_memory_kernel_start(first / LMM_SYSTEM_PAGE_BYTES);
    last = lmm_memory_kernel_end(last / LMM_SYSTEM_PAGE_BYTES + 1) - 1;
    if (has_one_word(page, facts)) {
        uint64_t absent = lmm_load_relaxed(&facts->absent);
        uint64_t touched = absent & bits_between(first, last);
        if (touched != 0) {
            lmm_store_relaxed(&facts->absent, absent & ~touched);
        }
        return (size_t) __builtin_popcountll(touched) * LMM_SYSTEM_PAGE_BYTES;
    }
    for (size_t i = first; i <= last; i++) {
        if (is_absent(page, i)) {
            set_absent(page, i, false);
            bytes += LMM_SYSTEM_PAGE_BYTES;
        }
    }
    return bytes;
}

size_t lmm_memory_discard(struct lmm_page *page, size_t first, size_t end)
{
    size_t bytes = 0;

    first = lmm_memory_kernel_end(first);
    end = lmm_memory_kernel_start(end);
    LMM_CHECK(end <= (size_t) lmm_page_facts(page)->units * LMM_UNIT_SYSTEM_PAGES);
    for (size_t at = first; at < end; at++) {
        size_t stretch = at;
        while (stretch < end && !is_absent(page, stretch)) {
            stretch++;
        }
        size_t stretch_bytes = (stretch - at) * LMM_SYSTEM_PAGE_BYTES;
        bool done = stretch_bytes != 0 &&
                    lmm_vm_discard(lmm_page_base(page) + at * LMM_SYSTEM_PAGE_BYTES, stretch_bytes);
        for (; at < stretch; at++) {
            set_absent(page, at, done);
        }
        bytes += done ? stretch_bytes : 0;
    }
    return bytes;
}

size_t lmm_memory_committed_bytes(const struct lmm_page *page)
{
    struct lmm_page_facts *facts = lmm_page_facts(page);

    if (page->kind == LMM_PAGE_SPAN) {
        return lmm_load_relaxed(&facts->clean_from) * (size_t) LMM_SYSTEM_PAGE_BYTES;
    }
    size_t absent = 0;
    for (size_t i = 0; i < facts->units; i++) {
        uint64_t *word = absent_word(facts, i * LMM_UNIT_SYSTEM_PAGES);
        absent += (size_t) __builtin_popcountll(lmm_load_relaxed(word));
    }
    return (size_t) facts->units * LMM_UNIT_BYTES - absent * LMM_SYSTEM_PAGE_BYTES;
}

static void add_kept(const char *base, size_t units, void *arg)
{
    size_t unit = (uintptr_t) base >> LMM_UNIT_SHIFT;
    size_t *bytes = arg;

    for (size_t i = 0; i < units; i++) {
        uint64_t absent = lmm_load_relaxed(&lmm_page_unit_facts(unit + i)->absent);
        *bytes += (size_t) __builtin_popcountll(~absent) * LMM_SYSTEM_PAGE_BYTES;
    }
}

size_t lmm_memory_kept_bytes(void)
{
    size_t bytes = 0;

    lmm_reservoir_visit(add_kept, &bytes);
    return bytes;
}
