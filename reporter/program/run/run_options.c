/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/command_line.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/run/preload.h"
#include "reporter/program/base/program.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/symbols/wrapper_list.h"

enum {
    KEY_DEPTH = 256,
    KEY_STACKS,
    KEY_LEAKS,
    KEY_NO_HINTS,
    KEY_ERROR_EXITCODE,
    KEY_FILL,
    KEY_RETAINED,
    KEY_MATCHING,
    KEY_CHILDREN,
    KEY_WAIT,
    KEY_KEEP,
    KEY_FIT,
    KEY_TEMPORARY,
    KEY_SAMPLE,
    KEY_OPTIONS,
    KEY_DEBUGINFOD,
    KEY_LIBRARY,
    KEY_ERROR_KINDS,
    KEY_BASELINE,
    KEY_GATE,
    KEY_GENERATE,
    KEY_HTML,
};

static const struct argp_option table[] = {
    {"depth", KEY_DEPTH, "N", 0,
     "Calls kept of each call stack: 0 (no stacks) to 64, 24 by default", 0},
    {"stacks", KEY_STACKS, "N", OPTION_HIDDEN, NULL, 0}, /* its name until 1.0 */
    {"format", 'F', "FORMAT", 0,
     "text (the default), json, csv, openmetrics, pprof, folded, massif, html, junit or sarif", 0},
    {"report", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0}, /* its name until 1.0 */
    {"output", 'o', "FILE", 0,
     "Write the report to FILE, not to standard error; %p in it is the process's PID", 0},
    {"html", KEY_HTML, "FILE", 0,
     "Write a page for the browser to FILE, too; %p in it is the process's PID", 0},
    {"leaks", KEY_LEAKS, NULL, 0, "Show leaks only", 0},
    {"no-hints", KEY_NO_HINTS, NULL, 0, "Leave out the hints how to need less memory", 0},
    {"errors-for-leak-kinds", KEY_ERROR_KINDS, "SET", 0,
     "Which classes make --error-exitcode fail; by default definite", 0},
    {"error-exitcode", KEY_ERROR_EXITCODE, "N", 0,
     "If the program ends with 0: end with status N (1 to 255, not 125 to 127) when a process lost "
     "memory, and with 125 when one could not be checked; as --children",
     0},
    {"baseline", KEY_BASELINE, "FILE", 0,
     "Losses that FILE has, an earlier JSON report or ledger, do not make --error-exitcode fail",
     0},
    {"gate", KEY_GATE, "PATTERN", 0,
     "--error-exitcode is for programs of this name only; a * stands for any characters", 0},
    {"gen-suppressions", KEY_GENERATE, NULL, 0,
     "As --leaks, and print a suppression, in Valgrind's syntax, for each stack that lost memory",
     0},
    {"fill", KEY_FILL, NULL, 0, "Fill new and freed blocks with patterns", 0},
    {"retained", KEY_RETAINED, NULL, 0,
     "When the program ends, find out which lines retain most bytes, for lmm report --retained", 0},
    {"check-matching", KEY_MATCHING, NULL, 0,
     "Tell blocks that are freed in another way than they were allocated: free of a block of new, "
     "delete of one of new[], another size or alignment",
     0},
    {"temporary", KEY_TEMPORARY, "WORD", 0,
     "What a temporary block is: one that was freed before the same thread allocated again (lmm, "
     "the default), or before the process allocated or freed anything else (heaptrack)",
     0},
    {"sample", KEY_SAMPLE, "MS", 0,
     "Milliseconds between samples of the figures over time, of the documents that have them "
     "(json), or "
     "off; by default 10 at first, then up to 100",
     0},
    {"fit", KEY_FIT, "WORD", 0, "How large blocks are placed: largest, first or best", 0},
    {"children", KEY_CHILDREN, NULL, 0, "Track the processes that the program starts, too", 0},
    {"wait", KEY_WAIT, NULL, 0,
     "As --children, and report when all processes have ended that the program has started", 0},
    {"keep", KEY_KEEP, NULL, 0, "Keep the ledger, and print its path", 0},
    {"options", KEY_OPTIONS, "KEY=VALUE:...", 0, "More LMM_OPTIONS for the program", 0},
    {"debuginfod", KEY_DEBUGINFOD, NULL, 0,
     "Ask the servers of DEBUGINFOD_URLS for missing debug files", 0},
    {"preload-library", KEY_LIBRARY, "PATH", OPTION_HIDDEN, NULL, 0},
    {0},
};

