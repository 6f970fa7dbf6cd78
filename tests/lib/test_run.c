/* SPDX-License-Identifier: MIT */
/* run: splitting, merging, resizing, spans, trimming, and the promise that freeing needs no
 * memory. */
#include "tests/lib/seam.h"

#include "lib/hooks.h"
#include "lib/ledger.h"
#include "lib/meta.h"
#include "lib/reservoir.h"
#include "lib/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SITE = 5, LENGTH_MAX = 32 };

static struct lmm_runs runs;
static struct lmm_ledger_family record;

static void set_up(size_t stride)
{
    cr_assert(lmm_ledger_start());
    lmm_runs_init(&runs, 2, stride, &record);
    lmm_reservoir_set_bound(0);
    seam_install();
}

static void assert_valid(void)
{
    lmm_lock_acquire(&runs.lock);
    cr_assert(lmm_runs_are_valid_locked(&runs));
    cr_assert(record.run_free_slots == runs.holes.free_slots);
    lmm_lock_release(&runs.lock);
}

static char *take(size_t n)
{
    uint32_t *tag;
    bool zeroed;
    char *block = lmm_run_take(&runs, n, SITE, &tag, &zeroed);

    if (block != NULL) {
        const struct lmm_page *page = lmm_page_of((uintptr_t) block);
        size_t slot = (size_t) (block - lmm_page_base(page)) / runs.stride;
        cr_assert(tag == &page->tags[slot] && *tag == LMM_TAG_LIVE_BASE + SITE);
        cr_assert(lmm_run_length(page, slot) == n);
        lmm_hooks_block_begins(block, n * runs.stride);
        for (size_t i = 0; zeroed && i < n * runs.stride; i += 64) {
            cr_assert(block[i] == 0, "known to read as zero");
        }
    }
    assert_valid();
    return block;
}

static struct lmm_page *page_of(const char *block, size_t *ret_slot)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) block);

    *ret_slot = (size_t) (block - lmm_page_base(page)) / runs.stride;
    return page;
}

static void give(char *block, size_t n)
{
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);

    lmm_hooks_block_ends(block, n * runs.stride);
    lmm_run_give(&runs, page, slot, n);
    assert_valid();
}

static bool resize(char *block, size_t n)
{
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);
    size_t length = lmm_run_length(page, slot);
    bool done = lmm_run_resize(&runs, page, slot, n);

    assert_valid();
    if (done && n > length) {
        lmm_hooks_block_grows(block, length * runs.stride, n * runs.stride);
    }
    cr_assert(!done || lmm_run_length(page, slot) == n);
    return done;
}

/* The page's extents as text: length and L, H or C for each. */
static const char *picture(const char *block)
{
    static char text[256];
    size_t ignored;
    const struct lmm_page *page = page_of(block, &ignored);
    size_t used = 0;

    text[0] = '\0';
    lmm_lock_acquire(&runs.lock);
    for (size_t slot = 0; slot < page->slots;) {
        struct lmm_extent extent = lmm_run_extent_locked(&runs, page, slot);
        uint32_t state = lmm_tag_state(extent.tag);
        char letter = state == LMM_TAG_LIVE ? 'L' : state == LMM_TAG_HOLE ? 'H' : 'C';
        used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%zu%c", slot == 0 ? "" : " ",
                                  extent.length, letter);
        slot += extent.length;
    }
    lmm_lock_release(&runs.lock);
    return text;
}

/*
 * Scripts on a page of 32 slots: "aN" takes a run of N as block a (letters, one digit to two), "-a"
 * gives it back, "=aN" resizes it in place, "!aN" must fail to.
 */
