/* SPDX-License-Identifier: MIT */
#include "reporter/program/change/watch_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/names.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/growth.h"

enum {
    WATCH_SCHEMA_VERSION = 1,
    SECONDS_PER_HOUR = 3600,
    RATE_SMALL = 10, /* bytes per second; a lower rate is shown with a decimal */
};

/* ---- Lines ----------------------------------------------------------------------------------- */

/* A lmm_sink_write_fn; a write that fails sets the error indicator of stdout. */
static int to_stdout(void *context, const char *data, size_t bytes)
{
    (void) context;
    fwrite(data, 1, bytes, stdout);
    return 0;
}

static double seconds(uint64_t ns)
{
    return (double) ns / (double) LMM_NS_PER_SECOND;
}

/* Returns events per second; 0 if the counter went back, which only a damaged ledger does. */
static uint64_t rate_of(struct lmm_delta_change change, uint64_t ns)
{
    int64_t growth = lmm_delta_change_growth(change);

    return growth <= 0 ? 0 : (uint64_t) ((double) growth / seconds(ns) + 0.5);
}

/* Each line is printed at its reading, so the columns have fixed widths. */
static const struct lmm_grid_column line_columns[] = {
    {.heading = "TIME", .right = true, .width_min = 9},
    {.heading = "LIVE-BYTES", .right = true, .width_min = 19},
    {.heading = "CHANGE", .right = true, .width_min = 15},
    {.heading = "ALLOCS/S", .right = true, .width_min = 11},
    {.heading = "FREES/S", .right = true, .width_min = 11},
    {.heading = "GREW-MOST"},
};

/* Returns the row that grew most; NULL: none grew. */
static const struct lmm_delta_row *fastest_of(const struct lmm_watch_print *print,
                                              const struct lmm_delta *delta)
{
    size_t count = print->names_rows ? delta->site_count : delta->family_count;
    const struct lmm_delta_row *rows = print->names_rows ? delta->sites : delta->families;

    return count > 0 && lmm_delta_change_growth(rows[0].live_bytes) > 0 ? &rows[0] : NULL;
}

/* Adds "word_t +4,096" or "hr.c:42 (hire) +4,096", or "-" if nothing grew. */
static void add_fastest(struct lmm_watch_print *print, const struct lmm_delta_row *row)
{
    char cell[LMM_CELL_BYTES + 1] = " ";
    size_t columns;

    if (row == NULL) {
        lmm_grid_text(&print->lines, "-");
        return;
    }
    struct lmm_sink *sink = lmm_grid_begin_cell(&print->lines);

    if (print->names_rows) {
        columns =
            lmm_put_place(sink, lmm_model_last_component(row->file), row->line, row->function);
    } else {
        columns = lmm_put_string(sink, row->family);
    }
    lmm_write_change(cell + 1, lmm_delta_change_growth(row->live_bytes));
    lmm_grid_end_cell(&print->lines, columns + lmm_put_string(sink, lmm_string_of(cell)));
}

static void put_text_line(struct lmm_watch_print *print, const struct lmm_delta *delta,
                          uint64_t time_ns, uint64_t passed_ns)
{
    char time[LMM_CELL_BYTES];

    snprintf(time, sizeof(time), "%.2fs", seconds(time_ns));
    lmm_grid_text(&print->lines, time);
    lmm_grid_count(&print->lines, delta->total.live_bytes.after);
    lmm_grid_change(&print->lines, lmm_delta_change_growth(delta->total.live_bytes));
    lmm_grid_count(&print->lines, rate_of(delta->total.allocations, passed_ns));
    lmm_grid_count(&print->lines, rate_of(delta->total.frees, passed_ns));
    add_fastest(print, fastest_of(print, delta));
    lmm_grid_end_row(&print->lines);
    lmm_sink_flush(&print->sink);
}

/* ---- The end, as text ------------------------------------------------------------------------ */

static const struct lmm_grid_column growing_columns[] = {
    {.heading = "BYTES/S", .right = true},
    {.heading = "GREW-BY", .right = true},
    {.heading = "LIVE-BYTES", .right = true},
    {.heading = "FAMILY"},
    {.heading = "ALLOCATED-AT"},
};

