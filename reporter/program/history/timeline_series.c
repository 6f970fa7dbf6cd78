/* SPDX-License-Identifier: MIT */
/* The changes are read twice: for the highest sum of each group, and then for the columns of those
 * that are wanted, so that memory is needed for these alone. */
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/history/timeline.h"

/* A group while the changes are read. */
struct group {
    uint64_t now;
    uint64_t highest;
    uint32_t number;
    bool is_touched;
};

static uint32_t group_of_site(const uint32_t *group_of, size_t site_count, uint32_t group_count,
                              uint32_t site)
{
    uint32_t group = site < site_count ? group_of[site] : UINT32_MAX;

    return group < group_count ? group : UINT32_MAX;
}

/* ---- The highest ----------------------------------------------------------------------------- */

/* Sets the highest sum of each group. touched: room for all groups: those that changed at a point, whose
 * sums are right only when all its changes were added. */
static void find_highest(const struct lmm_timeline *timeline, const uint32_t *group_of,
                         size_t site_count, uint32_t group_count, struct group *groups,
                         uint32_t *touched)
{
    for (size_t i = 0; i < lmm_timeline_count(timeline); i++) {
        struct lmm_changes changes = lmm_timeline_changes(timeline, i);
        struct lmm_change change;
        size_t count = 0;

        while (lmm_changes_next(&changes, &change)) {
            uint32_t number = group_of_site(group_of, site_count, group_count, change.site);

            if (number == UINT32_MAX) {
                continue;
            }
            groups[number].now += (uint64_t) change.by;
            if (!groups[number].is_touched) {
                groups[number].is_touched = true;
                touched[count++] = number;
            }
        }
        while (count > 0) {
            struct group *group = &groups[touched[--count]];

            group->is_touched = false;
            group->highest = group->now > group->highest ? group->now : group->highest;
        }
    }
}

static int compare_groups(const void *left, const void *right)
{
    const struct group *a = left;
    const struct group *b = right;
    int order = lmm_compare_u64(b->highest, a->highest);

    return order != 0 ? order : lmm_compare_u64(a->number, b->number);
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Fills the columns. row_of: for each group its row, or UINT32_MAX. */
static void fill(const struct lmm_timeline *timeline, const uint32_t *group_of, size_t site_count,
                 uint32_t group_count, const uint32_t *row_of, struct lmm_timeline_series *series)
{
    for (size_t k = 0; k < series->points; k++) {
        struct lmm_changes changes = lmm_timeline_changes(timeline, k);
        struct lmm_change change;

        for (size_t i = 0; i < series->count && k > 0; i++) {
            series->columns[i * series->points + k] = series->columns[i * series->points + k - 1];
        }
        while (lmm_changes_next(&changes, &change)) {
            uint32_t number = group_of_site(group_of, site_count, group_count, change.site);
            uint32_t row = number == UINT32_MAX ? UINT32_MAX : row_of[number];

            if (row != UINT32_MAX) {
                series->columns[row * series->points + k] += (uint64_t) change.by;
            }
        }
    }
}

/* Takes the first groups, which are in order, with bytes. row_of: room for all groups. */
static bool take_first(const struct lmm_timeline *timeline, const struct group *groups,
                       uint32_t group_count, size_t most, uint32_t *row_of,
                       struct lmm_timeline_series *series)
{
    memset(row_of, 0xff, group_count * sizeof(*row_of));
    series->points = lmm_timeline_count(timeline);
    while (series->count < most && series->count < group_count &&
           groups[series->count].highest > 0) {
        row_of[groups[series->count].number] = (uint32_t) series->count;
        series->count++;
    }
    series->groups = calloc(series->count + 1, sizeof(*series->groups));
    series->columns = calloc(series->count * series->points + 1, sizeof(*series->columns));
    for (size_t i = 0; i < series->count && series->groups != NULL; i++) {
        series->groups[i] = groups[i].number;
    }
    return series->groups != NULL && series->columns != NULL;
}

bool lmm_timeline_largest(const struct lmm_timeline *timeline, const uint32_t *group_of,
                          size_t site_count, uint32_t group_count, size_t most,
                          struct lmm_timeline_series *ret_series)
{
    struct lmm_timeline_series series = {.groups = NULL};
    struct group *groups = calloc((size_t) group_count + 1, sizeof(*groups));
    uint32_t *numbers = calloc((size_t) group_count + 1, sizeof(*numbers));
    bool good = groups != NULL && numbers != NULL;

    if (good) {
        for (uint32_t i = 0; i < group_count; i++) {
            groups[i].number = i;
        }
        find_highest(timeline, group_of, site_count, group_count, groups, numbers);
        qsort(groups, group_count, sizeof(*groups), compare_groups);
        good = take_first(timeline, groups, group_count, most, numbers, &series);
    }
    if (good) {
        fill(timeline, group_of, site_count, group_count, numbers, &series);
        *ret_series = series;
    } else {
        lmm_timeline_series_free(&series);
    }
    free(groups);
    free(numbers);
    return good;
}

void lmm_timeline_series_free(struct lmm_timeline_series *series)
{
    free(series->groups);
    free(series->columns);
    *series = (struct lmm_timeline_series) {.groups = NULL};
}
