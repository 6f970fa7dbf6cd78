/* SPDX-License-Identifier: MIT */
/* Timelines: what thinning keeps, sums of sites, marks, and random samples against a naive model. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/history/changes.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/history/timeline_json.h"
#include "tests/support/output.h"
#include "tests/support/random.h"

/* A sample whose number is in `allocations`. */
static struct lmm_timeline_point point_of(uint64_t number, uint64_t time_ns)
{
    return (struct lmm_timeline_point) {.time_ns = time_ns, .allocations = number};
}

static void add_one(struct lmm_timeline *timeline, uint64_t number, uint64_t time_ns,
                    uint64_t bytes)
{
    struct lmm_timeline_point point = point_of(number, time_ns);

    cr_assert(lmm_timeline_add(timeline, &point, &bytes, 1));
}

static uint64_t highest_of(const struct lmm_timeline *timeline)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < lmm_timeline_count(timeline); i++) {
        uint64_t bytes = lmm_timeline_at(timeline, i)->live_bytes;

        highest = bytes > highest ? bytes : highest;
    }
    return highest;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static const int64_t differences[] = {1,         -1,        63,        -64,      64,
                                      INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

Test(changes, differences_of_any_size_come_back)
{
    unsigned char list[LMM_CHANGE_BYTES_MAX];

    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        struct lmm_changes_writer writer = {list, 0};
        struct lmm_change change = {UINT32_MAX - 1, differences[i]};

        lmm_changes_put(&writer, change);
        size_t bytes = (size_t) (writer.at - list);
        struct lmm_changes changes = lmm_changes_of(list, bytes);
        struct lmm_change got = {0, 0};

        cr_assert_leq(bytes, LMM_CHANGE_BYTES_MAX);
        cr_assert(lmm_changes_next(&changes, &got));
        cr_assert_eq(got.site, change.site);
        cr_assert_eq(got.by, change.by);
        cr_assert(!lmm_changes_next(&changes, &got));
    }
}

/* Writes a list of "site+by" to text. */
static void describe(struct lmm_changes changes, char text[100])
{
    struct lmm_change change;
    size_t used = 0;

    text[0] = '\0';
    while (lmm_changes_next(&changes, &change)) {
        used += (size_t) snprintf(text + used, 100 - used, "%" PRIu32 "%+" PRId64 " ", change.site,
                                  change.by);
    }
}

static struct lmm_changes put_all(const struct lmm_change *changes, unsigned char list[100])
{
    struct lmm_changes_writer writer = {list, 0};

    for (size_t i = 0; i < 4; i++) {
        lmm_changes_put(&writer, changes[i]);
    }
    return lmm_changes_of(list, (size_t) (writer.at - list));
}

static const struct {
    struct lmm_change first[4]; /* changes by 0 are not put */
    struct lmm_change second[4];
    const char *wanted;
} merges[] = {
    {{{0, 0}}, {{0, 0}}, ""},
    {{{3, 5}}, {{0, 0}}, "3+5 "},
    {{{0, 0}}, {{3, 5}}, "3+5 "},
    {{{3, 5}}, {{3, -5}}, ""},
    {{{3, 5}}, {{3, -7}}, "3-2 "},
    {{{1, 5}, {9, 1}}, {{3, -7}, {300, 2}}, "1+5 3-7 9+1 300+2 "},
    {{{1, 5}, {200, 1}, {201, 4}}, {{200, -1}, {201, 1}}, "1+5 201+5 "},
};

Test(changes, lists_are_added_up)
{
    for (size_t i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
        unsigned char lists[3][100];
        char text[100];
        struct lmm_changes first = put_all(merges[i].first, lists[0]);
        struct lmm_changes second = put_all(merges[i].second, lists[1]);
        size_t bytes = lmm_changes_merge(first, second, lists[2]);

        describe(lmm_changes_of(lists[2], bytes), text);
        cr_expect_str_eq(text, merges[i].wanted);
        cr_expect_leq(bytes, (size_t) ((first.end - first.at) + (second.end - second.at)));
    }
}

