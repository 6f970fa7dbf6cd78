/* SPDX-License-Identifier: MIT */
/* run: splitting, merging, fits, alignment, resizing, spans and their moves, trimming, the promise
 * that freeing needs no memory, and all of it at random against a model, also with failing
 * calls. */
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
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/support/random.h"
#include "tests/support/fails_with.h"

enum { SITE = 5, LENGTH_MAX = 32 };

static struct lmm_runs runs;
static struct lmm_ledger_family record;
static bool a_discard_failed; /* then a span may have committed memory after its end */

static void set_up(size_t stride)
{
    cr_assert(lmm_accounts_start());
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

static char *take_aligned(size_t n, size_t align)
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

static char *take(size_t n)
{
    return take_aligned(n, 1);
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

    lmm_tools_block_ends(block, n * runs.stride);
    lmm_run_give(&runs, page, slot, n);
    assert_valid();
}

static bool resize(char *block, size_t n)
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
static char *remap(char *block, size_t n)
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
    cr_assert(zero_from < (length * runs.stride) + 2 * LMM_SYSTEM_PAGE_BYTES || a_discard_failed);
    for (size_t i = zero_from; i < bytes; i += 64) {
        cr_assert(moved[i] == 0);
    }
    return moved;
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

/* Scripts on a page of 32 slots: "aN" takes a run of N as block a (letters, one digit to two),
 * "aN/M" one that starts at a multiple of M slots, "-a" gives it back, "=aN" resizes it in place,
 * and "!aN" expects that this fails. */
static const struct {
    const char *script;
    const char *wanted;
    enum lmm_fit fit;
} scripts[] = {
    {"a1", "1L 31H", LMM_FIT_LARGEST},
    {"a16", "16L 16H", LMM_FIT_LARGEST},
    {"a4 b4 c4", "4L 4L 4L 20H", LMM_FIT_LARGEST},
    {"a4 b4 c4 -b", "4L 4H 4L 20H", LMM_FIT_LARGEST},
    {"a4 b4 c4 -a", "4H 4L 4L 20H", LMM_FIT_LARGEST},
    {"a4 b4 c4 -c", "4L 4L 24H", LMM_FIT_LARGEST},
    {"a4 b4 c4 -b -c", "4L 28H", LMM_FIT_LARGEST},
    {"a4 b4 c4 -b -a", "8H 4L 20H", LMM_FIT_LARGEST},
    {"a4 b4 c4 d4 -a -c -b", "12H 4L 16H", LMM_FIT_LARGEST},
    {"a1 b1 c1 -b", "1L 1H 1L 29H", LMM_FIT_LARGEST},
    {"a1 b1 c1 -b -a", "2H 1L 29H", LMM_FIT_LARGEST},
    {"a8 b8 c8 d8 -b -d", "8L 8H 8L 8H", LMM_FIT_LARGEST},
    {"a8 b8 c8 d4 -b e3", "8L 3L 5H 8L 4L 4H", LMM_FIT_LARGEST},
    {"a8 b4 -a e3", "8H 4L 3L 17H", LMM_FIT_LARGEST},
    {"a8 b12 c12 -a e8", "8L 12L 12L", LMM_FIT_LARGEST},
    {"a8 =a4", "4L 28H", LMM_FIT_LARGEST},
    {"a8 =a1", "1L 31H", LMM_FIT_LARGEST},
    {"a8 =a12", "12L 20H", LMM_FIT_LARGEST},
    {"a8 b8 =b23 =b24 !b25", "8L 24L", LMM_FIT_LARGEST},
    {"a8 b8 !a9 =a8", "8L 8L 16H", LMM_FIT_LARGEST},
    {"a8 b8 c1 -b =a12", "12L 4H 1L 15H", LMM_FIT_LARGEST},
    {"a8 b8 c1 -b =a16", "16L 1L 15H", LMM_FIT_LARGEST},
    {"a8 b8 c1 -b !a17", "8L 8H 1L 15H", LMM_FIT_LARGEST},
    {"a8 b8 c1 -b =a2", "2L 14H 1L 15H", LMM_FIT_LARGEST},
    {"a2 =a3 =a2 =a1 =a2", "2L 30H", LMM_FIT_LARGEST},
    {"a16 b16 -b", "16L 16H", LMM_FIT_LARGEST},
    {"a4/4 b4/4", "4L 4L 24H", LMM_FIT_LARGEST},
    {"a1 b4/4", "1L 3H 4L 24H", LMM_FIT_LARGEST},
    {"a1 b4/4 -a", "4H 4L 24H", LMM_FIT_LARGEST},
    {"a1 b4/4 -b", "1L 31H", LMM_FIT_LARGEST},
    {"a3 b1/16", "3L 13H 1L 15H", LMM_FIT_LARGEST},
    {"a1 b16/16", "1L 15H 16L", LMM_FIT_LARGEST},
    {"a1 b16/16 c15 -b", "1L 15L 16H", LMM_FIT_LARGEST},
    {"a1 b4/8 c8/8 -b =a8", "8L 8H 8L 8H", LMM_FIT_LARGEST},
    {"a1 b1/2 c14 d4 e11 -c -e f8/8", "1L 1H 1L 5H 8L 1H 4L 11H", LMM_FIT_LARGEST},
    {"a7 b9 c1 d14 f1 -b -d e8/8", "7L 1H 8L 1L 14H 1L", LMM_FIT_LARGEST},
    {"a8 b16 c8 -a -c d4", "4L 4H 16L 8H", LMM_FIT_FIRST},
    {"a4 b8 c16 d4 -a -c e8", "4H 8L 8L 8H 4L", LMM_FIT_FIRST},
    {"a4 b8 c20 -a -c d4", "4L 8L 20H", LMM_FIT_FIRST},
    {"a4 b4 c1 d23 -b -d e4/16", "4L 4H 1L 7H 4L 12H", LMM_FIT_FIRST},
    {"a8 b4 c8 d2 -b e3", "8L 3L 1H 8L 2L 10H", LMM_FIT_BEST},
    {"a8 b4 c8 d2 -b e5", "8L 4H 8L 2L 5L 5H", LMM_FIT_BEST},
    {"a8 b4 c8 d2 -b e4", "8L 4L 8L 2L 10H", LMM_FIT_BEST},
    {"a2 b1 c4 d1 e8 f1 -a -c -e g3", "2H 1L 3L 1H 1L 8H 1L 15H", LMM_FIT_BEST},
    {"a2 b1 c4 d1 e8 f1 -a -c -e g4/8", "2H 1L 4H 1L 4L 4H 1L 15H", LMM_FIT_BEST},
    {"a2 b1 c4 d1 e8 f1 -a -c -e g8/8", "2H 1L 4H 1L 8L 1L 15H", LMM_FIT_BEST},
};

static void run_script(const char *script, char **block, size_t *length)
{
    while (*script != '\0') {
        char verb = strchr("-=!", *script) != NULL ? *script++ : '+';
        int at = *script++ - 'a';
        char *end;
        size_t n = strtoul(script, &end, 10);
        size_t align = *end == '/' ? strtoul(end + 1, NULL, 10) * runs.stride : 1;
        script += strspn(script, "0123456789/");
        script += strspn(script, " ");
        if (verb == '-') {
            give(block[at], length[at]);
            block[at] = NULL;
            continue;
        }
        if (verb == '+') {
            block[at] = take_aligned(n, align);
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
        lmm_options.fit = scripts[i].fit;
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
        cr_expect(runs.holes.reserved == 0, "'%s': %u promised", scripts[i].script,
                  runs.holes.reserved);
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
        cr_expect(lmm_memory_committed_bytes(page) ==
                  lmm_round_up(n * STRIDE, LMM_SYSTEM_PAGE_BYTES));
        size_t room = units * LMM_UNIT_BYTES / STRIDE;
        cr_expect(resize(block, room) && !resize(block, room + 1));
        cr_expect(resize(block, 132) && !resize(block, 131), "short enough for a run page");
        cr_expect(block[132 * STRIDE - 1] == 1);
        uint64_t bytes = seam_bytes(SEAM_UNMAP) + seam_bytes(SEAM_DISCARD);
        give(block, 132);
        bytes = seam_bytes(SEAM_UNMAP) + seam_bytes(SEAM_DISCARD) - bytes;
        cr_expect(bytes >= units * LMM_UNIT_BYTES, "all its memory goes back");
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
        FAILS_WITH(ENOMEM, take(lengths[i]));
    }
    char *block = take(10);
    cr_expect(!resize(block, SIZE_MAX) && !resize(block, LMM_TAG_VALUE_MASK + 1ul));
}

/* I3: when every second run is freed each free makes a hole, and none needs memory. */
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
    seam_starve();
    cr_expect(!resize(block[0], 2));
    size_t slot;
    cr_expect(lmm_run_length(page_of(block[0], &slot), 0) == 4, "as it was");
    FAILS_WITH(ENOMEM, take(4));
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
    size_t committed = lmm_memory_committed_bytes(page);
    uint64_t before = seam_bytes(SEAM_DISCARD);
    size_t bytes = lmm_runs_trim(&runs);
    /* [40000, 80000): system pages 10 to 18. */
    cr_expect(bytes == 9 * LMM_SYSTEM_PAGE_BYTES, "%zu", bytes);
    cr_expect(seam_bytes(SEAM_DISCARD) - before == bytes);
    cr_expect(lmm_memory_committed_bytes(page) == committed - bytes);
    cr_expect(lmm_runs_trim(&runs) == 0);
    for (int i = 0; i < 40000; i++) {
        cr_assert(third[i] == 3);
    }
    seam_fail_all(SEAM_DISCARD);
    give(third, 40);
    committed = lmm_memory_committed_bytes(page);
    cr_expect(lmm_runs_trim(&runs) == 0 && lmm_memory_committed_bytes(page) == committed);
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
            page->tags[slot] = lmm_tag_cached(0);
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
        {2, LMM_TAG_CACHED + 7},
        {3, LMM_TAG_LIVE_BASE},
        {20, LMM_TAG_CACHED + 7},
        {20, LMM_TAG_TAIL << 30 | 1},
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

/* Checks that *field, wrong, makes the runs invalid, and restores it. */
#define EXPECT_SEEN(field, wrong, ...)                                                             \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        lmm_lock_acquire(&runs.lock);                                                              \
        (field) = (wrong);                                                                         \
        cr_expect(!lmm_runs_are_valid_locked(&runs), __VA_ARGS__);                                 \
        (field) = saved;                                                                           \
        cr_assert(lmm_runs_are_valid_locked(&runs));                                               \
        lmm_lock_release(&runs.lock);                                                              \
    } while (0)

Test(run, validity_sees_wrong_fields)
{
    size_t slot;

    lmm_options.fit = LMM_FIT_BEST;
    set_up(1024);
    struct lmm_page *page = page_of(take(4), &slot);
    char *end = take(6);
    take(4);
    give(end, 6);
    struct lmm_page *span = page_of(take(1000), &slot);
    cr_assert(span->kind == LMM_PAGE_SPAN);
    struct lmm_page *second = lmm_page_unit((uintptr_t) lmm_page_base(span) + LMM_UNIT_BYTES);
    struct lmm_hole *hole = lmm_holes_largest(&runs.holes);

    EXPECT_SEEN(lmm_page_facts(page)->absent, UINT64_MAX, "run I4: a run on absent memory");
    EXPECT_SEEN(page->unit, page->unit + 1, "run: a unit that is another's");
    EXPECT_SEEN(runs.holes.reserved, runs.holes.reserved - 1, "run I3: a run without a promise");
    EXPECT_SEEN(runs.holes.capacity, 1, "hole I1: more promises than descriptors");
    EXPECT_SEEN(hole->id, hole->id ^ 1, "hole I2: another hole's id");
    EXPECT_SEEN(hole->slot, hole->slot + 1, "hole I2: its first tag");
    EXPECT_SEEN(runs.holes.free_slots, 1, "hole I3: the sum of lengths");
    EXPECT_SEEN(*(uint64_t *) runs.holes.bins, 0, "hole I3: a bin without its bit");
    EXPECT_SEEN(span->tags[0], 0, "span I1: not live");
    EXPECT_SEEN(span->tags[1], lmm_tag_make(LMM_TAG_TAIL, 0), "span I1: no length");
    EXPECT_SEEN(span->tags[1], lmm_tag_make(LMM_TAG_TAIL, 1020), "span I2: longer than committed");
    EXPECT_SEEN(lmm_page_facts(span)->clean_from, 1, "span I2: clean before its end");
    EXPECT_SEEN(second->kind, LMM_PAGE_NONE, "span I3: a unit that does not lead to it");
    EXPECT_SEEN(second->unit, second->unit - 1, "span I3: a unit that leads elsewhere");
}

/* ---- Alignment ------------------------------------------------------------------------------- */

Test(run, aligned_blocks)
{
    static const size_t strides[] = {8, 24, 1000, 1024, 5000, 40000};
    static const size_t lengths[] = {1, 2, 3, 33};

    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        for (size_t align = 1; align <= (size_t) 1 << 24; align *= 2) {
            char *block[4];
            set_up(strides[i]);
            for (int j = 0; j < 4; j++) {
                size_t bytes = lengths[j] * strides[i];
                block[j] = take_aligned(lengths[j], align);
                cr_assert(block[j] != NULL, "stride %zu align %zu", strides[i], align);
                block[j][0] = block[j][bytes - 1] = (char) ('a' + j);
                size_t slot;
                bool is_span = page_of(block[j], &slot)->kind == LMM_PAGE_SPAN;
                cr_expect(is_span == (bytes > LMM_UNIT_BYTES / 2 || align > LMM_UNIT_BYTES));
            }
            for (int j = 0; j < 4; j++) {
                cr_assert(block[j][0] == 'a' + j &&
                          block[j][lengths[j] * strides[i] - 1] == 'a' + j);
                give(block[j], lengths[j]);
            }
            cr_expect(record.pages == 0 && record.mapped_bytes == 0 && record.committed_bytes == 0);
            cr_expect(record.slots == 0 && runs.holes.reserved == 0);
        }
    }
}

