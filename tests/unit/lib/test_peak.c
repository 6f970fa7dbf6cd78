/* SPDX-License-Identifier: MIT */
/* peak: which peaks are recorded, at once and late. */
#include "lib/books/accounts.h"
#include "lib/books/peak.h"

#include <criterion/criterion.h>

static uint32_t site;

static void start(void)
{
    lmm_peak_budget_ns = UINT64_MAX; /* on any machine, all steps are recorded */
    cr_assert(lmm_accounts_start());
    cr_assert(lmm_accounts_add_family("f", 1, 1, 1, LMM_LEDGER_FAMILY_BYTES) != NULL);
    cr_assert(lmm_accounts_add_site(0, 1, "a", "f", &site));
}

static void start_late(void)
{
    start();
    lmm_peak_record_late();
}

static void allocate(uint64_t bytes)
{
    const struct lmm_ledger_row delta = {.allocated_blocks = 1, .allocated_extra = bytes};

    lmm_rows_count_shared(site, &delta);
    lmm_peak_add((int64_t) bytes);
}

/* As threads do it: the sum falls before the counters tell it. */
static void release(uint64_t bytes)
{
    const struct lmm_ledger_row delta = {.freed_blocks = 1, .freed_extra = bytes};

    lmm_peak_add(-(int64_t) bytes);
    lmm_rows_count_shared(site, &delta);
}

static uint64_t recordings(void)
{
    return lmm_chunks_header()->peak_count;
}

static uint64_t recorded_bytes(void)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    return header->peak_bytes[header->peak_count % 2];
}

/* A block of so many bytes is allocated, or freed, and what is recorded then. */
struct step {
    int64_t change;
    uint64_t recordings;
    uint64_t bytes;
};

static void check(const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].change > 0) {
            allocate((uint64_t) steps[i].change);
        } else {
            release((uint64_t) -steps[i].change);
        }
        cr_expect(recordings() == steps[i].recordings, "step %zu: %d recordings", i,
                  (int) recordings());
        cr_expect(recorded_bytes() == steps[i].bytes, "step %zu: %d bytes", i,
                  (int) recorded_bytes());
    }
}

#define CHECK(steps) check((steps), sizeof(steps) / sizeof((steps)[0]))

Test(peak, at_once, .init = start)
{
    static const struct step steps[] = {
        {100000, 1, 100000}, {1000, 1, 100000}, {1, 2, 101001}, {-90000, 2, 101001},
        {90000, 2, 101001},  {1010, 2, 101001}, {1, 3, 102012}, {200000, 4, 302012},
    };

    CHECK(steps);
}

Test(peak, late, .init = start_late)
{
    static const struct step steps[] = {
        {100000, 0, 0},       {200000, 0, 0},      {-1500, 0, 0},
        {1500, 0, 0},         {-1501, 1, 300000},  /* by more than 1/200 */
        {-200000, 1, 300000}, {204400, 1, 300000}, /* 302,899 */
        {-100000, 1, 300000}, {100101, 1, 300000}, /* 303,000 is no more than 1/100 above */
        {-100000, 1, 300000}, {100001, 1, 300000}, /* 303,001 is */
        {-100, 1, 300000},    {-1500, 2, 302901},  /* what lived before the free that tells */
    };

    CHECK(steps);
}

/* One free takes nearly all: the recording has the block. Then, as it was. */
Test(peak, late_before_a_large_block_ends, .init = start_late)
{
    static const struct step steps[] = {
        {1000000, 0, 0},
        {500, 0, 0},
        {-1000000, 1, 1000500},
        {-500, 1, 1000500},
    };

    CHECK(steps);
}

/* Few bytes: the first peak is exact, and others are 256 bytes more. */
Test(peak, late_of_little, .init = start_late)
{
    static const struct step steps[] = {
        {200, 0, 0},    {-1, 0, 0},    {-1, 1, 199},   {257, 1, 199},
        {-257, 1, 199}, {258, 1, 199}, {-257, 2, 456},
    };

    CHECK(steps);
}

/* However often it grows, nothing is recorded; and threads may keep more for themselves. */
Test(peak, late_while_it_grows, .init = start_late)
{
    enum { BLOCKS = 10000, BYTES = 1024 };

    for (uint32_t i = 0; i < BLOCKS; i++) {
        allocate(BYTES);
    }
    cr_expect(recordings() == 0 && lmm_peak_step() == BLOCKS);
    release((uint64_t) BLOCKS * BYTES);
    cr_expect(recordings() == 1 && recorded_bytes() == (uint64_t) BLOCKS * BYTES);
}
