/* SPDX-License-Identifier: MIT */
/* text: see text.h for the contract. */
#include "reporter/core/text.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"

enum {
    NAME_COLUMNS_MAX = 63, /* a longer name pushes its own row out, not the whole table */
    UNUSED_NAMES_MAX = 8,
    GAP = 2,
    STACK_INDENT = 8,
};

enum format {
    COUNT,
    BYTES,
    SHARE,
};

/* A column of a table of families or sites: which figure of the row it shows, and how. */
struct column {
    const char *heading;
    enum format format;
    size_t figure;  /* offset in the row; a permille for SHARE */
    size_t whole;   /* SHARE: offset of what it is a share of */
    bool has_total; /* false: the figure does not add up, and the total's cell is blank */
};

struct page {
    const struct lmm_model *model;
    struct lmm_sink *sink;
    bool colour;
    size_t top_sites;
};

/* ---- Names ----------------------------------------------------------------------------------- */

static void put_padded(struct lmm_sink *sink, struct lmm_string string, size_t width)
{
    size_t columns = lmm_put_string(sink, string);

    lmm_sink_pad(sink, width > columns ? width - columns : 0);
}

/* Prints "hire (libhr.so)", or "libhr.so". */
static void put_function_in(struct lmm_sink *sink, struct lmm_string function,
                            struct lmm_string module)
{
    lmm_put_string(sink, function);
    if (module.bytes > 0) {
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, module);
        lmm_sink_puts(sink, ")");
    }
}

static bool put_function(void *context, const struct lmm_model_call *call)
{
    lmm_put_string(context, call->function);
    return true;
}

/* Prints "hr.c:42 (hire)", or without a line "hire (libhr.so)", or the file alone; of a stack that nobody
 * has named its innermost call. */
static void put_place(const struct page *page, const struct lmm_model_site *site)
{
    struct lmm_sink *sink = page->sink;

    if (site->file.bytes == 0 && site->stack != 0) {
        lmm_stack_walk(page->model, site->stack, 1, put_function, sink);
        return;
    }
    if (site->line == 0 && site->file.bytes > 0 && site->function.bytes > 0) {
        put_function_in(sink, site->function, site->file);
        return;
    }
    lmm_put_string(sink, site->file.bytes > 0 ? site->file : lmm_string_of("(unknown)"));
    if (site->line != 0) {
        lmm_sink_printf(sink, ":%" PRIu32, site->line);
    }
    if (site->line != 0 && site->function.bytes > 0) {
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, site->function);
        lmm_sink_puts(sink, ")");
    }
}

static size_t name_columns(struct lmm_string name, size_t widest)
{
    size_t columns = lmm_put_string(NULL, name);

    columns = columns < NAME_COLUMNS_MAX ? columns : NAME_COLUMNS_MAX;
    return columns > widest ? columns : widest;
}

/* ---- Lines and cells ------------------------------------------------------------------------- */

static void paint(const struct page *page, const char *escape)
{
    if (page->colour) {
        lmm_sink_puts(page->sink, escape);
    }
}

static void put_heading(const struct page *page, const char *text)
{
    paint(page, "\033[1m");
    lmm_sink_puts(page->sink, text);
    paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

static void put_sites_title(const struct page *page)
{
    if (page->model->order == NULL) {
        put_heading(page, "Sites that hold most");
    } else {
        paint(page, "\033[1m");
        lmm_sink_printf(page->sink, "Sites by %s", page->model->order);
        paint(page, "\033[0m");
        lmm_sink_puts(page->sink, "\n");
    }
}

static void put_cell(struct lmm_sink *sink, const char *cell, size_t width)
{
    size_t length = strlen(cell);

    lmm_sink_pad(sink, GAP + (width > length ? width - length : 0));
    lmm_sink_puts(sink, cell);
}

static void put_bytes(struct lmm_sink *sink, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_bytes(cell, bytes);
    lmm_sink_puts(sink, cell);
}

static void put_count(struct lmm_sink *sink, uint64_t count, const char *one, const char *many)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, count);
    lmm_sink_printf(sink, "%s %s", cell, lmm_plural(count, one, many));
}

