/* SPDX-License-Identifier: MIT */
/* Growth: which series are steady, and how readings become moments. */
#include "reporter/program/change/growth.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "tests/support/book.h"
#include "tests/support/random.h"

#define SECOND UINT64_C(1000000000)

enum {
    MOMENTS = 60,
};

/* ---- Shapes: the value at moment i of n; `random` is the same in each run -------------------- */

static uint64_t random_below(uint64_t bound)
{
    static uint64_t state = 88172645463325252u;

    return random_next(&state) % bound;
}

/* Half of what is missing comes in each tenth of the time. */
static uint64_t slowing_down(size_t i, size_t n)
{
    uint64_t missing = 1 << 20;

    for (size_t k = 0; k < i * 10 / n; k++) {
        missing /= 2;
    }
    return (1 << 20) - missing + missing / 2 * (i * 10 % n) / n;
}

/* Each shape: its name, whether it is steady growth, and its value. A leaking sawtooth is a leak
 * that is too small to be detected yet; stairs are one block every five moments; two rounds are
 * highest at the end, but fell in between. */
#define SHAPES(ROW)                                                                                \
    ROW(constant, false, 4096)                                                                     \
    ROW(leak, true, 1000 + 48 * i)                                                                 \
    ROW(noisy_leak, true, 100000 + 1000 * i + random_below(12000))                                 \
    ROW(stairs, true, 64 * (i / 5))                                                                \
    ROW(sawtooth, false, 1000 + 100 * (i % 10))                                                    \
    ROW(leaking_sawtooth, false, 1000 + 100 * (i % 10) + i)                                        \
    ROW(warm_up_to_a_third, false, 300 * (i < n / 3 ? i : n / 3))                                  \
    ROW(warm_up_to_three_fifths, false, 300 * (i < n * 3 / 5 ? i : n * 3 / 5))                     \
    ROW(warm_up_that_slows_down, false, slowing_down(i, n))                                        \
    ROW(noise, false, 100000 + random_below(20000))                                                \
    ROW(step, false, i < n / 2 ? 1000 : 9000)                                                      \
    ROW(three_steps, false, 1000 + 4000 * (i * 4 / n))                                             \
    ROW(shrinking, false, 1000 * (n - i))                                                          \
    ROW(two_rounds, false, 100 * (i % (n / 2)) + (i >= n / 2 ? 10 * n : 0))                        \
    ROW(leak_that_stopped_before_a_last_step, false,                                               \
        300 * (i < n * 2 / 3 ? i : n * 2 / 3) + (i + 3 > n ? 100 * n : 0))                         \
    ROW(burst_at_the_end, false, i + 3 < n ? 1000 : 1000 + 5000 * i)

#define DEFINE(name, steady, ...)                                                                  \
    static uint64_t name(size_t i, size_t n)                                                       \
    {                                                                                              \
        (void) i;                                                                                  \
        (void) n;                                                                                  \
        return __VA_ARGS__;                                                                        \
    }
#define LISTED(name, steady, ...) {#name, name, steady},

SHAPES(DEFINE)

static const struct {
    const char *name;
    uint64_t (*value)(size_t i, size_t n);
    bool is_steady;
} shapes[] = {SHAPES(LISTED)};

static bool is_steady(uint64_t (*value)(size_t i, size_t n), size_t count, double *ret_rate)
{
    uint64_t times[LMM_GROWTH_MOMENTS_MAX];
    uint64_t values[LMM_GROWTH_MOMENTS_MAX];

    for (size_t i = 0; i < count; i++) {
        times[i] = 7 * SECOND + i * SECOND / 2;
        values[i] = value(i, count);
    }
    return lmm_is_steady(times, values, count, ret_rate);
}

Test(growth, tells_leaks_from_other_shapes)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        cr_expect_eq(is_steady(shapes[i].value, MOMENTS, NULL), shapes[i].is_steady, "%s",
                     shapes[i].name);
        cr_expect_eq(is_steady(shapes[i].value, LMM_GROWTH_MOMENTS_MAX, NULL), shapes[i].is_steady,
                     "%s, more moments", shapes[i].name);
    }
}

Test(growth, too_few_moments_tell_nothing)
{
    cr_expect_not(is_steady(leak, 0, NULL));
    cr_expect_not(is_steady(leak, LMM_GROWTH_MOMENTS_MIN - 1, NULL));
    cr_expect(is_steady(leak, LMM_GROWTH_MOMENTS_MIN, NULL));
}

Test(growth, the_rate_is_in_bytes_a_second)
{
    double rate = 0;

    cr_assert(is_steady(leak, MOMENTS, &rate));
    cr_expect_float_eq(rate, 96, 1e-6, "48 bytes every half second, not %f", rate);
    cr_assert(is_steady(noisy_leak, MOMENTS, &rate));
    cr_expect_float_eq(rate, 2000, 150, "about 1000 bytes every half second, not %f", rate);
}

