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
#include "reporter/core/model.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/names.h"
#include "reporter/program/ledger/place.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/base/table.h"

enum {
    LS_SCHEMA_VERSION = 1,
};

enum column { PID, PROGRAM, AGE, LIVE_BYTES, FAMILIES, STATE, COLUMNS };

static const struct lmm_table_column columns[COLUMNS] = {
    [PID] = {"PID", true},           [PROGRAM] = {"PROGRAM", false},
    [AGE] = {"AGE", true},           [LIVE_BYTES] = {"LIVE-BYTES", true},
    [FAMILIES] = {"FAMILIES", true}, [STATE] = {"STATE", false},
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

/* Returns "42s", "5m12s", "3h07m" or "12d04h", to be freed. */
static char *age_words(uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        uint64_t part;
        char name;
        char part_name;
    } units[] = {{86400, 3600, 'd', 'h'}, {3600, 60, 'h', 'm'}, {60, 1, 'm', 's'}};
    char *words = NULL;
    int length = -1;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && length < 0; i++) {
        if (seconds >= units[i].seconds) {
            length = asprintf(&words, "%" PRIu64 "%c%02" PRIu64 "%c", seconds / units[i].seconds,
                              units[i].name, seconds % units[i].seconds / units[i].part,
                              units[i].part_name);
        }
    }
    length = length < 0 ? asprintf(&words, "%" PRIu64 "s", seconds) : length;
    return length < 0 ? NULL : words;
}

static const char *state_of(const struct lmm_place *place, const struct lmm_snapshot *snapshot)
{
    return snapshot == NULL ? "damaged" : lmm_process_state_name(place->state);
}

/* ---- Table ----------------------------------------------------------------------------------- */

static char *number(uint64_t value)
{
    char *text = NULL;

    return asprintf(&text, "%" PRIu64, value) < 0 ? NULL : text;
}

static void put_line(struct lmm_table *table, const struct lmm_place *place,
                     const struct lmm_snapshot *snapshot)
{
    lmm_table_line(table);
    lmm_table_text(table, PID, number(place->pid));
    lmm_table_text(table, PROGRAM,
                   place->program == NULL ? NULL : lmm_name_escaped(lmm_string_of(place->program)));
    lmm_table_text(table, AGE, age_words(age_seconds(place)));
    lmm_table_text(table, STATE, strdup(state_of(place, snapshot)));
    if (snapshot == NULL) {
        lmm_table_text(table, LIVE_BYTES, strdup("-"));
        lmm_table_text(table, FAMILIES, strdup("-"));
    } else {
        lmm_table_count(table, LIVE_BYTES, snapshot->model->total.live_bytes);
        lmm_table_count(table, FAMILIES, snapshot->model->family_count);
    }
}

static int print_table(const struct lmm_places *places)
{
    struct lmm_table *table = lmm_table_new(columns, COLUMNS);

    for (size_t i = 0; table != NULL && i < places->count; i++) {
        struct lmm_reason reason = {""};
        struct lmm_snapshot *snapshot = lmm_snapshot_try(places->place[i].path, &reason);

        put_line(table, &places->place[i], snapshot);
        lmm_snapshot_free(snapshot);
    }
    return lmm_table_print(table, stdout);
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
        return -1;
    }
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
    return 0;
}

int lmm_cmd_ls(int argc, char **argv)
{
    struct arguments arguments = {false};

    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    struct lmm_places places = lmm_places_list();
    int error = arguments.json ? print_json(&places) : print_table(&places);

    if (error != 0) {
        lmm_complain("out of memory");
    } else if (places.unreadable > 0) {
        lmm_complain("%zu more files are no ledgers that can be read", places.unreadable);
    }
    lmm_places_free(&places);
    return error != 0 ? LMM_EXIT_FAILED : LMM_EXIT_DONE;
}