static void write_cell(const struct column *column, const void *row, char *cell)
{
    const char *figure = (const char *) row + column->figure;
    const char *whole = (const char *) row + column->whole;

    switch (column->format) {
    case COUNT: lmm_write_count(cell, *(const uint64_t *) (const void *) figure); break;
    case BYTES: lmm_write_bytes(cell, *(const uint64_t *) (const void *) figure); break;
    case SHARE:
        lmm_write_share(cell, *(const uint32_t *) (const void *) figure,
                        *(const uint64_t *) (const void *) whole);
        break;
    }
}

static void start_widths(const struct column *columns, size_t count, size_t *widths)
{
    for (size_t i = 0; i < count; i++) {
        widths[i] = strlen(columns[i].heading);
    }
}

static void widen(const struct column *columns, size_t count, const void *row, size_t *widths)
{
    for (size_t i = 0; i < count; i++) {
        char cell[LMM_CELL_BYTES];

        write_cell(&columns[i], row, cell);
        widths[i] = strlen(cell) > widths[i] ? strlen(cell) : widths[i];
    }
}

static void put_headings(const struct page *page, const struct column *columns, size_t count,
                         const size_t *widths)
{
    for (size_t i = 0; i < count; i++) {
        put_cell(page->sink, columns[i].heading, widths[i]);
    }
}

/* Blank cells are made up for before the next one, so that no line ends with blanks. */
static void put_cells(const struct page *page, const struct column *columns, size_t count,
                      const size_t *widths, const void *row)
{
    size_t blank = 0;

    for (size_t i = 0; i < count; i++) {
        char cell[LMM_CELL_BYTES];

        if (row == &page->model->total && !columns[i].has_total) {
            blank += GAP + widths[i];
            continue;
        }
        write_cell(&columns[i], row, cell);
        lmm_sink_pad(page->sink, blank);
        put_cell(page->sink, cell, widths[i]);
        blank = 0;
    }
}

/* ---- Families -------------------------------------------------------------------------------- */

#define FAMILY(field) offsetof(struct lmm_model_family, field)

static const struct column block_columns[] = {
    {"size", COUNT, FAMILY(size_bytes), 0, false},
    {"live blocks", COUNT, FAMILY(live_blocks), 0, true},
    {"live bytes", BYTES, FAMILY(live_bytes), 0, true},
    {"peak bytes", BYTES, FAMILY(peak_bytes), 0, false},
    {"allocations", COUNT, FAMILY(allocations), 0, true},
    {"frees", COUNT, FAMILY(frees), 0, true},
};

static const struct column page_columns[] = {
    {"pages", COUNT, FAMILY(pages), 0, true},
    {"committed", BYTES, FAMILY(committed_bytes), 0, true},
    {"free slots", COUNT, FAMILY(free_slots), 0, false},
    {"occupancy", SHARE, FAMILY(occupancy_permille), FAMILY(committed_bytes), true},
    {"internal", SHARE, FAMILY(internal_permille), FAMILY(mapped_bytes), true},
    {"external", SHARE, FAMILY(external_permille), FAMILY(run_free_slots), false},
};

enum {
    BLOCK_COLUMNS = sizeof(block_columns) / sizeof(block_columns[0]),
    PAGE_COLUMNS = sizeof(page_columns) / sizeof(page_columns[0]),
    SITE_COLUMNS = 4,
    COLUMNS_MAX = 8,
};

_Static_assert((int) BLOCK_COLUMNS <= (int) COLUMNS_MAX, "widths fit");
_Static_assert((int) PAGE_COLUMNS <= (int) COLUMNS_MAX, "widths fit");

/* A family that never allocated and owns no page would be a row of zeroes. */
static bool has_row(const struct lmm_model_family *family)
{
    return family->sites > 0 || family->pages > 0;
}

static void put_family_row(const struct page *page, const struct column *columns, size_t count,
                           const size_t *widths, size_t name_width,
                           const struct lmm_model_family *family)
{
    lmm_sink_pad(page->sink, GAP);
    put_padded(page->sink, family->name, name_width);
    put_cells(page, columns, count, widths, family);
    lmm_sink_puts(page->sink, "\n");
}