static const struct {
    unsigned char bytes[12];
    size_t count;
} damaged[] = {
    {{0x80}, 1}, /* a number without an end */
    {{0}, 1},    /* a site alone */
    {{0, 0x80, 0x80}, 3},
    {{0xff, 0xff, 0xff, 0xff, 0x7f, 2}, 6}, /* above all sites */
};

Test(changes, a_damaged_list_ends)
{
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct lmm_changes changes = lmm_changes_of(damaged[i].bytes, damaged[i].count);
        struct lmm_change change;

        cr_expect(!lmm_changes_next(&changes, &change), "case %zu", i);
    }
}

/* ---- Points ---------------------------------------------------------------------------------- */

Test(timeline, an_empty_one)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    struct lmm_timeline_series series;
    uint32_t group = 0;

    cr_assert_eq(lmm_timeline_count(timeline), 0);
    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert(lmm_timeline_largest(timeline, &group, 1, 1, 5, &series));
    cr_assert_eq(series.count, 0);
    lmm_timeline_series_free(&series);
    lmm_timeline_free(timeline);
}

Test(timeline, figures_and_the_sum_of_the_sites)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    struct lmm_timeline_point point = {.time_ns = 7,
                                       .live_bytes = 999, /* not taken */
                                       .live_blocks = 2,
                                       .committed_bytes = 3,
                                       .allocations = 4,
                                       .resident_bytes = 5,
                                       .minor_faults = 6,
                                       .major_faults = 8};
    const uint64_t sites[] = {10, 0, 20, 0};

    cr_assert(lmm_timeline_add(timeline, &point, sites, 4));
    point.live_bytes = 30;
    cr_assert_eq(memcmp(lmm_timeline_at(timeline, 0), &point, sizeof(point)), 0);
    cr_assert_eq(lmm_timeline_site(timeline, 0), 10);
    cr_assert_eq(lmm_timeline_site(timeline, 2), 20);
    cr_assert_eq(lmm_timeline_site(timeline, 1000000), 0);
    lmm_timeline_free(timeline);
}

Test(timeline, sites_that_a_sample_lacks_have_no_bytes)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    struct lmm_timeline_point point = {.time_ns = 1};
    const uint64_t sites[] = {10, 20, 30};

    cr_assert(lmm_timeline_add(timeline, &point, sites, 3));
    cr_assert(lmm_timeline_add(timeline, &point, sites, 1));
    cr_assert_eq(lmm_timeline_at(timeline, 1)->live_bytes, 10);
    cr_assert_eq(lmm_timeline_site(timeline, 2), 0);
    cr_assert(lmm_timeline_is_valid(timeline));
    lmm_timeline_free(timeline);
}

Test(timeline, time_does_not_go_back)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);

    add_one(timeline, 0, 100, 1);
    add_one(timeline, 1, 50, 2);
    cr_assert_eq(lmm_timeline_at(timeline, 1)->time_ns, 100);
    lmm_timeline_free(timeline);
}

Test(timeline, absurd_figures_do_not_overflow)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    struct lmm_timeline_point point = {.time_ns = UINT64_MAX, .live_blocks = UINT64_MAX};
    const uint64_t sites[] = {UINT64_MAX, UINT64_MAX - 1, 5};

    cr_assert(lmm_timeline_add(timeline, &point, sites, 3));
    cr_assert(lmm_timeline_add(timeline, &point, sites, 0));
    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert_eq(lmm_timeline_at(timeline, 0)->live_bytes, 2 * LMM_TIMELINE_SITE_BYTES_MAX + 5);
    lmm_timeline_free(timeline);
}

