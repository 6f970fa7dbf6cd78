/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_data.h"

#include <assert.h>
#include <errno.h>

#include "reporter/core/json_writer.h"
#include "reporter/program/page/page_hints.h"
#include "reporter/program/page/page_put.h"
#include "reporter/program/page/page_series.h"
#include "reporter/program/page/page_tables.h"

static void put_head(struct lmm_json *json, const struct lmm_page_data *data)
{
    static const char *const kinds[] = {"report", "live", "diff"};

    lmm_json_text(json, "schema", "lmm-page");
    lmm_json_u64(json, "schema_version", LMM_PAGE_SCHEMA_VERSION);
    lmm_json_text(json, "lmm", LMM_PROGRAM_VERSION);
    lmm_json_text(json, "kind", kinds[data->kind]);
    if (data->sequence != 0) {
        lmm_json_u64(json, "sequence", data->sequence);
    }
    if (data->names != NULL) {
        lmm_json_text(json, "names", data->names);
    }
    lmm_page_put_process(json, data->now);
    lmm_page_put_totals(json, data->now);
    lmm_page_put_leak_check(json, data->now);
}

static void put_tables(struct lmm_json *json, const struct lmm_page_data *data)
{
    lmm_page_put_strings(json, data->tables, 0);
    lmm_page_put_types(json, data->tables, 0);
    lmm_page_put_lines(json, data->tables, 0);
    lmm_page_put_calls(json, data->tables, 0);
    lmm_page_put_frames(json, data->tables, 0);
    lmm_page_put_sites(json, data->tables, 0, data->figures, data->figures_before);
    lmm_page_put_families(json, data->tables, 0, data->figures);
}

void lmm_page_put_suspects(struct lmm_json *json, const struct lmm_page_suspect *suspects,
                           size_t count)
{
    lmm_json_begin_array(json, "suspects", LMM_JSON_COMPACT);
    for (size_t i = 0; i < count; i++) {
        const struct lmm_page_suspect *suspect = &suspects[i];

        lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
        lmm_json_i64(json, "type", suspect->type);
        lmm_json_i64(json, "line", suspect->line);
        lmm_json_u64(json, "bytes_per_hour", suspect->bytes_per_hour);
        lmm_json_u64(json, "steady_ms", suspect->steady_ms);
        if (suspect->reaches_limit_ms != 0) {
            lmm_json_u64(json, "reaches_limit_ms", suspect->reaches_limit_ms);
        } else {
            lmm_json_null(json, "reaches_limit_ms");
        }
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
}

static void put_before(struct lmm_json *json, const struct lmm_page_data *data)
{
    if (data->before == NULL) {
        lmm_json_null(json, "before");
        return;
    }
    lmm_json_begin_object(json, "before", LMM_JSON_COMPACT);
    lmm_page_put_process(json, data->before);
    lmm_page_put_totals(json, data->before);
    lmm_json_end_object(json);
}

static void put_notes(struct lmm_json *json, const struct lmm_page_data *data)
{
    lmm_json_begin_array(json, "notes", LMM_JSON_COMPACT);
    for (size_t i = 0; i < data->note_count; i++) {
        lmm_json_text(json, NULL, data->notes[i]);
    }
    lmm_json_end_array(json);
}

/* Puts "hints" or "layouts". */
static void put_advice(struct lmm_json *json, const struct lmm_page_data *data, bool hints)
{
    if (data->advice != NULL) {
        lmm_json_raw(json, hints ? "hints" : "layouts",
                     hints ? data->advice->hints : data->advice->layouts);
    } else if (hints) {
        lmm_page_put_hints(json, data->tables, data->diet);
    } else {
        lmm_page_put_layouts(json, data->tables, data->diet);
    }
}

int lmm_page_data_write(const struct lmm_page_data *data, struct lmm_sink *sink)
{
    struct lmm_json json;

    assert((data->kind == LMM_PAGE_DIFF) == (data->before != NULL));
    lmm_json_init(&json, sink);
    lmm_json_begin_object(&json, NULL, LMM_JSON_COMPACT);
    put_head(&json, data);
    put_tables(&json, data);
    bool good = lmm_page_put_series(&json, data->tables, data->now->model, data->timeline,
                                    data->kind != LMM_PAGE_LIVE);

    put_advice(&json, data, true);
    lmm_page_put_suspects(&json, data->suspects, data->suspect_count);
    put_before(&json, data);
    put_advice(&json, data, false);
    put_notes(&json, data);
    lmm_json_end_object(&json);
    int error = lmm_json_finish(&json);

    return error != 0 || good ? error : -ENOMEM;
}