/* ---- Words ----------------------------------------------------------------------------------- */

static const char *const fits[] = {"largest", "first", "best", NULL};
static const char *const temporaries[] = {"lmm", "heaptrack", NULL};

/* The settings that are useful here, for completion. */
static const char *const settings[] = {
    "check=",  "exitcode=",  "fill=",      "fit=",   "heuristics=", "hugepages=",
    "leaks=",  "log=",       "match=",     "pages=", "retained=",   "reservoir=",
    "signal=", "temporary=", "unaligned=", "usage=", NULL,
};

/* Returns the word at an index of a list that ends with NULL. */
static const char *word_at(const char *const *words, size_t index)
{
    while (index > 0 && *words != NULL) {
        words++;
        index--;
    }
    return *words;
}

const char *lmm_run_fit_word(size_t index)
{
    return word_at(fits, index);
}

const char *lmm_run_temporary_word(size_t index)
{
    return word_at(temporaries, index);
}

const char *lmm_run_option_word(size_t index)
{
    return word_at(settings, index);
}

/* ---- Parsing --------------------------------------------------------------------------------- */

/* Rejects settings that are not key=value, and keys that lmm run sets. */
static void check_options(const char *text, const struct argp_state *state)
{
    for (const char *part = text; *part != '\0';) {
        size_t bytes = strcspn(part, ":");
        const char *equals = memchr(part, '=', bytes);

        if (bytes > 0 && (equals == NULL || equals == part)) {
            argp_error(state, "--options takes KEY=VALUE:..., not '%.*s'", (int) bytes, part);
        }
        const char *taken = lmm_preload_taken_key(part);

        if (taken != NULL) {
            argp_error(state, "--options cannot set %s, lmm run does", taken);
        }
        part += bytes;
        part += *part == ':';
    }
}