Test(timeline, a_model_is_added_by_the_ids_of_its_sites)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    struct lmm_timeline_point point = {.time_ns = 9, .resident_bytes = 77};
    struct lmm_model_site sites[] = {{.id = 6, .live_bytes = 60}, {.id = 2, .live_bytes = 20}};
    struct lmm_model model = {
        .sites = sites,
        .site_count = 2,
        .total = {.live_blocks = 3, .committed_bytes = 4096, .allocations = 5},
    };

    cr_assert(lmm_timeline_add_model(timeline, &point, &model));
    const struct lmm_timeline_point *added = lmm_timeline_at(timeline, 0);

    cr_assert_eq(added->live_bytes, 80);
    cr_assert_eq(added->live_blocks, 3);
    cr_assert_eq(added->committed_bytes, 4096);
    cr_assert_eq(added->allocations, 5);
    cr_assert_eq(added->resident_bytes, 77);
    cr_assert_eq(lmm_timeline_site(timeline, 6), 60);
    lmm_timeline_free(timeline);
}

Test(timeline, a_point_is_inserted_where_its_time_belongs)
{
    static const uint64_t times[] = {0, 5, 10, 15, 20, 25};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct lmm_timeline *timeline = lmm_timeline_new(NULL);
        const uint64_t samples[][3] = {{1, 2, 3}, {4, 0, 3}};
        const uint64_t peak[] = {40, 50, 0, 60};
        struct lmm_timeline_point point = {.time_ns = 10, .allocations = 1};

        cr_assert(lmm_timeline_add(timeline, &point, samples[0], 3));
        point = (struct lmm_timeline_point) {.time_ns = 20, .allocations = 2};
        cr_assert(lmm_timeline_add(timeline, &point, samples[1], 3));
        point = (struct lmm_timeline_point) {.time_ns = times[i], .live_blocks = 9};
        cr_assert(lmm_timeline_insert(timeline, &point, peak, 4));
        size_t index = times[i] < 10 ? 0 : times[i] < 20 ? 1 : 2;
        const struct lmm_timeline_point *got = lmm_timeline_at(timeline, index);

        cr_expect_eq(lmm_timeline_count(timeline), 3);
        cr_expect(lmm_timeline_is_valid(timeline));
        cr_expect(got->time_ns == times[i] && got->live_bytes == 150 && got->live_blocks == 9);
        cr_expect_eq(got->allocations, index);
        cr_expect_eq(lmm_timeline_at(timeline, index == 2 ? 1 : 2)->live_bytes, 7);
        cr_expect_eq(lmm_timeline_site(timeline, 3), index == 2 ? 60 : 0);
        lmm_timeline_free(timeline);
    }
}

/* ---- Thinning -------------------------------------------------------------------------------- */

Test(timeline, one_moment_of_much_memory_stays)
{
    const struct lmm_timeline_limits limits = {100, 0, LMM_TIMELINE_BYTES};
    struct lmm_timeline *timeline = lmm_timeline_new(&limits);

    for (uint64_t i = 0; i < 10000; i++) {
        add_one(timeline, i, i * LMM_NS_PER_MS, i == 4321 ? 1000000 : i % 100);
    }
    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert_gt(lmm_timeline_thinned(timeline), 0);
    cr_assert_eq(highest_of(timeline), 1000000);
    cr_assert_eq(lmm_timeline_at(timeline, 0)->allocations, 0);
    cr_assert_eq(lmm_timeline_at(timeline, lmm_timeline_count(timeline) - 1)->allocations, 9999);
    lmm_timeline_free(timeline);
}