Test(run, alignment_that_cannot_be)
{
    set_up(1024);
    FAILS_WITH(ENOMEM, take_aligned(1, (size_t) 1 << 62));
    FAILS_WITH(ENOMEM, take_aligned(SIZE_MAX / 2048, 64));
    cr_expect(record.pages == 0);
}

/* The block needs a hole on either side, and there is no memory for their descriptors. */
Test(run, margins_without_a_descriptor)
{
    set_up(LMM_UNIT_BYTES / LENGTH_MAX);
    char *first = take(1);
    seam_starve();
    while (runs.holes.reserved + 1 < runs.holes.capacity) {
        runs.holes.reserved++;
    }
    errno = 0;
    uint32_t reserved = runs.holes.reserved;
    cr_expect(take_aligned(1, 4 * runs.stride) == NULL && errno == ENOMEM);
    cr_expect(runs.holes.reserved == reserved, "nothing stays promised");
    cr_expect(strcmp(picture(first), "1L 31H") == 0, "%s", picture(first));
    cr_expect(take(1) != NULL, "this needs one descriptor only");
}

/* ---- Spans that outgrow their address space -------------------------------------------------- */

/* The offset of the next byte that is checked: close ones at first, then one in every fourth system
 * page. */
static size_t next_position(size_t i)
{
    return i < 16384 ? i + 512 : i + 16384;
}

