/* SPDX-License-Identifier: MIT */
/* cmd_ls: `lmm ls [NAME...]`: the user's ledgers, as a table or as JSON (lmm-ls(1)). A ledger with a
 * good header that is damaged after it is listed as "damaged". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/nearest.h"
#include "reporter/core/grid.h"
#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/words.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/output.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/base/program.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"

enum {
    LS_SCHEMA_VERSION = 1,
};

static const struct lmm_grid_column columns[] = {
    {.heading = "PID", .right = true},      {.heading = "PROGRAM"},
    {.heading = "AGE", .right = true},      {.heading = "LIVE-BYTES", .right = true},
    {.heading = "FAMILIES", .right = true}, {.heading = "STATE"},
};

struct row {
    const struct lmm_ledger_entry *entry;
    const char *state;
    uint64_t age_seconds;
    bool is_damaged; /* without the figures below */
    uint64_t live_blocks;
    uint64_t live_bytes;
    uint64_t families;
};

/* ---- Order ----------------------------------------------------------------------------------- */

static int compare_start(const struct row *a, const struct row *b)
{
    return lmm_compare_u64(a->entry->start_time_ns, b->entry->start_time_ns);
}

static int compare_pid(const struct row *a, const struct row *b)
{
    return lmm_compare_u64(a->entry->pid, b->entry->pid);
}

static const char *program_of(const struct row *row)
{
    return row->entry->program == NULL ? "" : row->entry->program;
}

static int compare_program(const struct row *a, const struct row *b)
{
    return strcmp(program_of(a), program_of(b));
}

static int compare_bytes(const struct row *a, const struct row *b)
{
    return lmm_compare_u64(b->live_bytes, a->live_bytes);
}

static int compare_state(const struct row *a, const struct row *b)
{
    return strcmp(a->state, b->state);
}

struct order {
    const char *name;
    int (*compare)(const struct row *a, const struct row *b);
};

static const struct order orders[] = {
    {"start", compare_start}, {"pid", compare_pid},     {"name", compare_program},
    {"bytes", compare_bytes}, {"state", compare_state},
};

/* Rows that are equal stay in the order of their start, which is that of their entries. */
static int compare_rows(const void *left, const void *right, void *context)
{
    const struct order *by = context;
    const struct row *a = left;
    const struct row *b = right;
    int order = by->compare(a, b);

    return order != 0 ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

/* ---- Options --------------------------------------------------------------------------------- */

struct arguments {
    const struct lmm_format *format;
    const struct order *order;
    char **names; /* ended by NULL; NULL: all */
    bool live;
};

static const struct argp_option options[] = {
    {"live", 'l', NULL, 0, "Only processes that run", 0},
    {"sort", 's', "KEY", 0, "Order by start (the default), pid, name, bytes (most first) or state",
     0},
    {0},
};

const char *lmm_ls_sort_word(size_t index)
{
    return index < sizeof(orders) / sizeof(orders[0]) ? orders[index].name : NULL;
}

static const struct order *parse_order(const char *name, const struct argp_state *state)
{
    struct lmm_nearest nearest = {.word = name};

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (strcmp(orders[i].name, name) == 0) {
            return &orders[i];
        }
        lmm_nearest_look_text(&nearest, orders[i].name);
    }
    argp_error(state, "unknown sort key '%s'%s", name, lmm_nearest_hint(&nearest, " (see --help)"));
    return NULL;
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->format; return 0;
    case 'l': arguments->live = true; return 0;
    case 's': arguments->order = parse_order(argument, state); return 0;
    case ARGP_KEY_ARGS: arguments->names = &state->argv[state->next]; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&lmm_format_argp, 0, NULL, 0}, {0}};
const struct argp lmm_ls_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[PID|NAME...]",
    .doc = "List your processes that have a ledger, live and dead."
           "\vWith arguments: only those that have such a PID or name.",
    .children = children,
};

static bool is_named(const struct lmm_ledger_entry *entry, char *const *names)
{
    while (*names != NULL && !lmm_discover_matches(entry, *names)) {
        names++;
    }
    return *names != NULL;
}

static bool is_wanted(const struct lmm_ledger_entry *entry, const struct arguments *arguments)
{
    bool is_live = lmm_process_runs(entry->state) && entry->state != LMM_PROCESS_UNKNOWN;

    return (!arguments->live || is_live) &&
           (arguments->names == NULL || is_named(entry, arguments->names));
}

/* ---- Rows ------------------------------------------------------------------------------------ */

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

