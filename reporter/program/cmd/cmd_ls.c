/* SPDX-License-Identifier: MIT */
/*
 * cmd_ls: `lmm ls`: the user's ledgers, as a table or as JSON (lmm-ls(1)). A ledger that cannot be
 * read behind its header is listed all the same, as "damaged".
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/clock.h"
#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/core/words.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/names.h"
#include "reporter/program/base/output.h"
#include "reporter/program/ledger/place.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"

enum {
    LS_SCHEMA_VERSION = 1,
};

static const struct lmm_grid_column columns[] = {
    {.heading = "PID", .right = true},      {.heading = "PROGRAM"},
    {.heading = "AGE", .right = true},      {.heading = "LIVE-BYTES", .right = true},
    {.heading = "FAMILIES", .right = true}, {.heading = "STATE"},
};

struct arguments {
    bool json;
};

static const struct argp_option options[] = {
    {"format", 'F', "FORMAT", 0, "text (the default) or json", 0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case 'F':
        arguments->json = strcmp(argument, "json") == 0;
        if (!arguments->json && strcmp(argument, "text") != 0) {
            argp_error(state, "no format '%s' here", argument);
        }
        return 0;
    case ARGP_KEY_ARG: argp_error(state, "what is '%s'?", argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options, parse, "", "List your processes that have a ledger, live and dead.", NULL, NULL, NULL,
};

static uint64_t age_seconds(const struct lmm_place *place)
{
    uint64_t now = lmm_clock_ns(CLOCK_REALTIME) / LMM_NS_PER_SECOND;
    uint64_t start = place->start_time_ns / LMM_NS_PER_SECOND;

    return now > start ? now - start : 0;
}

/* Writes "42s", "5m12s", "3h07m" or "12d04h" to cell, of LMM_CELL_BYTES. */
static void write_age(char *cell, uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        uint64_t part;
        char name;
        char part_name;
    } units[] = {{86400, 3600, 'd', 'h'}, {3600, 60, 'h', 'm'}, {60, 1, 'm', 's'}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds >= units[i].seconds) {
            snprintf(cell, LMM_CELL_BYTES, "%" PRIu64 "%c%02" PRIu64 "%c",
                     seconds / units[i].seconds, units[i].name,
                     seconds % units[i].seconds / units[i].part, units[i].part_name);
            return;
        }
    }
    snprintf(cell, LMM_CELL_BYTES, "%" PRIu64 "s", seconds);
}

static const char *state_of(const struct lmm_place *place, const struct lmm_snapshot *snapshot)
{
    return snapshot == NULL ? "damaged" : lmm_process_state_name(place->state);
}

/* ---- Table ----------------------------------------------------------------------------------- */

struct row {
    const struct lmm_place *place;
    const char *state;
    uint64_t age_seconds;
    bool is_damaged; /* without the two figures */
    uint64_t live_bytes;
    uint64_t families;
};

static struct row row_of(const struct lmm_place *place)
{
    struct lmm_reason reason = {""};
    struct lmm_snapshot *snapshot = lmm_snapshot_try(place->path, &reason);
    struct row row = {
        .place = place,
        .state = state_of(place, snapshot),
        .age_seconds = age_seconds(place),
        .is_damaged = snapshot == NULL,
    };

    if (snapshot != NULL) {
        row.live_bytes = snapshot->model->total.live_bytes;
        row.families = snapshot->model->family_count;
    }
    lmm_snapshot_free(snapshot);
    return row;
}

static void add_row(struct lmm_grid *grid, const struct row *row)
{
    char cell[LMM_CELL_BYTES];

    snprintf(cell, sizeof(cell), "%" PRIu32, row->place->pid);
    lmm_grid_text(grid, cell);
    lmm_grid_text(grid, row->place->program == NULL ? "" : row->place->program);
    write_age(cell, row->age_seconds);
    lmm_grid_text(grid, cell);
    if (row->is_damaged) {
        lmm_grid_text(grid, "-");
        lmm_grid_text(grid, "-");
    } else {
        lmm_grid_count(grid, row->live_bytes);
        lmm_grid_count(grid, row->families);
    }
    lmm_grid_text(grid, row->state);
    lmm_grid_end_row(grid);
}

