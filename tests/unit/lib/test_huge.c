/* SPDX-License-Identifier: MIT */
/* huge: which spans ask for large pages, after which others; where they ask, and that each takes its
 * advice back. */
#include "tests/support/seam.h"

#include "lib/books/accounts.h"
#include "lib/ground/options.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/tools.h"
#include "lib/ground/vm.h"
#include "lib/pages/run.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    SITE = 5,
    STRIDE = 1024,
    MIB_SLOTS = (1 << 20) / STRIDE,
    LARGE_BYTES = 2 << 20,
    BLOCKS_MAX = 64,
};

static struct lmm_runs runs;
static struct lmm_ledger_family record;

/* ---- The advice that stands ------------------------------------------------------------------ */

static struct advice {
    char *start;
    char *end;
} advice[BLOCKS_MAX];

static size_t asked;   /* calls */
static size_t refused; /* calls */

static size_t advised_bytes(void)
{
    size_t bytes = 0;

    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        bytes += (size_t) (advice[i].end - advice[i].start);
    }
    return bytes;
}

static int note_advice(void *address, size_t bytes, bool wanted)
{
    char *start = address;
    bool has_noted = !wanted;

    asked += wanted;
    refused += !wanted;
    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        if (wanted && !has_noted && advice[i].start == NULL) {
            advice[i] = (struct advice) {start, start + bytes};
            has_noted = true;
        } else if (!wanted && advice[i].start >= start && advice[i].end <= start + bytes) {
            advice[i] = (struct advice) {NULL, NULL};
        }
    }
    cr_assert(has_noted);
    return 0;
}

/* ---- Spans ----------------------------------------------------------------------------------- */

static void set_up(size_t reservoir_bytes)
{
    /* Where the system's setting is `always`, the kernel would add large pages that no block asked for. Calls
     * that ask are noted all the same. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    cr_assert(lmm_accounts_start());
    runs = (struct lmm_runs) {0};
    lmm_runs_init(&runs, 2, STRIDE, &record);
    lmm_reservoir_set_bound(reservoir_bytes);
    seam_install();
    lmm_vm.advise_large = note_advice;
    memset(advice, 0, sizeof(advice));
    asked = 0;
    refused = 0;
}

static char *take(size_t slots)
{
    bool zeroed;
    char *block = lmm_run_take(&runs, slots, 1, SITE, &zeroed);

    cr_assert(block != NULL);
    lmm_tools_block_begins(block, slots * STRIDE);
    return block;
}

static void give(char *block, size_t slots)
{
    lmm_tools_block_ends(block, slots * STRIDE);
    lmm_run_give(&runs, lmm_page_of((uintptr_t) block), 0, slots);
}

/* The first byte of each large page. */
static void touch(char *block, size_t slots)
{
    for (size_t at = 0; at < slots * STRIDE; at += LARGE_BYTES) {
        block[at] = 1;
    }
}

/* A letter is a block: w and W are written wholly, s and S are touched, n and N are not; the small
 * ones are freed at once. */
static const struct {
    const char *blocks;
    size_t mib;
    size_t asked;
} scripts[] = {
    {"w", 8, 0},
    {"w w", 8, 1},
    {"w s", 8, 1},
    {"w s w", 8, 1},
    {"w s w w", 8, 2},
    {"s s s s", 8, 0},
    {"s w s", 8, 1},
    {"W w", 8, 1},
    {"W s w", 8, 1},
    {"S w W", 8, 1},
    {"S S S S S", 8, 0},
    {"N W w", 8, 1},
    {"w w w w w w", 3, 0},
    {"w w w w w w", 4, 5},
    {"w W W W W W W W W", 8, 8},
    /* Few wait to be written at a time, of few bytes. */
    {"w S S S S S S S S S S S S", 8, 6},
    {"w S S S S S S S S S", 24, 2},
    {"w S S S", 200, 1},
    /* After some more blocks the first guess was wrong. */
    {"w S W W W W W W W W W W W W", 8, 12},
    {"w S W W W W W W W W s S w", 8, 9},
};

static void run_script(const char *script, size_t mib)
{
    char *held[BLOCKS_MAX];
    size_t slots = mib * MIB_SLOTS;
    size_t count = 0;

    for (; *script != '\0'; script++) {
        if (*script == ' ') {
            continue;
        }
        char *block = take(slots);
        if (*script == 'w' || *script == 'W') {
            memset(block, 1, slots * STRIDE);
        } else if (*script == 's' || *script == 'S') {
            touch(block, slots);
        }
        if (*script >= 'a') {
            give(block, slots);
        } else {
            held[count++] = block;
        }
    }
    while (count != 0) {
        give(held[--count], slots);
    }
}

Test(huge, spans_ask_where_others_were_written)
{
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        set_up(0);
        run_script(scripts[i].blocks, scripts[i].mib);
        cr_expect(asked == scripts[i].asked, "'%s' of %zu MiB: %zu", scripts[i].blocks,
                  scripts[i].mib, asked);
        cr_expect(advised_bytes() == 0, "'%s': each took it back", scripts[i].blocks);
    }
}