static void add_rate(struct lmm_grid *grid, uint64_t bytes_per_hour)
{
    char cell[LMM_CELL_BYTES];
    uint64_t tenths = (bytes_per_hour * 10 + SECONDS_PER_HOUR / 2) / SECONDS_PER_HOUR;

    if (bytes_per_hour < (uint64_t) RATE_SMALL * SECONDS_PER_HOUR) {
        snprintf(cell, sizeof(cell), "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
    } else {
        lmm_write_count(cell, (bytes_per_hour + SECONDS_PER_HOUR / 2) / SECONDS_PER_HOUR);
    }
    lmm_grid_text(grid, cell);
}

static void add_growing(struct lmm_grid *grid, const struct lmm_watch_end *end, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct lmm_model_site *site = end->growing[i].site;
        struct lmm_delta_change change = {end->growing[i].first_bytes, site->live_bytes};

        add_rate(grid, end->growing[i].bytes_per_hour);
        lmm_grid_change(grid, lmm_delta_change_growth(change));
        lmm_grid_count(grid, site->live_bytes);
        lmm_grid_string(grid, site->family->name);
        struct lmm_sink *sink = lmm_grid_begin_cell(grid);
        size_t columns = lmm_put_place(sink, site->file, site->line, site->function);

        columns += end->has_ids ? lmm_put_id(sink, site->id) : 0;
        lmm_grid_end_cell(grid, columns);
        lmm_grid_end_row(grid);
    }
}

static void put_growing(struct lmm_sink *sink, const struct lmm_watch_end *end, size_t count)
{
    struct lmm_grid grid;

    lmm_grid_init(&grid, LMM_GRID_COLUMNS(growing_columns), 0, sink);
    add_growing(&grid, end, count);
    lmm_grid_put_headings(&grid);
    add_growing(&grid, end, count);
    lmm_sink_flush(sink);
}

static void put_verdict(struct lmm_watch_print *print, const struct lmm_watch_end *end)
{
    size_t shown = end->count < end->top ? end->count : end->top;

    if (end->moments < LMM_GROWTH_MOMENTS_MIN) {
        printf("too few readings to tell which %s grow steadily: %zu of %d\n", end->row_word.many,
               end->moments, (int) LMM_GROWTH_MOMENTS_MIN);
    } else if (end->count == 0) {
        printf("no %s grows steadily\n", end->row_word.one);
    } else {
        printf("%zu %s %s steadily:\n", end->count,
               lmm_plural(end->count, end->row_word.one, end->row_word.many),
               lmm_plural(end->count, "grows", "grow"));
        put_growing(&print->sink, end, shown);
    }
    if (shown < end->count) {
        printf("... and %zu more: --top\n", end->count - shown);
    }
}

