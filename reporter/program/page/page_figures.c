/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_figures.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/report/spots.h"

static const char *const keys[LMM_PAGE_COLUMNS] = {
    [LMM_PAGE_LIVE_BYTES] = "live_bytes",
    [LMM_PAGE_LIVE_BLOCKS] = "live_blocks",
    [LMM_PAGE_PEAK_BYTES] = "peak_bytes",
    [LMM_PAGE_PEAK_BLOCKS] = "peak_blocks",
    [LMM_PAGE_ALLOCATED_BYTES] = "allocated_bytes",
    [LMM_PAGE_ALLOCATIONS] = "allocations",
    [LMM_PAGE_FREES] = "frees",
    [LMM_PAGE_TEMPORARIES] = "temporaries",
    [LMM_PAGE_SMALLEST_BYTES] = "smallest_bytes",
    [LMM_PAGE_LARGEST_BYTES] = "largest_bytes",
    [LMM_PAGE_DEFINITE_BYTES] = "definite_bytes",
    [LMM_PAGE_DEFINITE_BLOCKS] = "definite_blocks",
    [LMM_PAGE_INDIRECT_BYTES] = "indirect_bytes",
    [LMM_PAGE_INDIRECT_BLOCKS] = "indirect_blocks",
    [LMM_PAGE_POSSIBLE_BYTES] = "possible_bytes",
    [LMM_PAGE_POSSIBLE_BLOCKS] = "possible_blocks",
    [LMM_PAGE_REACHABLE_BYTES] = "reachable_bytes",
    [LMM_PAGE_REACHABLE_BLOCKS] = "reachable_blocks",
};

static const char *const family_keys[LMM_PAGE_FAMILY_COLUMNS] = {
    [LMM_PAGE_FAMILY_LIVE_BYTES] = "live_bytes",
    [LMM_PAGE_FAMILY_LIVE_BLOCKS] = "live_blocks",
    [LMM_PAGE_FAMILY_PEAK_BYTES] = "peak_bytes",
    [LMM_PAGE_FAMILY_ALLOCATIONS] = "allocations",
    [LMM_PAGE_FAMILY_FREES] = "frees",
    [LMM_PAGE_FAMILY_COMMITTED_BYTES] = "committed_bytes",
    [LMM_PAGE_FAMILY_PAGES] = "pages",
};

/* The columns of the classes that a page shows; the bytes come first, then the blocks. */
static const enum lmm_page_column class_columns[] = {
    [LMM_MODEL_DEFINITE] = LMM_PAGE_DEFINITE_BYTES,
    [LMM_MODEL_INDIRECT] = LMM_PAGE_INDIRECT_BYTES,
    [LMM_MODEL_POSSIBLE] = LMM_PAGE_POSSIBLE_BYTES,
    [LMM_MODEL_REACHABLE] = LMM_PAGE_REACHABLE_BYTES,
};

enum { SHOWN_CLASSES = sizeof(class_columns) / sizeof(class_columns[0]) };

const char *lmm_page_column_key(enum lmm_page_column column)
{
    assert(column < LMM_PAGE_COLUMNS);
    return keys[column];
}

const char *lmm_page_family_column_key(enum lmm_page_family_column column)
{
    assert(column < LMM_PAGE_FAMILY_COLUMNS);
    return family_keys[column];
}

uint64_t lmm_page_figure(const struct lmm_page_figures *figures, enum lmm_page_column column,
                         size_t row)
{
    return row < figures->site_count ? figures->of[column][row] : 0;
}

