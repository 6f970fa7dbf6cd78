/* SPDX-License-Identifier: MIT */
/*
 * cmd_sites: `lmm sites [PID|NAME|FILE]`: one line per site: live bytes, live blocks, file:line,
 * function, family. On a terminal as a table with headings; otherwise for grep, awk and sort:
 * numbers without separators, and tabs only between the columns, because names are escaped.
 */
#include <inttypes.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/symbols/wrapper_list.h"
#include "reporter/core/words.h"

static const struct lmm_grid_column columns[] = {
    {.heading = "BYTES", .right = true},
    {.heading = "BLOCKS", .right = true},
    {.heading = "PLACE"},
    {.heading = "FUNCTION"},
    {.heading = "FAMILY"},
};

struct arguments {
    struct lmm_select select;
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
    state->child_inputs[1] = &arguments->word;
    return 0;
}

static const struct argp_child children[] = {
    {&lmm_select_argp, 0, NULL, 0},
    {&lmm_word_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0},
    {0},
};
static const struct argp parser = {
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc = "Show one line for each place that allocates: live bytes, live blocks, file and line, "
           "function, family."
           "\vOn a terminal with headings; otherwise with a tab between the columns.",
    .children = children,
};

static struct lmm_string or_dash(struct lmm_string string)
{
    return string.bytes > 0 ? string : lmm_string_of("-");
}

static void put_site(struct lmm_sink *sink, const struct lmm_model_site *site)
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
    lmm_sink_puts(sink, "\n");
}

static void add_rows(struct lmm_grid *grid, const struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        lmm_grid_count(grid, site->live_bytes);
        lmm_grid_count(grid, site->live_blocks);
        lmm_grid_end_cell(grid, lmm_put_place(lmm_grid_begin_cell(grid), site->file, site->line,
                                              lmm_string_of("")));
        lmm_grid_string(grid, or_dash(site->function));
        lmm_grid_string(grid, site->family->name);
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

static int print(const struct lmm_model *model)
{
    struct lmm_output output;

    lmm_output_open(&output, NULL, 0);
    bool is_table = lmm_output_is_terminal(&output);

    if (is_table) {
        print_table(model, &output.sink);
    }
    for (size_t i = 0; !is_table && i < model->site_count; i++) {
        put_site(&output.sink, &model->sites[i]);
    }
    return lmm_output_close(&output);
}

int lmm_cmd_sites(int argc, char **argv)
{
    struct arguments arguments = {.word = NULL};
    struct lmm_symbols *symbols = NULL;
    int status = LMM_EXIT_FAILED;

    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    struct lmm_snapshot *snapshot = lmm_snapshot_select(arguments.word);

    if (snapshot != NULL && !lmm_symbols_apply(&symbols, 0, snapshot->model)) {
        lmm_complain("out of memory");
    } else if (snapshot != NULL) {
        lmm_snapshot_tell_loss(snapshot);
        lmm_snapshot_tell_other_malloc(snapshot);
        lmm_select_apply(&arguments.select, snapshot->model);
        status = print(snapshot->model);
    }
    lmm_snapshot_free(snapshot);
    lmm_symbols_close(symbols);
    lmm_select_free(&arguments.select);
    return status;
}
