/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/report_options.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/suppress_file.h"

/* Unlike the keys of all subcommands. */
enum {
    KEY_KINDS = 0x726f70,
    KEY_SUPPRESSIONS,
    KEY_NO_BUILT_IN,
    KEY_STACKS,
    KEY_FULL,
    KEY_ABSOLUTE
};

/* The bounds of a brief report, and of others. */
enum {
    BRIEF_ROWS = 5,
    BRIEF_STACKS = 1,
    SIZES = 8,
    ROWS = 20,
    STACKS = 3,
};

/* ---- Which losses ---------------------------------------------------------------------------- */

static const struct argp_option loss_table[] = {
    {"show-leak-kinds", KEY_KINDS, "SET", 0,
     "List the lines of these classes: some of definite,indirect,possible,reachable, or all, or "
     "none; by default definite,possible",
     0},
    {"suppressions", KEY_SUPPRESSIONS, "FILE", 0,
     "Omit leaks that match a suppression in FILE, which has the syntax of LeakSanitizer or "
     "Valgrind; may be given more than once",
     0},
    {"no-builtin-suppressions", KEY_NO_BUILT_IN, NULL, 0,
     "Show also blocks that the C and C++ libraries keep until the end", 0},
    {0},
};

unsigned lmm_kinds_option_parse(const char *option, const char *argument,
                                const struct argp_state *state)
{
    unsigned kinds = 0;

    if (!lmm_kinds_parse(argument, &kinds)) {
        argp_error(state,
                   "%s takes some of definite,indirect,possible,reachable, or all, or none, not "
                   "'%s'",
                   option, argument);
    }
    return kinds;
}

static error_t parse_loss(int key, char *argument, struct argp_state *state)
{
    struct lmm_loss_options *options = state->input;

    switch (key) {
    case KEY_KINDS:
        options->shown_classes = lmm_kinds_option_parse("--show-leak-kinds", argument, state);
        return 0;
    case KEY_SUPPRESSIONS:
        if (!lmm_suppressions_read(&options->suppressions, argument)) {
            exit(argp_err_exit_status);
        }
        return 0;
    case KEY_NO_BUILT_IN: options->no_built_in = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_loss_argp = {.options = loss_table, .parser = parse_loss};

void lmm_loss_options_add_own(struct lmm_loss_options *options, const struct lmm_model *model)
{
    const struct lmm_string *lines = &model->leak_suppressions;

    if (lines->bytes > 0) {
        lmm_suppressions_read_text(&options->suppressions, "__lsan_default_suppressions",
                                   lines->text, lines->bytes);
    }
}

bool lmm_loss_options_complete(struct lmm_loss_options *options)
{
    return options->no_built_in || lmm_suppressions_add_built_in(&options->suppressions);
}

/* ---- How much -------------------------------------------------------------------------------- */

static const struct argp_option row_table[] = {
    {"full", KEY_FULL, NULL, 0, "Show all rows, all stacks, and whole names", 0},
    {"top", 't', "N", 0,
     "Show at most N rows of a section; by default 20, in the text of lmm run without --leaks 5",
     0},
    {"absolute", KEY_ABSOLUTE, NULL, 0,
     "Show paths as the debug information has them, not relative to the current directory", 0},
    {0},
};

static error_t parse_rows(int key, char *argument, struct argp_state *state)
{
    struct lmm_extent_options *options = state->input;

    switch (key) {
    case 't': options->top = lmm_parse_top(argument, state); return 0;
    case KEY_FULL: options->full = true; return 0;
    case KEY_ABSOLUTE: options->absolute = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_row_extent_argp = {.options = row_table, .parser = parse_rows};

static const struct argp_option extent_table[] = {
    {"stacks-per-row", KEY_STACKS, "N", 0,
     "Show at most N call stacks of a row; by default 3, in the text of lmm run without --leaks 1",
     0},
    {0},
};

static error_t parse_extent(int key, char *argument, struct argp_state *state)
{
    struct lmm_extent_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = options; return 0;
    case KEY_STACKS:
        options->stacks_per_row =
            lmm_parse_number("--stacks-per-row", argument, 1, SIZE_MAX, state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child extent_children[] = {{&lmm_row_extent_argp, 0, NULL, 0}, {0}};

const struct argp lmm_extent_argp = {
    .options = extent_table, .parser = parse_extent, .children = extent_children};

struct lmm_run_report_bounds lmm_extent_options_bounds(const struct lmm_extent_options *options,
                                                       bool is_brief)
{
    struct lmm_run_report_bounds bounds = {
        .rows = is_brief ? BRIEF_ROWS : ROWS,
        .stacks = is_brief ? BRIEF_STACKS : STACKS,
        .sizes = SIZES,
        .least_permille = options->top == 0 ? LMM_RUN_REPORT_LEAST_PERMILLE : 0,
    };

    if (options->full) {
        bounds = (struct lmm_run_report_bounds) {SIZE_MAX, SIZE_MAX, SIZE_MAX, 0};
    }
    bounds.rows = options->top != 0 ? options->top : bounds.rows;
    bounds.stacks = options->stacks_per_row != 0 ? options->stacks_per_row : bounds.stacks;
    return bounds;
}

struct lmm_look lmm_extent_options_look(const struct lmm_extent_options *options, bool is_brief,
                                        char folder[PATH_MAX])
{
    bool has_folder = !options->absolute && getcwd(folder, PATH_MAX - 1) != NULL;

    if (has_folder && strcmp(folder, "/") != 0) {
        memcpy(folder + strlen(folder), "/", sizeof("/"));
    }
    return (struct lmm_look) {
        .folder = has_folder ? folder : NULL,
        .is_whole = options->full,
        .is_brief = is_brief && !options->full && options->stacks_per_row == 0,
    };
}
