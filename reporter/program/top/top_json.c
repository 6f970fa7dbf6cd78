/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_json.h"

#include <assert.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/top/top_state.h"

enum {
    TOP_SCHEMA_VERSION = 1,
};

static void put_figure(struct lmm_json *json, const char *key, const struct lmm_top_row *row,
                       enum lmm_top_figure figure)
{
    lmm_json_i64(json, key, row->figure[figure]);
}

static void put_line(struct lmm_json *json, const struct lmm_top_row *row)
{
    const struct lmm_model_site *site = row->site;

    lmm_json_u64(json, "id", site->id);
    lmm_json_string(json, "file", site->file);
    lmm_json_u64(json, "line", site->line);
    lmm_json_string(json, "function", site->function);
}

/* Puts the type of a row, as of a site that has it. */
static void put_type(struct lmm_json *json, const struct lmm_model *model,
                     const struct lmm_top_row *row, const struct lmm_model_lines *lines)
{
    struct lmm_model_site site = *row->site;

    site.type = row->type;
    site.lines = lines;
    lmm_json_type(json, model, &site);
}

static void put_lines(struct lmm_json *json, const struct lmm_top *top,
                      const struct lmm_top_row *row)
{
    struct lmm_top_lines of_row = lmm_top_lines_of(top, row);
    struct lmm_model_lines lines = {.count = (uint32_t) of_row.count, .largest = of_row.largest};

    put_type(json, top->source.snapshot->model, row, &lines);
}

static void put_family(struct lmm_json *json, const struct lmm_top_row *row)
{
    lmm_json_string(json, "family", row->name);
    put_figure(json, "size_bytes", row, LMM_TOP_SIZE);
    put_figure(json, "slots", row, LMM_TOP_SLOTS);
    put_figure(json, "occupancy_permille", row, LMM_TOP_USE);
    put_figure(json, "pages", row, LMM_TOP_PAGES);
    put_figure(json, "committed_bytes", row, LMM_TOP_COMMITTED);
    put_figure(json, "mapped_bytes", row, LMM_TOP_MAPPED);
}

/* null: nobody has made a mark. */
static void put_mark(struct lmm_json *json, const struct lmm_model_mark *mark)
{
    if (mark->number == 0) {
        lmm_json_null(json, "mark");
        return;
    }
    lmm_json_begin_object(json, "mark", LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "number", mark->number);
    lmm_json_u64(json, "time_ns", mark->time_ns);
    lmm_json_string(json, "text", mark->text);
    lmm_json_end_object(json);
}

static void put_row(struct lmm_json *json, const struct lmm_top *top, const struct lmm_top_row *row)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    if (top->view == LMM_TOP_TYPES) {
        put_lines(json, top, row);
    } else if (row->site != NULL) {
        put_line(json, row);
        put_type(json, top->source.snapshot->model, row, NULL);
    } else {
        put_family(json, row);
    }
    put_figure(json, "live_bytes", row, LMM_TOP_BYTES);
    put_figure(json, "live_blocks", row, LMM_TOP_BLOCKS);
    put_figure(json, "peak_bytes", row, LMM_TOP_PEAK);
    put_figure(json, "allocations", row, LMM_TOP_ALLOCATIONS);
    put_figure(json, "frees", row, LMM_TOP_FREES);
    lmm_json_end_object(json);
}

int lmm_top_json(const struct lmm_top *top, struct lmm_sink *sink)
{
    const struct lmm_top_source *source = &top->source;
    const struct lmm_model *model = source->snapshot->model;
    struct lmm_json writer;
    struct lmm_json *json = &writer;

    assert(top->view == LMM_TOP_LINES || top->view == LMM_TOP_FAMILIES ||
           top->view == LMM_TOP_TYPES);
    lmm_json_init(json, sink);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", "lmm-top");
    lmm_json_u64(json, "schema_version", TOP_SCHEMA_VERSION);
    lmm_json_string(json, "program", model->program);
    lmm_json_u64(json, "pid", model->pid);
    lmm_json_text(json, "state", lmm_process_state_name(source->state));
    lmm_json_bool(json, "settled", model->settled);
    lmm_json_u64(json, "live_bytes", model->total.live_bytes);
    lmm_json_u64(json, "live_blocks", model->total.live_blocks);
    lmm_json_u64(json, "committed_bytes", model->total.committed_bytes);
    lmm_json_u64(json, "resident_bytes", source->resident_bytes);
    lmm_json_u64(json, "allocations", model->total.allocations);
    lmm_json_u64(json, "frees", model->total.frees);
    put_mark(json, &model->mark);
    lmm_json_text(json, "by",
                  top->view == LMM_TOP_TYPES   ? "type"
                  : top->view == LMM_TOP_LINES ? "line"
                                               : "family");
    lmm_json_begin_array(json, "rows", LMM_JSON_LINES);
    for (size_t i = 0; i < top->rows.count; i++) {
        put_row(json, top, &top->rows.row[i]);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    return lmm_json_finish(json);
}
