/* SPDX-License-Identifier: MIT */
/* reservoir: alignment, which runs are kept and which go to the kernel, failing memory; and that an
 * empty page of a family goes there. */
#include "tests/support/seam.h"

#include "lib/ground/reservoir.h"
#include "lib/pages/family.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fails_with.h"

static char *take(size_t units, bool *ret_fresh)
{
    char *base = lmm_reservoir_take(units, ret_fresh);

    cr_assert(base != NULL, "%zu units", units);
    cr_expect((uintptr_t) base % LMM_UNIT_BYTES == 0, "%zu units", units);
    return base;
}

/* The bytes of memory that the kernel got back; of a run that is unmapped, with those of the idle
 * units beside it. */
static uint64_t given_back(void)
{
    return seam_bytes(SEAM_UNMAP) + seam_bytes(SEAM_DISCARD);
}

Test(reservoir, units_are_aligned_apart_and_zeroed)
{
    static const size_t counts[] = {1, 2, 3, 4, 5, 1, 16, 17, 40, 1, 3, 3, 3, 3, 3, 7, 1};
    enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };
    char *base[COUNTS];
    bool fresh;

    for (size_t i = 0; i < COUNTS; i++) {
        base[i] = take(counts[i], &fresh);
        cr_expect(fresh);
        for (size_t at = 0; at < counts[i] * LMM_UNIT_BYTES; at += LMM_SYSTEM_PAGE_BYTES) {
            cr_assert(base[i][at] == 0);
            base[i][at] = 1;
        }
        for (size_t j = 0; j < i; j++) {
            cr_assert(base[j] >= base[i] + counts[i] * LMM_UNIT_BYTES ||
                      base[i] >= base[j] + counts[j] * LMM_UNIT_BYTES);
        }
    }
}

Test(reservoir, keeps_up_to_its_bound)
{
    enum { UNITS = 6, BOUND = 4 };
    char *base[UNITS];
    bool fresh;

    seam_install();
    lmm_reservoir_set_bound(BOUND * LMM_UNIT_BYTES);
    for (int i = 0; i < UNITS; i++) {
        base[i] = take(1, &fresh);
        base[i][0] = (char) ('a' + i);
    }
    uint64_t bytes = given_back();
    for (size_t i = 0; i < UNITS; i++) {
        cr_expect(lmm_reservoir_put(base[i], 1), "unit %zu", i);
        cr_expect(lmm_reservoir_kept_bytes() == (i < BOUND ? i + 1 : BOUND) * LMM_UNIT_BYTES);
    }
    cr_expect(given_back() - bytes == (UNITS - BOUND) * LMM_UNIT_BYTES, "the oldest go");
    for (int i = UNITS; i-- > UNITS - BOUND;) {
        char *again = take(1, &fresh);
        cr_expect(again == base[i], "last in, first out");
        cr_expect(!fresh && again[0] == 'a' + i);
    }
    cr_expect(lmm_reservoir_kept_bytes() == 0);
}

/* Scripts under a bound of 8 units: "aN" takes N units as a, fresh ones; "aN@bK" takes them from
 * what is kept, where unit K of b was; "-a" gives them back, "!a" must not be kept. */
static const struct {
    const char *script;
    size_t kept_units;
} scripts[] = {
    {"a3 -a", 3},
    {"a3 -a b3@a0", 0},
    {"a3 -a b2@a0 c1@a2", 0},
    {"a3 -a b1@a0 c1@a1 d1@a2 e1", 0},
    {"a3 -a b4", 3},
    {"a2 b3 -a -b c2@a0", 3},
    {"a3 b2 -a -b c2@b0", 3},
    {"a2 b2 -a -b c2@b0 d2@a0", 0},
    {"a4 b2 -a -b c1@b0 d1@b1 e1@a0", 3},
    {"a8 -a b8@a0", 0},
    {"a9 !a", 0},
    {"a3 b3 c3 -a -b -c", 6},
    {"a3 b3 c3 -a -b -c d3@c0 e3@b0 f3", 0},
    {"a1 b1 c7 -a -b -c", 8},
    {"a1 b1 c7 -a -b -c d1@b0", 7},
    {"a4 b4 -a c1@a0 -b -c", 8},
    {"a4 b4 -a c1@a0 -b d1@a1 e1@a2 -c -d -e f4@b0", 4},
    {"a2 b9 -a !b", 2},
};