static const struct {
    const char *script;
    const char *wanted;
} scripts[] = {
    {"a1", "1L 31H"},
    {"a16", "16L 16H"},
    {"a4 b4 c4", "4L 4L 4L 20H"},
    {"a4 b4 c4 -b", "4L 4H 4L 20H"},
    {"a4 b4 c4 -a", "4H 4L 4L 20H"},
    {"a4 b4 c4 -c", "4L 4L 24H"},
    {"a4 b4 c4 -b -c", "4L 28H"},
    {"a4 b4 c4 -b -a", "8H 4L 20H"},
    {"a4 b4 c4 d4 -a -c -b", "12H 4L 16H"},
    {"a1 b1 c1 -b", "1L 1H 1L 29H"},
    {"a1 b1 c1 -b -a", "2H 1L 29H"},
    {"a8 b8 c8 d8 -b -d", "8L 8H 8L 8H"},
    {"a8 b8 c8 d4 -b e3", "8L 3L 5H 8L 4L 4H"},
    {"a8 b4 -a e3", "8H 4L 3L 17H"},
    {"a8 b12 c12 -a e8", "8L 12L 12L"},
    {"a8 =a4", "4L 28H"},
    {"a8 =a1", "1L 31H"},
    {"a8 =a12", "12L 20H"},
    {"a8 b8 =b23 =b24 !b25", "8L 24L"},
    {"a8 b8 !a9 =a8", "8L 8L 16H"},
    {"a8 b8 c1 -b =a12", "12L 4H 1L 15H"},
    {"a8 b8 c1 -b =a16", "16L 1L 15H"},
    {"a8 b8 c1 -b !a17", "8L 8H 1L 15H"},
    {"a8 b8 c1 -b =a2", "2L 14H 1L 15H"},
    {"a2 =a3 =a2 =a1 =a2", "2L 30H"},
    {"a16 b16 -b", "16L 16H"},
};

static void run_script(const char *script, char **block, size_t *length)
{
    while (*script != '\0') {
        char verb = strchr("-=!", *script) != NULL ? *script++ : '+';
        int at = *script++ - 'a';
        size_t n = strtoul(script, NULL, 10);
        script += strspn(script, "0123456789");
        script += strspn(script, " ");
        if (verb == '-') {
            give(block[at], length[at]);
            block[at] = NULL;
            continue;
        }
        if (verb == '+') {
            block[at] = take(n);
            cr_assert(block[at] != NULL);
        } else {
            cr_assert(resize(block[at], n) == (verb == '='));
        }
        length[at] = verb == '!' ? length[at] : n;
    }
}

Test(run, split_merge_resize)
{
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        char *block[26] = {0};
        size_t length[26] = {0};
        set_up(LMM_UNIT_BYTES / LENGTH_MAX);
        run_script(scripts[i].script, block, length);
        const char *page = NULL;
        for (int at = 0; at < 26; at++) {
            page = page != NULL ? page : block[at];
        }
        cr_expect(strcmp(picture(page), scripts[i].wanted) == 0, "'%s' gives '%s', not '%s'",
                  scripts[i].script, picture(page), scripts[i].wanted);
        for (int at = 0; at < 26; at++) {
            if (block[at] != NULL) {
                give(block[at], length[at]);
            }
        }
        cr_expect(record.pages == 0 && record.mapped_bytes == 0, "'%s': the page goes",
                  scripts[i].script);
        cr_expect(runs.holes.reserved == 0, "'%s': %u promised", scripts[i].script, runs.holes.reserved);
    }
}

Test(run, spans)
{
    enum { STRIDE = 1000 };
    static const size_t lengths[] = {132, 262, 263, 1000, 100000};

    set_up(STRIDE);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n = lengths[i];
        size_t units = (n * STRIDE + LMM_UNIT_BYTES - 1) / LMM_UNIT_BYTES;
        char *block = take(n);
        cr_assert(block != NULL);
        memset(block, 1, n * STRIDE);
        struct lmm_page *page = lmm_page_of((uintptr_t) (block + n * STRIDE - 1));
        cr_expect(page->kind == LMM_PAGE_SPAN && lmm_page_base(page) == block, "%zu slots", n);
        cr_expect(record.pages == 1 && record.mapped_bytes == units * LMM_UNIT_BYTES);
        cr_expect(lmm_page_committed_bytes(page) ==
                  lmm_round_up(n * STRIDE, LMM_SYSTEM_PAGE_BYTES));
        size_t room = units * LMM_UNIT_BYTES / STRIDE;
        cr_expect(resize(block, room) && !resize(block, room + 1));
        cr_expect(resize(block, 132) && !resize(block, 131), "short enough for a run page");
        cr_expect(block[132 * STRIDE - 1] == 1);
        uint64_t unmapped = seam_bytes(SEAM_UNMAP);
        give(block, 132);
        cr_expect(seam_bytes(SEAM_UNMAP) - unmapped == units * LMM_UNIT_BYTES);
        cr_expect(record.pages == 0 && lmm_page_of((uintptr_t) block)->kind == LMM_PAGE_NONE);
    }
}