static void fill(char *block, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i = next_position(i)) {
        block[i] = (char) (seed + i / 512 * 7 + 1);
    }
    block[bytes - 1] = (char) seed;
}

static void check_fill(const char *block, size_t bytes, size_t all, unsigned seed)
{
    for (size_t i = 0; i < bytes; i = next_position(i)) {
        cr_assert(i == all - 1 || block[i] == (char) (seed + i / 512 * 7 + 1), "at %zu", i);
    }
    cr_assert(bytes < all || block[all - 1] == (char) seed);
}

/* The gauges agree with the pages. */
static void assert_gauges(void)
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

Test(run, spans_grow)
{
    static const struct {
        size_t stride;
        size_t from;
        size_t to;
    } cases[] = {{1000, 132, 263},     {1000, 132, 5000},   {1024, 129, 257},
                 {1024, 2000, 2049},   {1024, 2000, 30000}, {200000, 1, 2},
                 {1024, 129, 4000},    {300000, 3, 50},     {1, 300000, 3000001},
                 {1, 300000, 5000000}, {1024, 20000, 20481}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int has_room = 0; has_room < 2; has_room++) {
            size_t stride = cases[i].stride;
            set_up(stride);
            /* Where the kernel maps downwards, the second span ends where the first begins. */
            char *other = take(cases[i].from);
            char *block = take(cases[i].from);
            if (has_room == 1) {
                give(other, cases[i].from);
            }
            fill(block, cases[i].from * stride, 3);
            char *moved = remap(block, cases[i].to);
            bool is_short = cases[i].to * stride <= 15 * (size_t) LMM_UNIT_BYTES;
            cr_assert(is_short ? moved == block || moved == NULL : moved != NULL, "case %zu", i);
            if (moved == NULL) {
                give(block, cases[i].from);
                if (has_room == 0) {
                    give(other, cases[i].from);
                }
                continue; /* the caller copies it */
            }
            check_fill(moved, cases[i].from * stride, cases[i].from * stride, 3);
            assert_gauges();
            fill(moved, cases[i].to * stride, 4);
            cr_assert(resize(moved, cases[i].from), "case %zu", i);
            check_fill(moved, cases[i].from * stride, cases[i].to * stride, 4);
            assert_gauges();
            give(moved, cases[i].from);
            if (has_room == 0) {
                give(other, cases[i].from);
            }
            cr_expect(record.pages == 0 && record.mapped_bytes == 0 && record.committed_bytes == 0);
        }
    }
}