static void run_script(const char *script, char **base, size_t *units)
{
    while (*script != '\0') {
        char verb = *script == '-' || *script == '!' ? *script++ : '+';
        int at = *script++ - 'a';
        if (verb == '+') {
            bool fresh;
            char *end;
            units[at] = strtoul(script, &end, 10);
            base[at] = take(units[at], &fresh);
            cr_assert(fresh == (*end != '@'), "'%s'", script);
            if (*end == '@') {
                size_t unit = strtoul(end + 2, NULL, 10);
                cr_assert(base[at] == base[end[1] - 'a'] + unit * LMM_UNIT_BYTES, "'%s'", script);
            }
            memset(base[at], 1, units[at] * LMM_UNIT_BYTES);
        } else {
            cr_assert(lmm_reservoir_put(base[at], units[at]) == (verb == '-'), "'%s'", script);
        }
        script += strcspn(script, " ");
        script += strspn(script, " ");
    }
}

Test(reservoir, runs_of_units)
{
    seam_install();
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        char *base[26] = {0};
        size_t units[26] = {0};
        lmm_reservoir_set_bound(8 * LMM_UNIT_BYTES);
        run_script(scripts[i].script, base, units);
        cr_expect(lmm_reservoir_kept_bytes() == scripts[i].kept_units * LMM_UNIT_BYTES, "'%s'",
                  scripts[i].script);
        uint64_t bytes = given_back();
        cr_expect(lmm_reservoir_empty() == scripts[i].kept_units * LMM_UNIT_BYTES);
        cr_expect(given_back() - bytes >= scripts[i].kept_units * LMM_UNIT_BYTES);
    }
}

/* Runs of 63 units and less have bins of their own, all others share one. */
Test(reservoir, the_shortest_run_that_is_long_enough)
{
    static const size_t kept[] = {300, 63, 100, 64, 65, 90};
    static const struct {
        size_t units;
        size_t from; /* the run that it is cut from */
    } cases[] = {{91, 2}, {64, 3}, {63, 1}, {64, 4}, {90, 5}, {101, 0}, {199, 0}};
    enum { KEPT = sizeof(kept) / sizeof(kept[0]) };
    char *base[KEPT];
    bool fresh;

    lmm_reservoir_set_bound((size_t) 1 << 40);
    for (size_t i = 0; i < KEPT; i++) {
        base[i] = take(kept[i], &fresh);
    }
    for (size_t i = 0; i < KEPT; i++) {
        cr_expect(lmm_reservoir_put(base[i], kept[i]));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *taken = take(cases[i].units, &fresh);
        cr_expect(taken == base[cases[i].from] && !fresh, "%zu units", cases[i].units);
        base[cases[i].from] += cases[i].units * LMM_UNIT_BYTES;
    }
    cr_expect(lmm_reservoir_kept_bytes() == (100 - 91 + 1) * LMM_UNIT_BYTES, "what was cut off");
    take(10, &fresh);
    cr_expect(fresh);
}

/* A block of its own takes a run whole that is up to four times as long. */
Test(reservoir, roomy)
{
    static const struct {
        size_t kept;
        size_t wanted;
        size_t taken;
    } cases[] = {{64, 16, 64},   {64, 15, 15}, {64, 64, 64}, {20, 17, 20},
                 {200, 50, 200}, {16, 17, 17}, {201, 50, 50}};
    bool fresh;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lmm_reservoir_set_bound((size_t) 1 << 40);
        char *base = take(cases[i].kept, &fresh);
        cr_expect(lmm_reservoir_put(base, cases[i].kept));
        size_t units = cases[i].wanted;
        char *again = lmm_reservoir_take_roomy(&units, LMM_UNIT_BYTES, &fresh);
        cr_expect(again != NULL && units == cases[i].taken, "case %zu: %zu units", i, units);
        cr_expect(fresh == (cases[i].wanted > cases[i].kept) && (fresh || again == base));
        lmm_reservoir_drop(again, units, false);
        lmm_reservoir_empty();
    }
}

