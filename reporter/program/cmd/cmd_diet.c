/* SPDX-License-Identifier: MIT */
/* cmd_diet: `lmm diet [PID|NAME|FILE]`: what a program could change to need less memory. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/program/attach/requests.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/symbols/wrapper_list.h"
#include "reporter/program/types/types.h"

enum {
    KEY_DEBUGINFOD = 0x646965, /* unlike the keys of the children */
    USUAL_ROWS = 20,
    MOST_TYPES = 1000,
};

struct arguments {
    struct lmm_select select; /* --type */
    struct lmm_extent_options extent;
    const struct lmm_format *format;
    const char *word;
    const char *output;
    unsigned symbol_flags;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write to FILE, which is replaced as a whole", 0},
    {"debuginfod", KEY_DEBUGINFOD, NULL, 0,
     "Ask the servers of DEBUGINFOD_URLS for missing debug files", 0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->select;
        state->child_inputs[1] = &arguments->format;
        state->child_inputs[2] = &arguments->word;
        state->child_inputs[3] = &arguments->extent;
        return 0;
    case KEY_DEBUGINFOD: arguments->symbol_flags |= LMM_SYMBOLS_DEBUGINFOD; return 0;
    case 'o': arguments->output = argument; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&lmm_type_argp, 0, NULL, 0},    {&lmm_table_format_argp, 0, NULL, 0},
    {&lmm_word_argp, 0, NULL, 0},    {&lmm_row_extent_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0}, {0},
};
const struct argp lmm_diet_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc =
        "Show what a program could change to need less memory: structs that are smaller in another "
        "order of their fields, sizes slightly above those of slots, and others."
        "\vFigures are of live blocks; of a process that has ended, of its peak.",
    .children = children,
};

/* The ledger, after a walk over the pages if its process lives; without one *ret_reason says why. NULL after a
 * message. */
static struct lmm_snapshot *read_ledger(const char *word, struct lmm_reason *ret_reason)
{
    char *path = lmm_discover_path(word);
    struct lmm_snapshot *snapshot = path == NULL ? NULL : lmm_snapshot_read(path);

    ret_reason->text[0] = '\0';
    if (snapshot != NULL && snapshot->state == LMM_PROCESS_LIVE &&
        lmm_request_pages(path, snapshot, ret_reason)) {
        lmm_snapshot_free(snapshot);
        snapshot = lmm_snapshot_read(path);
    }
    free(path);
    return snapshot;
}

/* Adds why the pages were not counted, if they were not. */
static void add_reason(const struct lmm_reason *reason, char *notes[], size_t *count)
{
    char *text = NULL;

    if (reason->text[0] != '\0' && asprintf(&text, "no hints about pages: %s", reason->text) >= 0) {
        notes[(*count)++] = text;
    }
}

static int write_diet(const struct arguments *arguments, const struct lmm_diet *diet,
                      const struct lmm_symbols *symbols, const struct lmm_reason *reason)
{
    struct lmm_output output;
    char folder[PATH_MAX];
    char *notes[LMM_GAP_NOTES_MAX + 1];
    bool is_data = arguments->format->kind == LMM_FORMAT_DATA; /* it cannot say what is left out */
    size_t usual = arguments->extent.full || is_data ? SIZE_MAX : USUAL_ROWS;

    if (!lmm_output_open(&output, arguments->output, 0666)) {
        return LMM_EXIT_FAILED;
    }
    struct lmm_diet_look look = {
        .look = lmm_extent_options_look(&arguments->extent, !arguments->extent.full, folder),
        .rows = arguments->extent.top != 0 ? arguments->extent.top : usual,
        .has_structs = arguments->extent.full || arguments->select.types != NULL,
        .colour = lmm_output_has_colour(&output),
        .terminal = lmm_output_is_terminal(&output),
        .notes = (const char *const *) notes,
        .note_count = symbols == NULL ? 0 : lmm_gap_notes_texts(symbols, 1, notes),
    };

    add_reason(reason, notes, &look.note_count);
    if (arguments->format->kind == LMM_FORMAT_JSON) {
        lmm_diet_put_json(diet, &look, &output.sink);
    } else if (is_data) {
        lmm_diet_put_csv(diet, &look, &output.sink);
    } else {
        lmm_diet_put_text(diet, &look, &output.sink);
    }
    while (look.note_count > 0) {
        free(notes[--look.note_count]);
    }
    return lmm_output_close(&output);
}

int lmm_cmd_diet(int argc, char **argv)
{
    struct arguments arguments = {.format = lmm_format_find("text")};
    struct lmm_symbols *symbols = NULL;
    struct lmm_diet diet = {.model = NULL};
    int status = LMM_EXIT_FAILED;

    lmm_command_line_read(&lmm_diet_argp, argc, argv, 0, &arguments);
    const struct lmm_diet_options wanted = {.most_types = MOST_TYPES,
                                            .types = arguments.select.types};
    struct lmm_reason reason;
    struct lmm_snapshot *snapshot = read_ledger(arguments.word, &reason);

    if (snapshot != NULL && (!lmm_types_apply(&symbols, arguments.symbol_flags, snapshot->model) ||
                             !lmm_diet_make(snapshot->model, symbols, &wanted, &diet))) {
        lmm_complain("out of memory");
    } else if (snapshot != NULL) {
        lmm_snapshot_tell_loss(snapshot);
        lmm_snapshot_tell_other_malloc(snapshot);
        status = write_diet(&arguments, &diet, symbols, &reason);
    }
    lmm_diet_free(&diet);
    lmm_snapshot_free(snapshot);
    lmm_symbols_close(symbols);
    lmm_select_free(&arguments.select);
    return status;
}