/* Says how many rows are not shown, and what lives in them. */
static void put_rest(const struct page *page, struct lmm_model_rest rest, const char *one,
                     const char *many)
{
    if (rest.count > 0) {
        lmm_sink_pad(page->sink, GAP);
        lmm_sink_puts(page->sink, "and ");
        put_count(page->sink, rest.count, one, many);
        lmm_sink_puts(page->sink, " with ");
        put_count(page->sink, rest.live_blocks, "live block", "live blocks");
        lmm_sink_puts(page->sink, "\n");
    }
}

static void put_families(const struct page *page, const char *title, const struct column *columns,
                         size_t count)
{
    const struct lmm_model *model = page->model;
    size_t widths[COLUMNS_MAX];
    size_t name_width = name_columns(model->total.name, strlen(title) - GAP);

    start_widths(columns, count, widths);
    widen(columns, count, &model->total, widths);
    for (size_t i = 0; i < model->family_count; i++) {
        if (has_row(model->families[i])) {
            name_width = name_columns(model->families[i]->name, name_width);
            widen(columns, count, model->families[i], widths);
        }
    }
    lmm_sink_puts(page->sink, "\n");
    paint(page, "\033[1m");
    put_padded(page->sink, lmm_string_of(title), name_width + GAP);
    put_headings(page, columns, count, widths);
    paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
    for (size_t i = 0; i < model->family_count; i++) {
        if (has_row(model->families[i])) {
            put_family_row(page, columns, count, widths, name_width, model->families[i]);
        }
    }
    put_rest(page, model->hidden_families, "other family", "other families");
    put_family_row(page, columns, count, widths, name_width, &model->total);
}

/* Names the families that have no row, so that none is hidden. */
static void put_unused(const struct page *page)
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
    put_count(page->sink, unused, "family", "families");
    lmm_sink_puts(page->sink, " never allocated from: ");
    for (size_t i = 0; i < page->model->family_count && named < UNUSED_NAMES_MAX; i++) {
        if (!has_row(page->model->families[i])) {
            lmm_sink_puts(page->sink, named++ == 0 ? "" : ", ");
            lmm_put_string(page->sink, page->model->families[i]->name);
        }
    }
    if (named < unused) {
        lmm_sink_puts(page->sink, " and ");
        put_count(page->sink, unused - named, "other", "others");
    }
    lmm_sink_puts(page->sink, "\n");
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* Prints one call of a stack, "hire (hr.c:42)". */
static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct lmm_sink *sink = context;

    lmm_sink_pad(sink, STACK_INDENT);
    if (call->line != 0) {
        lmm_put_string(sink, call->function);
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, call->file);
        lmm_sink_printf(sink, ":%" PRIu32 ")", call->line);
    } else {
        put_function_in(sink, call->function, call->is_named ? call->module : lmm_string_of(""));
    }
    lmm_sink_puts(sink, call->is_inline ? " [inlined]\n" : "\n");
    return true;
}

/* Prints the stack of a site, as far as stacks are shown. */
static void put_stack(const struct page *page, const struct lmm_model_site *site)
{
    size_t shown = page->model->shown_calls;

    if (shown > 0 && !lmm_stack_walk(page->model, site->stack, shown, put_call, page->sink)) {
        lmm_sink_pad(page->sink, STACK_INDENT);
        lmm_sink_puts(page->sink, "...\n");
    }
}

/* ---- Sites ----------------------------------------------------------------------------------- */

#define SITE(field) offsetof(struct lmm_model_site, field)

static const struct column site_columns[SITE_COLUMNS] = {
    {"live bytes", BYTES, SITE(live_bytes), 0, true},
    {"live blocks", COUNT, SITE(live_blocks), 0, true},
    {"share", SHARE, SITE(share_permille), SITE(live_bytes), true},
    {"allocations", COUNT, SITE(allocations), 0, true},
};

static void put_site_row(const struct page *page, const struct lmm_model_site *site,
                         const size_t *widths, size_t name_width)
{
    put_cells(page, site_columns, SITE_COLUMNS, widths, site);
    lmm_sink_pad(page->sink, GAP);
    put_padded(page->sink, site->family->name, name_width);
    lmm_sink_pad(page->sink, GAP);
    put_place(page, site);
    lmm_sink_puts(page->sink, "\n");
    put_stack(page, site);
}

