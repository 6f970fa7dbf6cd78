/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_suspects.h"

#include <stdint.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/change/growth.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/page/page_data.h"
#include "reporter/program/page/page_series.h"
#include "reporter/program/page/page_tables.h"

enum {
    LEAST_BYTES_PER_HOUR = 4096,
    FAR_HOURS = 24 * 30, /* a limit that is reached later is no news */
};

/* Returns the moments of a column: each is the lowest value of several points, as growth.h has them. */
static size_t make_moments(const struct lmm_timeline *timeline, const uint64_t *column,
                           size_t points, uint64_t times[LMM_GROWTH_MOMENTS_MAX],
                           uint64_t values[LMM_GROWTH_MOMENTS_MAX])
{
    size_t stride = (points + LMM_GROWTH_MOMENTS_MAX - 1) / LMM_GROWTH_MOMENTS_MAX;
    size_t count = 0;

    for (size_t i = 0; i < points; i++) {
        if (i % stride == 0) {
            times[count] = lmm_timeline_at(timeline, i)->time_ns;
            values[count++] = column[i];
        } else if (column[i] < values[count - 1]) {
            values[count - 1] = column[i];
        }
    }
    return count;
}

/* Returns the type of most live bytes of a line. */
static int32_t type_of(const struct lmm_page_tables *tables, const struct lmm_model *model,
                       uint32_t line)
{
    uint64_t most = 0;
    int32_t type = LMM_PAGE_NONE;

    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_page_site *site = &tables->sites[tables->rows[i]];

        if (site->line == line && model->sites[i].live_bytes > most) {
            most = model->sites[i].live_bytes;
            type = (int32_t) site->type;
        }
    }
    return type;
}

/* Returns when the process reaches its limit at that rate; 0: there is none, or it is far. */
static uint64_t time_left_ms(const struct lmm_page_moment *moment, uint64_t bytes_per_hour)
{
    uint64_t used =
        moment->resident_bytes != 0 ? moment->resident_bytes : moment->model->total.committed_bytes;
    uint64_t left = moment->limit_bytes > used ? moment->limit_bytes - used : 1;

    if (moment->limit_bytes == 0 || left / bytes_per_hour >= FAR_HOURS) {
        return 0;
    }
    return (uint64_t) ((double) left / (double) bytes_per_hour * 3600 * 1000) + 1;
}

static int compare_rates(const void *left, const void *right)
{
    const struct lmm_page_suspect *a = left;
    const struct lmm_page_suspect *b = right;
    int order = lmm_compare_u64(b->bytes_per_hour, a->bytes_per_hour);

    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

size_t lmm_serve_suspects(const struct lmm_page_tables *tables,
                          const struct lmm_page_moment *moment, const struct lmm_timeline *timeline,
                          struct lmm_page_suspect *ret_suspects)
{
    uint64_t times[LMM_GROWTH_MOMENTS_MAX];
    uint64_t values[LMM_GROWTH_MOMENTS_MAX];
    struct lmm_timeline_series series;
    size_t found = 0;

    if (lmm_timeline_count(timeline) < LMM_GROWTH_MOMENTS_MIN ||
        !lmm_page_series_rows(tables, moment->model, timeline, false, &series)) {
        return 0;
    }
    for (size_t i = 0; i < series.count && found < LMM_SUSPECTS_SHOWN; i++) {
        size_t count = make_moments(timeline, &series.columns[i * series.points], series.points,
                                    times, values);
        double rate = 0;

        if (lmm_growth_is_steady(times, values, count, &rate) &&
            rate * 3600 >= LEAST_BYTES_PER_HOUR) {
            uint64_t per_hour = (uint64_t) (rate * 3600);

            ret_suspects[found++] = (struct lmm_page_suspect) {
                .type = type_of(tables, moment->model, series.groups[i]),
                .line = (int32_t) series.groups[i],
                .bytes_per_hour = per_hour,
                .steady_ms = (times[count - 1] - times[0]) / LMM_NS_PER_MS,
                .reaches_limit_ms = time_left_ms(moment, per_hour),
            };
        }
    }
    lmm_timeline_series_free(&series);
    qsort(ret_suspects, found, sizeof(*ret_suspects), compare_rates);
    return found;
}
