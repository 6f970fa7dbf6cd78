/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_put.h"

#include <stdio.h>

#include "reporter/core/site_type.h"
#include "reporter/program/page/page_figures.h"
#include "reporter/program/page/page_tables.h"

enum { KEY_BYTES = 64 };

/* A column of numbers that are in rows. */
struct column {
    const char *key;
    size_t offset;
    enum { INDEX, ROW, WIDE } kind; /* uint32_t; int32_t; uint64_t */
};

/* Rows of a table. */
struct rows {
    const void *items;
    size_t item_bytes;
    size_t from;
    size_t count;
};

static const struct column type_columns[] = {
    {"name", offsetof(struct lmm_page_type, name), INDEX},
    {"bytes", offsetof(struct lmm_page_type, bytes), WIDE},
    {"file", offsetof(struct lmm_page_type, file), INDEX},
    {"line", offsetof(struct lmm_page_type, line), INDEX},
    {"lacking", offsetof(struct lmm_page_type, lacking), INDEX},
    {NULL, 0, INDEX},
};

static const struct column line_columns[] = {
    {"function", offsetof(struct lmm_page_line, function), INDEX},
    {"file", offsetof(struct lmm_page_line, file), INDEX},
    {"line", offsetof(struct lmm_page_line, line), INDEX},
    {"module", offsetof(struct lmm_page_line, module), INDEX},
    {"id", offsetof(struct lmm_page_line, id), INDEX},
    {NULL, 0, INDEX},
};

static const struct column call_columns[] = {
    {"function", offsetof(struct lmm_page_call, function), INDEX},
    {"file", offsetof(struct lmm_page_call, file), INDEX},
    {"line", offsetof(struct lmm_page_call, line), INDEX},
    {"module", offsetof(struct lmm_page_call, module), INDEX},
    {"flags", offsetof(struct lmm_page_call, flags), INDEX},
    {NULL, 0, INDEX},
};

static const struct column frame_columns[] = {
    {"call", offsetof(struct lmm_page_frame, call), INDEX},
    {"flags", offsetof(struct lmm_page_frame, flags), INDEX},
    {NULL, 0, INDEX},
};

static const struct column site_columns[] = {
    {"frame", offsetof(struct lmm_page_site, frame), ROW},
    {"type", offsetof(struct lmm_page_site, type), INDEX},
    {"line", offsetof(struct lmm_page_site, line), INDEX},
    {"family", offsetof(struct lmm_page_site, family), ROW},
    {NULL, 0, INDEX},
};

static const struct column family_columns[] = {
    {"name", offsetof(struct lmm_page_family, name), INDEX},
    {"bytes", offsetof(struct lmm_page_family, bytes), WIDE},
    {NULL, 0, INDEX},
};

static void put_number(struct lmm_json *json, const struct column *column, const void *row)
{
    const void *field = (const char *) row + column->offset;

    switch (column->kind) {
    case INDEX: lmm_json_u64(json, NULL, *(const uint32_t *) field); break;
    case ROW: lmm_json_i64(json, NULL, *(const int32_t *) field); break;
    default: lmm_json_u64(json, NULL, *(const uint64_t *) field); break;
    }
}

static void put_columns(struct lmm_json *json, const struct column *columns,
                        const struct rows *rows)
{
    for (const struct column *column = columns; column->key != NULL; column++) {
        lmm_json_begin_array(json, column->key, LMM_JSON_COMPACT);
        for (size_t i = rows->from; i < rows->count; i++) {
            put_number(json, column, (const char *) rows->items + i * rows->item_bytes);
        }
        lmm_json_end_array(json);
    }
}

/* ---- Tables ---------------------------------------------------------------------------------- */

void lmm_page_put_strings(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from)
{
    lmm_json_begin_array(json, "strings", LMM_JSON_COMPACT);
    for (size_t i = from; i < tables->strings.count; i++) {
        lmm_json_string(json, NULL, tables->strings.items[i]);
    }
    lmm_json_end_array(json);
}