Test(run, growing_bit_by_bit_seldom_moves)
{
    enum { FROM = 200, TO = 200000 }; /* to 200 MB */
    set_up(1024);
    char *block = take(FROM);
    size_t length = FROM;

    uint64_t calls = seam_calls(SEAM_REMAP) + seam_calls(SEAM_MAP);
    while (length < TO) {
        size_t n = length + 64;
        if (!resize(block, n)) {
            block = remap(block, n);
            cr_assert(block != NULL);
        }
        length = n;
        block[(length - 1) * 1024] = 1;
    }
    calls = seam_calls(SEAM_REMAP) + seam_calls(SEAM_MAP) - calls;
    cr_expect(calls < 100, "%d", (int) calls);
    give(block, length);
}

Test(run, spans_do_not_grow)
{
    set_up(1024);
    char *run = take(100);
    char *span = take(1000);
    size_t slot;
    FAILS_WITH(ENOMEM, lmm_span_remap(&runs, page_of(run, &slot), 1000));
    cr_expect(remap(span, SIZE_MAX / 2048) == NULL);
    cr_expect(remap(span, LMM_TAG_VALUE_MASK) == NULL, "a TiB");
    lmm_tools_active = true;
    cr_expect(remap(span, 2000) == NULL, "tools watch");
    lmm_tools_active = false;
    give(span, 1000);
    give(run, 100);
}

