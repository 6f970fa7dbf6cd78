/* SPDX-License-Identifier: MIT */
/* cmd_report: `lmm report [PID|NAME|FILE]`: the usage report in any format. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/core/words.h"
#include "reporter/program/attach/holders.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/large_pages.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/liveness.h"
#include "reporter/program/ledger/memory_limit.h"
#include "reporter/program/ledger/process_stat.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/page/page_report.h"
#include "reporter/program/report/check_report.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/merge.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/report/row_options.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"
#include "reporter/program/symbols/wrapper_list.h"

struct arguments {
    struct lmm_select select;
    struct lmm_row_options rows;
    const struct lmm_format *format;
    const char *output;
    const char *word;
    size_t stack_calls;    /* shown of each stack */
    size_t stacks_per_row; /* shown at most */
    enum lmm_export measure;
    unsigned symbol_flags;
    struct lmm_loss_options losses; /* of --leaks */
    bool sites;
    bool leaks;
    bool no_hints;
    bool retained;
    bool type_frames; /* --by type, in a format with stacks */
};

enum {
    DEBUGINFOD = 256,
    STACKS,
    STACKS_PER_ROW,
    JSON,
    LEAKS,
    NO_HINTS,
    RETAINED,
    USUAL_ROWS = 20,
    HINT_COLUMNS = 84,
    USUAL_STACKS_PER_ROW = 3,
};

static const struct argp_option options[] = {
    {"sites", 'S', NULL, 0, "Show all sites, even if the format shows some or none by default", 0},
    {"leaks", LEAKS, NULL, 0, "Show the last leak check, in text, json, junit and sarif", 0},
    {"no-hints", NO_HINTS, NULL, 0, "Leave out the hints how to need less memory", 0},
    {"retained", RETAINED, NULL, 0,
     "Show the lines whose blocks retain most: the bytes that would be lost without them; of a "
     "running process, in text",
     0},
    {"stacks", STACKS, "N", OPTION_ARG_OPTIONAL,
     "Show the call stacks of rows, N innermost calls (default all), in text and json", 0},
    {"stacks-per-row", STACKS_PER_ROW, "N", 0, "Show at most N stacks of a row in text (3)", 0},
    {"debuginfod", DEBUGINFOD, NULL, 0,
     "Get missing debug files from the servers of DEBUGINFOD_URLS", 0},
    {"format", 'F', "FORMAT", 0,
     "text (the default), json, csv, openmetrics, pprof, folded, massif, html, junit or sarif", 0},
    {"json", JSON, NULL, 0, "The same as --format json", 0},
    {"output", 'o', "FILE", 0, "Write to FILE, which is replaced when the report is complete", 0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->select;
        state->child_inputs[1] = &arguments->rows;
        state->child_inputs[2] = &arguments->word;
        state->child_inputs[3] = &arguments->measure;
        state->child_inputs[4] = &arguments->losses;
        return 0;
    case ARGP_KEY_END:
        lmm_export_check(arguments->measure, arguments->format, state);
        arguments->leaks = arguments->leaks || arguments->format->kind == LMM_FORMAT_CHECK;
        if (arguments->leaks && arguments->format->kind == LMM_FORMAT_DATA) {
            argp_error(state, "--leaks is for text, json, junit and sarif");
        }
        if (arguments->retained && arguments->format->kind != LMM_FORMAT_TEXT) {
            argp_error(state, "--retained is for text");
        }
        return 0;
    case LEAKS: arguments->leaks = true; return 0;
    case NO_HINTS: arguments->no_hints = true; return 0;
    case RETAINED: arguments->retained = true; return 0;
    case 'S': arguments->sites = true; return 0;
    case STACKS:
        arguments->stack_calls = argument == NULL
                                     ? SIZE_MAX
                                     : lmm_parse_number("--stacks", argument, 1, SIZE_MAX, state);
        return 0;
    case STACKS_PER_ROW:
        arguments->stacks_per_row =
            lmm_parse_number("--stacks-per-row", argument, 1, SIZE_MAX, state);
        arguments->stack_calls = arguments->stack_calls != 0 ? arguments->stack_calls : SIZE_MAX;
        return 0;
    case JSON: arguments->format = lmm_format_find("json"); return 0;
    case DEBUGINFOD: arguments->symbol_flags |= LMM_SYMBOLS_DEBUGINFOD; return 0;
    case 'F': arguments->format = lmm_format_parse(argument, true, state); return 0;
    case 'o': arguments->output = argument; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&lmm_select_argp, 0, NULL, 0},
    {&lmm_row_argp, 0, NULL, 0},
    {&lmm_word_argp, 0, NULL, 0},
    {&lmm_export_argp, 0, NULL, 0},
    {&lmm_loss_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0},
    {0},
};
const struct argp lmm_report_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc = "Show what a process has allocated, by family and by site."
           "\vWithout an argument: the only live process that has a ledger.",
    .children = children,
};

/* Returns whether all sites are shown: formats for programs have them if the user says what their rows are. */
static bool shows_sites(const struct arguments *arguments)
{
    return arguments->sites || (arguments->rows.has_by && arguments->rows.by != LMM_BY_FAMILY &&
                                arguments->format->kind != LMM_FORMAT_TEXT);
}

