/* SPDX-License-Identifier: MIT */
/* csv: the families or sites as comma-separated values (csv_cell.h), with plain newlines, as text tools on
 * this system expect. */
#include <inttypes.h>
#include <stddef.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/formats/csv_cell.h"
#include "reporter/program/formats/format.h"
#include "reporter/core/sink.h"

enum kind {
    NAME, /* struct lmm_string */
    U64,
    U32,
};

struct column {
    const char *heading;
    enum kind kind;
    size_t offset; /* in the row */
};

/* clang-format off */
#define FAMILY(kind, field) {#field, kind, offsetof(struct lmm_model_family, field)}
#define SITE(kind, field)   {#field, kind, offsetof(struct lmm_model_site, field)}
/* clang-format on */

static const struct column family_columns[] = {
    {"family", NAME, offsetof(struct lmm_model_family, name)},
    FAMILY(U64, size_bytes),
    FAMILY(U64, align_bytes),
    FAMILY(U64, stride_bytes),
    FAMILY(U64, limit_bytes),
    FAMILY(U64, live_blocks),
    FAMILY(U64, live_slots),
    FAMILY(U64, live_bytes),
    FAMILY(U64, peak_bytes),
    FAMILY(U64, allocations),
    FAMILY(U64, frees),
    FAMILY(U64, pages),
    FAMILY(U64, mapped_bytes),
    FAMILY(U64, committed_bytes),
    FAMILY(U64, slots),
    FAMILY(U64, free_slots),
    FAMILY(U64, run_free_slots),
    FAMILY(U64, longest_run_slots),
    FAMILY(U64, internal_bytes),
    FAMILY(U32, occupancy_permille),
    FAMILY(U32, internal_permille),
    FAMILY(U32, external_permille)};

/* The family's name, the first column of a site, and its type, the last, are not fields of its row. */
static const struct column site_columns[] = {
    SITE(NAME, file),       SITE(U32, line),       SITE(NAME, function),
    SITE(U64, live_blocks), SITE(U64, live_slots), SITE(U64, live_bytes),
    SITE(U64, allocations), SITE(U64, frees),      SITE(U32, share_permille),
};

/* After those, only for the drop-in. */
static const struct column drop_in_columns[] = {SITE(U64, temporaries)};

/* After all others. */
static const struct column detail_columns[] = {
    SITE(U64, peak_blocks),    SITE(U64, peak_bytes),    SITE(U64, foreign_frees),
    SITE(U64, smallest_bytes), SITE(U64, largest_bytes),
};

enum {
    FAMILY_COLUMNS = sizeof(family_columns) / sizeof(family_columns[0]),
    SITE_COLUMNS = sizeof(site_columns) / sizeof(site_columns[0]),
    DROP_IN_COLUMNS = sizeof(drop_in_columns) / sizeof(drop_in_columns[0]),
    DETAIL_COLUMNS = sizeof(detail_columns) / sizeof(detail_columns[0]),
};

struct page {
    struct lmm_sink *sink;
    bool terminal;
};

static void put_cell(const struct page *page, const struct column *column, const void *row)
{
    const void *cell = (const char *) row + column->offset;

    switch (column->kind) {
    case NAME:
        lmm_csv_put_name(page->sink, *(const struct lmm_string *) cell, page->terminal);
        break;
    case U64: lmm_sink_printf(page->sink, "%" PRIu64, *(const uint64_t *) cell); break;
    case U32: lmm_sink_printf(page->sink, "%" PRIu32, *(const uint32_t *) cell); break;
    }
}

/* put_headings() and put_cells() write `before` before the first of them. */
static void put_headings(struct lmm_sink *sink, const struct column *columns, size_t count,
                         const char *before)
{
    for (size_t i = 0; i < count; i++) {
        lmm_sink_puts(sink, i == 0 ? before : ",");
        lmm_sink_puts(sink, columns[i].heading);
    }
}

static void put_cells(const struct page *page, const struct column *columns, size_t count,
                      const void *row, const char *before)
{
    for (size_t i = 0; i < count; i++) {
        lmm_sink_puts(page->sink, i == 0 ? before : ",");
        put_cell(page, &columns[i], row);
    }
}

static void put_sites(const struct lmm_model *model, const struct page *page, size_t shown)
{
    struct lmm_sink *sink = page->sink;
    size_t more = model->is_drop_in ? DROP_IN_COLUMNS : 0;

    lmm_sink_puts(sink, "family");
    put_headings(sink, site_columns, SITE_COLUMNS, ",");
    put_headings(sink, drop_in_columns, more, ",");
    put_headings(sink, detail_columns, DETAIL_COLUMNS, ",");
    lmm_sink_puts(sink, ",type\n");
    for (size_t i = 0; i < shown; i++) {
        lmm_csv_put_name(sink, model->sites[i].family->name, page->terminal);
        put_cells(page, site_columns, SITE_COLUMNS, &model->sites[i], ",");
        put_cells(page, drop_in_columns, more, &model->sites[i], ",");
        put_cells(page, detail_columns, DETAIL_COLUMNS, &model->sites[i], ",");
        lmm_sink_puts(sink, ",");
        lmm_csv_put_name(sink, lmm_site_type_name(model, &model->sites[i]), page->terminal);
        lmm_sink_puts(sink, "\n");
    }
}

static void put_families(const struct lmm_model *model, const struct page *page)
{
    struct lmm_sink *sink = page->sink;

    put_headings(sink, family_columns, FAMILY_COLUMNS, "");
    lmm_sink_puts(sink, "\n");
    for (size_t i = 0; i < model->family_count; i++) {
        put_cells(page, family_columns, FAMILY_COLUMNS, model->families[i], "");
        lmm_sink_puts(sink, "\n");
    }
}

int lmm_csv_render(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_format_options *options)
{
    struct page page = {sink, options->terminal};

    if (options->sites) {
        put_sites(model, &page, lmm_sites_shown(model, options, model->site_count));
    } else {
        put_families(model, &page);
    }
    return lmm_sink_flush(sink);
}