/* However many blocks are touched sparsely after others were written, and however long they live. */
Test(huge, sparse_blocks_are_bounded)
{
    static const size_t lengths[] = {4, 5, 16, 40, 100};
    char *held[BLOCKS_MAX];

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t slots = lengths[i] * MIB_SLOTS;
        set_up(0);
        run_script("w w w w", lengths[i]);
        for (size_t k = 0; k < BLOCKS_MAX; k++) {
            held[k] = take(slots);
            touch(held[k], slots);
            cr_expect(advised_bytes() <= 32 << 20, "%zu blocks of %zu MiB", k + 1, lengths[i]);
        }
        cr_expect(asked > 3 && advised_bytes() == 0, "all of them were wrong");
        for (size_t k = 0; k < BLOCKS_MAX; k++) {
            give(held[k], slots);
        }
    }
}

/* Large pages are aligned, and the last 16 system pages of a block are not in one. */
Test(huge, where_a_span_asks)
{
    static const struct {
        size_t slots;
        size_t large_pages;
    } cases[] = {
        {4096, 1},        {4096 + 60, 1},  {4096 + 61, 2},
        {6144, 2},        {6144 + 61, 3},  {10000, 4},
        {16384, 7},       {34 << 10, 16},  {(32 << 10) + 61, 16},
        {(32 << 10), 15}, {200 << 10, 16},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(0);
        run_script("w", 8);
        char *block = take(cases[i].slots);
        cr_expect(asked == 1 && (uintptr_t) advice[0].start % LARGE_BYTES == 0);
        cr_expect(advice[0].start == block, "case %zu", i);
        cr_expect(advised_bytes() == cases[i].large_pages * LARGE_BYTES, "case %zu", i);
        cr_expect(advice[0].end + 60 * 1024 <= block + cases[i].slots * STRIDE);
        give(block, cases[i].slots);
    }
}

/* The memory of a span that is kept serves the next one; this asks for what was not touched. */
Test(huge, only_untouched_memory_is_asked_for)
{
    set_up(32 << 20);
    char *other = take(40 * MIB_SLOTS); /* so that the peak leaves room */
    give(other, 40 * MIB_SLOTS);
    run_script("w", 16);
    asked = 0;
    run_script("w", 16);
    cr_expect(asked == 0, "all of it was written before");
    run_script("w", 6); /* the memory after it goes back */
    cr_expect(asked == 0);
    char *block = take(16 * MIB_SLOTS);
    cr_expect(asked == 1 && advice[0].start == block + 3 * (size_t) LARGE_BYTES);
    cr_expect(advice[0].end == block + 7 * (size_t) LARGE_BYTES);
    give(block, 16 * MIB_SLOTS);
    lmm_reservoir_empty();
}

static char *take_advised(size_t slots)
{
    run_script("w", 8);
    char *block = take(slots);
    cr_assert(advised_bytes() != 0);
    return block;
}

/* A span whose length or mapping changes takes its advice back before that. */
Test(huge, changes_end_the_advice)
{
    struct lmm_page *page;
    char *block;

    set_up(0);
    block = take_advised(8 * MIB_SLOTS + 100);
    page = lmm_page_of((uintptr_t) block);
    cr_assert(lmm_run_resize(&runs, page, 0, 8 * MIB_SLOTS + 200), "into its last unit");
    cr_expect(advised_bytes() != 0);
    lmm_tools_block_shrinks(block, (8 * MIB_SLOTS + 200) * STRIDE, 7 * MIB_SLOTS * STRIDE);
    cr_assert(lmm_run_resize(&runs, page, 0, 7 * MIB_SLOTS));
    cr_expect(advised_bytes() == 0);
    give(block, 7 * MIB_SLOTS);
    block = take_advised(8 * MIB_SLOTS);
    page = lmm_page_of((uintptr_t) block);
    lmm_tools_page_ends(block, 8 << 20);
    block = lmm_span_remap(&runs, page, 20 * MIB_SLOTS);
    cr_expect(block != NULL && advised_bytes() == 0, "in one piece");
    give(block, 20 * MIB_SLOTS);
}

/* hugepages=never: nothing asks, and what is mapped refuses. */
Test(huge, never)
{
    lmm_options.never_huge_pages = true;
    set_up(0);
    run_script("w w w", 8);
    cr_expect(asked == 0 && refused >= 3);
    lmm_options.never_huge_pages = false;
    refused = 0;
    run_script("w w w", 8);
    cr_expect(asked == 3 && refused == 3);
}

static bool is_valid(void)
{
    lmm_lock_acquire(&runs.lock);
    bool valid = lmm_huge_is_valid_locked(&runs.huge);
    lmm_lock_release(&runs.lock);
    return valid;
}

Test(huge, the_walker_finds_damage)
{
    set_up(0);
    char *block = take_advised(8 * MIB_SLOTS);
    struct lmm_page *page = lmm_page_of((uintptr_t) block);
    struct lmm_watched *watched = runs.huge.watched;
    cr_assert(watched[0].page == page && is_valid());
    watched[1] = watched[0];
    cr_expect(!is_valid(), "I1: twice");
    watched[1].page = NULL;
    page->advised = 0;
    cr_expect(!is_valid(), "I1: without advice");
    page->advised = 1;
    watched[0].first = watched[0].witness;
    cr_expect(!is_valid(), "I1: a sample with advice");
    watched[0].first = watched[0].witness + 1;
    cr_expect(!is_valid(), "I1: no pages");
    watched[0].first = 0;
    watched[0].witness += 10000;
    cr_expect(!is_valid(), "I2: without a witness");
    watched[0].witness -= 10000;
    cr_expect(is_valid());
    give(block, 8 * MIB_SLOTS);
    cr_expect(is_valid() && watched[0].page == NULL);
}