/* page: of html; else NULL. */
static int write_report(const struct arguments *arguments, const struct lmm_model *model,
                        const struct lmm_page_report *page)
{
    struct lmm_output output;
    struct lmm_format_options look = {.measure = arguments->measure,
                                      .sites = shows_sites(arguments),
                                      .top_sites = arguments->select.top,
                                      .page = page};

    if (!lmm_output_open(&output, arguments->output, 0666)) {
        return LMM_EXIT_FAILED;
    }
    if (!lmm_format_may_go(arguments->format, lmm_output_is_terminal(&output))) {
        lmm_output_abandon(&output);
        return LMM_EXIT_USAGE;
    }
    look.brief_families = model->is_drop_in && arguments->select.patterns == NULL &&
                          !lmm_row_options_ask_families(&arguments->rows);
    look.type_frames = arguments->type_frames;
    look.terminal = lmm_output_is_terminal(&output);
    look.colour = lmm_output_has_colour(&output);
    int error = arguments->format->render(model, &output.sink, &look);

    if (output.sink.error == 0) {
        output.sink.error = error; /* a renderer may fail before it writes */
    }
    return lmm_output_close(&output);
}

/* Returns how many rows a report of losses has at most. */
static size_t rows_of(const struct arguments *arguments)
{
    return arguments->select.top != 0 ? arguments->select.top : (size_t) USUAL_ROWS;
}

/* Writes the report of the last leak check, as `lmm run --leaks` does. */
static int write_leaks(struct arguments *arguments, const struct lmm_snapshot *snapshot)
{
    const struct lmm_check_report report = {
        .model = snapshot->model,
        .losses = &arguments->losses,
        .types = arguments->select.types,
        .bounds = {.rows = rows_of(arguments), .stacks = arguments->stacks_per_row, .sizes = 1},
    };

    return lmm_check_report_write(&report, arguments->format, arguments->output);
}

/* The formats for programs have a row for each site; those with stacks always do. */
static void choose_rows(struct arguments *arguments, const struct lmm_model *model)
{
    bool is_text = arguments->format->kind == LMM_FORMAT_TEXT;

    if (arguments->format->has_stacks) {
        arguments->type_frames = arguments->rows.has_by && arguments->rows.by == LMM_BY_TYPE;
        arguments->rows.by = LMM_BY_SITE;
    } else {
        lmm_row_options_choose(&arguments->rows,
                               is_text ? lmm_row_options_usual(model) : LMM_BY_SITE);
    }
}

/* Hides size classes of malloc that have no live blocks: there are dozens of them. */
static void drop_idle_classes(struct lmm_model *model)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->family_count; i++) {
        if (!model->is_drop_in || model->families[i]->live_blocks > 0) {
            model->families[kept++] = model->families[i];
        }
    }
    model->hidden_families.count += model->family_count - kept;
    model->family_count = kept;
}

/* Leaves the rows that the report shows, in its order. */
static bool select_rows(struct arguments *arguments, struct lmm_model *model,
                        struct lmm_merge *ret_merge)
{
    bool hides_zeros = arguments->format->kind == LMM_FORMAT_TEXT && !arguments->rows.all &&
                       arguments->select.key == NULL;

    model->shown_calls = arguments->stack_calls;
    model->shown_stacks = arguments->stacks_per_row;
    lmm_select_filter(&arguments->select, model);
    choose_rows(arguments, model);
    if (!lmm_row_options_apply(&arguments->rows, model, NULL, ret_merge)) {
        return false;
    }
    if (hides_zeros && model->total.live_blocks > 0) {
        model->hidden_sites.count += lmm_row_options_drop_zeros(model);
        drop_idle_classes(model);
    }
    if (!arguments->format->is_page) { /* a page sorts for itself, and has all rows */
        lmm_select_order(&arguments->select, model);
    }
    return true;
}

/* Finds the hints how to need less memory, before rows are merged: none where the report has no place for them, or
 * memory ran out. */
static void find_hints(const struct arguments *arguments, const struct lmm_model *model,
                       struct lmm_symbols *symbols, struct lmm_diet *ret_diet)
{
    bool is_shown =
        arguments->format->kind == LMM_FORMAT_TEXT || arguments->format->kind == LMM_FORMAT_JSON;
    bool has_hints = is_shown && !arguments->no_hints && arguments->select.patterns == NULL &&
                     arguments->rows.site == NULL && model->other_malloc.bytes == 0;

    if (arguments->format->is_page && !arguments->no_hints) {
        lmm_page_report_diet(model, symbols, arguments->select.types, ret_diet);
    }
    if (has_hints) { /* it leaves *ret_diet alone when memory runs out */
        (void) lmm_diet_make_brief(model, symbols, arguments->select.types, ret_diet);
    }
}

