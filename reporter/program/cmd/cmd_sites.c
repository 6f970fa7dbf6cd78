/* SPDX-License-Identifier: MIT */
/*
 * cmd_sites: `lmm sites [PID|NAME|FILE]`: one line per row: live bytes, live blocks, file:line,
 * function, family, stacks, id, type. On a terminal as a table with headings; otherwise for grep, awk and
 * sort: numbers without separators, and tabs only between the columns, because names are escaped;
 * or as JSON (docs/sites.schema.json).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/grid.h"
#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/large_pages.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/merge.h"
#include "reporter/program/report/row_options.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"
#include "reporter/program/symbols/wrapper_list.h"
#include "reporter/core/words.h"

enum {
    SITES_SCHEMA_VERSION = 1,
};

static const struct lmm_grid_column columns[] = {
    {.heading = "BYTES", .right = true},
    {.heading = "BLOCKS", .right = true},
    {.heading = "PLACE"},
    {.heading = "FUNCTION"},
    {.heading = "FAMILY"},
    {.heading = "STACKS", .right = true},
    {.heading = "ID"},
    {.heading = "TYPE"},
};

struct arguments {
    struct lmm_select select;
    struct lmm_row_options rows;
    const struct lmm_format *format;
    const char *word;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    (void) argument;
    if (option != ARGP_KEY_INIT) {
        return ARGP_ERR_UNKNOWN;
    }
    state->child_inputs[0] = &arguments->select;
    state->child_inputs[1] = &arguments->rows;
    state->child_inputs[2] = &arguments->format;
    state->child_inputs[3] = &arguments->word;
    return 0;
}

static const struct argp_child children[] = {
    {&lmm_select_argp, 0, NULL, 0}, {&lmm_row_argp, 0, NULL, 0},     {&lmm_format_argp, 0, NULL, 0},
    {&lmm_word_argp, 0, NULL, 0},   {&lmm_wrapper_argp, 0, NULL, 0}, {0},
};
const struct argp lmm_sites_argp = {
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc = "Show one line for each place that allocates: live bytes, live blocks, file and line, "
           "function, family, number of call stacks, id, type of the blocks."
           "\vOn a terminal with headings; otherwise with a tab between the columns.",
    .children = children,
};

/* ---- Text ------------------------------------------------------------------------------------ */

static struct lmm_string or_dash(struct lmm_string string)
{
    return string.bytes > 0 ? string : lmm_string_of("-");
}

static uint32_t stacks_of(const struct lmm_model_site *site)
{
    uint32_t parts = site->part_count > 0 ? site->part_count : 1;

    return site->stack == 0 ? 0 : parts;
}

static void put_site(struct lmm_sink *sink, const struct lmm_model *model,
                     const struct lmm_model_site *site)
{
    lmm_sink_printf(sink, "%" PRIu64 "\t%" PRIu64 "\t", site->live_bytes, site->live_blocks);
    lmm_put_string(sink, or_dash(site->file));
    if (site->line != 0) {
        lmm_sink_printf(sink, ":%" PRIu32, site->line);
    }
    lmm_sink_puts(sink, "\t");
    lmm_put_string(sink, or_dash(site->function));
    lmm_sink_puts(sink, "\t");
    lmm_put_string(sink, site->family->name);
    lmm_sink_printf(sink, "\t%" PRIu32 "\t#%" PRIu32 "\t", stacks_of(site), site->id);
    lmm_put_string(sink, or_dash(lmm_site_type_name(model, site)));
    lmm_sink_puts(sink, "\n");
}

static void add_rows(struct lmm_grid *grid, const struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        char id[LMM_CELL_BYTES];

        lmm_grid_count(grid, site->live_bytes);
        lmm_grid_count(grid, site->live_blocks);
        lmm_grid_end_cell(grid, lmm_put_place(lmm_grid_begin_cell(grid), site->file, site->line,
                                              lmm_string_of("")));
        lmm_grid_string(grid, or_dash(site->function));
        lmm_grid_string(grid, site->family->name);
        lmm_grid_count(grid, stacks_of(site));
        snprintf(id, sizeof(id), "#%" PRIu32, site->id);
        lmm_grid_text(grid, id);
        lmm_grid_string(grid, or_dash(lmm_site_type_name(model, site)));
        lmm_grid_end_row(grid);
    }
}

static void print_table(const struct lmm_model *model, struct lmm_sink *sink)
{
    struct lmm_grid grid;

    if (model->site_count == 0) {
        return;
    }
    lmm_grid_init(&grid, LMM_GRID_COLUMNS(columns), 0, sink);
    add_rows(&grid, model);
    lmm_grid_put_headings(&grid);
    add_rows(&grid, model);
}

/* Says on a terminal what is not shown, and which option shows it. */
static void put_rest(const struct lmm_model *model, size_t zeros, const struct lmm_symbols *symbols,
                     struct lmm_sink *sink)
{
    char *notes[LMM_GAP_NOTES_MAX];
    size_t note_count = lmm_gap_notes_texts(symbols, 1, notes);

