/* SPDX-License-Identifier: MIT */
/* cmd_diet: `lmm diet [PID|NAME|FILE]`: what a program could change to need less memory. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/program/attach/requests.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/large_pages.h"
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
#include "reporter/program/report/field_census.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/symbols/wrapper_list.h"
#include "reporter/program/types/types.h"

enum {
    KEY_DEBUGINFOD = 0x646965, /* unlike the keys of the children */
    KEY_FIELDS,
    USUAL_ROWS = 20,
    MOST_TYPES = 1000,
    MOST_CENSUS_TYPES = 20,
    CENSUS_PART = 1000,
    NOTES = 2, /* of this file */
};

struct arguments {
    struct lmm_select select; /* --type */
    struct lmm_extent_options extent;
    const struct lmm_format *format;
    const char *word;
    const char *output;
    unsigned symbol_flags;
    bool has_fields;
};

static const struct argp_option options[] = {
    {"fields", KEY_FIELDS, NULL, 0,
     "Look at the fields of live blocks in the running process: which are never set, constant, or "
     "larger than their values",
     0},
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
    case KEY_FIELDS: arguments->has_fields = true; return 0;
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

/* ---- The process ----------------------------------------------------------------------------- */

/* What is read: a ledger, and why its process could not be asked. */
struct source {
    char *path;
    struct lmm_snapshot *snapshot; /* NULL: it could not be read */
    struct lmm_reason no_pages;    /* empty: the pages were counted; or the process does not run */
    struct lmm_reason no_fields;   /* empty: the fields were read; or nobody has asked for them */
};

/* Reads the ledger, after a walk over the pages if its process lives. */
static void read_source(const char *word, struct source *source)
{
    source->path = lmm_discover_path(word);
    source->snapshot = source->path == NULL ? NULL : lmm_snapshot_read(source->path);
    if (source->snapshot != NULL && source->snapshot->state == LMM_PROCESS_LIVE &&
        lmm_request_pages(source->path, source->snapshot, &source->no_pages)) {
        lmm_snapshot_free(source->snapshot);
        source->snapshot = lmm_snapshot_read(source->path);
    }
}

static void free_source(struct source *source)
{
    lmm_snapshot_free(source->snapshot);
    free(source->path);
}

static bool ask_fields(const struct lmm_field_question *question, void *arg,
                       struct lmm_field_answer *ret_answer)
{
    struct source *source = arg;

    return lmm_request_census(source->path, source->snapshot, question, ret_answer,
                              &source->no_fields);
}

/* Makes the census, unless the process does not run: of types that have a thousandth of the bytes, or of all. Returns false when memory
 * ran out. */
static bool make_census(struct source *source, const struct lmm_diet *diet, bool is_full,
                        struct lmm_field_census *ret_census)
{
    uint64_t least_bytes = is_full ? 0 : diet->model->total.live_bytes / CENSUS_PART;
    enum lmm_process_state state = source->snapshot->state;

    if (state != LMM_PROCESS_LIVE) {
        lmm_reason_set(&source->no_fields,
                       "only the memory of a running process can be read (state: %s)",
                       lmm_process_state_name(state));
        return true;
    }
    return lmm_field_census_make(diet, least_bytes, is_full ? SIZE_MAX : MOST_CENSUS_TYPES,
                                 ask_fields, source, ret_census);
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* Adds why something is not told, if there is a reason. */
static void add_reason(const char *what, const struct lmm_reason *reason, char *notes[],
                       size_t *count)
{
    char *text = NULL;

    if (reason->text[0] != '\0' && asprintf(&text, "%s: %s", what, reason->text) >= 0) {
        notes[(*count)++] = text;
    }
}

static int write_diet(const struct arguments *arguments, const struct lmm_diet *diet,
                      const struct lmm_symbols *symbols, const struct lmm_field_census *census,
                      const struct source *source)
{
    struct lmm_output output;
    char folder[PATH_MAX];
    char *notes[LMM_GAP_NOTES_MAX + NOTES];
    bool is_data = arguments->format->kind == LMM_FORMAT_DATA; /* it cannot say what is left out */
    size_t usual = arguments->extent.full || is_data ? SIZE_MAX : USUAL_ROWS;
    bool is_read = arguments->has_fields && source->no_fields.text[0] == '\0';

    if (!lmm_output_open(&output, arguments->output, 0666)) {
        return LMM_EXIT_FAILED;
    }
    struct lmm_diet_look look = {
        .look = lmm_extent_options_look(&arguments->extent, !arguments->extent.full, folder),
        .rows = arguments->extent.top != 0 ? arguments->extent.top : usual,
        .has_structs = arguments->extent.full || arguments->select.types != NULL,
        .colour = lmm_output_has_colour(&output),
        .terminal = lmm_output_is_terminal(&output),
        .fields = is_read || census->row_count > 0 ? census : NULL,
        .fields_gap = source->no_fields.text,
        .notes = (const char *const *) notes,
        .note_count = symbols == NULL ? 0 : lmm_gap_notes_texts(symbols, 1, notes),
    };

    add_reason("no hints about pages", &source->no_pages, notes, &look.note_count);
    add_reason("no fields", &source->no_fields, notes, &look.note_count);
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
    struct source source = {.path = NULL};
    struct lmm_symbols *symbols = NULL;
    struct lmm_diet diet = {.model = NULL};
    struct lmm_field_census census = {.types = NULL};
    int status = LMM_EXIT_FAILED;

    lmm_command_line_read(&lmm_diet_argp, argc, argv, 0, &arguments);
    lmm_large_pages_use();
    if (arguments.has_fields && arguments.format->kind == LMM_FORMAT_DATA) {
        lmm_complain("--fields needs the format text or json");
        lmm_select_free(&arguments.select);
        return LMM_EXIT_USAGE;
    }
    const struct lmm_diet_options wanted = {.most_types = MOST_TYPES,
                                            .types = arguments.select.types};

    read_source(arguments.word, &source);
    struct lmm_model *model = source.snapshot == NULL ? NULL : source.snapshot->model;

    if (model != NULL &&
        (!lmm_types_apply(&symbols, arguments.symbol_flags, model) ||
         !lmm_diet_make(model, symbols, &wanted, &diet) ||
         (arguments.has_fields && !make_census(&source, &diet, arguments.extent.full, &census)))) {
        lmm_complain("out of memory");
    } else if (model != NULL) {
        lmm_snapshot_tell_loss(source.snapshot);
        lmm_snapshot_tell_other_malloc(source.snapshot);
        status = write_diet(&arguments, &diet, symbols, &census, &source);
    }
    lmm_field_census_free(&census);
    lmm_diet_free(&diet);
    free_source(&source);
    lmm_symbols_close(symbols);
    lmm_select_free(&arguments.select);
    return status;
}