/* However much is in use, at most 1 GiB is kept. */
Test(reservoir, the_most_that_is_kept)
{
    bool fresh;

    lmm_reservoir_set_bound((size_t) 1 << 40);
    char *base = take(4097, &fresh);
    cr_expect(!lmm_reservoir_put(base, 4097));
    /* As many descriptors as the reservoir has, and more. */
    static char *unit[5000];
    for (int i = 0; i < 5000; i++) {
        unit[i] = take(1, &fresh);
    }
    for (int i = 0; i < 5000; i++) {
        cr_assert(lmm_reservoir_put(unit[i], 1));
    }
    cr_expect(lmm_reservoir_kept_bytes() == (size_t) 4096 * LMM_UNIT_BYTES);
}

/* An eighth of what is in use is kept when that is more than the least bound; none with bound 0. */
Test(reservoir, the_bound_follows_what_is_in_use)
{
    static const struct {
        size_t least;
        size_t in_use;
        size_t put;
        bool is_kept;
    } cases[] = {{4, 80, 10, true},  {4, 80, 11, false}, {4, 8, 4, true},    {4, 8, 5, false},
                 {0, 800, 1, false}, {11, 80, 11, true}, {1, 800, 100, true}};
    bool fresh;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lmm_reservoir_set_bound(cases[i].least * LMM_UNIT_BYTES);
        char *in_use = take(cases[i].in_use, &fresh);
        char *base = take(cases[i].put, &fresh);
        cr_expect(lmm_reservoir_put(base, cases[i].put) == cases[i].is_kept, "case %zu", i);
        lmm_reservoir_empty();
        lmm_reservoir_drop(in_use, cases[i].in_use, false);
    }
}

/* Units that do not fit are kept only as far as they do not raise the peak of the memory in use by
 * more than a twelfth, or 8 units. */
Test(reservoir, what_does_not_fit_goes)
{
    static const struct {
        size_t in_use; /* at the peak, with 60 units that are then kept */
        size_t taken;
        size_t kept;
    } cases[] = {{40, 50, 10}, {40, 40, 20}, {40, 60, 8}, {4, 60, 8}, {40, 5, 55}, {400, 30, 35}};
    enum { SINGLE = 60 };
    char *single[SINGLE];
    bool fresh;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lmm_reservoir_set_bound((size_t) 1 << 40);
        lmm_reservoir.most_in_use = 0;
        char *in_use = take(cases[i].in_use, &fresh);
        for (size_t k = 0; k < SINGLE; k++) {
            single[k] = take(1, &fresh);
        }
        for (size_t k = 0; k < SINGLE; k++) {
            cr_assert(lmm_reservoir_put(single[k], 1));
        }
        char *taken = take(cases[i].taken, &fresh);
        cr_expect(fresh && lmm_reservoir_kept_bytes() == cases[i].kept * LMM_UNIT_BYTES,
                  "case %zu: %zu", i, lmm_reservoir_kept_bytes() / LMM_UNIT_BYTES);
        lmm_reservoir_empty();
        lmm_reservoir_drop(in_use, cases[i].in_use, false);
        lmm_reservoir_drop(taken, cases[i].taken, false);
    }
}

Test(reservoir, aligned)
{
    static const size_t aligns[] = {1 << 18, 1 << 19, 1 << 20, 1 << 24, 1 << 30};
    bool fresh;

    for (size_t i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
        char *base = lmm_reservoir_take_aligned(3, aligns[i], &fresh);
        cr_assert(base != NULL && (uintptr_t) base % aligns[i] == 0 && fresh);
        base[0] = base[3 * LMM_UNIT_BYTES - 1] = 1;
        cr_expect(lmm_reservoir_put(base, 3));
        char *again = lmm_reservoir_take_aligned(2, aligns[i], &fresh);
        cr_expect(again == base && !fresh, "what is kept serves if it is where it must be");
        char *rest = lmm_reservoir_take_aligned(1, aligns[i], &fresh);
        cr_assert(rest != NULL && (uintptr_t) rest % aligns[i] == 0);
        cr_expect(fresh == (aligns[i] > 2 * LMM_UNIT_BYTES), "align %zu", aligns[i]);
        lmm_reservoir_empty();
    }
    FAILS_WITH(ENOMEM, lmm_reservoir_take_aligned(1, (size_t) 1 << 63, &fresh));
}

