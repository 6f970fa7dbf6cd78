/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_suspects.h"

#include <stdbool.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/history/steady.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/page/page_series.h"
#include "reporter/program/page/page_tables.h"

enum {
    WINDOWS = 4,  /* the whole time, its last half, quarter and eighth */
    MOMENTS = 64, /* of a window */
    LEAST_GROWN = 64 << 10,
    FAR_HOURS = 30 * 24, /* a limit that is reached later is no matter */
    MS_PER_HOUR = 3600 * 1000,
};

#define LEAST_NS (60 * LMM_NS_PER_SECOND)

struct finding {
    const struct lmm_page_tables *tables;
    const struct lmm_timeline *timeline;
    bool has_ended;      /* then the last moment may be that of the process's own cleaning up */
    uint64_t left_bytes; /* until the limit; 0: there is none */
};

/* The values of a line in a window. */
struct window {
    uint64_t times_ns[MOMENTS];
    uint64_t values[MOMENTS]; /* the lowest in each part of the window */
    size_t count;
};

static uint64_t time_at(const struct lmm_timeline *timeline, size_t index)
{
    return lmm_timeline_at(timeline, index)->time_ns;
}

/* Fills the window from a time on. column: the line's values by point. */
static void fill(const struct finding *finding, const uint64_t *column, uint64_t from_ns,
                 struct window *ret_window)
{
    size_t points = lmm_timeline_count(finding->timeline);
    uint64_t span_ns = time_at(finding->timeline, points - 1) - from_ns;
    size_t last = SIZE_MAX;

    ret_window->count = 0;
    for (size_t i = 0; i < points; i++) {
        uint64_t time_ns = time_at(finding->timeline, i);
        size_t part;

        if (time_ns < from_ns) {
            continue;
        }
        part = (size_t) ((double) (time_ns - from_ns) / (double) (span_ns + 1) * MOMENTS);
        if (part != last && ret_window->count < MOMENTS) {
            ret_window->times_ns[ret_window->count] = time_ns;
            ret_window->values[ret_window->count++] = column[i];
            last = part;
        } else if (ret_window->count > 0 && column[i] < ret_window->values[ret_window->count - 1]) {
            ret_window->values[ret_window->count - 1] = column[i];
        }
    }
    ret_window->count -= finding->has_ended && ret_window->count > 0;
}

/* Sets how fast a line grows; returns false if it does not grow steadily. */
static bool judge(const struct finding *finding, const uint64_t *column,
                  struct lmm_page_suspect *ret_suspect)
{
    uint64_t first_ns = time_at(finding->timeline, 0);
    uint64_t end_ns = time_at(finding->timeline, lmm_timeline_count(finding->timeline) - 1);

    for (unsigned i = 0; i < WINDOWS; i++) {
        uint64_t from_ns = end_ns - ((end_ns - first_ns) >> i);
        struct window window = {.count = 0};
        double rate;

        if (end_ns - from_ns < LEAST_NS) {
            break;
        }
        fill(finding, column, from_ns, &window);
        if (lmm_is_steady(window.times_ns, window.values, window.count, &rate) &&
            window.values[window.count - 1] >= window.values[0] + LEAST_GROWN) {
            ret_suspect->bytes_per_hour = lmm_steady_per_hour(rate);
            ret_suspect->steady_ms = (end_ns - from_ns) / LMM_NS_PER_MS;
            return true;
        }
    }
    return false;
}

/* Returns the type that all sites of a line have, if it is known. */
static int32_t type_of(const struct lmm_page_tables *tables, uint32_t line)
{
    int32_t type = LMM_PAGE_NONE;

    for (size_t i = 0; i < tables->site_count; i++) {
        const struct lmm_page_site *site = &tables->sites[i];

        if (site->line == line && type != LMM_PAGE_NONE && site->type != (uint32_t) type) {
            return LMM_PAGE_NONE;
        }
        type = site->line == line ? (int32_t) site->type : type;
    }
    return type != LMM_PAGE_NONE && tables->types[type].gap != LMM_MODEL_TYPE_FOUND ? LMM_PAGE_NONE
                                                                                    : type;
}

/* Returns when the limit is reached if nothing else grows. */
static uint64_t reach(const struct finding *finding, uint64_t bytes_per_hour)
{
    double hours = (double) finding->left_bytes / (double) bytes_per_hour;

    return finding->left_bytes == 0 || hours > FAR_HOURS ? 0 : (uint64_t) (hours * MS_PER_HOUR) + 1;
}

static int compare_suspects(const void *left, const void *right)
{
    const struct lmm_page_suspect *a = left;
    const struct lmm_page_suspect *b = right;
    int order = lmm_compare_u64(b->bytes_per_hour, a->bytes_per_hour);

    return order != 0 ? order : lmm_compare_i64(a->line, b->line);
}

size_t lmm_page_suspects_find(const struct lmm_page_tables *tables, const struct lmm_model *model,
                              const struct lmm_timeline *timeline, uint64_t limit_bytes,
                              struct lmm_page_suspect ret_suspects[LMM_PAGE_SUSPECTS_MAX])
{
    size_t points = timeline == NULL ? 0 : lmm_timeline_count(timeline);
    struct finding finding = {
        .tables = tables, .timeline = timeline, .has_ended = model->process != LMM_MODEL_RUNNING};
    struct lmm_page_suspect suspects[LMM_TIMELINE_ROWS];
    struct lmm_timeline_series series;
    size_t count = 0;

    if (points == 0 || !lmm_page_series_rows(tables, model, timeline, false, &series)) {
        return 0;
    }
    uint64_t used_bytes = lmm_timeline_at(timeline, points - 1)->resident_bytes;

    finding.left_bytes = limit_bytes > used_bytes ? limit_bytes - used_bytes : 0;
    for (size_t i = 0; i < series.count; i++) {
        struct lmm_page_suspect *suspect = &suspects[count];

        if (judge(&finding, &series.columns[i * series.points], suspect)) {
            suspect->line = (int32_t) series.groups[i];
            suspect->type = type_of(tables, series.groups[i]);
            suspect->reaches_limit_ms = reach(&finding, suspect->bytes_per_hour);
            count++;
        }
    }
    lmm_timeline_series_free(&series);
    qsort(suspects, count, sizeof(*suspects), compare_suspects);
    count = count < LMM_PAGE_SUSPECTS_MAX ? count : LMM_PAGE_SUSPECTS_MAX;
    for (size_t i = 0; i < count; i++) {
        ret_suspects[i] = suspects[i];
    }
    return count;
}
