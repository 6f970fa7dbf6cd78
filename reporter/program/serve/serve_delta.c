/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_delta.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/history/timeline_json.h"
#include "reporter/program/page/page_data.h"
#include "reporter/program/page/page_facts.h"
#include "reporter/program/page/page_put.h"
#include "reporter/program/page/page_series.h"
#include "reporter/program/serve/serve_answer.h"

/* ---- Rows that changed ----------------------------------------------------------------------- */

/* The columns of sites, or of families, of two readings. */
struct pair {
    uint64_t *const *before;
    size_t before_count;
    uint64_t *const *now;
    size_t now_count;
    size_t columns;
    const char *(*key)(size_t column);
};

static const char *site_key(size_t column)
{
    return lmm_page_column_key((enum lmm_page_column) column);
}

static const char *family_key(size_t column)
{
    return lmm_page_family_column_key((enum lmm_page_family_column) column);
}

static uint64_t figure_at(uint64_t *const *columns, size_t column, size_t count, size_t row)
{
    return row < count && columns[column] != NULL ? columns[column][row] : 0;
}

static bool differs(const struct pair *pair, size_t column, size_t row)
{
    return figure_at(pair->before, column, pair->before_count, row) !=
           figure_at(pair->now, column, pair->now_count, row);
}

static bool row_differs(const struct pair *pair, size_t row)
{
    size_t column = 0;

    while (column < pair->columns && !differs(pair, column, row)) {
        column++;
    }
    return column < pair->columns;
}

static void put_column(struct lmm_json *json, const struct pair *pair, size_t column,
                       const uint32_t *rows, size_t count)
{
    size_t i = 0;

    while (i < count && !differs(pair, column, rows[i])) {
        i++;
    }
    if (i == count) {
        return;
    }
    lmm_json_begin_array(json, pair->key(column), LMM_JSON_COMPACT);
    for (i = 0; i < count; i++) {
        lmm_json_u64(json, NULL, figure_at(pair->now, column, pair->now_count, rows[i]));
    }
    lmm_json_end_array(json);
}

/* Puts "index" and the columns that changed, into the object that is open. */
static bool put_changes(struct lmm_json *json, const struct pair *pair)
{
    uint32_t *rows = calloc(pair->now_count + 1, sizeof(*rows));
    size_t count = 0;

    if (rows == NULL) {
        return false;
    }
    for (size_t row = 0; row < pair->now_count; row++) {
        if (row_differs(pair, row)) {
            rows[count++] = (uint32_t) row;
        }
    }
    lmm_json_begin_array(json, "index", LMM_JSON_COMPACT);
    for (size_t i = 0; i < count; i++) {
        lmm_json_u64(json, NULL, rows[i]);
    }
    lmm_json_end_array(json);
    for (size_t column = 0; column < pair->columns; column++) {
        put_column(json, pair, column, rows, count);
    }
    free(rows);
    return true;
}

static bool put_sites(struct lmm_json *json, const struct lmm_delta_state *before,
                      const struct lmm_delta_reading *now)
{
    const struct pair pair = {before->figures.of, before->figures.site_count,
                              now->figures->of,   now->figures->site_count,
                              LMM_PAGE_COLUMNS,   site_key};
    bool good;

    lmm_json_begin_object(json, "sites", LMM_JSON_COMPACT);
    lmm_json_u64(json, "from", before->counts.sites);
    lmm_page_put_site_names(json, now->tables, before->counts.sites);
    good = put_changes(json, &pair);
    lmm_json_end_object(json);
    return good;
}

static bool put_families(struct lmm_json *json, const struct lmm_delta_state *before,
                         const struct lmm_delta_reading *now)
{
    const struct pair pair = {before->figures.family,  before->figures.family_count,
                              now->figures->family,    now->figures->family_count,
                              LMM_PAGE_FAMILY_COLUMNS, family_key};
    bool good;

    lmm_json_begin_object(json, "families", LMM_JSON_COMPACT);
    lmm_json_u64(json, "from", before->counts.families);
    lmm_page_put_family_names(json, now->tables, before->counts.families);
    good = put_changes(json, &pair);
    lmm_json_end_object(json);
    return good;
}

/* ---- Series ---------------------------------------------------------------------------------- */

static uint64_t marks_of(const struct lmm_timeline *timeline)
{
    uint64_t count = 0;

    for (size_t i = 0; i < lmm_timeline_mark_count(timeline); i++) {
        count += lmm_timeline_mark_at(timeline, i)->count;
    }
    return count;
}

/* Whether points and marks were only added since. */
static bool has_only_grown(const struct lmm_delta_series *before,
                           const struct lmm_timeline *timeline)
{
    size_t marks = lmm_timeline_mark_count(timeline);

    return lmm_timeline_thinned(timeline) == before->thinned &&
           lmm_timeline_count(timeline) >= before->points && marks >= before->marks &&
           marks_of(timeline) - before->mark_count == marks - before->marks;
}

static bool has_group(const struct lmm_delta_series *series, bool by_type, uint32_t group)
{
    for (size_t i = 0; i < series->group_count[!by_type]; i++) {
        if (series->groups[!by_type][i] == group) {
            return true;
        }
    }
    return false;
}

/* Whether all rows that clients have are still among those of a document. */
static bool keeps_rows(const struct lmm_delta_series *before, bool by_type,
                       const struct lmm_timeline_series *series)
{
    size_t kept = 0;

    for (size_t i = 0; i < series->count; i++) {
        kept += has_group(before, by_type, series->groups[i]);
    }
    return kept == before->group_count[!by_type];
}

