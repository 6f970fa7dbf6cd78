/* SPDX-License-Identifier: MIT */
/* run_steps: runs of one family, taken, resized and given with checks after each step, for the tests of
 * run and span. */
#ifndef TESTS_SUPPORT_RUN_STEPS_H
#define TESTS_SUPPORT_RUN_STEPS_H

#include "tests/support/seam.h"

#include "lib/ground/tools.h"
#include "lib/books/accounts.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/reservoir.h"
#include "lib/pages/memory.h"
#include "lib/pages/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/support/fails_with.h"

enum { SITE = 5, LENGTH_MAX = 32 };

static struct lmm_runs runs;
static struct lmm_ledger_family record;
static bool a_discard_failed; /* then a span may have committed memory after its end */

static inline void set_up(size_t stride)
{
    cr_assert(lmm_accounts_start());
    lmm_runs_init(&runs, 2, stride, &record);
    lmm_reservoir_set_bound(0);
    seam_install();
}

static inline void assert_valid(void)
{
    lmm_lock_acquire(&runs.lock);
    cr_assert(lmm_runs_are_valid_locked(&runs));
    cr_assert(record.run_free_slots == runs.holes.free_slots);
    lmm_lock_release(&runs.lock);
}

static inline char *take_aligned(size_t n, size_t align)
{
    bool zeroed;
    char *block = lmm_run_take(&runs, n, align, SITE, &zeroed);

    if (block != NULL) {
        const struct lmm_page *page = lmm_page_of((uintptr_t) block);
        size_t slot = (size_t) (block - lmm_page_base(page)) / runs.stride;
        cr_assert(page->tags[slot] == LMM_TAG_LIVE_BASE + SITE);
        cr_assert(lmm_run_length(page, slot) == n && (uintptr_t) block % align == 0);
        lmm_tools_block_begins(block, n * runs.stride);
        for (size_t i = 0; zeroed && i < n * runs.stride; i += 64) {
            cr_assert(block[i] == 0, "known to read as zero");
        }
    }
    assert_valid();
    return block;
}

static inline char *take(size_t n)
{
    return take_aligned(n, 1);
}

static inline struct lmm_page *page_of(const char *block, size_t *ret_slot)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) block);

    *ret_slot = (size_t) (block - lmm_page_base(page)) / runs.stride;
    return page;
}

static inline void give(char *block, size_t n)
{
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);

    lmm_tools_block_ends(block, n * runs.stride);
    lmm_run_give(&runs, page, slot, n);
    assert_valid();
}

static inline bool resize(char *block, size_t n)
{
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);
    size_t length = lmm_run_length(page, slot);
    if (n < length) {
        lmm_tools_block_shrinks(block, length * runs.stride, n * runs.stride);
    }
    bool done = lmm_run_resize(&runs, page, slot, n);
    if (n < length && !done) {
        lmm_tools_shrink_undone(block, length * runs.stride, n * runs.stride);
    }

    assert_valid();
    if (done && n > length) {
        lmm_tools_block_grows(block, length * runs.stride, n * runs.stride);
    }
    cr_assert(!done || lmm_run_length(page, slot) == n);
    return done;
}

/* Makes a span longer; checks the offset of the zeroes, and the old addresses. */
static inline char *remap(char *block, size_t n)
{
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);
    size_t length = lmm_run_length(page, slot);
    size_t bytes = n * runs.stride;
    uint32_t *old_tag = page->tags;
    size_t zero_from = lmm_page_facts(page)->clean_from * (size_t) LMM_SYSTEM_PAGE_BYTES;
    /* For AddressSanitizer; lmm_tools_active is off, because with it no span is moved. */
    lmm_tools_page_ends(block, lmm_page_facts(page)->units * (size_t) LMM_UNIT_BYTES);
    errno = 0;
    char *moved = lmm_span_remap(&runs, page, n);

    assert_valid();
    if (moved == NULL) {
        cr_assert(errno == ENOMEM && lmm_run_length(page, slot) == length);
        cr_assert(page->kind == LMM_PAGE_SPAN && *old_tag == LMM_TAG_LIVE_BASE + SITE);
        return NULL;
    }
    struct lmm_page *now = lmm_page_of((uintptr_t) moved + bytes - 1);
    cr_assert(now->tags == old_tag && *old_tag == LMM_TAG_LIVE_BASE + SITE);
    cr_assert(now->kind == LMM_PAGE_SPAN && lmm_page_base(now) == moved);
    cr_assert(lmm_run_length(now, 0) == n && n <= now->slots);
    cr_assert(moved == block || (page->kind == LMM_PAGE_NONE && page->gone));
    size_t kept = length * runs.stride < LMM_UNIT_BYTES ? length * runs.stride / 2 : 0;
    cr_assert(zero_from < length * runs.stride + kept + 2 * LMM_SYSTEM_PAGE_BYTES ||
              a_discard_failed);
    for (size_t i = zero_from; i < bytes; i += 64) {
        cr_assert(moved[i] == 0);
    }
    return moved;
}

/* The offset of the next byte that is checked: close ones at first, then one in every fourth system
 * page. */
static inline size_t next_position(size_t i)
{
    return i < 16384 ? i + 512 : i + 16384;
}

static inline void fill(char *block, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i = next_position(i)) {
        block[i] = (char) (seed + i / 512 * 7 + 1);
    }
    block[bytes - 1] = (char) seed;
}

static inline void check_fill(const char *block, size_t bytes, size_t all, unsigned seed)
{
    for (size_t i = 0; i < bytes; i = next_position(i)) {
        cr_assert(i == all - 1 || block[i] == (char) (seed + i / 512 * 7 + 1), "at %zu", i);
    }
    cr_assert(bytes < all || block[all - 1] == (char) seed);
}

/* The gauges agree with the pages. */
static inline void assert_gauges(void)
{
    size_t pages = 0;
    size_t mapped = 0;
    size_t committed = 0;
    size_t slots = 0;

    for (struct glthread *at = glthread_first(&runs.pages); at != NULL;
         at = glthread_next(&runs.pages, at)) {
        const struct lmm_page *page = GLTHREAD_ENTRY(at, struct lmm_page, glue);
        size_t units = lmm_page_facts(page)->units;
        for (size_t i = 0; i < units; i++) {
            cr_assert(lmm_page_of((uintptr_t) lmm_page_base(page) + i * LMM_UNIT_BYTES) == page);
        }
        pages++;
        mapped += units * LMM_UNIT_BYTES;
        committed += lmm_memory_committed_bytes(page);
        slots += page->slots;
    }
    cr_assert(record.pages == pages && record.mapped_bytes == mapped);
    cr_assert(record.committed_bytes == committed && record.slots == slots);
}

#endif
