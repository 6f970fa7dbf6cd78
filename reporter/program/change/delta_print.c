/* SPDX-License-Identifier: MIT */
/* delta_print: see delta_print.h for the contract. */
#include "reporter/program/change/delta_print.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/base/json_value.h"
#include "reporter/core/words.h"

enum {
    JSON_SCHEMA_VERSION = 1,
};

static size_t count_changed(const struct lmm_delta_row *rows, size_t count)
{
    size_t changed = 0;

    for (size_t i = 0; i < count; i++) {
        changed += lmm_delta_row_changed(&rows[i]);
    }
    return changed;
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

static void add_row(struct lmm_grid *grid, const struct lmm_delta_row *row)
{
    lmm_grid_change(grid, lmm_change_growth(row->live_bytes));
    lmm_grid_change(grid, lmm_change_growth(row->live_blocks));
    lmm_grid_change(grid, lmm_change_growth(row->allocations));
    lmm_grid_change(grid, lmm_change_growth(row->frees));
    lmm_grid_count(grid, row->live_bytes.after);
    lmm_grid_string(grid, row->family);
    if (grid->count == SITE_COLUMNS) {
        lmm_grid_text(grid, only_in(row));
        lmm_grid_end_cell(
            grid, lmm_put_place(lmm_grid_begin_cell(grid), row->file, row->line, row->function));
    }
    lmm_grid_end_row(grid);
}

/* Adds the rows that changed, at most `top`. */
static void add_rows(struct lmm_grid *grid, const struct lmm_delta_row *rows, size_t count,
                     size_t top)
{
    for (size_t i = 0; i < count && top > 0; i++) {
        if (lmm_delta_row_changed(&rows[i])) {
            add_row(grid, &rows[i]);
            top--;
        }
    }
}

static void put_rows(struct lmm_sink *sink, const char *one, const char *many,
                     const struct lmm_delta_row *rows, size_t count, size_t top,
                     size_t column_count)
{
    size_t changed = count_changed(rows, count);
    struct lmm_grid grid;

    if (changed > 0) {
        lmm_sink_printf(sink, "\n%zu %s changed\n", changed, lmm_plural(changed, one, many));
        lmm_grid_init(&grid, columns, column_count, 0, sink);
        add_rows(&grid, rows, count, top);
        lmm_grid_put_headings(&grid);
        add_rows(&grid, rows, count, top);
    }
    if (changed > top) {
        lmm_sink_printf(sink, "... and %zu more %s\n", changed - top,
                        lmm_plural(changed - top, one, many));
    }
}

static void put_process(struct lmm_sink *sink, const struct lmm_model *model)
{
    lmm_put_string(sink, model->program);
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

static void put_notes(struct lmm_sink *sink, const struct lmm_delta *delta)
{
    if (!delta->same_program) {
        lmm_sink_puts(sink, "note: these are different programs\n");
    } else if (!delta->same_process) {
        lmm_sink_puts(sink, "note: these are different processes of one program\n");
    }
    if (delta->backwards) {
        lmm_sink_puts(sink, "note: the second is older than the first\n");
    }
    if (!delta->before->settled || !delta->after->settled) {
        lmm_sink_puts(sink, "note: counts were being moved while they were read, and may be off\n");
    }
}

static void put_change(struct lmm_sink *sink, struct lmm_change change, const char *one,
                       const char *many)
{
    int64_t growth = lmm_change_growth(change);

    lmm_sink_printf(sink, "%s%" PRId64 " %s", growth > 0 ? "+" : "", growth,
                    growth == 1 || growth == -1 ? one : many);
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

int lmm_delta_text(const struct lmm_delta *delta, size_t top, struct lmm_sink *sink)
{
    top = top != 0 ? top : LMM_DELTA_TOP;
    put_title(sink, delta);
    put_notes(sink, delta);
    put_rows(sink, "family", "families", delta->families, delta->family_count, top, FAMILY_COLUMNS);
    put_rows(sink, "site", "sites", delta->sites, delta->site_count, top, SITE_COLUMNS);
    put_summary(sink, delta);
    return lmm_sink_flush(sink);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Each returns a value that json_object_set_new() takes over, or NULL, which it takes for a failure. */

static json_t *change(struct lmm_change figure)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "before", lmm_json_number(figure.before));

    failed |= json_object_set_new(object, "after", lmm_json_number(figure.after));
    failed |= json_object_set_new(object, "growth", json_integer(lmm_change_growth(figure)));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static int add_changes(json_t *object, const struct lmm_delta_row *row)
{
    return json_object_set_new(object, "live_bytes", change(row->live_bytes)) |
           json_object_set_new(object, "live_blocks", change(row->live_blocks)) |
           json_object_set_new(object, "allocations", change(row->allocations)) |
           json_object_set_new(object, "frees", change(row->frees));
}

static json_t *total_row(const struct lmm_delta_row *row)
{
    json_t *object = json_object();

    if (add_changes(object, row) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *named_row(const struct lmm_delta_row *row, bool site)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "family", lmm_json_string(row->family));

    if (site) {
        failed |= json_object_set_new(object, "file", lmm_json_string(row->file));
        failed |= json_object_set_new(object, "line", lmm_json_number(row->line));
        failed |= json_object_set_new(object, "function", lmm_json_string(row->function));
    }
    failed |= json_object_set_new(object, "in_before", json_boolean(row->in_before));
    failed |= json_object_set_new(object, "in_after", json_boolean(row->in_after));
    failed |= add_changes(object, row);
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *row_list(const struct lmm_delta_row *rows, size_t count, size_t top, bool sites)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < count && json_array_size(list) < top; i++) {
        if (lmm_delta_row_changed(&rows[i]) &&
            json_array_append_new(list, named_row(&rows[i], sites)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *process(const struct lmm_model *model)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "program", lmm_json_string(model->program));

    failed |= json_object_set_new(object, "pid", lmm_json_number(model->pid));
    failed |= json_object_set_new(object, "start_time_ns", lmm_json_number(model->start_time_ns));
    failed |= json_object_set_new(object, "end_time_ns", lmm_json_number(model->end_time_ns));
    failed |=
        json_object_set_new(object, "snapshot_time_ns", lmm_json_number(model->snapshot_time_ns));
    failed |= json_object_set_new(object, "settled", json_boolean(model->settled));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *document(const struct lmm_delta *delta, size_t top)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "schema", json_string("lmm-diff"));

    failed |= json_object_set_new(object, "schema_version", json_integer(JSON_SCHEMA_VERSION));
    failed |= json_object_set_new(object, "before", process(delta->before));
    failed |= json_object_set_new(object, "after", process(delta->after));
    failed |= json_object_set_new(object, "same_program", json_boolean(delta->same_program));
    failed |= json_object_set_new(object, "same_process", json_boolean(delta->same_process));
    failed |= json_object_set_new(object, "backwards", json_boolean(delta->backwards));
    failed |= json_object_set_new(object, "totals", total_row(&delta->total));
    failed |= json_object_set_new(object, "families",
                                  row_list(delta->families, delta->family_count, top, false));
    failed |=
        json_object_set_new(object, "sites", row_list(delta->sites, delta->site_count, top, true));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* json_dumpf() cannot tell a failed write from want of memory; out knows about writes. */
int lmm_delta_json(const struct lmm_delta *delta, size_t top, FILE *out)
{
    json_t *object = document(delta, top != 0 ? top : SIZE_MAX);
    int failed;

    if (object == NULL) {
        return -ENOMEM;
    }
    failed = json_dumpf(object, out, JSON_INDENT(2));
    json_decref(object);
    fputs("\n", out);
    return failed != 0 && !ferror(out) ? -ENOMEM : 0;
}