/* Whether a row has another value at a new point than at the point before. */
static bool moves(const struct lmm_timeline_series *series, size_t row, size_t from)
{
    const uint64_t *column = &series->columns[row * series->points];

    for (size_t i = from; i < series->points; i++) {
        if (i == 0 || column[i] != column[i - 1]) {
            return true;
        }
    }
    return false;
}

static void put_row(struct lmm_json *json, const struct lmm_timeline_series *series, size_t row,
                    bool by_type, size_t from)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    lmm_json_text(json, "by", by_type ? "type" : "line");
    lmm_json_u64(json, "index", series->groups[row]);
    lmm_json_begin_array(json, "live_bytes", LMM_JSON_COMPACT);
    for (size_t i = from; i < series->points; i++) {
        lmm_json_u64(json, NULL, series->columns[row * series->points + i]);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
}

static bool put_rows(struct lmm_json *json, const struct lmm_delta_series *before,
                     const struct lmm_delta_reading *now, bool by_type)
{
    struct lmm_timeline_series series;

    if (!lmm_page_series_rows(now->tables, now->moment->model, now->timeline, by_type, &series)) {
        return false;
    }
    bool good = keeps_rows(before, by_type, &series);

    for (size_t i = 0; good && i < series.count; i++) {
        if (!has_group(before, by_type, series.groups[i])) {
            put_row(json, &series, i, by_type, 0);
        } else if (moves(&series, i, before->points)) {
            put_row(json, &series, i, by_type, before->points);
        }
    }
    lmm_timeline_series_free(&series);
    return good;
}

/* Puts "series", if it can be said. */
static bool put_series(struct lmm_json *json, const struct lmm_delta_state *before,
                       const struct lmm_delta_reading *now)
{
    const struct lmm_delta_series *had = &before->series;
    bool good;

    if (now->timeline == NULL || lmm_timeline_count(now->timeline) == 0) {
        return !before->had_series;
    }
    if (!before->had_series || !has_only_grown(had, now->timeline)) {
        return false;
    }
    lmm_json_begin_object(json, "series", LMM_JSON_COMPACT);
    lmm_json_timeline_from(json, now->timeline, had->points, had->marks);
    lmm_json_begin_array(json, "rows", LMM_JSON_COMPACT);
    good = put_rows(json, had, now, true) && put_rows(json, had, now, false);
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    return good;
}

static bool note_rows(struct lmm_delta_series *series, const struct lmm_delta_reading *now,
                      bool by_type)
{
    struct lmm_timeline_series rows;

    if (!lmm_page_series_rows(now->tables, now->moment->model, now->timeline, by_type, &rows)) {
        return false;
    }
    free(series->groups[!by_type]);
    series->groups[!by_type] = rows.groups;
    series->group_count[!by_type] = rows.count;
    rows.groups = NULL;
    lmm_timeline_series_free(&rows);
    return true;
}

bool lmm_delta_series_note(struct lmm_delta_series *series, const struct lmm_delta_reading *now)
{
    series->points = lmm_timeline_count(now->timeline);
    series->thinned = lmm_timeline_thinned(now->timeline);
    series->marks = lmm_timeline_mark_count(now->timeline);
    series->mark_count = marks_of(now->timeline);
    return note_rows(series, now, true) && note_rows(series, now, false);
}

void lmm_delta_series_free(struct lmm_delta_series *series)
{
    free(series->groups[0]);
    free(series->groups[1]);
    *series = (struct lmm_delta_series) {0};
}

/* ---- The delta ------------------------------------------------------------------------------- */

/* A row that is there may have got another type or family, which a delta does not say. */
static bool rows_stay(const struct lmm_page_tables *tables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tables->sites[i].changed == tables->reading) {
            return false;
        }
    }
    return true;
}

static void put_tables(struct lmm_json *json, const struct lmm_page_tables *tables,
                       const struct lmm_page_counts *from)
{
    struct lmm_page_counts to = lmm_page_tables_count(tables);

    if (to.strings > from->strings) {
        lmm_page_put_strings(json, tables, from->strings);
    }
    if (to.types > from->types) {
        lmm_page_put_types(json, tables, from->types);
    }
    if (to.lines > from->lines) {
        lmm_page_put_lines(json, tables, from->lines);
    }
    if (to.calls > from->calls) {
        lmm_page_put_calls(json, tables, from->calls);
    }
    if (to.frames > from->frames) {
        lmm_page_put_frames(json, tables, from->frames);
    }
}

struct lmm_answer *lmm_serve_delta(const struct lmm_delta_state *before,
                                   const struct lmm_delta_reading *now)
{
    struct lmm_answer_json writer;
    struct lmm_json *json = &writer.json;
    bool good;

    if (!rows_stay(now->tables, before->counts.sites) ||
        !lmm_answer_json_begin(&writer, 200, true)) {
        return NULL;
    }
    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    lmm_json_u64(json, "sequence", now->sequence);
    lmm_page_put_process(json, now->moment);
    lmm_page_put_totals(json, now->moment);
    put_tables(json, now->tables, &before->counts);
    good = put_sites(json, before, now) && put_families(json, before, now) &&
           put_series(json, before, now);
    if (now->suspects != NULL) {
        lmm_page_put_suspects(json, now->suspects, now->suspect_count);
    }
    if (now->hints.bytes > 0) {
        lmm_json_raw(json, "hints", now->hints);
    }
    lmm_json_end_object(json);
    return lmm_answer_json_end_if(&writer, good);
}