/* Each kernel call of a growth fails in turn, once or from then on. */
Test(run, growing_fails)
{
    enum { SLOTS = 4000 }; /* it moves */
    static const enum seam_operation operations[] = {SEAM_MAP, SEAM_UNMAP, SEAM_REMAP,
                                                     SEAM_DISCARD};

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        for (uint64_t k = 1; k <= 8; k++) {
            set_up(1024);
            char *other = take(SLOTS);
            char *block = take(SLOTS);
            memset(block, 5, (size_t) SLOTS * 1024);
            uint64_t call = seam_calls(operations[i]) + (k + 1) / 2;
            seam_fail(operations[i], call, k % 2 == 0 ? call : SEAM_FOR_EVER);
            char *moved = remap(block, SLOTS + SLOTS / 2);
            char *now = moved == NULL ? block : moved;
            size_t n = moved == NULL ? SLOTS : SLOTS + SLOTS / 2;
            for (size_t at = 0; at < (size_t) SLOTS * 1024; at += 1000) {
                cr_assert(now[at] == 5);
            }
            assert_gauges();
            seam_heal();
            give(now, n);
            give(other, SLOTS);
            assert_gauges();
            cr_expect(record.pages == 0 && record.committed_bytes == 0);
        }
    }
}

/* One of several threads that grow spans at the same time; returns how often its content was
 * wrong. */