uint64_t lmm_page_family_figure(const struct lmm_page_figures *figures,
                                enum lmm_page_family_column column, size_t row)
{
    return row < figures->family_count ? figures->family[column][row] : 0;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

static void add(struct lmm_page_figures *figures, enum lmm_page_column column, size_t row,
                uint64_t figure)
{
    figures->of[column][row] = lmm_add_saturated(figures->of[column][row], figure);
}

static void add_amount(struct lmm_page_figures *figures, enum lmm_model_class kind, size_t row,
                       const struct lmm_model_amount *amount)
{
    add(figures, class_columns[kind], row, amount->bytes);
    add(figures, class_columns[kind] + 1, row, amount->blocks);
}

static void add_sizes(struct lmm_page_figures *figures, size_t row,
                      const struct lmm_model_site *site)
{
    uint64_t *smallest = &figures->of[LMM_PAGE_SMALLEST_BYTES][row];
    uint64_t *largest = &figures->of[LMM_PAGE_LARGEST_BYTES][row];

    if (site->largest_bytes > 0) {
        *smallest =
            *largest == 0 || site->smallest_bytes < *smallest ? site->smallest_bytes : *smallest;
        *largest = site->largest_bytes > *largest ? site->largest_bytes : *largest;
    }
}

static void add_site(struct lmm_page_figures *figures, size_t row,
                     const struct lmm_model_site *site)
{
    add(figures, LMM_PAGE_LIVE_BYTES, row, site->live_bytes);
    add(figures, LMM_PAGE_LIVE_BLOCKS, row, site->live_blocks);
    add(figures, LMM_PAGE_PEAK_BYTES, row, site->peak_bytes);
    add(figures, LMM_PAGE_PEAK_BLOCKS, row, site->peak_blocks);
    add(figures, LMM_PAGE_ALLOCATED_BYTES, row, site->allocated_bytes);
    add(figures, LMM_PAGE_ALLOCATIONS, row, site->allocations);
    add(figures, LMM_PAGE_FREES, row, site->frees);
    add(figures, LMM_PAGE_TEMPORARIES, row, site->temporaries);
    add_sizes(figures, row, site);
}

static void add_losses(struct lmm_page_figures *figures, size_t row,
                       const struct lmm_model_losses *losses)
{
    for (size_t kind = 0; kind < SHOWN_CLASSES && losses != NULL; kind++) {
        add_amount(figures, (enum lmm_model_class) kind, row, &losses->of[kind]);
    }
}

/* Adds the classes of the traces, which stand for all sites of their stacks. */
static void add_traces(struct lmm_page_figures *figures, const struct lmm_page_tables *tables,
                       const struct lmm_model *model, const struct lmm_spots *spots)
{
    for (size_t i = 0; i < spots->count; i++) {
        for (size_t k = 0; k < spots->items[i].trace_count; k++) {
            const struct lmm_trace *trace = &spots->items[i].traces[k];
            size_t row = tables->rows[trace->site - model->sites];

            add_amount(figures, LMM_MODEL_DEFINITE, row, &trace->tally.direct);
            add_amount(figures, LMM_MODEL_INDIRECT, row, &trace->tally.indirect);
            add_amount(figures, LMM_MODEL_POSSIBLE, row, &trace->tally.possible);
            add_amount(figures, LMM_MODEL_REACHABLE, row, &trace->tally.reachable);
        }
    }
}

/* ---- Families -------------------------------------------------------------------------------- */

static void add_family(struct lmm_page_figures *figures, size_t row,
                       const struct lmm_model_family *family)
{
    const uint64_t values[LMM_PAGE_FAMILY_COLUMNS] = {
        [LMM_PAGE_FAMILY_LIVE_BYTES] = family->live_bytes,
        [LMM_PAGE_FAMILY_LIVE_BLOCKS] = family->live_blocks,
        [LMM_PAGE_FAMILY_PEAK_BYTES] = family->peak_bytes,
        [LMM_PAGE_FAMILY_ALLOCATIONS] = family->allocations,
        [LMM_PAGE_FAMILY_FREES] = family->frees,
        [LMM_PAGE_FAMILY_COMMITTED_BYTES] = family->committed_bytes,
        [LMM_PAGE_FAMILY_PAGES] = family->pages,
    };

    for (size_t i = 0; i < LMM_PAGE_FAMILY_COLUMNS; i++) {
        figures->family[i][row] = lmm_add_saturated(figures->family[i][row], values[i]);
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool make_room(struct lmm_page_figures *figures)
{
    bool good = true;

    for (size_t i = 0; i < LMM_PAGE_COLUMNS && good; i++) {
        figures->of[i] = calloc(figures->site_count + 1, sizeof(uint64_t));
        good = figures->of[i] != NULL;
    }
    for (size_t i = 0; i < LMM_PAGE_FAMILY_COLUMNS && good; i++) {
        figures->family[i] = calloc(figures->family_count + 1, sizeof(uint64_t));
        good = figures->family[i] != NULL;
    }
    return good;
}

bool lmm_page_figures_make(const struct lmm_page_tables *tables, const struct lmm_model *model,
                           const struct lmm_spots *spots, struct lmm_page_figures *ret_figures)
{
    struct lmm_page_figures figures = {.site_count = tables->site_count,
                                       .family_count = tables->family_count};

    assert(tables->row_count == model->site_count);
    if (!make_room(&figures)) {
        lmm_page_figures_free(&figures);
        return false;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        add_site(&figures, tables->rows[i], &model->sites[i]);
        if (spots == NULL) {
            add_losses(&figures, tables->rows[i], model->sites[i].losses);
        }
    }
    if (spots != NULL) {
        add_traces(&figures, tables, model, spots);
    }
    for (size_t i = 0; i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        if (family->allocations > 0 || family->frees > 0) {
            add_family(&figures, lmm_page_tables_family(tables, family), family);
        }
    }
    *ret_figures = figures;
    return true;
}

void lmm_page_figures_free(struct lmm_page_figures *figures)
{
    for (size_t i = 0; i < LMM_PAGE_COLUMNS; i++) {
        free(figures->of[i]);
    }
    for (size_t i = 0; i < LMM_PAGE_FAMILY_COLUMNS; i++) {
        free(figures->family[i]);
    }
    *figures = (struct lmm_page_figures) {.site_count = 0};
}
