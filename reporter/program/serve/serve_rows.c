/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_rows.h"

#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/history/timeline_json.h"
#include "reporter/program/page/page_facts.h"
#include "reporter/program/page/page_figures.h"
#include "reporter/program/page/page_series.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/serve/live_page.h"
#include "reporter/program/serve/serve_answer.h"

enum {
    ROWS_SCHEMA_VERSION = 1,
    HISTORY_SCHEMA_VERSION = 1,
};

/* The sums of a type or line. */
struct row {
    uint32_t index;
    uint64_t figures[LMM_PAGE_COLUMNS];
};

/* Columns that are no sums: of a block. */
static bool is_sum(enum lmm_page_column column)
{
    return column != LMM_PAGE_SMALLEST_BYTES && column != LMM_PAGE_LARGEST_BYTES;
}

static void add_site(struct row *row, const struct lmm_page_figures *figures, size_t site)
{
    for (enum lmm_page_column column = 0; column < LMM_PAGE_COLUMNS; column++) {
        row->figures[column] =
            lmm_add_saturated(row->figures[column], lmm_page_figure(figures, column, site));
    }
}

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct row *a = left;
    const struct row *b = right;
    enum lmm_page_column by = *(const enum lmm_page_column *) context;
    int order = lmm_compare_u64(b->figures[by], a->figures[by]);

    if (order == 0) {
        order = lmm_compare_u64(b->figures[LMM_PAGE_ALLOCATIONS], a->figures[LMM_PAGE_ALLOCATIONS]);
    }
    return order != 0 ? order : lmm_compare_u64(a->index, b->index);
}

static bool is_lost(const struct row *row)
{
    return row->figures[LMM_PAGE_DEFINITE_BLOCKS] > 0 ||
           row->figures[LMM_PAGE_INDIRECT_BLOCKS] > 0 || row->figures[LMM_PAGE_POSSIBLE_BLOCKS] > 0;
}

/* Returns the rows in their order, to be freed; NULL: out of memory. */
static struct row *make_rows(const struct lmm_live_page *page, enum lmm_serve_rows kind,
                             size_t *ret_count)
{
    const struct lmm_page_tables *tables = lmm_live_page_tables(page);
    enum lmm_page_column by =
        kind == LMM_ROWS_LEAKS ? LMM_PAGE_DEFINITE_BYTES : LMM_PAGE_LIVE_BYTES;
    size_t count = kind == LMM_ROWS_TYPES ? tables->type_count : tables->line_count;
    struct row *rows = calloc(count + 1, sizeof(*rows));
    size_t used = 0;

    if (rows == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].index = (uint32_t) i;
    }
    for (size_t i = 0; i < tables->site_count; i++) {
        const struct lmm_page_site *site = &tables->sites[i];

        add_site(&rows[kind == LMM_ROWS_TYPES ? site->type : site->line],
                 lmm_live_page_figures(page), i);
    }
    for (size_t i = 0; i < count; i++) {
        if (kind != LMM_ROWS_LEAKS || is_lost(&rows[i])) {
            rows[used++] = rows[i];
        }
    }
    qsort_r(rows, used, sizeof(*rows), compare_rows, &by);
    *ret_count = used;
    return rows;
}

static void put_text(struct lmm_json *json, const char *key, const struct lmm_page_tables *tables,
                     uint32_t number)
{
    lmm_json_string(json, key, tables->strings.items[number]);
}

static void put_row(struct lmm_json *json, const struct lmm_page_tables *tables,
                    const struct row *row, bool is_type)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    if (is_type) {
        put_text(json, "name", tables, tables->types[row->index].name);
        lmm_json_u64(json, "bytes", tables->types[row->index].bytes);
    } else {
        const struct lmm_page_line *line = &tables->lines[row->index];

        put_text(json, "function", tables, line->function);
        put_text(json, "file", tables, line->file);
        lmm_json_u64(json, "line", line->line);
        put_text(json, "module", tables, line->module);
    }
    for (enum lmm_page_column column = 0; column < LMM_PAGE_COLUMNS; column++) {
        if (is_sum(column)) {
            lmm_json_u64(json, lmm_page_column_key(column), row->figures[column]);
        }
    }
    lmm_json_end_object(json);
}