static int put_table(const struct row *rows, size_t count)
{
    struct lmm_output output;
    struct lmm_grid grid;

    lmm_output_open(&output, NULL, 0);
    lmm_grid_init(&grid, columns, sizeof(columns) / sizeof(columns[0]), 0, &output.sink);
    for (size_t i = 0; i < count; i++) {
        add_row(&grid, &rows[i]);
    }
    lmm_grid_put_headings(&grid);
    for (size_t i = 0; i < count; i++) {
        add_row(&grid, &rows[i]);
    }
    return lmm_output_close(&output);
}

static int print_table(const struct lmm_places *places)
{
    struct row *rows = calloc(places->count + 1, sizeof(*rows));
    int status = LMM_EXIT_DONE;

    if (rows == NULL) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    for (size_t i = 0; i < places->count; i++) {
        rows[i] = row_of(&places->place[i]);
    }
    if (places->count > 0) {
        status = put_table(rows, places->count);
    }
    free(rows);
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *json_text(const char *text)
{
    char *clean = text == NULL ? NULL : lmm_name_utf8(lmm_string_of(text));
    json_t *value = clean == NULL ? NULL : json_string(clean);

    free(clean);
    return value;
}

static json_t *json_number(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t) value);
}

/* A damaged ledger has null for the figures. */
static json_t *json_figure(const struct lmm_snapshot *snapshot, uint64_t value)
{
    return snapshot == NULL ? json_null() : json_number(value);
}

static json_t *process_object(const struct lmm_place *place, const struct lmm_snapshot *snapshot)
{
    static const struct lmm_model none;
    const struct lmm_model *model = snapshot == NULL ? &none : snapshot->model;

    return json_pack("{so so so so so so so so so so}", "pid", json_number(place->pid), "program",
                     json_text(place->program), "state", json_text(state_of(place, snapshot)),
                     "start_time_ns", json_number(place->start_time_ns), "age_seconds",
                     json_number(age_seconds(place)), "live_blocks",
                     json_figure(snapshot, model->total.live_blocks), "live_bytes",
                     json_figure(snapshot, model->total.live_bytes), "families",
                     json_figure(snapshot, model->family_count), "ledger", json_text(place->path),
                     "ledger_bytes", json_number(place->file_bytes));
}

static json_t *document_of(const struct lmm_places *places)
{
    json_t *processes = json_array();
    bool failed = processes == NULL;

    for (size_t i = 0; i < places->count && !failed; i++) {
        struct lmm_reason reason = {""};
        struct lmm_snapshot *snapshot = lmm_snapshot_try(places->place[i].path, &reason);

        failed = json_array_append_new(processes, process_object(&places->place[i], snapshot)) != 0;
        lmm_snapshot_free(snapshot);
    }
    if (failed) {
        json_decref(processes);
        return NULL;
    }
    return json_pack("{ss si so}", "schema", "lmm-ls", "schema_version", LS_SCHEMA_VERSION,
                     "processes", processes);
}

static int print_json(const struct lmm_places *places)
{
    json_t *document = document_of(places);

    if (document == NULL) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
    return LMM_EXIT_DONE;
}

int lmm_cmd_ls(int argc, char **argv)
{
    struct arguments arguments = {false};

    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    struct lmm_places places = lmm_places_list();
    int status = arguments.json ? print_json(&places) : print_table(&places);

    if (status == LMM_EXIT_DONE && places.unreadable > 0) {
        lmm_complain("%zu more files are no ledgers that can be read", places.unreadable);
    }
    lmm_places_free(&places);
    return status;
}
