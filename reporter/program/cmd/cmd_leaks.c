/* SPDX-License-Identifier: MIT */
/* cmd_leaks: `lmm leaks [PID|NAME|FILE]`: asks a running process for a leak check, and shows what it
 * found; of a process that has ended, its last check. */

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/attach/holder_groups.h"
#include "reporter/program/attach/holders.h"
#include "reporter/program/attach/memory_name.h"
#include "reporter/program/attach/requests.h"
#include "reporter/program/base/clock.h"
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
#include "reporter/program/report/check_report.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/report/site_word.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"
#include "reporter/program/symbols/wrapper_list.h"

#include <lmm/ledger.h>

struct arguments {
    struct lmm_select select; /* --type */
    struct lmm_loss_options losses;
    struct lmm_extent_options extent;
    const struct lmm_format *format;
    const char *output; /* NULL: standard output */
    const char *word;
    size_t since;        /* a mark; 0: none */
    uint64_t min_age_ns; /* 0: any */
    size_t confirm_ms;   /* between two passes; 0: one pass */
    bool unaligned;
    bool retained;
    const char *why; /* an address, or a site as site_word.h has it; NULL: not asked */
};

enum { SINCE = 256, MIN_AGE, CONFIRM, UNALIGNED, WHY, RETAINED };
enum { CONFIRM_MS = 100, CONFIRM_MS_MAX = 600000 };

static const struct argp_option options[] = {
    {"since", SINCE, "MARK", 0, "Only blocks that were allocated since that mark (lmm mark)", 0},
    {"min-age", MIN_AGE, "TIME", 0,
     "Only blocks that are at least so old, for example 30s: waits that long before the check", 0},
    {"confirm", CONFIRM, "MS", OPTION_ARG_OPTIONAL,
     "Check twice, MS milliseconds apart (100): only what both find lost counts as lost", 0},
    {"why", WHY, "ADDRESS|SITE", 0,
     "Show who holds the block at ADDRESS, or blocks of SITE: FILE:LINE, a function or #ID", 0},
    {"retained", RETAINED, NULL, 0,
     "Show the lines whose blocks retain most: the bytes that would be lost without them", 0},
    {"unaligned", UNALIGNED, NULL, 0, "Take words at any address for pointers", 0},
    {"format", 'F', "FORMAT", 0, "text (the default), json, junit or sarif", 0},
    {"output", 'o', "FILE", 0, "Write to FILE, which is replaced when the report is complete", 0},
    {0},
};

static void parse_format(struct arguments *arguments, const char *argument,
                         const struct argp_state *state)
{
    arguments->format = lmm_format_parse(argument, true, state);
    if (arguments->format->kind == LMM_FORMAT_DATA) {
        argp_error(state, "--format %s has no leak check; use text, json, junit or sarif",
                   argument);
    }
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->word;
        state->child_inputs[1] = &arguments->extent;
        state->child_inputs[2] = &arguments->losses;
        state->child_inputs[4] = &arguments->select;
        return 0;
    case ARGP_KEY_END:
        if (arguments->since != 0 && arguments->min_age_ns != 0) {
            argp_error(state, "--since and --min-age exclude each other");
        }
        if ((arguments->retained || arguments->why != NULL) &&
            arguments->format->kind != LMM_FORMAT_TEXT) {
            argp_error(state, "--why and --retained are for text");
        }
        return 0;
    case SINCE:
        arguments->since = lmm_parse_number("--since", argument, 1, UINT32_MAX, state);
        return 0;
    case MIN_AGE: arguments->min_age_ns = lmm_parse_time(argument, state); return 0;
    case CONFIRM:
        arguments->confirm_ms =
            argument == NULL ? (size_t) CONFIRM_MS
                             : lmm_parse_number("--confirm", argument, 1, CONFIRM_MS_MAX, state);
        return 0;
    case WHY: arguments->why = argument; return 0;
    case RETAINED: arguments->retained = true; return 0;
    case UNALIGNED: arguments->unaligned = true; return 0;
    case 'F': parse_format(arguments, argument, state); return 0;
    case 'o': arguments->output = argument; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&lmm_word_argp, 0, NULL, 0},    {&lmm_extent_argp, 0, NULL, 0}, {&lmm_loss_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0}, {&lmm_type_argp, 0, NULL, 0},   {0},
};
const struct argp lmm_leaks_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[PID|NAME|FILE]",
    .doc = "Find out which blocks of a running process are lost, and where they were allocated."
           "\vThe process's threads stand still for some milliseconds. Without an argument: the "
           "only live process that has a ledger. Of a process that has ended its last check is "
           "shown.",
    .children = children,
};

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Makes a mark and waits; *ret_mark is its number. */
static bool wait_since_mark(const char *path, const struct lmm_snapshot *snapshot, uint64_t ns,
                            size_t *ret_mark, struct lmm_reason *ret_reason)
{
    struct timespec left = lmm_ns_timespec(ns);

    if (!lmm_request_mark(path, snapshot, "lmm leaks --min-age", ret_mark, ret_reason)) {
        return false;
    }
    while (nanosleep(&left, &left) != 0) {
    }
    return true;
}

static bool ask_for_check(const struct arguments *arguments, const char *path,
                          const struct lmm_snapshot *snapshot)
{
    struct lmm_check_request request = {
        .mark = arguments->since,
        .wants_old = arguments->min_age_ns != 0,
        .unaligned = arguments->unaligned,
        .confirm_ms = arguments->confirm_ms,
    };
    struct lmm_reason reason;
    bool done = (!request.wants_old ||
                 wait_since_mark(path, snapshot, arguments->min_age_ns, &request.mark, &reason)) &&
                lmm_request_check(path, snapshot, &request, &reason);

    if (!done) {
        lmm_complain("%s", reason.text);
    }
    return done;
}