static void *grow_spans(void *arg)
{
    const char *own = arg;
    uintptr_t wrong = 0;

    for (int round = 0; round < 5; round++) {
        bool zeroed;
        size_t n = 4100; /* long enough to be moved */
        char *block = lmm_run_take(&runs, n, 1, SITE, &zeroed);
        lmm_tools_block_begins(block, n * 1024);
        memset(block, *own, n * 1024);
        for (int step = 0; step < 5; step++) {
            struct lmm_page *page = lmm_page_of((uintptr_t) block);
            size_t old_bytes = n * 1024;
            size_t zero_from = lmm_page_facts(page)->clean_from * (size_t) LMM_SYSTEM_PAGE_BYTES;
            n = page->slots + 1;
            lmm_tools_page_ends(block, lmm_page_facts(page)->units * (size_t) LMM_UNIT_BYTES);
            char *moved = lmm_span_remap(&runs, page, n);
            if (moved == NULL) {
                break; /* its units were idle ones of several mappings */
            }
            block = moved;
            wrong += memcmp(block, block + 1, old_bytes - 1) != 0 || block[0] != *own;
            wrong += zero_from < old_bytes || block[zero_from] != 0;
            memset(block + old_bytes, *own, n * 1024 - old_bytes);
        }
        lmm_run_give(&runs, lmm_page_of((uintptr_t) block), 0,
                     lmm_run_length(lmm_page_of((uintptr_t) block), 0));
    }
    return (void *) wrong;
}

/* Another thread maps the addresses that a span has left at once. */
Test(run, spans_move_in_threads)
{
    enum { THREADS = 4 };
    static char own[] = "abcd";
    pthread_t thread[THREADS];

    set_up(1024);
    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&thread[i], NULL, grow_spans, &own[i]) == 0);
    }
    for (int i = 0; i < 200; i++) {
        assert_valid();
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        cr_expect(wrong == NULL, "thread %d", i);
    }
    assert_gauges();
    cr_expect(record.pages == 0 && record.mapped_bytes == 0 && record.committed_bytes == 0);
}

/* The program cut its block's mapping in three: the kernel does not move it, and nothing
 * changes. */
Test(run, several_mappings_are_not_moved)
{
    set_up(1024);
    char *other = take(1000);
    char *block = take(1000);
    fill(block, 1000 * 1024, 9);
    cr_assert(mprotect(block + 65536, 4096, PROT_READ) == 0);
    cr_expect(remap(block, 9000) == NULL, "more than the idle units after it");
    check_fill(block, 1000 * 1024, 1000 * 1024, 9);
    assert_gauges();
    cr_assert(mprotect(block + 65536, 4096, PROT_READ | PROT_WRITE) == 0);
    give(block, 1000);
    give(other, 1000);
}

/* The units of a span serve the next one, which counts only committed memory as committed. */
Test(run, kept_spans_are_used_again)
{
    set_up(1024);
    lmm_reservoir_set_bound(8 << 20);
    char *block = take(4000);
    memset(block, 1, 4000 * 1024);
    uint64_t maps = seam_calls(SEAM_MAP);
    for (int i = 0; i < 10; i++) {
        size_t n = (size_t) (4000 - i * 300);
        give(block, i == 0 ? 4000 : n + 300);
        block = take(n);
        memset(block, 2, n * 1024);
        assert_gauges();
        cr_expect(record.committed_bytes == n * 1024);
    }
    cr_expect(seam_calls(SEAM_MAP) == maps);
    give(block, 1300);
    lmm_reservoir_empty();
}