static void put_other_sites(const struct page *page, size_t shown)
{
    struct lmm_model_rest rest = page->model->hidden_sites;

    for (size_t i = shown; i < page->model->site_count; i++) {
        rest.count++;
        rest.live_blocks += page->model->sites[i].live_blocks;
    }
    put_rest(page, rest, "other site", "other sites");
}

static void put_sites(const struct page *page)
{
    const struct lmm_model *model = page->model;
    size_t shown = model->site_count < page->top_sites ? model->site_count : page->top_sites;
    struct lmm_string family = lmm_string_of("family");
    size_t name_width = family.bytes;
    size_t widths[COLUMNS_MAX];

    if (shown == 0) {
        return;
    }
    start_widths(site_columns, SITE_COLUMNS, widths);
    for (size_t i = 0; i < shown; i++) {
        name_width = name_columns(model->sites[i].family->name, name_width);
        widen(site_columns, SITE_COLUMNS, &model->sites[i], widths);
    }
    lmm_sink_puts(page->sink, "\n");
    put_sites_title(page);
    paint(page, "\033[1m");
    put_headings(page, site_columns, SITE_COLUMNS, widths);
    lmm_sink_pad(page->sink, GAP);
    put_padded(page->sink, family, name_width);
    lmm_sink_puts(page->sink, "  allocated at");
    paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
    for (size_t i = 0; i < shown; i++) {
        put_site_row(page, &model->sites[i], widths, name_width);
    }
    put_other_sites(page, shown);
}

/* ---- Totals ---------------------------------------------------------------------------------- */

static void put_amount(const struct page *page, const char *what, uint64_t bytes)
{
    lmm_sink_printf(page->sink, "  %-19s", what);
    put_bytes(page->sink, bytes);
    lmm_sink_puts(page->sink, "\n");
}

static void put_totals(const struct page *page)
{
    const struct lmm_model *model = page->model;

    lmm_sink_puts(page->sink, "\n");
    put_heading(page, "Totals");
    put_amount(page, "live", model->total.live_bytes);
    put_amount(page, "committed", model->total.committed_bytes);
    put_amount(page, "mapped", model->total.mapped_bytes);
    put_amount(page, "kept for reuse", model->reservoir_bytes);
    put_amount(page, "LMM's own records", model->overhead_bytes);
    if (model->peak_bytes > 0) {
        put_amount(page, "most that lived", model->peak_bytes);
    }
}

/* Returns what became of a process that does not keep these books any more, or NULL. */
static const char *fate_of(const struct lmm_model *model)
{
    switch (model->process) {
    case LMM_MODEL_EXITED: return "the process has exited; figures as it left them";
    case LMM_MODEL_LOST:
        return "the ledger could not grow, and the process went on without it; figures as they "
               "were "
               "then";
    case LMM_MODEL_KILLED: return "the process was killed; figures as it left them";
    case LMM_MODEL_REPLACED:
        return "the process became another program by exec; figures as it left them";
    default: return NULL;
    }
}

/* Prints what a reader must know to trust the figures; before stands before the first line. */
static void put_notes(const struct page *page, const char *before)
{
    const char *fate = fate_of(page->model);

    if (fate != NULL) {
        lmm_sink_printf(page->sink, "%snote: %s\n", before, fate);
        before = "";
    }
    if (page->model->sites_merged > 0) {
        lmm_sink_printf(page->sink,
                        "%snote: sites without an id of their own, counted at \"(other)\": %" PRIu64
                        "\n",
                        before, page->model->sites_merged);
        before = "";
    }
    if (!page->model->settled) {
        lmm_sink_printf(page->sink,
                        "%snote: counts were being moved while they were read, and may be off\n",
                        before);
    }
}