/* From 4 MiB on fresh memory is at a multiple of 2 MiB, where the kernel can use large pages. */
Test(reservoir, long_runs_are_aligned_to_large_pages)
{
    static const size_t counts[] = {16, 17, 20, 31, 100};
    bool fresh;

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        take(1, &fresh);
        cr_expect((uintptr_t) take(counts[i], &fresh) % (2 << 20) == 0, "%zu units", counts[i]);
    }
}

Test(reservoir, bound_zero_keeps_none)
{
    bool fresh;

    lmm_reservoir_set_bound(LMM_UNIT_BYTES - 1);
    cr_expect(!lmm_reservoir_put(take(1, &fresh), 1));
    cr_expect(lmm_reservoir_kept_bytes() == 0);
}

Test(reservoir, empty_gives_the_memory_of_all_back)
{
    bool fresh;
    char *base[3] = {take(1, &fresh), take(1, &fresh), take(1, &fresh)};

    for (int i = 0; i < 3; i++) {
        cr_expect(lmm_reservoir_put(base[i], 1));
    }
    seam_install();
    cr_expect(lmm_reservoir_empty() == 3 * LMM_UNIT_BYTES);
    cr_expect(seam_bytes(SEAM_DISCARD) == 2 * LMM_UNIT_BYTES);
    cr_expect(seam_bytes(SEAM_UNMAP) == 16 * LMM_UNIT_BYTES, "then the chunk is free");
    cr_expect(lmm_reservoir_empty() == 0);
    cr_expect(lmm_reservoir_kept_bytes() == 0);
}

Test(reservoir, smaller_chunks_as_memory_runs_short)
{
    bool fresh;

    seam_install();
    seam_fail(SEAM_MAP, 1, 2);
    take(1, &fresh);
    cr_expect(seam_calls(SEAM_MAP) >= 3);
    cr_expect(seam_bytes(SEAM_MAP) <= 4 * LMM_UNIT_BYTES,
              "one unit, a margin to align it, and records");
}

Test(reservoir, out_of_memory)
{
    static const size_t counts[] = {1, 2, 4, 5, 100};
    bool fresh = false;

    seam_install();
    seam_fail_all(SEAM_MAP);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        FAILS_WITH(ENOMEM, lmm_reservoir_take(counts[i], &fresh));
    }
    cr_expect(lmm_reservoir_take(SIZE_MAX / LMM_UNIT_BYTES, &fresh) == NULL);
    seam_heal();
    take(100, &fresh);
}

/* Kept units cannot serve a longer request, and may use the address space that it needs. */
Test(reservoir, kept_units_make_room)
{
    bool fresh;
    char *base = take(1, &fresh);

    cr_expect(lmm_reservoir_put(base, 1));
    seam_install();
    seam_fail(SEAM_MAP, 1, 2); /* aligned to 2 MiB, and anywhere */
    take(40, &fresh);
    cr_expect(lmm_reservoir_kept_bytes() == 0);
    cr_expect(seam_bytes(SEAM_UNMAP) >= 16 * LMM_UNIT_BYTES, "with the idle units beside it");
}

/* Without memory for a descriptor the units go to the kernel. */
Test(reservoir, no_descriptor)
{
    bool fresh;
    char *base = take(1, &fresh);

    take(1, &fresh);
    base[0] = 1;
    seam_starve();
    cr_expect(!lmm_reservoir_put(base, 1));
    cr_expect(lmm_reservoir_kept_bytes() == 0 && seam_bytes(SEAM_DISCARD) == LMM_UNIT_BYTES);
    seam_heal();
    cr_expect(take(1, &fresh) != NULL && fresh);
}

