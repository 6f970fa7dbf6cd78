/* SPDX-License-Identifier: MIT */
/* The history of `lmm top`: rates, marks, samples, and identities from one reading to the next. */
#include "reporter/program/top/top_history.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/top_model.h"

enum {
    SECOND = 1000000000,
};

static struct made made;
static struct lmm_top_history history;

static void open_made(void)
{
    made_open(&made);
}

static void close_history(void)
{
    lmm_top_history_close(&history);
}

TestSuite(top_history, .init = open_made, .fini = close_history);

static void add(uint64_t time_ns)
{
    cr_assert(lmm_top_history_add(&history, &made.model, time_ns));
}

static const struct lmm_top_family *find(const char *name)
{
    for (size_t i = 0; i < history.family_count; i++) {
        if (strcmp(history.family[i].family->name.text, name) == 0) {
            return &history.family[i];
        }
    }
    cr_assert_fail("no family %s", name);
    return NULL;
}

Test(top_history, rates_are_by_the_time_that_passed)
{
    static const struct {
        uint64_t count;
        uint64_t elapsed_ns;
        uint64_t rate;
    } cases[] = {
        {0, SECOND, 0},
        {10, SECOND, 10},
        {10, SECOND / 2, 20},
        {10, 4 * (uint64_t) SECOND, 2},
        {1, 50000000, 20},
        {7, 0, 7000},
        {7, 999999, 7000},
        {1, 3 * (uint64_t) SECOND, 0},
        {UINT64_MAX, SECOND, UINT64_MAX / 1000},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_top_rate(cases[i].count, cases[i].elapsed_ns), cases[i].rate, "case %zu",
                     i);
    }
}

Test(top_history, there_are_rates_from_the_second_reading_on)
{
    struct lmm_model_family *family = made_family(&made, "emp_t", 48);
    struct lmm_model_site *site = made_site(&made, family, "hr.c", 42, "hire");

    family->allocations = site->allocations = made.model.total.allocations = 1000;
    add(SECOND);
    cr_expect_not(history.rated);
    family->allocations = site->allocations = made.model.total.allocations = 1300;
    family->frees = site->frees = made.model.total.frees = 50;
    add(SECOND + SECOND / 2);
    cr_expect(history.rated);
    cr_expect_eq(history.total.allocation_rate, 600);
    cr_expect_eq(history.family[0].track.allocation_rate, 600);
    cr_expect_eq(history.family[0].track.free_rate, 100);
    cr_expect_eq(history.site_track[0].allocation_rate, 600);
    cr_expect_eq(history.site_track[0].free_rate, 100);
    lmm_top_history_stop(&history);
    cr_expect_eq(history.total.allocation_rate, 0);
    cr_expect_eq(history.family[0].track.allocation_rate, 0);
    cr_expect_eq(history.site_track[0].free_rate, 0);
}

Test(top_history, counters_that_go_back_and_clocks_that_stand_give_no_nonsense)
{
    struct lmm_model_family *family = made_family(&made, "emp_t", 48);

    family->allocations = 1000;
    add(SECOND);
    family->allocations = 10;
    add(SECOND);
    cr_expect_eq(history.family[0].track.allocation_rate, 0);
    family->allocations = 12;
    add(SECOND - 1);
    cr_expect_eq(history.family[0].track.allocation_rate, 2000);
}

Test(top_history, families_keep_their_past_whatever_comes_and_goes_beside_them)
{
    struct made second;

    made_family(&made, "m", 8)->live_bytes = 100;
    made_family(&made, "z", 8)->live_bytes = 900;
    made_family(&made, "a", 8)->live_bytes = 1;
    add(SECOND);
    uint64_t serial = find("m")->serial;
    made_open(&second);
    made_family(&second, "b", 8)->live_bytes = 5;
    made_family(&second, "z", 16)->live_bytes = 7; /* another family with the same name */
    made_family(&second, "m", 8)->live_bytes = 150;
    cr_assert(lmm_top_history_add(&history, &second.model, 2 * (uint64_t) SECOND));
    memset(&made, 0xee, sizeof(made)); /* the history must not read it again */
    cr_assert_eq(history.family_count, 3);
    cr_expect_eq(find("m")->serial, serial);
    cr_expect_eq(find("m")->samples, 2);
    cr_expect_eq(find("m")->live_bytes[0], 100);
    cr_expect_eq(find("m")->live_bytes[1], 150);
    cr_expect_eq(find("z")->samples, 1);
    cr_expect_eq(find("b")->samples, 1);
    cr_expect_eq(lmm_top_history_find(&history, serial), find("m"));
    for (size_t i = 0; i < history.family_count; i++) {
        for (size_t k = 0; k < i; k++) {
            cr_expect_neq(history.family[i].serial, history.family[k].serial);
        }
    }
}

