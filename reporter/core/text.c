/* SPDX-License-Identifier: MIT */
#include "reporter/core/text.h"

#include <inttypes.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/text_page.h"
#include "reporter/core/words.h"

enum {
    INDENT = 2,
    NAME_COLUMNS_MAX = 63, /* a longer name shifts its own row, not the whole table */
    UNUSED_NAMES_MAX = 8,
};

/* ---- Words ----------------------------------------------------------------------------------- */

static void put_heading(const struct lmm_text_page *page, const char *text)
{
    lmm_text_paint(page, "\033[1m");
    lmm_sink_puts(page->sink, text);
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

static const struct lmm_model_word family_words = {"family", "families"};
static const struct lmm_model_word brief_words = {"size class", "size classes"};

/* ---- Families -------------------------------------------------------------------------------- */

static const struct lmm_grid_column block_columns[] = {
    {.heading = "", .width_max = NAME_COLUMNS_MAX},
    {.heading = "size", .right = true},
    {.heading = "live blocks", .right = true},
    {.heading = "live bytes", .right = true},
    {.heading = "peak bytes", .right = true},
    {.heading = "allocations", .right = true},
    {.heading = "frees", .right = true},
};

static const struct lmm_grid_column page_columns[] = {
    {.heading = "", .width_max = NAME_COLUMNS_MAX}, {.heading = "pages", .right = true},
    {.heading = "committed", .right = true},        {.heading = "free slots", .right = true},
    {.heading = "occupancy", .right = true},        {.heading = "internal", .right = true},
    {.heading = "external", .right = true},
};

enum {
    FAMILY_COLUMNS = sizeof(block_columns) / sizeof(block_columns[0]),
};

_Static_assert(sizeof(page_columns) == sizeof(block_columns), "both have FAMILY_COLUMNS");

/* Each adds the row of a family, or of the total, whose cells are empty where figures do not add
 * up. */

static void add_blocks(struct lmm_grid *grid, const struct lmm_model_family *family, bool is_total)
{
    lmm_grid_string(grid, family->name);
    if (is_total) {
        lmm_grid_text(grid, "");
    } else {
        lmm_grid_count(grid, family->size_bytes);
    }
    lmm_grid_count(grid, family->live_blocks);
    lmm_grid_bytes(grid, family->live_bytes);
    if (is_total) {
        lmm_grid_text(grid, "");
    } else {
        lmm_grid_bytes(grid, family->peak_bytes);
    }
    lmm_grid_count(grid, family->allocations);
    lmm_grid_count(grid, family->frees);
    lmm_grid_end_row(grid);
}

static void add_pages(struct lmm_grid *grid, const struct lmm_model_family *family, bool is_total)
{
    lmm_grid_string(grid, family->name);
    lmm_grid_count(grid, family->pages);
    lmm_grid_bytes(grid, family->committed_bytes);
    if (is_total) {
        lmm_grid_text(grid, "");
    } else {
        lmm_grid_count(grid, family->free_slots);
    }
    lmm_grid_share(grid, family->occupancy_permille, family->committed_bytes);
    lmm_grid_share(grid, family->internal_permille, family->mapped_bytes);
    if (is_total) {
        lmm_grid_text(grid, "");
    } else {
        lmm_grid_share(grid, family->external_permille, family->run_free_slots);
    }
    lmm_grid_end_row(grid);
}

/* The row of a family without allocations and pages would be all zeroes. */
static bool has_row(const struct lmm_model_family *family)
{
    return family->sites > 0 || family->pages > 0;
}

/* Prints "5 other lines". */
static void put_others(struct lmm_sink *sink, uint64_t count, struct lmm_model_word words)
{
    lmm_put_count(sink, count, "other", "other");
    lmm_sink_printf(sink, " %s", lmm_plural(count, words.one, words.many));
}

static bool is_brief(const struct lmm_text_page *page)
{
    return page->top_families != SIZE_MAX;
}

/* Says how many other rows are not shown, and how many blocks live in them. */
static void put_rest(const struct lmm_text_page *page, struct lmm_model_rest rest,
                     struct lmm_model_word words, const char *more)
{
    if (rest.count > 0) {
        lmm_sink_pad(page->sink, INDENT);
        lmm_sink_puts(page->sink, "and ");
        put_others(page->sink, rest.count, words);
        lmm_sink_puts(page->sink, " with ");
        lmm_put_count(page->sink, rest.live_blocks, "live block", "live blocks");
        lmm_sink_printf(page->sink, "%s\n", more);
    }
}

static void add_families(const struct lmm_text_page *page, struct lmm_grid *grid,
                         void (*add)(struct lmm_grid *, const struct lmm_model_family *, bool))
{
    size_t shown = 0;

    for (size_t i = 0; i < page->model->family_count && shown < page->top_families; i++) {
        if (has_row(page->model->families[i])) {
            add(grid, page->model->families[i], false);
            shown++;
        }
    }
}

static struct lmm_model_rest other_families(const struct lmm_text_page *page)
{
    struct lmm_model_rest rest = page->model->hidden_families;
    size_t shown = 0;

    for (size_t i = 0; i < page->model->family_count; i++) {
        const struct lmm_model_family *family = page->model->families[i];

        if (has_row(family) && shown++ >= page->top_families) {
            rest.count++;
            rest.live_blocks += family->live_blocks;
        }
    }
    return rest;
}

static void put_families(const struct lmm_text_page *page, const char *title,
                         const struct lmm_grid_column *columns,
                         void (*add)(struct lmm_grid *, const struct lmm_model_family *, bool))
{
    struct lmm_model_rest rest = other_families(page);
    struct lmm_grid grid;

    lmm_grid_init(&grid, columns, FAMILY_COLUMNS, INDENT, page->sink);
    grid.has_colour = page->colour;
    grid.title = title;
    add_families(page, &grid, add);
    add(&grid, &page->model->total, true);
    lmm_sink_puts(page->sink, "\n");
    lmm_grid_put_headings(&grid);
    add_families(page, &grid, add);
    put_rest(page, rest, is_brief(page) ? brief_words : family_words,
             rest.count > page->model->hidden_families.count ? ": --by family" : "");
    add(&grid, &page->model->total, true);
}

/* Names the families without a row, so that no family is hidden. */
static void put_unused(const struct lmm_text_page *page)
{
    size_t unused = 0;
    size_t named = 0;

    for (size_t i = 0; i < page->model->family_count; i++) {
        unused += !has_row(page->model->families[i]);
    }
    if (unused == 0) {
        return;
    }
    lmm_sink_puts(page->sink, "\n");
    lmm_put_count(page->sink, unused, "family", "families");
    lmm_sink_puts(page->sink, " without allocations: ");
    for (size_t i = 0; i < page->model->family_count && named < UNUSED_NAMES_MAX; i++) {
        if (!has_row(page->model->families[i])) {
            lmm_sink_puts(page->sink, named++ == 0 ? "" : ", ");
            lmm_put_string(page->sink, page->model->families[i]->name);
        }
    }
    if (named < unused) {
        lmm_sink_puts(page->sink, " and ");
        lmm_put_count(page->sink, unused - named, "other", "others");
    }
    lmm_sink_puts(page->sink, "\n");
}

/* ---- Sites ----------------------------------------------------------------------------------- */

static const struct lmm_grid_column site_columns[] = {
    {.heading = "live bytes", .right = true},
    {.heading = "live blocks", .right = true},
    {.heading = "share", .right = true},
    {.heading = "allocations", .right = true},
    {.heading = "family", .width_max = NAME_COLUMNS_MAX},
    {.heading = "allocated at"},
};

static void add_site(const struct lmm_text_page *page, struct lmm_grid *grid,
                     const struct lmm_model_site *site)
{
    lmm_grid_bytes(grid, site->live_bytes);
    lmm_grid_count(grid, site->live_blocks);
    lmm_grid_share(grid, site->share_permille, site->live_bytes);
    lmm_grid_count(grid, site->allocations);
    lmm_grid_string(grid, site->family->name);
    struct lmm_sink *sink = lmm_grid_begin_cell(grid);
    size_t columns = lmm_text_place(page, site, sink);

    columns += page->model->has_row_ids ? lmm_put_id(sink, site->id) : 0;
    lmm_grid_end_cell(grid, columns);
    lmm_grid_end_row(grid);
}

/* Rows of types, each with its lines. */
static const struct lmm_grid_column type_columns[] = {
    {.heading = "live bytes", .right = true},
    {.heading = "live blocks", .right = true},
    {.heading = "share", .right = true},
    {.heading = "size", .right = true},
    {.heading = "lines", .right = true},
    {.heading = "type", .width_max = NAME_COLUMNS_MAX},
    {.heading = "largest at"},
};

static void add_type(const struct lmm_text_page *page, struct lmm_grid *grid,
                     const struct lmm_model_site *row)
{
    lmm_grid_bytes(grid, row->live_bytes);
    lmm_grid_count(grid, row->live_blocks);
    lmm_grid_share(grid, row->share_permille, row->live_bytes);
    lmm_grid_count(grid, row->live_blocks == 0 ? 0 : row->live_bytes / row->live_blocks);
    lmm_grid_count(grid, row->lines->count);
    lmm_grid_string(grid, row->file);
    lmm_grid_end_cell(grid, lmm_text_place(page, row->lines->largest, lmm_grid_begin_cell(grid)));
    lmm_grid_end_row(grid);
}

static void add_row(const struct lmm_text_page *page, struct lmm_grid *grid,
                    const struct lmm_model_site *row)
{
    (page->model->has_type_rows ? add_type : add_site)(page, grid, row);
}

static void put_other_sites(const struct lmm_text_page *page, size_t shown)
{
    struct lmm_model_rest rest = page->model->hidden_sites;

    for (size_t i = shown; i < page->model->site_count; i++) {
        rest.count++;
        rest.live_blocks += page->model->sites[i].live_blocks;
    }
    put_rest(page, rest, lmm_text_row_word(page->model), "");
}

/* Prints "Lines with most live bytes", or what the user ordered them by. */
static void put_row_heading(const struct lmm_text_page *page)
{
    const char *many = lmm_text_row_word(page->model).many;
    const char *order = page->model->order;

    lmm_text_paint(page, "\033[1m");
    lmm_sink_printf(page->sink, "%c%s %s", many[0] - 'a' + 'A', many + 1,
                    order == NULL ? "with most live bytes" : "by ");
    lmm_sink_puts(page->sink, order == NULL ? "" : order);
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

static void put_sites(const struct lmm_text_page *page)
{
    const struct lmm_model *model = page->model;
    size_t shown = model->site_count < page->top_sites ? model->site_count : page->top_sites;
    struct lmm_grid grid;

    if (shown == 0) {
        return;
    }
    if (model->has_type_rows) {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(type_columns), INDENT, page->sink);
    } else {
        lmm_grid_init(&grid, LMM_GRID_COLUMNS(site_columns), INDENT, page->sink);
    }
    grid.has_colour = page->colour;
    for (size_t i = 0; i < shown; i++) {
        add_row(page, &grid, &model->sites[i]);
    }
    lmm_sink_puts(page->sink, "\n");
    put_row_heading(page);
    lmm_grid_put_headings(&grid);
    for (size_t i = 0; i < shown; i++) {
        add_row(page, &grid, &model->sites[i]);
        lmm_text_stacks(page, &model->sites[i]);
    }
    put_other_sites(page, shown);
}

/* ---- Totals ---------------------------------------------------------------------------------- */

static void put_amount(const struct lmm_text_page *page, const char *what, uint64_t bytes)
{
    lmm_sink_printf(page->sink, "  %-19s", what);
    lmm_put_bytes(page->sink, bytes);
    lmm_sink_puts(page->sink, "\n");
}

static void put_totals(const struct lmm_text_page *page)
{
    const struct lmm_model *model = page->model;

    lmm_sink_puts(page->sink, "\n");
    put_heading(page, "Totals");
    put_amount(page, "live", model->total.live_bytes);
    put_amount(page, "committed", model->total.committed_bytes);
    put_amount(page, "mapped", model->total.mapped_bytes);
    put_amount(page, "kept for reuse", model->reservoir_bytes);
    put_amount(page, "LMM's own records", model->overhead_bytes);
    if (model->is_drop_in && model->peak_bytes > 0) {
        put_amount(page, "most live bytes", model->peak_bytes);
    }
}

static void put_usage_summary(const struct lmm_text_page *page)
{
    const struct lmm_model_family *total = &page->model->total;
    uint64_t families = page->model->family_count + page->model->hidden_families.count;
    uint64_t rows = page->model->site_count + page->model->hidden_sites.count;
    struct lmm_model_word word = lmm_text_row_word(page->model);

    lmm_sink_puts(page->sink, "\n");
    lmm_text_paint(page, "\033[1m");
    lmm_sink_printf(page->sink, "SUMMARY: %" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64 " live %s, ",
                    families, lmm_plural(families, "family", "families"), rows,
                    lmm_plural(rows, word.one, word.many), total->live_blocks,
                    lmm_plural(total->live_blocks, "block", "blocks"));
    lmm_sink_printf(page->sink, "%" PRIu64 " live %s, %" PRIu64 " committed %s, ",
                    total->live_bytes, lmm_plural(total->live_bytes, "byte", "bytes"),
                    total->committed_bytes, lmm_plural(total->committed_bytes, "byte", "bytes"));
    lmm_sink_printf(page->sink, "%" PRIu64 " %s, %" PRIu64 " %s", total->allocations,
                    lmm_plural(total->allocations, "allocation", "allocations"), total->frees,
                    lmm_plural(total->frees, "free", "frees"));
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

int lmm_text_usage(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_text_style *style)
{
    struct lmm_text_page page = lmm_text_page_of(model, sink, style);

    lmm_text_title(&page, "usage report");
    if (is_brief(&page)) {
        put_sites(&page);
        put_families(&page, "Size classes", block_columns, add_blocks);
    } else {
        put_families(&page, "Families", block_columns, add_blocks);
        put_families(&page, "Their pages", page_columns, add_pages);
        put_unused(&page);
        put_sites(&page);
    }
    put_totals(&page);
    lmm_text_notes(&page, "\n");
    put_usage_summary(&page);
    return lmm_sink_flush(sink);
}