static void put_usage_summary(const struct page *page)
{
    const struct lmm_model_family *total = &page->model->total;
    uint64_t families = page->model->family_count + page->model->hidden_families.count;
    uint64_t sites = page->model->site_count + page->model->hidden_sites.count;

    lmm_sink_puts(page->sink, "\n");
    paint(page, "\033[1m");
    lmm_sink_printf(page->sink, "SUMMARY: %" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64 " live %s, ",
                    families, lmm_plural(families, "family", "families"), sites,
                    lmm_plural(sites, "site", "sites"), total->live_blocks,
                    lmm_plural(total->live_blocks, "block", "blocks"));
    lmm_sink_printf(page->sink, "%" PRIu64 " live %s, %" PRIu64 " committed %s, ",
                    total->live_bytes, lmm_plural(total->live_bytes, "byte", "bytes"),
                    total->committed_bytes, lmm_plural(total->committed_bytes, "byte", "bytes"));
    lmm_sink_printf(page->sink, "%" PRIu64 " %s, %" PRIu64 " %s", total->allocations,
                    lmm_plural(total->allocations, "allocation", "allocations"), total->frees,
                    lmm_plural(total->frees, "free", "frees"));
    paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

/* Prints "LMM: usage of wordindex (pid 4242)". */
static void put_title(const struct page *page, const char *what)
{
    paint(page, "\033[1m");
    lmm_sink_printf(page->sink, "LMM: %s of ", what);
    lmm_put_string(page->sink, page->model->program);
    lmm_sink_printf(page->sink, " (pid %" PRIu32 ")", page->model->pid);
    paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

static struct page page_of(const struct lmm_model *model, struct lmm_sink *sink,
                           const struct lmm_text_style *style)
{
    struct page page = {model, sink, false, LMM_TEXT_TOP_SITES};

    if (style != NULL) {
        page.colour = style->colour;
        page.top_sites = style->top_sites != 0 ? style->top_sites : LMM_TEXT_TOP_SITES;
    }
    return page;
}

int lmm_text_usage(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_text_style *style)
{
    struct page page = page_of(model, sink, style);

    put_title(&page, "usage report");
    put_families(&page, "Families", block_columns, BLOCK_COLUMNS);
    put_families(&page, "Their pages", page_columns, PAGE_COLUMNS);
    put_unused(&page);
    put_sites(&page);
    put_totals(&page);
    put_notes(&page, "\n");
    put_usage_summary(&page);
    return lmm_sink_flush(sink);
}

/* ---- Leaks ----------------------------------------------------------------------------------- */

static void put_leak(const struct page *page, const struct lmm_model_site *site)
{
    paint(page, "\033[31m");
    lmm_sink_puts(page->sink, "leak:");
    paint(page, "\033[0m");
    lmm_sink_printf(page->sink, " %" PRIu64 " %s, %" PRIu64 " %s of ", site->live_blocks,
                    lmm_plural(site->live_blocks, "block", "blocks"), site->live_bytes,
                    lmm_plural(site->live_bytes, "byte", "bytes"));
    lmm_put_string(page->sink, site->family->name);
    lmm_sink_puts(page->sink, " allocated at ");
    put_place(page, site);
    lmm_sink_puts(page->sink, "\n");
    put_stack(page, site);
}

static void put_leak_summary(const struct page *page, uint64_t sites)
{
    const struct lmm_model_family *total = &page->model->total;
    uint64_t families = 0;

    for (size_t i = 0; i < page->model->family_count; i++) {
        families += page->model->families[i]->live_blocks > 0;
    }
    paint(page, "\033[1m");
    lmm_sink_printf(
        page->sink,
        "SUMMARY: %" PRIu64 " leaked %s, %" PRIu64 " %s, in %" PRIu64 " %s, %" PRIu64 " %s",
        total->live_blocks, lmm_plural(total->live_blocks, "block", "blocks"), total->live_bytes,
        lmm_plural(total->live_bytes, "byte", "bytes"), families,
        lmm_plural(families, "family", "families"), sites, lmm_plural(sites, "site", "sites"));
    paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

int lmm_text_leaks(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_text_style *style)
{
    struct page page = page_of(model, sink, style);
    uint64_t sites = 0;

    if (model->total.live_blocks == 0) {
        return lmm_sink_flush(sink);
    }
    put_title(&page, "leak report");
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].live_blocks > 0) {
            put_leak(&page, &model->sites[i]);
            sites++;
        }
    }
    put_notes(&page, "");
    put_leak_summary(&page, sites);
    return lmm_sink_flush(sink);
}