Test(growth, values_near_the_end_of_numbers_do_not_wrap)
{
    uint64_t times[LMM_GROWTH_MOMENTS_MIN];
    uint64_t values[LMM_GROWTH_MOMENTS_MIN];
    double rate = 0;

    for (size_t i = 0; i < LMM_GROWTH_MOMENTS_MIN; i++) {
        times[i] = i * SECOND;
        values[i] = UINT64_MAX / LMM_GROWTH_MOMENTS_MIN * i;
    }
    cr_expect(lmm_is_steady(times, values, LMM_GROWTH_MOMENTS_MIN, &rate));
    cr_expect(rate > 1e18);
}

/* ---- Readings -------------------------------------------------------------------------------- */

enum {
    SCRATCH_MAX = 1 << 16,
};

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;
static struct lmm_growth *growth;

static void make_book(void)
{
    book_open(&book, "/bin/leaky", 4);
    uint32_t family = book_family(&book, "item_t", 10, 2);

    for (uint32_t line = 1; line <= 4; line++) {
        book_site(&book, family, "leaky.c", line, "f");
    }
    growth = lmm_growth_new();
    cr_assert_not_null(growth);
}

static struct lmm_model *built(void)
{
    struct lmm_model *model = NULL;

    cr_assert_eq(lmm_model_build(&book.view, scratch, sizeof(scratch), &model), 0);
    return model;
}

/* One reading per second. Site 0 leaks, 1 fills and empties, 2 is constant, 3 leaks later and
 * faster. */
static struct lmm_model *read_for(size_t seconds)
{
    struct lmm_model *model = NULL;

    book_count(&book, 1, 2, 5, 0);
    for (size_t i = 0; i < seconds; i++) {
        book_count(&book, 1, 0, 3, 1);
        book_count(&book, 1, 1, i % 8 != 7 ? 1 : 0, i % 8 != 7 ? 0 : 7);
        book_count(&book, 1, 3, i < seconds / 10 ? 0 : 4, 0);
        model = built();
        cr_assert(lmm_growth_add(growth, model, (i + 1) * SECOND));
    }
    return model;
}

static void expect_leaks(size_t seconds, size_t moments)
{
    struct lmm_growing *growing = NULL;

    make_book();
    struct lmm_model *model = read_for(seconds);

    cr_expect_eq(lmm_growth_moments(growth), moments, "%zu moments", lmm_growth_moments(growth));
    cr_assert_eq(lmm_growth_steady(growth, model, &growing), 2, "of %zu readings", seconds);
    cr_expect_eq(growing[0].site->line, 4, "the fastest is the first");
    cr_expect_eq(growing[0].first_bytes, 0);
    cr_expect(growing[0].bytes_per_hour > 36 * 3600 && growing[0].bytes_per_hour < 44 * 3600,
              "about 40 bytes a second, not %ju an hour", (uintmax_t) growing[0].bytes_per_hour);
    cr_expect_eq(growing[1].site->line, 1);
    cr_expect_eq(growing[1].first_bytes, 20);
    cr_expect_eq(growing[1].bytes_per_hour, 20 * 3600);
    free(growing);
    lmm_growth_free(growth);
    book_close(&book);
}

Test(growth, finds_the_leaking_sites_of_a_process)
{
    expect_leaks(60, 60);
}

Test(growth, keeps_few_moments_of_many_readings)
{
    expect_leaks(LMM_GROWTH_MOMENTS_MAX, LMM_GROWTH_MOMENTS_MAX);
    expect_leaks(LMM_GROWTH_MOMENTS_MAX + 1, LMM_GROWTH_MOMENTS_MAX / 2 + 1);
    expect_leaks(1000, 1000 / 8);
}

/* The minimum of each moment is the same, so nothing grows. */
Test(growth, a_moment_is_its_lowest_reading)
{
    struct lmm_growing *growing = NULL;
    struct lmm_model *model = NULL;

    make_book();
    for (size_t i = 0; i < 8 * (size_t) LMM_GROWTH_MOMENTS_MAX; i++) {
        /* More blocks in each reading, but none in every fourth one. */
        uint64_t live = i % 4 == 3 ? 0 : 1 + i;

        book_row(&book, 1, 1)->allocated_blocks = 10000;
        book_row(&book, 1, 1)->freed_blocks = 10000 - live;
        model = built();
        cr_assert(lmm_growth_add(growth, model, (i + 1) * SECOND));
    }
    cr_expect_eq(lmm_growth_steady(growth, model, &growing), 0);
    free(growing);
    lmm_growth_free(growth);
    book_close(&book);
}