Test(timeline, a_week_leaves_points_over_all_of_it)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    const uint64_t samples = UINT64_C(7) * 24 * 60 * 60;
    uint64_t gap_ns = 0;

    for (uint64_t i = 0; i < samples; i++) {
        add_one(timeline, i, i * LMM_NS_PER_SECOND, i % 1000);
    }
    for (size_t i = 1; i < lmm_timeline_count(timeline); i++) {
        uint64_t gap =
            lmm_timeline_at(timeline, i)->time_ns - lmm_timeline_at(timeline, i - 1)->time_ns;

        gap_ns = gap > gap_ns ? gap : gap_ns;
    }
    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert_leq(lmm_timeline_count(timeline), LMM_TIMELINE_POINTS);
    cr_assert_geq(lmm_timeline_count(timeline), LMM_TIMELINE_POINTS / 4);
    cr_assert_leq(gap_ns, 2 * lmm_timeline_spacing_ns(timeline));
    cr_assert_leq(gap_ns, samples * LMM_NS_PER_SECOND / 200);
    lmm_timeline_free(timeline);
}

Test(timeline, recent_points_all_stay)
{
    enum { RECENT = 40 };
    const struct lmm_timeline_limits limits = {100, RECENT, LMM_TIMELINE_BYTES};
    struct lmm_timeline *timeline = lmm_timeline_new(&limits);

    for (uint64_t i = 0; i < 5000; i++) {
        add_one(timeline, i, i * LMM_NS_PER_SECOND, i);
        size_t count = lmm_timeline_count(timeline);

        for (size_t k = 0; k < RECENT && k <= i; k++) {
            cr_assert_eq(lmm_timeline_at(timeline, count - 1 - k)->allocations, i - k);
        }
    }
    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert_eq(lmm_timeline_at(timeline, 0)->allocations, 0);
    lmm_timeline_free(timeline);
}

/* Adds points at which all sites change, and returns the number that is left. */
static size_t fill_with_sites(const struct lmm_timeline_limits *limits, size_t site_count,
                              size_t points)
{
    struct lmm_timeline *timeline = lmm_timeline_new(limits);
    uint64_t *sites = calloc(site_count, sizeof(*sites));
    uint64_t state = 1;

    cr_assert_not_null(sites);
    for (size_t i = 0; i < points; i++) {
        struct lmm_timeline_point point = point_of(i, i);

        for (size_t k = 0; k < site_count; k++) {
            sites[k] = random_next(&state) >> 30;
        }
        cr_assert(lmm_timeline_add(timeline, &point, sites, site_count));
    }
    size_t left = lmm_timeline_count(timeline);

    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert_eq(lmm_timeline_at(timeline, left - 1)->allocations, points - 1);
    free(sites);
    lmm_timeline_free(timeline);
    return left;
}

static const struct {
    struct lmm_timeline_limits limits;
    size_t sites;
    size_t least;
    size_t most;
} bounds[] = {
    {{100, 0, 1 << 20}, 1, 50, 100},  /* only the points are full */
    {{100, 0, 1 << 16}, 1000, 4, 12}, /* the bytes are: six bytes a change */
    {{100, 50, 1 << 16}, 1000, 4, 12},
    {{100, 50, 1 << 10}, 1000, 1, 4}, /* not even the first and the last fit */
};

Test(timeline, bytes_are_bounded_too)
{
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        size_t left = fill_with_sites(&bounds[i].limits, bounds[i].sites, 500);

        cr_expect_geq(left, bounds[i].least, "case %zu: %zu", i, left);
        cr_expect_leq(left, bounds[i].most, "case %zu: %zu", i, left);
    }
}

/* ---- A naive model --------------------------------------------------------------------------- */

enum { SITES = 30, SAMPLES = 3000, GROUPS = 7 };

struct naive {
    uint64_t bytes[SAMPLES][SITES];
    uint64_t time_ns[SAMPLES];
    uint32_t group_of[SITES];
};

static uint64_t sum_of(const struct naive *naive, uint64_t sample, uint32_t group)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < SITES; i++) {
        sum += naive->group_of[i] == group ? naive->bytes[sample][i] : 0;
    }
    return sum;
}