static bool is_valid(void)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    bool valid = lmm_reservoir_is_valid_locked();
    lmm_lock_release(&lmm_reservoir_lock);
    return valid;
}

Test(reservoir, the_walker_finds_damage)
{
    bool fresh;

    cr_expect(is_valid());
    for (size_t units = 1; units <= 3; units++) {
        cr_expect(lmm_reservoir_put(take(units, &fresh), units));
    }
    take(1, &fresh);
    struct lmm_kept *oldest = GLTHREAD_ENTRY(lmm_reservoir.ages.next, struct lmm_kept, age);
    cr_expect(!fresh && is_valid());
    oldest->base += LMM_SYSTEM_PAGE_BYTES;
    cr_expect(!is_valid(), "I1: not at a multiple of a unit");
    oldest->base -= LMM_SYSTEM_PAGE_BYTES;
    oldest->units++;
    lmm_reservoir.units++;
    cr_expect(!is_valid(), "I2: the wrong bin");
    oldest->units--;
    lmm_reservoir.units--;
    lmm_reservoir.used_bins ^= 1u << 5;
    cr_expect(!is_valid(), "I2: a bit of an empty bin");
    lmm_reservoir.used_bins ^= 1u << 5;
    glthread_remove(&oldest->bin);
    glthread_insert_after(&lmm_reservoir.spare, &oldest->bin);
    cr_expect(!is_valid(), "I2: in no bin");
    glthread_remove(&oldest->bin);
    glthread_insert_after(&lmm_reservoir.bins[oldest->units - 1], &oldest->bin);
    cr_expect(is_valid());
    lmm_reservoir.units++;
    cr_expect(!is_valid(), "I3: the sum");
    lmm_reservoir.units--;
    lmm_reservoir.descriptors++;
    cr_expect(!is_valid(), "I3: a descriptor that is nowhere");
    lmm_reservoir.descriptors--;
    cr_expect(is_valid());
}

/* ---- Pages of families ----------------------------------------------------------------------- */

/* Blocks that fill `pages` pages, freed: all pages except the current one and those of cached runs go
 * to the reservoir, and above the bound to the kernel. */
static void fill_and_free(struct lmm_family *family, size_t length, size_t pages)
{
    size_t page_blocks = LMM_UNIT_BYTES / (lmm_family_size(family) * length);
    size_t count = pages * page_blocks;
    void **block = calloc(count, sizeof(*block));

    for (size_t i = 0; i < count; i++) {
        block[i] = length == 1 ? lmm_alloc(family) : lmm_calloc(family, length);
        cr_assert(block[i] != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        lmm_free(block[i]);
    }
    free(block);
}

Test(reservoir, empty_pages_return)
{
    static const struct {
        const char *name;
        size_t size;
        size_t length;
    } cases[] = {{"slots", 64, 1},
                 {"large slots", 4096, 1},
                 {"arrays", 1024, 100},
                 {"runs of one", 16384, 1}};

    setenv("LMM_OPTIONS", "reservoir=1", 1);
    seam_install();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_family *family = lmm_family_register(cases[i].name, cases[i].size, 1);
        struct lmm_stats stats;
        lmm_trim();
        cr_expect(lmm_reservoir_kept_bytes() == 0);
        uint64_t bytes = given_back();
        fill_and_free(family, cases[i].length, 12);
        cr_expect(lmm_reservoir_kept_bytes() == 1 << 20, "%s: the bound is kept", cases[i].name);
        bytes = given_back() - bytes;
        cr_expect(lmm_family_stats(family, &stats) == 0);
        cr_expect(bytes >= 4 * LMM_UNIT_BYTES && lmm_space.taken == stats.pages + 4,
                  "%s: the rest goes back", cases[i].name);
        cr_expect(stats.pages <= 1 + LMM_FAMILY_CACHE_BYTES / LMM_UNIT_BYTES, "%s: %d pages",
                  cases[i].name, (int) stats.pages);
        lmm_trim();
        cr_expect(lmm_family_stats(family, &stats) == 0);
        cr_expect(stats.pages == 0, "%s: none after a trim", cases[i].name);
    }
}
