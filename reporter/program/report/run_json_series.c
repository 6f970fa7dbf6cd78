/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/run_json_series.h"

#include <errno.h>
#include <stdlib.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sink.h"
#include "reporter/core/site_type.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/history/timeline_json.h"
#include "reporter/program/report/places.h"
#include "reporter/program/report/run_report.h"

/* The sites by their groups: types or lines. Group 0 has none. */
struct groups {
    struct lmm_places places;
    uint32_t *of; /* by id */
    size_t site_count;
    const struct lmm_model_site **first; /* by group: its site with the lowest id */
};

static void free_groups(struct groups *groups)
{
    lmm_places_free(&groups->places);
    free(groups->of);
    free(groups->first);
}

/* Makes the groups, to be freed in any case. */
static bool make_groups(const struct lmm_model *model, enum lmm_by by, struct groups *groups)
{
    *groups = (struct groups) {.of = NULL};
    if (!lmm_places_make(model, by, &groups->places)) {
        return false;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        size_t needed = (size_t) model->sites[i].id + 1;

        groups->site_count = needed > groups->site_count ? needed : groups->site_count;
    }
    groups->of = calloc(groups->site_count + 1, sizeof(*groups->of));
    groups->first = calloc(groups->places.count + 1, sizeof(struct lmm_model_site *));
    for (size_t i = 0; i < model->site_count && groups->of != NULL && groups->first != NULL; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        const struct lmm_model_site **first = &groups->first[groups->places.of[i]];

        groups->of[site->id] = groups->places.of[i];
        *first = *first == NULL || site->id < (*first)->id ? site : *first;
    }
    return groups->of != NULL && groups->first != NULL;
}

static void put_group(struct lmm_json *json, const struct lmm_model *model, enum lmm_by by,
                      const struct lmm_model_site *site)
{
    if (by == LMM_BY_TYPE) {
        lmm_json_type(json, model, site);
        return;
    }
    lmm_json_u64(json, "id", site->id);
    lmm_json_string(json, "function", site->function);
    lmm_json_string(json, "file", site->file);
    lmm_json_u64(json, "line", site->line);
}

/* Puts the groups that had most live bytes; returns false when memory ran out. */
static bool put_rows(struct lmm_json *json, const struct lmm_run_report *run,
                     const struct lmm_run_report_process *process, const char *key, enum lmm_by by)
{
    struct lmm_timeline_series series = {.groups = NULL};
    struct groups groups;
    bool good = make_groups(process->model, by, &groups) &&
                lmm_timeline_largest(process->timeline, groups.of, groups.site_count,
                                     (uint32_t) groups.places.count + 1,
                                     lmm_smaller(run->bounds.rows, LMM_TIMELINE_ROWS), &series);

    lmm_json_begin_array(json, key, LMM_JSON_LINES);
    for (size_t i = 0; i < series.count; i++) {
        const struct lmm_model_site *site = groups.first[series.groups[i]];

        if (site != NULL) {
            lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
            put_group(json, process->model, by, site);
            lmm_json_timeline_row(json, "live_bytes", &series, i);
            lmm_json_end_object(json);
        }
    }
    lmm_json_end_array(json);
    lmm_timeline_series_free(&series);
    free_groups(&groups);
    return good;
}

void lmm_json_series(struct lmm_json *json, const struct lmm_run_report *run,
                     const struct lmm_run_report_process *process)
{
    const struct lmm_timeline *timeline = process->timeline;

    if (timeline == NULL || lmm_timeline_count(timeline) == 0) {
        lmm_json_null(json, "series");
        return;
    }
    lmm_json_begin_object(json, "series", LMM_JSON_LINES);
    lmm_json_timeline(json, timeline);
    lmm_json_u64(json, "marks_left_out", lmm_timeline_marks_left_out(timeline));
    bool good = put_rows(json, run, process, "types", LMM_BY_TYPE) &&
                put_rows(json, run, process, "lines", LMM_BY_LINE);

    lmm_json_end_object(json);
    if (!good && json->sink->error == 0) {
        json->sink->error = -ENOMEM;
    }
}
