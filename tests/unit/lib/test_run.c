/* SPDX-License-Identifier: MIT */
/* run: splitting, merging, fits, alignment, resizing, trimming, pages that become spans, and the promise
 * that freeing needs no memory. */
#include "tests/support/run_steps.h"

#include <stdio.h>
#include <stdlib.h>

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

/* A run page with one block, at its first slot, becomes a span, in which the block grows. */
Test(run, run_pages_become_spans)
{
    static const struct {
        size_t before; /* the slots of a block before it, and after it; 0: none */
        size_t slots;
        size_t grown; /* of the same block */
        size_t after;
        bool is_alone;
    } cases[] = {{0, 16, 16, 0, true},  {0, 128, 128, 0, true}, {0, 1, 1, 0, true},
                 {0, 16, 256, 0, true}, {0, 16, 16, 4, false},  {4, 16, 16, 0, false},
                 {4, 16, 16, 4, false}, {4, 16, 252, 0, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(1024);
        lmm_reservoir_set_bound(8 << 20);
        size_t slot;
        size_t n = cases[i].grown;
        char *before = cases[i].before == 0 ? NULL : take(cases[i].before);
        char *block = take(cases[i].slots);
        cr_assert(n == cases[i].slots || resize(block, n));
        char *after = cases[i].after == 0 ? NULL : take(cases[i].after);
        fill(block, n * 1024, 3);
        struct lmm_page *page = page_of(block, &slot);
        cr_expect(lmm_run_become_span(&runs, page, slot) == cases[i].is_alone, "case %zu", i);
        cr_assert(page_of(block, &slot) == page);
        cr_assert(page->kind == (cases[i].is_alone ? LMM_PAGE_SPAN : LMM_PAGE_RUNS));
        cr_assert(page->tags[slot] == LMM_TAG_LIVE_BASE + SITE && lmm_run_length(page, slot) == n);
        assert_valid();
        assert_gauges();
        check_fill(block, n * 1024, n * 1024, 3);
        bool grows = cases[i].is_alone && n < 256;
        cr_assert(!grows || (resize(block, 256) && record.committed_bytes == 256 * 1024));
        give(block, grows ? 256 : n);
        if (before != NULL) {
            give(before, cases[i].before);
        }
        if (after != NULL) {
            give(after, cases[i].after);
        }
        cr_expect(record.pages == 0 && record.committed_bytes == 0 && runs.holes.reserved == 0);
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