Test(run, large_structs)
{
    static const size_t strides[] = {8193, 40000, 100000, 131072, 131073, 262144, 1000000, 5000000};

    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        char *block[12];
        set_up(strides[i]);
        for (int j = 0; j < 12; j++) {
            block[j] = take(1);
            cr_assert(block[j] != NULL);
            block[j][0] = block[j][strides[i] - 1] = (char) ('a' + j);
        }
        for (int j = 0; j < 12; j++) {
            cr_assert(block[j][0] == 'a' + j && block[j][strides[i] - 1] == 'a' + j);
            give(block[j], 1);
        }
        cr_expect(record.pages == 0 && runs.holes.reserved == 0, "stride %zu", strides[i]);
    }
}

Test(run, wants_too_much)
{
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 64, LMM_TAG_VALUE_MASK + 1ul,
                                     (size_t) 1 << 40};

    set_up(64);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        errno = 0;
        cr_expect(take(lengths[i]) == NULL && errno == ENOMEM);
    }
    char *block = take(10);
    cr_expect(!resize(block, SIZE_MAX) && !resize(block, LMM_TAG_VALUE_MASK + 1ul));
}

/* I3: with a run in every second place, every free makes a hole, and none asks for memory. */
Test(run, freeing_needs_no_memory)
{
    enum { RUNS = 3000 };
    static char *block[RUNS];

    set_up(256);
    for (int i = 0; i < RUNS; i++) {
        block[i] = take(2);
    }
    seam_fail_all(SEAM_MAP);
    uint64_t maps = seam_calls(SEAM_MAP);
    while (lmm_meta_alloc(&lmm_arena_records, 64) != NULL) {
    }
    maps = seam_calls(SEAM_MAP) - maps;
    uint64_t calls = seam_calls(SEAM_MAP);
    for (int i = 0; i < RUNS; i += 2) {
        give(block[i], 2);
    }
    for (int i = 1; i < RUNS; i += 2) {
        give(block[i], 2);
    }
    cr_expect(seam_calls(SEAM_MAP) == calls && maps > 0);
    cr_expect(record.pages == 0 && runs.holes.reserved == 0);
}

Test(run, shrinking_without_a_descriptor)
{
    enum { RUNS = 64 }; /* as many as the first descriptors, less one for the hole */
    char *block[RUNS];

    set_up(256);
    for (int i = 0; i < RUNS - 1; i++) {
        block[i] = take(4);
    }
    seam_fail_all(SEAM_MAP);
    for (size_t bytes = 1 << 20; bytes >= 64; bytes /= 2) {
        while (lmm_meta_alloc(&lmm_arena_records, bytes) != NULL) {
        }
    }
    cr_expect(!resize(block[0], 2));
    size_t slot;
    cr_expect(lmm_run_length(page_of(block[0], &slot), 0) == 4, "as it was");
    errno = 0;
    cr_expect(take(4) == NULL && errno == ENOMEM);
    seam_heal();
    cr_expect(resize(block[0], 2));
}