static bool put_text_end(struct lmm_watch_print *print, const struct lmm_watch_end *end)
{
    struct lmm_delta_change change = {end->first_bytes, end->model->total.live_bytes};
    char *program = lmm_name_escaped(lmm_model_name(end->model));
    char growth[LMM_CELL_BYTES];

    if (program == NULL) {
        return false;
    }
    lmm_write_change(growth, lmm_delta_change_growth(change));
    if (end->reason != NULL) {
        printf("\nended early: %s", end->reason);
    }
    printf("\n%s (pid %" PRIu32 "), %.1f s, %zu %s: live bytes %s\n", program, end->model->pid,
           seconds(end->passed_ns), end->readings, lmm_plural(end->readings, "reading", "readings"),
           growth);
    free(program);
    put_verdict(print, end);
    if (end->note != NULL) {
        lmm_sink_puts(&print->sink, "note: ");
        lmm_put_string(&print->sink, lmm_string_of(end->note));
        lmm_sink_puts(&print->sink, "\n");
        lmm_sink_flush(&print->sink);
    }
    return true;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void begin_object(struct lmm_json *json, struct lmm_watch_print *print, const char *kind)
{
    lmm_json_init(json, &print->sink);
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_text(json, "schema", "lmm-watch");
    lmm_json_u64(json, "schema_version", WATCH_SCHEMA_VERSION);
    lmm_json_text(json, "kind", kind);
}

static void put_place(struct lmm_json *json, struct lmm_string file, uint32_t line,
                      struct lmm_string function)
{
    lmm_json_string(json, "file", file);
    lmm_json_u64(json, "line", line);
    lmm_json_string(json, "function", function);
}

static void put_fastest(struct lmm_json *json, const struct lmm_delta_row *row)
{
    if (row == NULL) {
        lmm_json_null(json, "grew_most");
        return;
    }
    lmm_json_begin_object(json, "grew_most", LMM_JSON_ONE_LINE);
    lmm_json_string(json, "family", row->family);
    put_place(json, row->file, row->line, row->function);
    lmm_json_i64(json, "bytes", lmm_delta_change_growth(row->live_bytes));
    lmm_json_end_object(json);
}

static void put_json_line(struct lmm_watch_print *print, const struct lmm_delta *delta,
                          uint64_t time_ns, uint64_t passed_ns)
{
    struct lmm_json json;

    begin_object(&json, print, "reading");
    lmm_json_u64(&json, "time_ns", time_ns);
    lmm_json_u64(&json, "passed_ns", passed_ns);
    lmm_json_u64(&json, "live_bytes", delta->total.live_bytes.after);
    lmm_json_u64(&json, "live_blocks", delta->total.live_blocks.after);
    lmm_json_i64(&json, "change_bytes", lmm_delta_change_growth(delta->total.live_bytes));
    lmm_json_i64(&json, "allocations", lmm_delta_change_growth(delta->total.allocations));
    lmm_json_i64(&json, "frees", lmm_delta_change_growth(delta->total.frees));
    put_fastest(&json, fastest_of(print, delta));
    lmm_json_end_object(&json);
    lmm_json_finish(&json);
}

static void put_json_site(struct lmm_json *json, const struct lmm_model *model,
                          const struct lmm_growing *growing)
{
    const struct lmm_model_site *site = growing->site;

    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "id", site->id);
    lmm_json_string(json, "family", site->family->name);
    put_place(json, site->file, site->line, site->function);
    lmm_json_type(json, model, site);
    lmm_json_u64(json, "bytes_per_hour", growing->bytes_per_hour);
    lmm_json_u64(json, "first_bytes", growing->first_bytes);
    lmm_json_u64(json, "live_bytes", site->live_bytes);
    lmm_json_u64(json, "live_blocks", site->live_blocks);
    lmm_json_end_object(json);
}

static void put_json_end(struct lmm_watch_print *print, const struct lmm_watch_end *end)
{
    struct lmm_delta_change change = {end->first_bytes, end->model->total.live_bytes};
    size_t shown = end->count < end->top ? end->count : end->top;
    struct lmm_json json;

    begin_object(&json, print, "end");
    lmm_json_string(&json, "program", end->model->program);
    lmm_json_u64(&json, "pid", end->model->pid);
    lmm_json_text(&json, "ended_early", end->reason == NULL ? "" : end->reason);
    lmm_json_u64(&json, "time_ns", end->passed_ns);
    lmm_json_u64(&json, "readings", end->readings);
    lmm_json_u64(&json, "moments", end->moments);
    lmm_json_bool(&json, "enough", end->moments >= LMM_GROWTH_MOMENTS_MIN);
    lmm_json_i64(&json, "change_bytes", lmm_delta_change_growth(change));
    lmm_json_u64(&json, "left_out", end->count - shown);
    lmm_json_begin_array(&json, "steady", LMM_JSON_ONE_LINE);
    for (size_t i = 0; i < shown; i++) {
        put_json_site(&json, end->model, &end->growing[i]);
    }
    lmm_json_end_array(&json);
    lmm_json_end_object(&json);
    lmm_json_finish(&json);
}

/* ---- Both ------------------------------------------------------------------------------------ */

void lmm_watch_print_start(struct lmm_watch_print *print)
{
    lmm_sink_init(&print->sink, to_stdout, NULL);
    if (!print->is_json) {
        lmm_grid_init(&print->lines, LMM_GRID_COLUMNS(line_columns), 0, &print->sink);
        lmm_grid_put_headings(&print->lines);
        lmm_sink_flush(&print->sink);
    }
}

void lmm_watch_print_line(struct lmm_watch_print *print, const struct lmm_delta *delta,
                          uint64_t time_ns, uint64_t passed_ns)
{
    (print->is_json ? put_json_line : put_text_line)(print, delta, time_ns, passed_ns);
}

bool lmm_watch_print_end(struct lmm_watch_print *print, const struct lmm_watch_end *end)
{
    if (print->is_json) {
        put_json_end(print, end);
        return true;
    }
    return put_text_end(print, end);
}
