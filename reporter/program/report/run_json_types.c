/* SPDX-License-Identifier: MIT */
/* run_json_types: the types in the JSON document of `lmm run`: of a process, and of a place. */
#include "reporter/program/report/run_json_types.h"

#include <errno.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sink.h"
#include "reporter/core/site_type.h"
#include "reporter/program/report/all_lines.h"
#include "reporter/program/report/all_types.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/type_rows.h"

void lmm_json_spot_type(struct lmm_json *json, const struct lmm_model *model,
                        const struct lmm_spot *spot, enum lmm_measure measure)
{
    struct lmm_model_site site = *spot->site;

    site.type = lmm_spot_type(spot, measure);
    lmm_json_type(json, model, &site);
}

void lmm_json_line_type(struct lmm_json *json, const struct lmm_all_line *line,
                        enum lmm_measure measure)
{
    struct lmm_model_site site = *line->site;

    site.type = line->types[measure];
    lmm_json_type(json, line->model, &site);
}

static void put_row(struct lmm_json *json, const struct lmm_model *model,
                    const struct lmm_type_row *row)
{
    struct lmm_model_site site = *row->site;
    struct lmm_model_lines lines = *site.lines;

    lines.largest = lines.largest_at_peak;
    site.lines = &lines;
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_type(json, model, &site);
    lmm_json_u64(json, "bytes", site.peak_bytes);
    lmm_json_u64(json, "blocks", site.peak_blocks);
    lmm_json_u64(json, "live_bytes", site.live_bytes);
    lmm_json_u64(json, "live_blocks", site.live_blocks);
    lmm_json_u64(json, "allocations", site.allocations);
    lmm_json_u64(json, "lost_bytes", row->lost.bytes);
    lmm_json_u64(json, "lost_blocks", row->lost.blocks);
    lmm_json_end_object(json);
}

static void put_left_out(struct lmm_json *json, const struct lmm_type_rows *rows, size_t first)
{
    uint64_t bytes = 0;
    uint64_t blocks = 0;

    for (size_t i = first; i < rows->count; i++) {
        bytes = lmm_add_saturated(bytes, rows->items[i].site->peak_bytes);
        blocks = lmm_add_saturated(blocks, rows->items[i].site->peak_blocks);
    }
    lmm_json_begin_object(json, "types_left_out", LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "types", rows->count - first);
    lmm_json_u64(json, "bytes", bytes);
    lmm_json_u64(json, "blocks", blocks);
    lmm_json_end_object(json);
}

void lmm_json_types(struct lmm_json *json, const struct lmm_run_report *run,
                    const struct lmm_run_report_process *process)
{
    struct lmm_type_rows rows;

    if (!lmm_type_rows_make(process->spots, &rows)) {
        json->sink->error = json->sink->error != 0 ? json->sink->error : -ENOMEM;
        return;
    }
    size_t shown = rows.count < run->bounds.rows ? rows.count : run->bounds.rows;

    lmm_json_begin_array(json, "types", LMM_JSON_LINES);
    for (size_t i = 0; i < shown; i++) {
        put_row(json, process->model, &rows.items[i]);
    }
    lmm_json_end_array(json);
    put_left_out(json, &rows, shown);
    lmm_type_rows_free(&rows);
}

void lmm_json_all_types(struct lmm_json *json, const struct lmm_run_report *run)
{
    struct lmm_all_types types;

    if (!lmm_all_types_make(run->processes, run->process_count, &types)) {
        json->sink->error = json->sink->error != 0 ? json->sink->error : -ENOMEM;
        return;
    }
    lmm_json_begin_array(json, "types", LMM_JSON_LINES);
    for (size_t i = 0; i < types.count && i < run->bounds.rows; i++) {
        const struct lmm_all_type *type = &types.items[i];
        const struct lmm_model_site site = {.type = &type->type};

        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_type(json, run->processes[0].model, &site);
        lmm_json_u64(json, "bytes", type->peak.bytes);
        lmm_json_u64(json, "blocks", type->peak.blocks);
        lmm_json_u64(json, "processes", type->processes);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
    lmm_json_begin_object(json, "without_type", LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "blocks", types.unknown.blocks);
    lmm_json_u64(json, "bytes", types.unknown.bytes);
    lmm_json_end_object(json);
    lmm_all_types_free(&types);
}