Test(run, trim_gives_back_the_inside_of_holes)
{
    set_up(1000);
    char *first = take(40);
    char *second = take(40);
    char *third = take(40);
    memset(second, 1, 40000);
    memset(third, 3, 40000);
    size_t slot;
    struct lmm_page *page = page_of(first, &slot);
    give(second, 40);
    size_t committed = lmm_page_committed_bytes(page);
    uint64_t before = seam_bytes(SEAM_DISCARD);
    size_t bytes = lmm_runs_trim(&runs);
    /* [40000, 80000): system pages 10 to 18. */
    cr_expect(bytes == 9 * LMM_SYSTEM_PAGE_BYTES, "%zu", bytes);
    cr_expect(seam_bytes(SEAM_DISCARD) - before == bytes);
    cr_expect(lmm_page_committed_bytes(page) == committed - bytes);
    cr_expect(lmm_runs_trim(&runs) == 0);
    for (int i = 0; i < 40000; i++) {
        cr_assert(third[i] == 3);
    }
    seam_fail_all(SEAM_DISCARD);
    give(third, 40);
    committed = lmm_page_committed_bytes(page);
    cr_expect(lmm_runs_trim(&runs) == 0 && lmm_page_committed_bytes(page) == committed);
    seam_heal();
    cr_expect(lmm_runs_trim(&runs) != 0);
    char *again = take(200);
    for (int i = 0; i < 200000; i++) {
        again[i] = 5;
    }
    give(again, 200);
    give(first, 40);
}

Test(run, cached_runs_are_released)
{
    char *block[6];

    set_up(LMM_UNIT_BYTES / LENGTH_MAX);
    for (int i = 0; i < 6; i++) {
        block[i] = take(4);
    }
    for (int i = 0; i < 6; i++) {
        size_t slot;
        struct lmm_page *page = page_of(block[i], &slot);
        if (i != 4) {
            page->tags[slot] = LMM_TAG_CACHED;
        }
    }
    assert_valid();
    cr_expect(strcmp(picture(block[4]), "4C 4C 4C 4C 4L 4C 8H") == 0, "%s", picture(block[4]));
    lmm_runs_release_cached(&runs);
    assert_valid();
    cr_expect(strcmp(picture(block[4]), "16H 4L 12H") == 0, "%s", picture(block[4]));
    give(block[4], 4);
    cr_expect(runs.holes.reserved == 0 && record.pages == 0);
}

Test(run, find_by_any_slot)
{
    set_up(LMM_UNIT_BYTES / LENGTH_MAX);
    char *a = take(5);
    char *b = take(7);
    size_t slot;
    struct lmm_page *page = page_of(a, &slot);
    give(a, 5);
    static const struct {
        size_t slot;
        size_t first;
        size_t length;
    } cases[] = {{0, 0, 5}, {4, 0, 5}, {5, 5, 7}, {11, 5, 7}, {12, 12, 20}, {31, 12, 20}};
    lmm_lock_acquire(&runs.lock);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_extent extent = lmm_run_find_locked(&runs, page, cases[i].slot);
        cr_expect(extent.slot == cases[i].first && extent.length == cases[i].length, "slot %zu",
                  cases[i].slot);
    }
    lmm_lock_release(&runs.lock);
    give(b, 7);
}

Test(run, validity_sees_what_is_wrong)
{
    set_up(LMM_UNIT_BYTES / LENGTH_MAX);
    char *a = take(4);
    take(4);
    size_t slot;
    struct lmm_page *page = page_of(a, &slot);
    static const struct {
        size_t slot;
        uint32_t tag;
    } wrong[] = {
        {0, 0},
        {1, 0},
        {1, LMM_TAG_TAIL << 30 | 3},
        {1, LMM_TAG_TAIL << 30 | 5},
        {8, LMM_TAG_LIVE_BASE},
        {31, 0},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint32_t saved = page->tags[wrong[i].slot];
        page->tags[wrong[i].slot] = wrong[i].tag;
        lmm_lock_acquire(&runs.lock);
        cr_expect(!lmm_runs_are_valid_locked(&runs), "case %zu", i);
        lmm_lock_release(&runs.lock);
        page->tags[wrong[i].slot] = saved;
    }
    assert_valid();
}