/* Makes notes of hints; returns their number. A hint for which memory ran out is missing. */
static size_t add_hints(const struct lmm_diet *diet, char **notes)
{
    size_t most = diet->model == NULL ? 0 : lmm_diet_brief_count(diet);
    size_t count = 0;

    for (size_t i = 0; i < most; i++) {
        char *line = lmm_hint_line(&diet->hints[i], HINT_COLUMNS);
        char size[LMM_CELL_BYTES];

        lmm_write_size(size, diet->hints[i].saves_bytes);
        if (line != NULL && asprintf(&notes[count], "-%s, lmm diet: %s", size, line) >= 0) {
            count++;
        }
        free(line);
    }
    return count;
}

static void tell_what_is_missing(const struct arguments *arguments,
                                 const struct lmm_snapshot *snapshot)
{
    if (arguments->format->kind == LMM_FORMAT_DATA) {
        lmm_snapshot_tell_loss(snapshot);
    }
    if (arguments->format->kind != LMM_FORMAT_TEXT) {
        lmm_snapshot_tell_other_malloc(snapshot);
    }
}

/* Adds what the kernel says of a process that runs. */
static void ask_kernel(struct lmm_page_moment *moment)
{
    uint32_t pid = moment->model->pid;
    int descriptor = lmm_process_stat_open(pid);
    struct lmm_process_stat stat;

    if (descriptor >= 0 && lmm_process_stat_read(descriptor, &stat)) {
        moment->resident_bytes = stat.resident_bytes;
        moment->limit_bytes = lmm_memory_limit_of(pid);
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
}

/* Writes the HTML report; returns an exit status. */
static int write_page(struct arguments *arguments, const struct lmm_model *model,
                      const struct lmm_symbols *symbols, const struct lmm_diet *diet)
{
    struct lmm_spots spots = {.model = NULL};
    struct lmm_page_report page = {
        .now = {.model = model, .spots = &spots}, .diet = diet, .symbols = symbols};
    int status = LMM_EXIT_FAILED;

    if (!lmm_page_report_can()) {
        return LMM_EXIT_FAILED;
    }
    if (model->process == LMM_MODEL_RUNNING && model->snapshot_time_ns == 0) {
        ask_kernel(&page.now);
    }
    lmm_loss_options_add_own(&arguments->losses, model);
    if (lmm_loss_options_complete(&arguments->losses) &&
        lmm_spots_make(model, &arguments->losses.suppressions, &spots)) {
        status = write_report(arguments, model, &page);
    } else {
        lmm_complain("out of memory");
    }
    lmm_spots_free(&spots);
    return status;
}

/* Writes the usage report, with its notes; returns an exit status. */
static int write_usage(struct arguments *arguments, struct lmm_model *model,
                       struct lmm_symbols *symbols)
{
    struct lmm_merge merge = {.rows = NULL};
    struct lmm_diet diet = {.model = NULL};
    char *notes[LMM_HINTS_MOST + LMM_GAP_NOTES_MAX];
    size_t count = 0;
    int status = LMM_EXIT_FAILED;

    find_hints(arguments, model, symbols, &diet);
    const struct lmm_hints hints = lmm_diet_hints(&diet);

    if (select_rows(arguments, model, &merge)) {
        if (arguments->format->kind == LMM_FORMAT_TEXT) {
            count = add_hints(&diet, notes);
            count += lmm_gap_notes_texts(symbols, LMM_GAP_NOTES_FEW, notes + count);
        }
        model->notes = notes;
        model->note_count = count;
        model->hints = diet.model == NULL ? NULL : &hints;
        status = arguments->format->is_page ? write_page(arguments, model, symbols, &diet)
                                            : write_report(arguments, model, NULL);
        model->note_count = 0;
        model->hints = NULL;
    }
    while (count > 0) {
        free(notes[--count]);
    }
    lmm_merge_free(&merge);
    lmm_diet_free(&diet);
    return status;
}

int lmm_cmd_report(int argc, char **argv)
{
    struct arguments arguments = {.format = lmm_format_find("text"),
                                  .losses = {.shown_classes = LMM_KINDS_SHOWN},
                                  .stacks_per_row = USUAL_STACKS_PER_ROW};

    lmm_command_line_read(&lmm_report_argp, argc, argv, 0, &arguments);
    lmm_large_pages_use();
    char *path = lmm_discover_path(arguments.word);
    struct lmm_snapshot *snapshot = path == NULL ? NULL : lmm_snapshot_read(path);
    struct lmm_symbols *symbols = NULL;
    int status = LMM_EXIT_FAILED;

    if (snapshot != NULL && !lmm_types_apply(&symbols, arguments.symbol_flags, snapshot->model)) {
        lmm_complain("out of memory");
    } else if (snapshot != NULL && arguments.retained) {
        status = lmm_holders_write_retained(path, snapshot, rows_of(&arguments), arguments.output);
    } else if (snapshot != NULL && arguments.leaks) {
        status = write_leaks(&arguments, snapshot);
    } else if (snapshot != NULL) {
        tell_what_is_missing(&arguments, snapshot);
        status = write_usage(&arguments, snapshot->model, symbols);
    }
    lmm_snapshot_free(snapshot);
    free(path);
    lmm_symbols_close(symbols);
    lmm_suppressions_free(&arguments.losses.suppressions);
    lmm_select_free(&arguments.select);
    return status;
}
