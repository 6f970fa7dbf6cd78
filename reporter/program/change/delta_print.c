/* SPDX-License-Identifier: MIT */
#include "reporter/program/change/delta_print.h"

#include <inttypes.h>

#include "reporter/core/grid.h"
#include "reporter/core/json.h"
#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/site_type.h"
#include "reporter/core/stack.h"
#include "reporter/program/change/delta.h"
#include "reporter/core/words.h"

enum {
    JSON_SCHEMA_VERSION = 1,
    STACK_INDENT = 6,
    CALL_INDENT = 8,
};

static size_t count_changed(const struct lmm_delta_row *rows, size_t count)
{
    size_t changed = 0;

    for (size_t i = 0; i < count; i++) {
        changed += lmm_delta_row_changed(&rows[i]);
    }
    return changed;
}

static bool is_shown(const struct lmm_delta_look *look, const struct lmm_delta_row *row)
{
    return look->all || lmm_delta_row_changed(row);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static const struct lmm_grid_column columns[] = {
    {.heading = "BYTES", .right = true},
    {.heading = "BLOCKS", .right = true},
    {.heading = "ALLOCATIONS", .right = true},
    {.heading = "FREES", .right = true},
    {.heading = "LIVE-BYTES", .right = true},
    {.heading = "FAMILY"},
    {.heading = "ONLY-IN"},
    {.heading = "ALLOCATED-AT"},
};

enum {
    SITE_COLUMNS = sizeof(columns) / sizeof(columns[0]),
    FAMILY_COLUMNS = SITE_COLUMNS - 2,
};

static const char *only_in(const struct lmm_delta_row *row)
{
    if (row->in_before && row->in_after) {
        return "";
    }
    return row->in_after ? "second" : "first";
}

/* Adds a row; the id of a site names it only while both models are of one process. */
static void add_row(struct lmm_grid *grid, const struct lmm_delta_row *row, bool has_id)
{
    lmm_grid_change(grid, lmm_delta_change_growth(row->live_bytes));
    lmm_grid_change(grid, lmm_delta_change_growth(row->live_blocks));
    lmm_grid_change(grid, lmm_delta_change_growth(row->allocations));
    lmm_grid_change(grid, lmm_delta_change_growth(row->frees));
    lmm_grid_count(grid, row->live_bytes.after);
    lmm_grid_string(grid, row->family);
    if (grid->count == SITE_COLUMNS) {
        lmm_grid_text(grid, only_in(row));
        struct lmm_sink *sink = lmm_grid_begin_cell(grid);
        size_t width = lmm_put_place(sink, row->file, row->line, row->function);

        width += has_id ? lmm_put_id(sink, row->id) : 0;
        lmm_grid_end_cell(grid, width);
    }
    lmm_grid_end_row(grid);
}

static void put_change(struct lmm_sink *sink, struct lmm_delta_change change, const char *one,
                       const char *many)
{
    int64_t growth = lmm_delta_change_growth(change);

    lmm_sink_printf(sink, "%s%" PRId64 " %s", growth > 0 ? "+" : "", growth,
                    growth == 1 || growth == -1 ? one : many);
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct lmm_sink *sink = context;

    lmm_sink_pad(sink, CALL_INDENT);
    lmm_stack_put_call(sink, call);
    lmm_sink_puts(sink, "\n");
    return true;
}

/* Puts "      +540 bytes, +11 blocks from", and the stack. */
static void put_stack(struct lmm_sink *sink, const struct lmm_delta *delta,
                      const struct lmm_delta_row *stack)
{
    lmm_sink_pad(sink, STACK_INDENT);
    put_change(sink, stack->live_bytes, "byte", "bytes");
    lmm_sink_puts(sink, ", ");
    put_change(sink, stack->live_blocks, "block", "blocks");
    lmm_sink_puts(sink, " from\n");
    lmm_stack_walk(lmm_delta_model_of(delta, stack), stack->stack, SIZE_MAX, put_call, sink);
}

static void put_stacks(struct lmm_sink *sink, const struct lmm_delta *delta,
                       const struct lmm_delta_look *look, const struct lmm_delta_row *row)
{
    size_t left = look->stacks;
    size_t hidden = 0;

    for (size_t i = 0; i < row->stack_count && look->stacks > 0; i++) {
        if (!is_shown(look, &row->stacks[i])) {
            continue;
        }
        if (left > 0) {
            put_stack(sink, delta, &row->stacks[i]);
            left--;
        } else {
            hidden++;
        }
    }
    if (hidden > 0) {
        lmm_sink_pad(sink, STACK_INDENT);
        lmm_sink_puts(sink, "... ");
        lmm_put_count(sink, hidden, "more stack", "more stacks");
        lmm_sink_puts(sink, ": --stacks-per-row\n");
    }
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* A list of families or of sites. */
struct list {
    const struct lmm_delta *delta;
    const struct lmm_delta_look *look;
    const char *one; /* what a row is */
    const char *many;
    const struct lmm_delta_row *rows;
    size_t count;
    size_t columns;
    const char *more; /* the option that shows all rows */
};

/* Adds the rows that are shown, at most `top`; prints their stacks, too, if has_stacks. */
static void add_rows(const struct list *list, struct lmm_grid *grid, bool has_stacks)
{
    size_t top = list->look->top;
    bool has_ids = list->delta->same_process && list->delta->after->has_row_ids;

    for (size_t i = 0; i < list->count && top > 0; i++) {
        if (is_shown(list->look, &list->rows[i])) {
            add_row(grid, &list->rows[i], has_ids);
            if (has_stacks) {
                put_stacks(grid->sink, list->delta, list->look, &list->rows[i]);
            }
            top--;
        }
    }
}

static void put_rows(const struct list *list, struct lmm_sink *sink)
{
    size_t changed = count_changed(list->rows, list->count);
    size_t shown = list->look->all ? list->count : changed;
    size_t top = list->look->top;
    struct lmm_grid grid;

    if (shown > 0) {
        lmm_sink_printf(sink, "\n%zu %s changed\n", changed,
                        lmm_plural(changed, list->one, list->many));
        lmm_grid_init(&grid, columns, list->columns, 0, sink);
        add_rows(list, &grid, false);
        lmm_grid_put_headings(&grid);
        add_rows(list, &grid, true);
    }
    if (shown > top) {
        lmm_sink_printf(sink, "... and %zu more %s: %s\n", shown - top,
                        lmm_plural(shown - top, list->one, list->many), list->more);
    }
}

static void put_process(struct lmm_sink *sink, const struct lmm_model *model)
{
    lmm_put_string(sink, lmm_model_name(model));
    lmm_sink_printf(sink, " (pid %" PRIu32 ")", model->pid);
}

static void put_title(struct lmm_sink *sink, const struct lmm_delta *delta)
{
    lmm_sink_puts(sink, "LMM: change from ");
    put_process(sink, delta->before);
    lmm_sink_puts(sink, " to ");
    put_process(sink, delta->after);
    lmm_sink_puts(sink, "\n");
}

static void put_loss(struct lmm_sink *sink, const char *which, const struct lmm_model *model)
{
    if (model->process == LMM_MODEL_LOST) {
        lmm_sink_printf(sink,
                        "note: the ledger of the %s could not grow; its figures are of that "
                        "moment\n",
                        which);
    }
}

static void put_notes(struct lmm_sink *sink, const struct lmm_delta *delta)
{
    put_loss(sink, "first", delta->before);
    put_loss(sink, "second", delta->after);
    if (!delta->same_program) {
        lmm_sink_puts(sink, "note: these are different programs\n");
    } else if (!delta->same_process) {
        lmm_sink_puts(sink, "note: these are different processes of one program\n");
    }
    if (delta->backwards) {
        lmm_sink_puts(sink, "note: the second is older than the first\n");
    }
    if (!delta->before->settled || !delta->after->settled) {
        lmm_sink_puts(sink,
                      "note: counters were moved while they were read; figures may be inexact\n");
    }
}

static void put_summary(struct lmm_sink *sink, const struct lmm_delta *delta)
{
    const struct lmm_delta_row *total = &delta->total;

    lmm_sink_puts(sink, "\nSUMMARY: ");
    put_change(sink, total->live_blocks, "live block", "live blocks");
    lmm_sink_puts(sink, ", ");
    put_change(sink, total->live_bytes, "live byte", "live bytes");
    lmm_sink_printf(sink, " (%" PRIu64 " -> %" PRIu64 "), ", total->live_bytes.before,
                    total->live_bytes.after);
    put_change(sink, total->allocations, "allocation", "allocations");
    lmm_sink_puts(sink, ", ");
    put_change(sink, total->frees, "free", "frees");
    lmm_sink_puts(sink, "\n");
}

int lmm_delta_text(const struct lmm_delta *delta, const struct lmm_delta_look *look,
                   struct lmm_sink *sink)
{
    bool is_brief = look->brief_families;
    struct lmm_model_word word = delta->after->row_word;
    struct lmm_delta_look usual = *look;
    struct lmm_delta_look brief = *look;
    const struct list families = {.delta = delta,
                                  .look = is_brief ? &brief : &usual,
                                  .one = is_brief ? "size class" : "family",
                                  .many = is_brief ? "size classes" : "families",
                                  .rows = delta->families,
                                  .count = delta->family_count,
                                  .columns = FAMILY_COLUMNS,
                                  .more = is_brief ? "--by family" : "--top"};
    const struct list sites = {.delta = delta,
                               .look = &usual,
                               .one = word.one == NULL ? "site" : word.one,
                               .many = word.one == NULL ? "sites" : word.many,
                               .rows = delta->sites,
                               .count = delta->site_count,
                               .columns = SITE_COLUMNS,
                               .more = "--top"};

    usual.top = look->top != 0 ? look->top : LMM_DELTA_TOP;
    brief.top = usual.top < LMM_DELTA_BRIEF_FAMILIES ? usual.top : LMM_DELTA_BRIEF_FAMILIES;
    put_title(sink, delta);
    put_notes(sink, delta);
    put_rows(is_brief ? &sites : &families, sink);
    put_rows(is_brief ? &families : &sites, sink);
    put_summary(sink, delta);
    return lmm_sink_flush(sink);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_figure(struct lmm_json *json, const char *key, struct lmm_delta_change figure)
{
    lmm_json_begin_object(json, key, LMM_JSON_LINES);
    lmm_json_u64(json, "before", figure.before);
    lmm_json_u64(json, "after", figure.after);
    lmm_json_i64(json, "growth", lmm_delta_change_growth(figure));
    lmm_json_end_object(json);
}

static void put_figures(struct lmm_json *json, const struct lmm_delta_row *row)
{
    put_figure(json, "live_bytes", row->live_bytes);
    put_figure(json, "live_blocks", row->live_blocks);
    put_figure(json, "allocations", row->allocations);
    put_figure(json, "frees", row->frees);
}

/* Puts the stacks of a row of sites, each with its changes and calls. */
static void put_stack_list(struct lmm_json *json, const struct lmm_delta *delta,
                           const struct lmm_delta_look *look, const struct lmm_delta_row *row)
{
    size_t left = look->stacks;

    lmm_json_begin_array(json, "stacks", LMM_JSON_LINES);
    for (size_t i = 0; i < row->stack_count && left > 0; i++) {
        const struct lmm_delta_row *stack = &row->stacks[i];

        if (!is_shown(look, stack)) {
            continue;
        }
        lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
        lmm_json_bool(json, "in_before", stack->in_before);
        lmm_json_bool(json, "in_after", stack->in_after);
        put_figures(json, stack);
        lmm_json_stack(json, "calls", lmm_delta_model_of(delta, stack), stack->stack, SIZE_MAX,
                       LMM_JSON_ONE_LINE);
        lmm_json_end_object(json);
        left--;
    }
    lmm_json_end_array(json);
}

static void put_row(struct lmm_json *json, const struct list *list, const struct lmm_delta_row *row)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_string(json, "family", row->family);
    if (list->columns == SITE_COLUMNS) {
        lmm_json_string(json, "file", row->file);
        lmm_json_u64(json, "line", row->line);
        lmm_json_string(json, "function", row->function);
        lmm_json_type(json, lmm_delta_model_of(list->delta, row), row->site);
    }
    lmm_json_bool(json, "in_before", row->in_before);
    lmm_json_bool(json, "in_after", row->in_after);
    put_figures(json, row);
    if (list->columns == SITE_COLUMNS && list->look->stacks > 0) {
        put_stack_list(json, list->delta, list->look, row);
    }
    lmm_json_end_object(json);
}

static void put_row_list(struct lmm_json *json, const struct list *list)
{
    size_t top = list->look->top != 0 ? list->look->top : SIZE_MAX;

    lmm_json_begin_array(json, list->many, LMM_JSON_LINES);
    for (size_t i = 0; i < list->count && top > 0; i++) {
        if (is_shown(list->look, &list->rows[i])) {
            put_row(json, list, &list->rows[i]);
            top--;
        }
    }
    lmm_json_end_array(json);
}

static void put_model(struct lmm_json *json, const char *key, const struct lmm_model *model)
{
    lmm_json_begin_object(json, key, LMM_JSON_LINES);
    lmm_json_string(json, "program", model->program);
    lmm_json_u64(json, "pid", model->pid);
    lmm_json_u64(json, "start_time_ns", model->start_time_ns);
    lmm_json_u64(json, "end_time_ns", model->end_time_ns);
    lmm_json_u64(json, "snapshot_time_ns", model->snapshot_time_ns);
    lmm_json_bool(json, "settled", model->settled);
    lmm_json_bool(json, "lost", model->process == LMM_MODEL_LOST);
    lmm_json_end_object(json);
}

int lmm_delta_json(const struct lmm_delta *delta, const struct lmm_delta_look *look,
                   struct lmm_sink *sink)
{
    struct lmm_json writer;
    struct lmm_json *json = &writer;
    const struct list families = {.delta = delta,
                                  .look = look,
                                  .many = "families",
                                  .rows = delta->families,
                                  .count = delta->family_count,
                                  .columns = FAMILY_COLUMNS};
    const struct list sites = {.delta = delta,
                               .look = look,
                               .many = "sites",
                               .rows = delta->sites,
                               .count = delta->site_count,
                               .columns = SITE_COLUMNS};

    lmm_json_init(json, sink);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", "lmm-diff");
    lmm_json_u64(json, "schema_version", JSON_SCHEMA_VERSION);
    put_model(json, "before", delta->before);
    put_model(json, "after", delta->after);
    lmm_json_bool(json, "same_program", delta->same_program);
    lmm_json_bool(json, "same_process", delta->same_process);
    lmm_json_bool(json, "backwards", delta->backwards);
    lmm_json_begin_object(json, "totals", LMM_JSON_LINES);
    put_figures(json, &delta->total);
    lmm_json_end_object(json);
    put_row_list(json, &families);
    put_row_list(json, &sites);
    lmm_json_end_object(json);
    return lmm_json_finish(json);
}