Test(top_history, families_of_one_name_and_size_stay_apart)
{
    made_family(&made, "twin", 8)->live_bytes = 1;
    made_family(&made, "twin", 8)->live_bytes = 2;
    add(SECOND);
    add(SECOND);
    cr_expect_eq(history.family_count, 2);
    cr_expect_neq(history.family[0].serial, history.family[1].serial);
    cr_expect_eq(history.family[0].samples, 2);
    cr_expect_eq(history.family[1].samples, 2);
}

Test(top_history, only_the_last_samples_are_kept_oldest_first)
{
    struct lmm_model_family *family = made_family(&made, "emp_t", 48);

    for (uint64_t i = 0; i < LMM_TOP_SAMPLES + 5; i++) {
        family->live_bytes = i;
        add(i * SECOND);
    }
    cr_expect_eq(history.family[0].samples, LMM_TOP_SAMPLES);
    cr_expect_eq(history.family[0].live_bytes[0], 5);
    cr_expect_eq(history.family[0].live_bytes[LMM_TOP_SAMPLES - 1], LMM_TOP_SAMPLES + 4);
}

Test(top_history, sites_keep_samples_too_and_have_none_from_before_they_appeared)
{
    struct lmm_model_family *family = made_family(&made, "emp_t", 48);
    struct lmm_model_site *first = made_site(&made, family, "hr.c", 42, "hire");
    uint64_t samples[LMM_TOP_SAMPLES] = {0};

    first->live_bytes = 7;
    add(SECOND);
    first->live_bytes = 8;
    made_site(&made, family, "hr.c", 43, "hire")->live_bytes = 100;
    add(2 * (uint64_t) SECOND);
    cr_assert_eq(lmm_top_history_add_trend(&history, 0, samples), 2);
    cr_assert_eq(lmm_top_history_add_trend(&history, 1, samples), 2);
    cr_expect_eq(samples[0], 7);
    cr_expect_eq(samples[1], 108);
    for (uint64_t i = 3; i < LMM_TOP_SAMPLES + 5; i++) {
        first->live_bytes = i;
        add(i * SECOND);
    }
    memset(samples, 0, sizeof(samples));
    cr_assert_eq(lmm_top_history_add_trend(&history, 0, samples), LMM_TOP_SAMPLES);
    cr_expect_eq(samples[0], 5);
    cr_expect_eq(samples[LMM_TOP_SAMPLES - 1], LMM_TOP_SAMPLES + 4);
}

Test(top_history, a_mark_stays_where_it_was_set_and_what_is_new_counts_from_nothing)
{
    struct lmm_model_family *family = made_family(&made, "emp_t", 48);

    made_site(&made, family, "hr.c", 42, "hire")->live_blocks = 9;
    family->live_bytes = 100;
    add(SECOND);
    lmm_top_history_mark(&history, true);
    cr_expect_eq(history.mark_time_ns, SECOND);
    family->live_bytes = 400;
    made_family(&made, "late_t", 8)->live_bytes = 70;
    made_site(&made, family, "hr.c", 99, "rehire")->live_blocks = 3;
    add(2 * (uint64_t) SECOND);
    add(3 * (uint64_t) SECOND);
    cr_expect(history.marked);
    cr_expect_eq(find("emp_t")->track.mark.live_bytes, 100);
    cr_expect_eq(find("emp_t")->track.now.live_bytes, 400);
    cr_expect_eq(find("late_t")->track.mark.live_bytes, 0);
    cr_expect_eq(history.site_track[0].mark.live_blocks, 9);
    cr_expect_eq(history.site_track[1].mark.live_blocks, 0);
    lmm_top_history_mark(&history, false);
    cr_expect_not(history.marked);
}

Test(top_history, sites_may_appear_under_any_id)
{
    struct lmm_model_family *family = made_family(&made, "emp_t", 48);

    made_site(&made, family, "hr.c", 42, "hire")->id = 1000;
    made_site(&made, family, "hr.c", 43, "hire")->id = 0;
    made.site[0].allocations = 5;
    add(SECOND);
    made_site(&made, family, "hr.c", 44, "hire")->id = 70000;
    made.site[0].allocations = 6;
    made.site[2].allocations = 2;
    add(2 * (uint64_t) SECOND);
    cr_expect_eq(history.site_track[1000].allocation_rate, 1);
    cr_expect_eq(history.site_track[70000].allocation_rate, 2);
    cr_expect_eq(history.site_track[999].now.allocations, 0);
}