static void make_naive(struct naive *naive, uint64_t *state)
{
    for (size_t i = 0; i < SITES; i++) {
        naive->group_of[i] = (uint32_t) (random_next(state) % GROUPS);
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        naive->time_ns[i] = (i == 0 ? 0 : naive->time_ns[i - 1]) + random_next(state) % 1000;
        for (size_t k = 0; k < SITES; k++) {
            bool changes = random_next(state) % 4 == 0;

            naive->bytes[i][k] = changes  ? random_next(state) >> random_next(state) % 64
                                 : i == 0 ? 0
                                          : naive->bytes[i - 1][k];
            naive->bytes[i][k] %= LMM_TIMELINE_SITE_BYTES_MAX;
        }
    }
}

/* The columns at each point are the sums of that sample, and together its total. */
static void check_series(const struct lmm_timeline *timeline, const struct naive *naive)
{
    struct lmm_timeline_series series;

    cr_assert(lmm_timeline_largest(timeline, naive->group_of, SITES, GROUPS, GROUPS, &series));
    cr_assert_eq(series.points, lmm_timeline_count(timeline));
    for (size_t k = 0; k < series.points; k++) {
        const struct lmm_timeline_point *point = lmm_timeline_at(timeline, k);
        uint64_t total = 0;

        for (size_t i = 0; i < series.count; i++) {
            uint64_t got = series.columns[i * series.points + k];

            cr_assert_eq(got, sum_of(naive, point->allocations, series.groups[i]));
            total += got;
        }
        cr_assert_eq(total, point->live_bytes);
        cr_assert_eq(point->time_ns, naive->time_ns[point->allocations]);
    }
    lmm_timeline_series_free(&series);
}

Test(timeline, random_samples_against_a_naive_model)
{
    static const struct lmm_timeline_limits limits[] = {
        {8, 0, 1 << 20}, {50, 25, 1 << 20}, {400, 0, 1 << 14}, {4000, 100, 1 << 20}};
    struct naive *naive = calloc(1, sizeof(*naive));
    uint64_t state = 88172645463325252;

    cr_assert_not_null(naive);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct lmm_timeline *timeline = lmm_timeline_new(&limits[i]);
        uint64_t highest = 0;

        make_naive(naive, &state);
        for (size_t k = 0; k < SAMPLES; k++) {
            struct lmm_timeline_point point = point_of(k, naive->time_ns[k]);
            uint64_t sum = 0;

            cr_assert(lmm_timeline_add(timeline, &point, naive->bytes[k], SITES));
            for (size_t site = 0; site < SITES; site++) {
                sum += naive->bytes[k][site];
            }
            highest = sum > highest ? sum : highest;
            cr_assert_eq(highest_of(timeline), highest);
            cr_assert(k % 100 != 0 || lmm_timeline_is_valid(timeline));
        }
        check_series(timeline, naive);
        lmm_timeline_free(timeline);
    }
    free(naive);
}

/* Samples are put in where their times belong, in any order, and the timeline is as if they had been added. */
Test(timeline, random_insertions_against_a_naive_model)
{
    static const struct lmm_timeline_limits limits[] = {
        {8, 0, 1 << 20}, {200, 0, 1 << 12}, {4000, 0, 1 << 20}};
    struct naive *naive = calloc(1, sizeof(*naive));
    uint64_t state = 362436069362436069;

    cr_assert_not_null(naive);
    make_naive(naive, &state);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct lmm_timeline *timeline = lmm_timeline_new(&limits[i]);

        for (uint64_t k = 0; k < 500; k++) {
            uint64_t number = k * 263 % SAMPLES; /* each once */
            struct lmm_timeline_point point = {.time_ns = naive->time_ns[number],
                                               .live_blocks = number};

            cr_assert(lmm_timeline_insert(timeline, &point, naive->bytes[number], SITES));
            cr_assert(lmm_timeline_is_valid(timeline), "limits %zu, insertion %" PRIu64, i, k);
        }
        for (size_t k = 0; k < lmm_timeline_count(timeline); k++) {
            const struct lmm_timeline_point *point = lmm_timeline_at(timeline, k);
            uint64_t sum = 0;

            for (size_t site = 0; site < SITES; site++) {
                sum += naive->bytes[point->live_blocks][site];
            }
            cr_assert_eq(point->live_bytes, sum);
            cr_assert_eq(point->time_ns, naive->time_ns[point->live_blocks]);
        }
        cr_assert(limits[i].points < 4000 || lmm_timeline_count(timeline) == 500);
        lmm_timeline_free(timeline);
    }
    free(naive);
}