/* A span grows into the units that are kept after it, with their contents, until they are used up. */
Test(run, spans_grow_into_kept_units)
{
    enum { LONG = 4096 }; /* 16 units */
    static const size_t lengths[] = {256, 257, 1000, 1024, 1025, 4000, 4096};

    set_up(1024);
    lmm_reservoir_set_bound(8 << 20);
    char *kept = take(LONG);
    memset(kept, 7, (size_t) LONG * 1024);
    give(kept, LONG);
    char *block = take(256);
    cr_assert(block == kept, "cut from the run that is kept");
    uint64_t calls = seam_calls(SEAM_MAP) + seam_calls(SEAM_REMAP) + seam_calls(SEAM_DISCARD);
    for (size_t i = 1; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t slot;
        struct lmm_page *page = page_of(block, &slot);
        cr_expect(lengths[i] <= page->slots || !resize(block, lengths[i]));
        cr_expect(lengths[i] <= page->slots ? resize(block, lengths[i])
                                            : lmm_span_extend(&runs, page, lengths[i]));
        cr_expect(lmm_run_length(page, 0) == lengths[i]);
        assert_valid();
        assert_gauges();
        for (size_t at = 0; at < lengths[i] * 1024; at += 512) {
            cr_assert(block[at] == 7);
        }
    }
    cr_expect(calls == seam_calls(SEAM_MAP) + seam_calls(SEAM_REMAP) + seam_calls(SEAM_DISCARD));
    cr_expect(record.committed_bytes == (size_t) LONG * 1024);
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);
    cr_expect(!lmm_span_extend(&runs, page, LONG + 1), "nothing is kept after it");
    cr_expect(!lmm_span_extend(&runs, page, SIZE_MAX / 1024));
    give(block, LONG);
    block = take(256);
    page = page_of(block, &slot);
    cr_expect(!lmm_span_extend(&runs, page, LONG + 1), "too little is kept after it");
    lmm_tools_active = true;
    cr_expect(!lmm_span_extend(&runs, page, 512), "tools watch");
    lmm_tools_active = false;
    give(block, 256);
    lmm_reservoir_empty();
}