    if (model->hidden_sites.count > 0) {
        lmm_sink_puts(sink, "... ");
        lmm_put_count(sink, model->hidden_sites.count, "more row", "more rows");
        lmm_sink_puts(sink, ": --top\n");
    }
    if (zeros > 0) {
        lmm_sink_puts(sink, "... ");
        lmm_put_count(sink, zeros, "row", "rows");
        lmm_sink_puts(sink, " without live blocks: --all\n");
    }
    if (note_count > 0) {
        lmm_sink_puts(sink, "note: ");
        lmm_put_string(sink, lmm_string_of(notes[0]));
        lmm_sink_puts(sink, "\n");
        free(notes[0]);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_json_site(struct lmm_json *json, const struct lmm_model *model,
                          const struct lmm_model_site *site)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "id", site->id);
    lmm_json_string(json, "family", site->family->name);
    lmm_json_string(json, "file", site->file);
    lmm_json_u64(json, "line", site->line);
    lmm_json_string(json, "function", site->function);
    lmm_json_string(json, "module", lmm_places_module(model, site));
    lmm_json_type(json, model, site);
    lmm_json_u64(json, "stacks", stacks_of(site));
    lmm_json_u64(json, "live_blocks", site->live_blocks);
    lmm_json_u64(json, "live_bytes", site->live_bytes);
    lmm_json_u64(json, "allocations", site->allocations);
    lmm_json_u64(json, "frees", site->frees);
    lmm_json_u64(json, "temporaries", site->temporaries);
    lmm_json_u64(json, "peak_blocks", site->peak_blocks);
    lmm_json_u64(json, "peak_bytes", site->peak_bytes);
    lmm_json_u64(json, "smallest_bytes", site->smallest_bytes);
    lmm_json_u64(json, "largest_bytes", site->largest_bytes);
    lmm_json_end_object(json);
}

static void put_json(const struct arguments *arguments, const struct lmm_model *model, size_t zeros,
                     struct lmm_sink *sink)
{
    struct lmm_json json;

    lmm_json_init(&json, sink);
    lmm_json_begin_object(&json, NULL, LMM_JSON_LINES);
    lmm_json_text(&json, "schema", "lmm-sites");
    lmm_json_u64(&json, "schema_version", SITES_SCHEMA_VERSION);
    lmm_json_string(&json, "program", model->program);
    lmm_json_u64(&json, "pid", model->pid);
    lmm_json_text(&json, "by", lmm_row_options_word(arguments->rows.by));
    lmm_json_u64(&json, "live_blocks", model->total.live_blocks);
    lmm_json_u64(&json, "live_bytes", model->total.live_bytes);
    lmm_json_u64(&json, "left_out", model->hidden_sites.count + zeros);
    lmm_json_begin_array(&json, "sites", LMM_JSON_LINES);
    for (size_t i = 0; i < model->site_count; i++) {
        put_json_site(&json, model, &model->sites[i]);
    }
    lmm_json_end_array(&json);
    lmm_json_end_object(&json);
    lmm_json_finish(&json);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int print(const struct arguments *arguments, const struct lmm_model *model, size_t zeros,
                 const struct lmm_symbols *symbols)
{
    struct lmm_output output;

    lmm_output_open(&output, NULL, 0);
    if (arguments->format->kind == LMM_FORMAT_JSON) {
        put_json(arguments, model, zeros, &output.sink);
    } else if (lmm_output_is_terminal(&output)) {
        print_table(model, &output.sink);
        put_rest(model, zeros, symbols, &output.sink);
    } else {
        for (size_t i = 0; i < model->site_count; i++) {
            put_site(&output.sink, model, &model->sites[i]);
        }
    }
    return lmm_output_close(&output);
}

/* Leaves the rows that are shown. Sets *ret_zeros to how many were dropped because they are zero;
 * returns false after a message on stderr. */
static bool select_rows(struct arguments *arguments, struct lmm_model *model,
                        struct lmm_merge *ret_merge, size_t *ret_zeros)
{
    bool is_json = arguments->format->kind == LMM_FORMAT_JSON;

    lmm_select_filter(&arguments->select, model);
    lmm_row_options_choose(&arguments->rows, is_json ? LMM_BY_LINE : lmm_row_options_usual(model));
    if (!lmm_row_options_apply(&arguments->rows, model, NULL, ret_merge)) {
        return false;
    }
    *ret_zeros = arguments->rows.all ? 0 : lmm_row_options_drop_zeros(model);
    lmm_select_order(&arguments->select, model);
    return true;
}

int lmm_cmd_sites(int argc, char **argv)
{
    struct arguments arguments = {.format = lmm_format_find("text")};
    struct lmm_symbols *symbols = NULL;
    struct lmm_merge merge = {.rows = NULL};
    size_t zeros = 0;
    int status = LMM_EXIT_FAILED;

    lmm_command_line_read(&lmm_sites_argp, argc, argv, 0, &arguments);
    lmm_large_pages_use();
    struct lmm_snapshot *snapshot = lmm_snapshot_select(arguments.word);

    if (snapshot != NULL && !lmm_types_apply(&symbols, 0, snapshot->model)) {
        lmm_complain("out of memory");
    } else if (snapshot != NULL && select_rows(&arguments, snapshot->model, &merge, &zeros)) {
        lmm_snapshot_tell_loss(snapshot);
        lmm_snapshot_tell_other_malloc(snapshot);
        status = print(&arguments, snapshot->model, zeros, symbols);
    }
    lmm_merge_free(&merge);
    lmm_snapshot_free(snapshot);
    lmm_symbols_close(symbols);
    lmm_select_free(&arguments.select);
    return status;
}