/* Handles options whose argument is checked. */
static error_t parse_value(int key, char *argument, struct argp_state *state)
{
    struct lmm_run_options *options = state->input;

    switch (key) {
    case KEY_STACKS: lmm_complain("--stacks N is now --depth N"); __attribute__((fallthrough));
    case KEY_DEPTH:
        options->stacks =
            (unsigned) lmm_parse_number("--depth", argument, 0, LMM_RUN_STACKS_MAX, state);
        return 0;
    case 'F': options->format = lmm_format_parse(argument, true, state); return 0;
    case KEY_ERROR_EXITCODE:
        options->error_exitcode =
            (int) lmm_parse_number("--error-exitcode", argument, 1, 255, state);
        if (options->error_exitcode >= LMM_RUN_FAILED && options->error_exitcode <= 127) {
            argp_error(state,
                       "--error-exitcode cannot be 125 to 127: these say that nothing ran, or "
                       "that lmm failed");
        }
        return 0;
    case KEY_BASELINE:
        lmm_baseline_free(&options->baseline);
        options->has_baseline = true;
        if (!lmm_baseline_read(argument, &options->baseline)) {
            exit(LMM_RUN_FAILED);
        }
        return 0;
    case KEY_ERROR_KINDS:
        options->error_classes = lmm_kinds_option_parse("--errors-for-leak-kinds", argument, state);
        return 0;
    case KEY_FIT:
        options->fit = fits[lmm_option_word_parse("--fit", argument, lmm_run_fit_word, state)];
        return 0;
    case KEY_TEMPORARY:
        options->temporary = temporaries[lmm_option_word_parse("--temporary", argument,
                                                               lmm_run_temporary_word, state)];
        return 0;
    case KEY_SAMPLE:
        options->is_sampled = strcmp(argument, "off") != 0;
        options->sample_ms = !options->is_sampled
                                 ? 0
                                 : (unsigned) lmm_parse_number("--sample", argument, 1,
                                                               LMM_RUN_SAMPLE_MS_MAX, state);
        return 0;
    case KEY_OPTIONS:
        check_options(argument, state);
        options->options = argument;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct lmm_run_options *options = state->input;

    switch (key) {
    case 'o': options->output = argument; return 0;
    case KEY_HTML: options->html = argument; return 0;
    case KEY_LEAKS: options->leaks_only = true; return 0;
    case KEY_NO_HINTS: options->no_hints = true; return 0;
    case KEY_GATE: options->gate = argument; return 0;
    case KEY_GENERATE: options->leaks_only = options->generates = true; return 0;
    case KEY_FILL: options->fill = true; return 0;
    case KEY_RETAINED: options->retained = true; return 0;
    case KEY_MATCHING: options->checks_matching = true; return 0;
    case KEY_CHILDREN: options->children = true; return 0;
    case KEY_WAIT: options->waits = options->children = true; return 0;
    case KEY_KEEP: options->keep = true; return 0;
    case KEY_DEBUGINFOD: options->debuginfod = true; return 0;
    case KEY_LIBRARY: options->library = argument; return 0;
    case ARGP_KEY_ARG:
        options->argv = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->extent;
        state->child_inputs[1] = &options->losses;
        state->child_inputs[3] = &options->measure;
        state->child_inputs[4] = &options->select;
        return 0;
    case ARGP_KEY_END:
        options->children = options->children || options->error_exitcode != 0;
        lmm_export_check(options->measure, options->format, state);
        if (options->select.types != NULL && options->format->kind != LMM_FORMAT_TEXT &&
            options->format->kind != LMM_FORMAT_JSON) {
            argp_error(state, "--type is for text and json");
        }
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "no program given"); return 0;
    default: return parse_value(key, argument, state);
    }
}

static const struct argp_child children[] = {
    {&lmm_extent_argp, 0, NULL, 0}, {&lmm_loss_argp, 0, NULL, 0}, {&lmm_wrapper_argp, 0, NULL, 0},
    {&lmm_export_argp, 0, NULL, 0}, {&lmm_type_argp, 0, NULL, 0}, {0},
};
const struct argp lmm_run_argp = {
    table,
    parse,
    "[--] PROGRAM [ARGUMENT...]",
    "Run a program on LMM, and report what it allocated, where, and what it leaked."
    "\vThe program's standard files, signals and exit status are its own. Status 125: lmm failed; "
    "126: the program cannot be executed; 127: there is none; 128 + N: signal N ended it. Without "
    "--error-exitcode, a program that ran determines the status alone.",
    children,
    NULL,
    NULL,
};

void lmm_run_options_read(int argc, char **argv, struct lmm_run_options *ret_options)
{
    *ret_options = (struct lmm_run_options) {
        .stacks = LMM_RUN_STACKS,
        .is_sampled = true,
        .format = lmm_format_find("text"),
        .losses = {.shown_classes = LMM_KINDS_SHOWN},
        .error_classes = LMM_KINDS_ERRORS,
    };
    argp_err_exit_status = LMM_RUN_FAILED;
    lmm_command_line_read(&lmm_run_argp, argc, argv, ARGP_IN_ORDER, ret_options);
}

bool lmm_run_options_are_brief(const struct lmm_run_options *options)
{
    return options->format->kind == LMM_FORMAT_TEXT && !options->leaks_only;
}

bool lmm_run_options_sample(const struct lmm_run_options *options)
{
    bool has_series = options->format->kind == LMM_FORMAT_JSON && !options->leaks_only;

    return options->is_sampled && (has_series || options->format->is_page || options->html != NULL);
}