/* A span of 4 MiB or more is kept if all of it was written; else its memory is not worth it. */
Test(run, sparse_spans_are_not_kept)
{
    static const struct {
        size_t slots;
        size_t written; /* from the start on */
        bool is_kept;
    } cases[] = {{5000, 5000, true},   {5000, 4900, false},  {5000, 0, false},
                 {4096, 4090, false},  {4096, 4096, true},   {3800, 1, true},
                 {16384, 16384, true}, {16384, 16380, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(1024);
        lmm_reservoir_set_bound(32 << 20);
        bool zeroed; /* take() would read the block, and the kernel counts that, too */
        char *block = lmm_run_take(&runs, cases[i].slots, 1, SITE, &zeroed);
        cr_assert(block != NULL && zeroed);
        lmm_tools_block_begins(block, cases[i].slots * 1024);
        memset(block, 1, cases[i].written * 1024);
        give(block, cases[i].slots);
        cr_expect((lmm_reservoir_kept_bytes() != 0) == cases[i].is_kept, "case %zu", i);
        lmm_reservoir_empty();
    }
}

/* The state of the memory of a page of several units passes to the next page there. */
Test(run, kept_pages_of_several_units)
{
    set_up(40000);
    lmm_reservoir_set_bound(8 << 20);
    char *block = take(1);
    memset(block, 1, 40000);
    size_t committed = record.committed_bytes;
    give(block, 1);
    char *two = take(3);
    cr_expect(two == block, "the same page");
    cr_expect(record.committed_bytes > committed && record.committed_bytes < 131072);
    assert_gauges();
    give(two, 3);
    lmm_reservoir_empty();
}

/* ---- At random, against a model -------------------------------------------------------------- */

enum { MODEL_BLOCKS = 200 };

static struct model {
    uint64_t random;
    size_t count;
    struct {
        char *block;
        size_t n;
        unsigned seed;
    } at[MODEL_BLOCKS];
} model;

static uint64_t draw(uint64_t below)
{
    return (random_next(&model.random) >> 11) % below;
}

/* The slots of a few bytes, a run, or a span, each equally likely; a few spans are long. */
static size_t draw_length(void)
{
    static const size_t bytes_max[] = {4096, LMM_UNIT_BYTES / 2, 6 * LMM_UNIT_BYTES,
                                       30 * LMM_UNIT_BYTES};

    return 1 + draw(bytes_max[draw(24) == 0 ? 3 : draw(3)] / runs.stride + 1);
}

static size_t bytes_at(size_t i)
{
    return model.at[i].n * runs.stride;
}

static void model_set(size_t i, char *block, size_t n)
{
    model.at[i].block = block;
    model.at[i].n = n;
    model.at[i].seed = (unsigned) draw(200);
    fill(block, bytes_at(i), model.at[i].seed);
}

static void model_take(void)
{
    size_t n = draw_length();
    size_t align = draw(2) == 0 ? 1 : (size_t) 1 << draw(22);
    errno = 0;
    char *block = take_aligned(n, align);

    cr_assert(block != NULL || errno == ENOMEM);
    if (block != NULL) {
        model_set(model.count++, block, n);
    }
}

static void model_give(size_t i)
{
    check_fill(model.at[i].block, bytes_at(i), bytes_at(i), model.at[i].seed);
    give(model.at[i].block, model.at[i].n);
    model.at[i] = model.at[--model.count];
}

/* Resizes in place where there is room, else moves the block where that is possible. */
static void model_resize(size_t i)
{
    size_t n = draw_length();
    size_t old_n = model.at[i].n;
    size_t old_bytes = bytes_at(i);
    size_t slot;
    char *block = model.at[i].block;
    const struct lmm_page *page = page_of(block, &slot);

    if (!resize(block, n)) {
        block = page->kind == LMM_PAGE_SPAN && n > page->slots ? remap(block, n) : NULL;
    }
    if (block == NULL) {
        check_fill(model.at[i].block, old_bytes, old_bytes, model.at[i].seed);
        return;
    }
    check_fill(block, (n < old_n ? n : old_n) * runs.stride, old_bytes, model.at[i].seed);
    model_set(i, block, n);
}

static void model_step(bool failing)
{
    if (failing && draw(8) == 0) {
        enum seam_operation operation = (enum seam_operation) draw(SEAM_OPERATIONS);
        uint64_t call = seam_calls(operation) + 1 + draw(3);
        seam_fail(operation, call, call + draw(3));
    }
    uint64_t verb = draw(16);
    if (draw(50) == 0) {
        lmm_runs_set_fit(&runs, (enum lmm_fit) draw(LMM_FIT_BEST + 1));
    } else if (verb == 0) {
        lmm_runs_trim(&runs);
    } else if (verb < 7 && model.count < MODEL_BLOCKS) {
        model_take();
    } else if (verb < 11 && model.count != 0) {
        model_resize(draw(model.count));
    } else if (model.count != 0) {
        model_give(draw(model.count));
    }
    assert_gauges();
    if (failing && draw(4) == 0) {
        seam_heal();
    }
}

static void run_model(size_t stride, enum lmm_fit fit, bool failing)
{
    enum { STEPS = 300 };

    lmm_options.fit = fit;
    a_discard_failed = failing;
    set_up(stride);
    lmm_reservoir_set_bound(16 << 20);
    for (int i = 0; i < STEPS; i++) {
        model_step(failing);
    }
    while (model.count != 0) {
        model_give(model.count - 1);
    }
    seam_heal();
    assert_gauges();
    cr_assert(record.pages == 0 && record.committed_bytes == 0 && runs.holes.reserved == 0);
    lmm_reservoir_empty();
}

Test(run, model)
{
    static const size_t strides[] = {24, 1000, 1024, 20000, 70000};
    const char *seed = getenv("LMM_SEED");

    model.random = seed == NULL ? 20240229 : strtoull(seed, NULL, 0) | 1;
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        for (int fit = LMM_FIT_LARGEST; fit <= LMM_FIT_BEST; fit++) {
            uint64_t random = model.random;
            printf("stride %zu fit %d: LMM_SEED=%llu\n", strides[i], fit,
                   (unsigned long long) random);
            run_model(strides[i], (enum lmm_fit) fit, false);
            run_model(strides[i], (enum lmm_fit) fit, true);
        }
    }
}