/* The ledger, after a check if its process lives. NULL after a message. */
static struct lmm_snapshot *check(const struct arguments *arguments, const char *path)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);

    if (snapshot == NULL || snapshot->state != LMM_PROCESS_LIVE) {
        return snapshot;
    }
    bool is_checked = ask_for_check(arguments, path, snapshot);
    lmm_snapshot_free(snapshot);
    return is_checked ? lmm_snapshot_read(path) : NULL;
}

/* ---- Reporting ------------------------------------------------------------------------------- */

static int report(struct arguments *arguments, const struct lmm_snapshot *snapshot)
{
    struct lmm_symbols *symbols = lmm_symbols_open(0);
    char folder[PATH_MAX];
    struct lmm_check_report shown = {
        .model = snapshot->model,
        .losses = &arguments->losses,
        .types = arguments->select.types,
        .symbols = symbols,
        .bounds = lmm_extent_options_bounds(&arguments->extent, false),
        .look = lmm_extent_options_look(&arguments->extent, false, folder),
    };
    int status = LMM_EXIT_FAILED;

    if (symbols != NULL) {
        lmm_symbols_set_brief(symbols, true);
    }
    if (symbols == NULL || !lmm_symbols_name_sites(symbols, snapshot->model) ||
        !lmm_types_find(symbols, snapshot->model)) {
        lmm_complain("out of memory");
    } else {
        status = lmm_check_report_write(&shown, arguments->format, arguments->output);
    }
    lmm_symbols_close(symbols);
    return status;
}

/* ---- Who holds it ---------------------------------------------------------------------------- */

/* The address in a word 0x...; 0: it is none. */
static uint64_t parse_address(const char *word)
{
    char *end;
    uint64_t address = strncmp(word, "0x", 2) == 0 ? strtoull(word, &end, 16) : 0;

    return address != 0 && *end == '\0' ? address : 0;
}

/* What is printed about holders: of the block at an address, or of the blocks of the sites of `wanted`. */
static int print_holders(const struct arguments *arguments, const char *path,
                         const struct lmm_snapshot *snapshot, uint64_t address,
                         const struct lmm_model *wanted)
{
    struct lmm_memory_names *names = lmm_memory_names_open(snapshot->header->pid);
    size_t most = lmm_extent_options_bounds(&arguments->extent, false).rows;
    struct lmm_output output;
    bool done = lmm_output_open(&output, NULL, 0666);

    if (done && address != 0) {
        done = lmm_holders_print(path, snapshot, names, address, &output.sink);
    } else if (done) {
        done = lmm_holder_groups_print(path, snapshot, wanted, arguments->why, names, most,
                                       &output.sink);
    }
    lmm_memory_names_close(names);
    int status = lmm_output_close(&output);
    return done ? status : (int) LMM_EXIT_FAILED;
}

/* The model of the names of all sites; the model that loses those that the word does not name. */
static int explain(const struct arguments *arguments, const char *path)
{
    uint64_t address = parse_address(arguments->why);
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);
    struct lmm_snapshot *named = address == 0 ? lmm_snapshot_read(path) : NULL;
    struct lmm_symbols *symbols = NULL;
    int status = LMM_EXIT_FAILED;

    if (snapshot != NULL && snapshot->state != LMM_PROCESS_LIVE) {
        lmm_complain("process %" PRIu32 " is %s: --why needs a live process", snapshot->header->pid,
                     lmm_process_state_name(snapshot->state));
    } else if (snapshot != NULL && lmm_types_apply(&symbols, 0, snapshot->model) &&
               (named == NULL || lmm_symbols_apply(&symbols, 0, named->model))) {
        bool is_known = named == NULL || lmm_site_word_apply(arguments->why, named->model);

        status = is_known ? print_holders(arguments, path, snapshot, address,
                                          named == NULL ? NULL : named->model)
                          : status;
    }
    lmm_snapshot_free(named);
    lmm_snapshot_free(snapshot);
    lmm_symbols_close(symbols);
    return status;
}

static int print_retained(const struct arguments *arguments, const char *path)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);
    struct lmm_symbols *symbols = NULL;
    size_t rows = lmm_extent_options_bounds(&arguments->extent, false).rows;
    int status = LMM_EXIT_FAILED;

    if (snapshot != NULL && lmm_symbols_apply(&symbols, 0, snapshot->model)) {
        status = lmm_holders_write_retained(path, snapshot, rows, arguments->output);
    }
    lmm_snapshot_free(snapshot);
    lmm_symbols_close(symbols);
    return status;
}

int lmm_cmd_leaks(int argc, char **argv)
{
    struct arguments arguments = {.format = lmm_format_find("text"),
                                  .losses = {.shown_classes = LMM_KINDS_SHOWN}};
    int status = LMM_EXIT_FAILED;

    lmm_command_line_read(&lmm_leaks_argp, argc, argv, 0, &arguments);
    lmm_large_pages_use();
    char *path = lmm_discover_path(arguments.word);
    if (arguments.why != NULL || arguments.retained) {
        status = path == NULL            ? (int) LMM_EXIT_FAILED
                 : arguments.why != NULL ? explain(&arguments, path)
                                         : print_retained(&arguments, path);
        lmm_select_free(&arguments.select);
        free(path);
        return status;
    }
    struct lmm_snapshot *snapshot = path == NULL ? NULL : check(&arguments, path);
    if (snapshot != NULL) {
        status = report(&arguments, snapshot);
    }
    lmm_snapshot_free(snapshot);
    lmm_suppressions_free(&arguments.losses.suppressions);
    lmm_select_free(&arguments.select);
    free(path);
    return status;
}
