/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_cells.h"

#include <lmm/ledger.h>
#include <stddef.h>
#include <stdlib.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/serve/live_page.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_asker.h"
#include "reporter/program/serve/serve_route.h"

enum { PAGES_SCHEMA_VERSION = 1 };

/* ---- The question ---------------------------------------------------------------------------- */

static size_t row_count(const struct lmm_page_tables *tables, enum lmm_ask_table table)
{
    return table == LMM_ASK_FAMILY ? tables->family_count
           : table == LMM_ASK_TYPE ? tables->type_count
                                   : tables->line_count;
}

/* Whether the page has the family's row. */
static bool has_row(const struct lmm_model_family *family)
{
    return family->allocations > 0 || family->frees > 0;
}

/* Marks the families of the row. */
static void want_row(const struct lmm_live_page *page, const struct lmm_ask *ask, bool *wanted)
{
    const struct lmm_page_tables *tables = lmm_live_page_tables(page);
    const struct lmm_model *model = lmm_live_page_moment(page)->model;

    for (size_t i = 0; ask->table == LMM_ASK_FAMILY && i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        wanted[family->number] =
            has_row(family) && lmm_page_tables_family(tables, family) == ask->row;
    }
    for (size_t i = 0; ask->table != LMM_ASK_FAMILY && i < tables->row_count; i++) {
        const struct lmm_page_site *row = &tables->sites[tables->rows[i]];

        if (model->sites[i].live_blocks > 0 &&
            (ask->table == LMM_ASK_TYPE ? row->type : row->line) == ask->row) {
            wanted[model->sites[i].family->number] = true;
        }
    }
}

bool lmm_serve_cells_question(const struct lmm_live_page *page, const struct lmm_ask *ask,
                              struct lmm_question_text *text)
{
    bool *wanted;

    text->kind = LMM_QUESTION_CELLS;
    text->family_count = 0;
    if (!ask->has_row) {
        return true;
    }
    wanted = calloc(LMM_LEDGER_MAX_FAMILIES, sizeof(*wanted));
    if (wanted == NULL || ask->row >= row_count(lmm_live_page_tables(page), ask->table)) {
        free(wanted);
        return false;
    }
    want_row(page, ask, wanted);
    for (uint32_t i = 0; i < LMM_LEDGER_MAX_FAMILIES && text->family_count < LMM_CELL_FAMILIES_MAX;
         i++) {
        if (wanted[i]) {
            text->families[text->family_count++] = i;
        }
    }
    free(wanted);
    return true;
}

/* ---- The document ---------------------------------------------------------------------------- */

/* Returns the rows of families by their numbers, + 1, to be freed; NULL: out of memory. */
static uint32_t *family_rows(const struct lmm_live_page *page)
{
    const struct lmm_model *model = lmm_live_page_moment(page)->model;
    uint32_t *rows = calloc(LMM_LEDGER_MAX_FAMILIES, sizeof(*rows));

    for (size_t i = 0; rows != NULL && i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        if (has_row(family)) {
            rows[family->number] = lmm_page_tables_family(lmm_live_page_tables(page), family) + 1;
        }
    }
    return rows;
}

static void put_column(struct lmm_json *json, const char *key, const struct lmm_cells *cells,
                       size_t offset)
{
    lmm_json_begin_array(json, key, LMM_JSON_COMPACT);
    for (size_t i = 0; cells != NULL && i < cells->count; i++) {
        lmm_json_u64(json, NULL, *(const uint64_t *) ((const char *) &cells->items[i] + offset));
    }
    lmm_json_end_array(json);
}

static void put_cells(struct lmm_json *json, const struct lmm_cells *cells, const uint32_t *rows)
{
    lmm_json_begin_object(json, "cells", LMM_JSON_LINES);
    lmm_json_begin_array(json, "family", LMM_JSON_COMPACT);
    for (size_t i = 0; cells != NULL && i < cells->count; i++) {
        lmm_json_i64(json, NULL, (int64_t) rows[cells->items[i].family] - 1);
    }
    lmm_json_end_array(json);
    put_column(json, "pages", cells, offsetof(struct lmm_cell, pages));
    put_column(json, "slots", cells, offsetof(struct lmm_cell, slots));
    put_column(json, "live_slots", cells, offsetof(struct lmm_cell, live_slots));
    lmm_json_end_object(json);
}

struct lmm_answer *lmm_serve_cells(const struct lmm_live_page *page, const char *id,
                                   const struct lmm_cells *cells)
{
    struct lmm_answer_json writer;
    struct lmm_json *json = &writer.json;
    uint32_t *rows = family_rows(page);

    if (rows == NULL || !lmm_answer_json_begin(&writer, 200, false)) {
        free(rows);
        return NULL;
    }
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", "lmm-pages");
    lmm_json_u64(json, "schema_version", PAGES_SCHEMA_VERSION);
    lmm_json_text(json, "id", id);
    lmm_json_u64(json, "pages_per_cell", cells == NULL || cells->fold == 0 ? 1 : cells->fold);
    lmm_json_u64(json, "pages", cells == NULL ? 0 : cells->pages);
    lmm_json_u64(json, "pages_left_out", cells == NULL ? 0 : cells->left_out);
    put_cells(json, cells, rows);
    lmm_json_end_object(json);
    free(rows);
    return lmm_answer_json_end(&writer);
}