static void put_head(struct lmm_json *json, const char *schema, unsigned version, const char *id,
                     const struct lmm_page_moment *moment)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", schema);
    lmm_json_u64(json, "schema_version", version);
    lmm_json_text(json, "id", id);
    lmm_json_u64(json, "time_ns", moment->made_time_ns);
}

struct lmm_answer *lmm_serve_rows(const struct lmm_live_page *page, const char *id,
                                  enum lmm_serve_rows kind, size_t most)
{
    const struct lmm_page_moment *moment = lmm_live_page_moment(page);
    struct lmm_answer_json writer;
    struct lmm_json *json = &writer.json;
    size_t count;
    struct row *rows = make_rows(page, kind, &count);

    if (rows == NULL || !lmm_answer_json_begin(&writer, 200, false)) {
        free(rows);
        return NULL;
    }
    put_head(json, "lmm-rows", ROWS_SCHEMA_VERSION, id, moment);
    lmm_json_text(json, "by", kind == LMM_ROWS_TYPES ? "type" : "line");
    if (kind == LMM_ROWS_LEAKS) {
        lmm_page_put_leak_check(json, moment);
    }
    lmm_json_u64(json, "count", count);
    lmm_json_begin_array(json, "rows", LMM_JSON_LINES);
    for (size_t i = 0; i < count && i < most; i++) {
        put_row(json, lmm_live_page_tables(page), &rows[i], kind == LMM_ROWS_TYPES);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    free(rows);
    return lmm_answer_json_end(&writer);
}

/* ---- History --------------------------------------------------------------------------------- */

static bool put_series_rows(struct lmm_json *json, const struct lmm_live_page *page,
                            const struct lmm_timeline *timeline, bool by_type, size_t from)
{
    struct lmm_timeline_series series;

    if (!lmm_page_series_rows(lmm_live_page_tables(page), lmm_live_page_moment(page)->model,
                              timeline, by_type, &series)) {
        return false;
    }
    for (size_t i = 0; i < series.count; i++) {
        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_text(json, "by", by_type ? "type" : "line");
        lmm_json_u64(json, "index", series.groups[i]);
        lmm_json_begin_array(json, "live_bytes", LMM_JSON_COMPACT);
        for (size_t k = from; k < series.points; k++) {
            lmm_json_u64(json, NULL, series.columns[i * series.points + k]);
        }
        lmm_json_end_array(json);
        lmm_json_end_object(json);
    }
    lmm_timeline_series_free(&series);
    return true;
}

static size_t first_point(const struct lmm_timeline *timeline, uint64_t since_ms)
{
    size_t point = 0;

    while (point < lmm_timeline_count(timeline) &&
           lmm_timeline_at(timeline, point)->time_ns / LMM_NS_PER_MS < since_ms) {
        point++;
    }
    return point;
}

static size_t first_mark(const struct lmm_timeline *timeline, uint64_t since_ms)
{
    size_t mark = 0;

    while (mark < lmm_timeline_mark_count(timeline) &&
           lmm_timeline_mark_at(timeline, mark)->time_ns / LMM_NS_PER_MS < since_ms) {
        mark++;
    }
    return mark;
}

struct lmm_answer *lmm_serve_history(const struct lmm_live_page *page, const char *id,
                                     const struct lmm_timeline *timeline, uint64_t since_ms)
{
    const struct lmm_page_moment *moment = lmm_live_page_moment(page);
    size_t from = first_point(timeline, since_ms);
    struct lmm_answer_json writer;
    struct lmm_json *json = &writer.json;
    bool good;

    if (!lmm_answer_json_begin(&writer, 200, false)) {
        return NULL;
    }
    put_head(json, "lmm-history", HISTORY_SCHEMA_VERSION, id, moment);
    lmm_json_u64(json, "start_time_ns", moment->model->start_time_ns);
    lmm_json_begin_object(json, "series", LMM_JSON_LINES);
    lmm_json_timeline_from(json, timeline, from, first_mark(timeline, since_ms));
    lmm_json_begin_array(json, "rows", LMM_JSON_LINES);
    good = put_series_rows(json, page, timeline, true, from) &&
           put_series_rows(json, page, timeline, false, from);
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    lmm_json_end_object(json);
    return lmm_answer_json_end_if(&writer, good);
}
