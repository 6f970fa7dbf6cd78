/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_series.h"

#include <stdint.h>
#include <stdlib.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/history/timeline_json.h"
#include "reporter/program/page/page_tables.h"

#define EXACT_MAX ((UINT64_C(1) << 53) - 1) /* whole numbers up to it are exact in a double */

/* Returns a number above the ids of all sites. */
static size_t count_ids(const struct lmm_model *model)
{
    size_t count = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        count = model->sites[i].id >= count ? (size_t) model->sites[i].id + 1 : count;
    }
    return count;
}

/* Returns the type, or else the line, of each site, by its id, to be freed; NULL: out of memory. */
static uint32_t *group(const struct lmm_page_tables *tables, const struct lmm_model *model,
                       bool by_type, size_t count)
{
    uint32_t *groups = calloc(count + 1, sizeof(*groups));

    for (size_t i = 0; i < count && groups != NULL; i++) {
        groups[i] = UINT32_MAX;
    }
    for (size_t i = 0; i < model->site_count && groups != NULL; i++) {
        const struct lmm_page_site *row = &tables->sites[tables->rows[i]];

        groups[model->sites[i].id] = by_type ? row->type : row->line;
    }
    return groups;
}

bool lmm_page_series_rows(const struct lmm_page_tables *tables, const struct lmm_model *model,
                          const struct lmm_timeline *timeline, bool by_type,
                          struct lmm_timeline_series *ret_series)
{
    size_t count = count_ids(model);
    size_t rows = by_type ? tables->type_count : tables->line_count;
    uint32_t *groups = group(tables, model, by_type, count);
    bool found = groups != NULL && lmm_timeline_largest(timeline, groups, count, (uint32_t) rows,
                                                        LMM_TIMELINE_ROWS, ret_series);

    free(groups);
    return found;
}

/* Puts a row as its changes, which take a third of the bytes when packed. False: a figure is not exact in a double, so that
 * sums of changes would not be, either. */
static bool put_changes(struct lmm_json *json, const struct lmm_timeline_series *series, size_t row)
{
    const uint64_t *figures = &series->columns[row * series->points];
    int64_t before = 0;

    for (size_t i = 0; i < series->points; i++) {
        if (figures[i] > EXACT_MAX) {
            return false;
        }
    }
    lmm_json_begin_array(json, "changes", LMM_JSON_COMPACT);
    for (size_t i = 0; i < series->points; i++) {
        lmm_json_i64(json, NULL, (int64_t) figures[i] - before);
        before = (int64_t) figures[i];
    }
    lmm_json_end_array(json);
    return true;
}

static bool put_rows(struct lmm_json *json, const struct lmm_page_tables *tables,
                     const struct lmm_model *model, const struct lmm_timeline *timeline,
                     bool by_type, bool wants_changes)
{
    struct lmm_timeline_series series;

    if (!lmm_page_series_rows(tables, model, timeline, by_type, &series)) {
        return false;
    }
    for (size_t i = 0; i < series.count; i++) {
        lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
        lmm_json_text(json, "by", by_type ? "type" : "line");
        lmm_json_u64(json, "index", series.groups[i]);
        if (!wants_changes || !put_changes(json, &series, i)) {
            lmm_json_timeline_row(json, "live_bytes", &series, i);
        }
        lmm_json_end_object(json);
    }
    lmm_timeline_series_free(&series);
    return true;
}

bool lmm_page_put_series(struct lmm_json *json, const struct lmm_page_tables *tables,
                         const struct lmm_model *model, const struct lmm_timeline *timeline,
                         bool wants_changes)
{
    if (timeline == NULL || lmm_timeline_count(timeline) == 0) {
        lmm_json_null(json, "series");
        return true;
    }
    lmm_json_begin_object(json, "series", LMM_JSON_COMPACT);
    lmm_json_timeline(json, timeline);
    lmm_json_begin_array(json, "rows", LMM_JSON_COMPACT);
    bool good = put_rows(json, tables, model, timeline, true, wants_changes) &&
                put_rows(json, tables, model, timeline, false, wants_changes);

    lmm_json_end_array(json);
    lmm_json_end_object(json);
    return good;
}