/* ---- Series ---------------------------------------------------------------------------------- */

Test(timeline, the_groups_that_were_highest_come_first)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    const uint64_t samples[][5] = {{10, 0, 0, 3, 9}, {0, 20, 0, 3, 9}, {5, 5, 0, 6, 9}};
    const uint32_t group_of[] = {0, 2, 1, 2, UINT32_MAX};
    struct lmm_timeline_series series;

    for (size_t i = 0; i < 3; i++) {
        struct lmm_timeline_point point = point_of(i, i);

        cr_assert(lmm_timeline_add(timeline, &point, samples[i], 5));
    }
    cr_assert(lmm_timeline_largest(timeline, group_of, 5, 3, 50, &series));
    cr_assert_eq(series.count, 2); /* group 1 never had any */
    const uint32_t groups[] = {2, 0};
    const uint64_t columns[] = {3, 23, 11, 10, 0, 5};

    cr_assert_arr_eq(series.groups, groups, sizeof(groups));
    cr_assert_arr_eq(series.columns, columns, sizeof(columns));
    lmm_timeline_series_free(&series);
    cr_assert(lmm_timeline_largest(timeline, group_of, 5, 3, 1, &series));
    cr_assert_eq(series.count, 1);
    lmm_timeline_series_free(&series);
    lmm_timeline_free(timeline);
}

/* ---- Marks ----------------------------------------------------------------------------------- */

static bool mark(struct lmm_timeline *timeline, enum lmm_timeline_mark_kind kind, uint64_t time_ns,
                 const char *text)
{
    return lmm_timeline_mark(
        timeline, &(struct lmm_timeline_mark) {time_ns, kind, 1, (char *) (uintptr_t) text});
}

Test(marks, are_in_the_order_of_time)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);

    cr_assert(mark(timeline, LMM_TIMELINE_EXIT, 9, "status 0"));
    cr_assert(mark(timeline, LMM_TIMELINE_PEAK, 5, NULL));
    cr_assert(mark(timeline, LMM_TIMELINE_MARK, 7, "load"));
    cr_assert_eq(lmm_timeline_mark_count(timeline), 3);
    cr_assert_str_eq(lmm_timeline_mark_at(timeline, 0)->text, "");
    cr_assert_str_eq(lmm_timeline_mark_at(timeline, 1)->text, "load");
    cr_assert_str_eq(lmm_timeline_mark_at(timeline, 2)->text, "status 0");
    cr_assert(lmm_timeline_is_valid(timeline));
    lmm_timeline_free(timeline);
}

Test(marks, many_forks_become_fewer_and_none_is_lost)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    uint64_t count = 0;

    for (uint64_t i = 0; i < 100000; i++) {
        cr_assert(mark(timeline, LMM_TIMELINE_FORK, i, NULL));
    }
    for (size_t i = 0; i < lmm_timeline_mark_count(timeline); i++) {
        count += lmm_timeline_mark_at(timeline, i)->count;
    }
    cr_assert(lmm_timeline_is_valid(timeline));
    cr_assert_eq(count, 100000);
    cr_assert_eq(lmm_timeline_marks_left_out(timeline), 0);
    lmm_timeline_free(timeline);
}