void lmm_page_put_types(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from)
{
    const struct lmm_page_type *types = tables->types;
    struct rows rows = {types, sizeof(*types), from, tables->type_count};

    lmm_json_begin_object(json, "types", LMM_JSON_COMPACT);
    put_columns(json, type_columns, &rows);
    lmm_json_begin_array(json, "confidence", LMM_JSON_COMPACT);
    for (size_t i = from; i < rows.count; i++) {
        lmm_json_text(json, NULL, lmm_site_type_confidence_word(types[i].confidence));
    }
    lmm_json_end_array(json);
    lmm_json_begin_array(json, "evidence", LMM_JSON_COMPACT);
    for (size_t i = from; i < rows.count; i++) {
        lmm_json_evidence(json, NULL, types[i].evidence);
    }
    lmm_json_end_array(json);
    lmm_json_begin_array(json, "gap", LMM_JSON_COMPACT);
    for (size_t i = from; i < rows.count; i++) {
        lmm_json_text(json, NULL, lmm_site_type_gap_word(types[i].gap));
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
}

void lmm_page_put_lines(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from)
{
    struct rows rows = {tables->lines, sizeof(*tables->lines), from, tables->line_count};

    lmm_json_begin_object(json, "lines", LMM_JSON_COMPACT);
    put_columns(json, line_columns, &rows);
    lmm_json_end_object(json);
}

void lmm_page_put_calls(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from)
{
    struct rows rows = {tables->calls.items, sizeof(*tables->calls.items), from,
                        tables->calls.count};

    lmm_json_begin_object(json, "calls", LMM_JSON_COMPACT);
    put_columns(json, call_columns, &rows);
    lmm_json_end_object(json);
}

/* Callers mostly stand right before what they call, so distances are almost all 1. */
static void put_distances(struct lmm_json *json, const struct lmm_page_frame *frames, size_t from,
                          size_t count)
{
    lmm_json_begin_array(json, "up", LMM_JSON_COMPACT);
    for (size_t i = from; i < count; i++) {
        lmm_json_u64(json, NULL, frames[i].parent < 0 ? 0 : i - (size_t) frames[i].parent);
    }
    lmm_json_end_array(json);
}

void lmm_page_put_frames(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from)
{
    const struct lmm_page_frame *frames = tables->calls.frames;
    struct rows rows = {frames, sizeof(*frames), from, tables->calls.frame_count};

    lmm_json_begin_object(json, "frames", LMM_JSON_COMPACT);
    put_distances(json, frames, from, rows.count);
    put_columns(json, frame_columns, &rows);
    lmm_json_end_object(json);
}

/* ---- Figures --------------------------------------------------------------------------------- */

static void put_figures(struct lmm_json *json, const char *key, const uint64_t *figures,
                        size_t figure_count, size_t from, size_t count)
{
    bool has_any = false;

    for (size_t i = from; i < figure_count && !has_any; i++) {
        has_any = figures[i] != 0;
    }
    if (has_any) {
        lmm_json_begin_array(json, key, LMM_JSON_COMPACT);
        for (size_t i = from; i < count; i++) {
            lmm_json_u64(json, NULL, i < figure_count ? figures[i] : 0);
        }
        lmm_json_end_array(json);
    }
}

static void put_before(struct lmm_json *json, const struct lmm_page_figures *before, size_t from,
                       size_t count)
{
    for (size_t i = 0; i < LMM_PAGE_BEFORE; i++) {
        char key[KEY_BYTES];

        snprintf(key, sizeof(key), "before_%s", lmm_page_column_key((enum lmm_page_column) i));
        put_figures(json, key, before->of[i], before->site_count, from, count);
    }
}

void lmm_page_put_site_names(struct lmm_json *json, const struct lmm_page_tables *tables,
                             size_t from)
{
    struct rows rows = {tables->sites, sizeof(*tables->sites), from, tables->site_count};

    put_columns(json, site_columns, &rows);
}

void lmm_page_put_family_names(struct lmm_json *json, const struct lmm_page_tables *tables,
                               size_t from)
{
    struct rows rows = {tables->families, sizeof(*tables->families), from, tables->family_count};

    put_columns(json, family_columns, &rows);
}

void lmm_page_put_sites(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from,
                        const struct lmm_page_figures *figures,
                        const struct lmm_page_figures *before)
{
    lmm_json_begin_object(json, "sites", LMM_JSON_COMPACT);
    lmm_page_put_site_names(json, tables, from);
    for (size_t i = 0; i < LMM_PAGE_COLUMNS; i++) {
        put_figures(json, lmm_page_column_key((enum lmm_page_column) i), figures->of[i],
                    figures->site_count, from, tables->site_count);
    }
    if (before != NULL) {
        put_before(json, before, from, tables->site_count);
    }
    lmm_json_end_object(json);
}

void lmm_page_put_families(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from,
                           const struct lmm_page_figures *figures)
{
    lmm_json_begin_object(json, "families", LMM_JSON_COMPACT);
    lmm_page_put_family_names(json, tables, from);
    for (size_t i = 0; i < LMM_PAGE_FAMILY_COLUMNS; i++) {
        put_figures(json, lmm_page_family_column_key((enum lmm_page_family_column) i),
                    figures->family[i], figures->family_count, from, tables->family_count);
    }
    lmm_json_end_object(json);
}