static struct row row_of(const struct lmm_ledger_entry *entry)
{
    struct lmm_reason reason = {""};
    struct lmm_snapshot *snapshot = lmm_snapshot_try(entry->path, &reason);
    uint64_t now = lmm_clock_ns(CLOCK_REALTIME) / LMM_NS_PER_SECOND;
    uint64_t start = entry->start_time_ns / LMM_NS_PER_SECOND;
    struct row row = {
        .entry = entry,
        .state = snapshot == NULL ? "damaged" : lmm_process_state_name(entry->state),
        .age_seconds = now > start ? now - start : 0,
        .is_damaged = snapshot == NULL,
    };

    if (snapshot != NULL) {
        row.live_blocks = snapshot->model->total.live_blocks;
        row.live_bytes = snapshot->model->total.live_bytes;
        row.families = snapshot->model->family_count;
    }
    lmm_snapshot_free(snapshot);
    return row;
}

static void add_row(struct lmm_grid *grid, const struct row *row)
{
    char cell[LMM_CELL_BYTES];

    snprintf(cell, sizeof(cell), "%" PRIu32, row->entry->pid);
    lmm_grid_text(grid, cell);
    lmm_grid_text(grid, program_of(row));
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

static void put_table(const struct row *rows, size_t count, struct lmm_sink *sink)
{
    struct lmm_grid grid;

    if (count == 0) {
        return;
    }
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), 0, sink);
    for (size_t i = 0; i < count; i++) {
        add_row(&grid, &rows[i]);
    }
    lmm_grid_put_headings(&grid);
    for (size_t i = 0; i < count; i++) {
        add_row(&grid, &rows[i]);
    }
}

/* A damaged ledger has null for the figures. */
static void put_figure(struct lmm_json *json, const char *key, const struct row *row,
                       uint64_t value)
{
    if (row->is_damaged) {
        lmm_json_null(json, key);
    } else {
        lmm_json_u64(json, key, value);
    }
}

static void put_process(struct lmm_json *json, const struct row *row)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_u64(json, "pid", row->entry->pid);
    lmm_json_text(json, "program", program_of(row));
    lmm_json_text(json, "state", row->state);
    lmm_json_u64(json, "start_time_ns", row->entry->start_time_ns);
    lmm_json_u64(json, "age_seconds", row->age_seconds);
    put_figure(json, "live_blocks", row, row->live_blocks);
    put_figure(json, "live_bytes", row, row->live_bytes);
    put_figure(json, "families", row, row->families);
    lmm_json_text(json, "ledger", row->entry->path);
    lmm_json_u64(json, "ledger_bytes", row->entry->file_bytes);
    lmm_json_end_object(json);
}

static void put_json(const struct row *rows, size_t count, struct lmm_sink *sink)
{
    struct lmm_json json;

    lmm_json_init(&json, sink);
    lmm_json_begin_object(&json, NULL, LMM_JSON_LINES);
    lmm_json_text(&json, "schema", "lmm-ls");
    lmm_json_u64(&json, "schema_version", LS_SCHEMA_VERSION);
    lmm_json_begin_array(&json, "processes", LMM_JSON_LINES);
    for (size_t i = 0; i < count; i++) {
        put_process(&json, &rows[i]);
    }
    lmm_json_end_array(&json);
    lmm_json_end_object(&json);
    lmm_json_finish(&json);
}

static int print(const struct lmm_ledger_list *ledgers, const struct arguments *arguments)
{
    bool json = arguments->format->kind == LMM_FORMAT_JSON;
    size_t count = 0;
    struct row *rows = calloc(ledgers->count + 1, sizeof(*rows));
    struct lmm_output output;

    if (rows == NULL) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    for (size_t i = 0; i < ledgers->count; i++) {
        if (is_wanted(&ledgers->entry[i], arguments)) {
            rows[count++] = row_of(&ledgers->entry[i]);
        }
    }
    if (arguments->order != NULL) {
        struct order by = *arguments->order;

        qsort_r(rows, count, sizeof(*rows), compare_rows, &by);
    }
    lmm_output_open(&output, NULL, 0);
    (json ? put_json : put_table)(rows, count, &output.sink);
    free(rows);
    return lmm_output_close(&output);
}

int lmm_cmd_ls(int argc, char **argv)
{
    struct arguments arguments = {.format = lmm_format_find("text")};

    lmm_command_line_read(&lmm_ls_argp, argc, argv, 0, &arguments);
    struct lmm_ledger_list ledgers = lmm_discover_list();
    int status = print(&ledgers, &arguments);

    if (status == LMM_EXIT_DONE && ledgers.unreadable > 0 && arguments.names == NULL) {
        lmm_complain("%zu more files cannot be read as ledgers", ledgers.unreadable);
    }
    lmm_discover_free(&ledgers);
    return status;
}