Test(marks, the_end_has_a_place_among_too_many)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);

    for (uint64_t i = 0; i < LMM_TIMELINE_MARKS; i++) {
        cr_assert(mark(timeline, LMM_TIMELINE_MARK, i, "one of many"));
    }
    cr_assert(!mark(timeline, LMM_TIMELINE_MARK, 999, "one too many"));
    cr_assert(mark(timeline, LMM_TIMELINE_EXIT, 1000, "status 0"));
    size_t count = lmm_timeline_mark_count(timeline);

    cr_assert_eq(count, LMM_TIMELINE_MARKS);
    cr_assert_eq(lmm_timeline_mark_at(timeline, count - 1)->kind, LMM_TIMELINE_EXIT);
    cr_assert_eq(lmm_timeline_marks_left_out(timeline), 2);
    lmm_timeline_free(timeline);
}

Test(marks, a_long_text_is_cut)
{
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    char text[2 * LMM_TIMELINE_TEXT_MAX];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_assert(mark(timeline, LMM_TIMELINE_MARK, 1, text));
    cr_assert_eq(strlen(lmm_timeline_mark_at(timeline, 0)->text), LMM_TIMELINE_TEXT_MAX);
    lmm_timeline_free(timeline);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

Test(timeline, as_json)
{
    static const char wanted[] =
        "{\n"
        "  \"time_ms\": [0, 100],\n"
        "  \"live_bytes\": [5, 8],\n"
        "  \"live_blocks\": [1, 2],\n"
        "  \"committed_bytes\": [0, 4096],\n"
        "  \"resident_bytes\": [0, 8192],\n"
        "  \"major_faults\": [0, 1],\n"
        "  \"minor_faults\": [0, 77],\n"
        "  \"allocations\": [1, 3],\n"
        "  \"marks\": [\n"
        "    {\"time_ms\": 50, \"kind\": \"fork\", \"text\": \"1 process started\"},\n"
        "    {\"time_ms\": 90, \"kind\": \"leak_check\", \"text\": \"<b>\"}\n"
        "  ],\n"
        "  \"of\": [5, 8]\n"
        "}\n";
    static struct output output;
    struct lmm_sink sink;
    struct lmm_json json;
    struct lmm_timeline *timeline = lmm_timeline_new(NULL);
    const uint64_t bytes[] = {5, 8};
    const uint32_t group = 0;
    struct lmm_timeline_series series;

    cr_assert(lmm_timeline_add(
        timeline, &(struct lmm_timeline_point) {.live_blocks = 1, .allocations = 1}, &bytes[0], 1));
    cr_assert(lmm_timeline_add(timeline,
                               &(struct lmm_timeline_point) {.time_ns = 100 * LMM_NS_PER_MS,
                                                             .live_blocks = 2,
                                                             .committed_bytes = 4096,
                                                             .resident_bytes = 8192,
                                                             .major_faults = 1,
                                                             .minor_faults = 77,
                                                             .allocations = 3},
                               &bytes[1], 1));
    cr_assert(mark(timeline, LMM_TIMELINE_LEAK_CHECK, 90 * LMM_NS_PER_MS, "<b>"));
    cr_assert(mark(timeline, LMM_TIMELINE_FORK, 50 * LMM_NS_PER_MS, NULL));
    cr_assert(lmm_timeline_largest(timeline, &group, 1, 1, 1, &series));

    lmm_sink_init(&sink, output_take, &output);
    lmm_json_init(&json, &sink);
    lmm_json_begin_object(&json, NULL, LMM_JSON_LINES);
    lmm_json_timeline(&json, timeline);
    lmm_json_timeline_row(&json, "of", &series, 0);
    lmm_json_end_object(&json);
    cr_assert_eq(lmm_json_finish(&json), 0);
    output.bytes[output.used] = '\0';
    cr_assert_str_eq(output.bytes, wanted);
    lmm_timeline_series_free(&series);
    lmm_timeline_free(timeline);
}
