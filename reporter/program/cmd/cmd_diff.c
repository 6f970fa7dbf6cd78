/* SPDX-License-Identifier: MIT */
/*
 * lmm diff A B: what grew from one ledger to another, by family and by site. Each may be a process, a
 * ledger or a saved snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/delta_print.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/symbols/symbols.h"

struct options {
    const char *words[2]; /* what to compare */
    size_t word_count;
    char **patterns; /* ended by NULL; NULL: all families */
    size_t pattern_count;
    size_t top;
    bool json;
};

static const struct argp_option option_list[] = {
    {"family", 'f', "PATTERN", 0, "Only families that match the shell pattern; may be repeated", 0},
    {"format", 'F', "FORMAT", 0, "text (default) or json", 0},
    {"top", 't', "N", 0, "Show at most N families and N sites (text: 20; json: all)", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static void add_pattern(struct argp_state *state, struct options *options, char *pattern)
{
    char **patterns =
        reallocarray(options->patterns, options->pattern_count + 2, sizeof(options->patterns[0]));

    if (patterns == NULL) {
        argp_failure(state, LMM_EXIT_FAILED, 0, "out of memory");
        return;
    }
    patterns[options->pattern_count++] = pattern;
    patterns[options->pattern_count] = NULL;
    options->patterns = patterns;
}

static void set_format(struct argp_state *state, struct options *options, const char *name)
{
    options->json = strcmp(name, "json") == 0;
    if (!options->json && strcmp(name, "text") != 0) {
        argp_error(state, "there is no format '%s' here: text or json", name);
    }
}

static void add_word(struct argp_state *state, struct options *options, const char *word)
{
    if (options->word_count == 2) {
        argp_error(state, "more than two to compare: '%s'", word);
        return;
    }
    options->words[options->word_count++] = word;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'f': add_pattern(state, options, argument); return 0;
    case 'F': set_format(state, options, argument); return 0;
    case 't':
        if (!lmm_parse_count(argument, &options->top)) {
            argp_error(state, "--top wants a number from 1 on, not '%s'", argument);
        }
        return 0;
    case ARGP_KEY_ARG: add_word(state, options, argument); return 0;
    case ARGP_KEY_END:
        if (options->word_count < 2) {
            argp_error(state, "two are needed to compare");
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = option_list,
    .parser = parse,
    .args_doc = "A B",
    .doc = "What grew from A to B, by family and by site, most growth first. A and B are each a "
           "PID, a "
           "program's name, or a file: a ledger, or what `lmm snapshot` wrote.",
};

static int print(const struct lmm_delta *delta, const struct options *options)
{
    struct lmm_output output;

    lmm_output_open(&output, NULL, 0);
    if (options->json) {
        lmm_delta_json(delta, options->top, &output.sink);
    } else {
        lmm_delta_text(delta, options->top, &output.sink);
    }
    return lmm_output_close(&output);
}

static int compare(const struct lmm_snapshot *before, const struct lmm_snapshot *after,
                   const struct options *options)
{
    struct lmm_delta *delta = lmm_delta_make(before->model, after->model, options->patterns, true);
    int status = LMM_EXIT_FAILED;

    if (delta == NULL) {
        lmm_complain("out of memory");
    } else {
        status = print(delta, options);
    }
    lmm_delta_free(delta);
    return status;
}

/* Names the sites of both. The files of two processes may differ, and then stacks are the same when their
 * names are. */
static bool name(struct lmm_symbols **symbols, struct lmm_model *before, struct lmm_model *after)
{
    bool same = before->pid == after->pid && before->start_time_ns == after->start_time_ns;

    if (!lmm_symbols_apply(symbols, 0, before) || !lmm_symbols_apply(symbols, 0, after)) {
        return false;
    }
    return *symbols == NULL || same ||
           (lmm_symbols_key_sites(*symbols, before) && lmm_symbols_key_sites(*symbols, after));
}

int lmm_cmd_diff(int argc, char **argv)
{
    struct options options = {.word_count = 0};
    struct lmm_snapshot *before = NULL;
    struct lmm_snapshot *after = NULL;
    struct lmm_symbols *symbols = NULL;
    int status = LMM_EXIT_FAILED;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    before = lmm_snapshot_select(options.words[0]);
    if (before != NULL) {
        after = lmm_snapshot_select(options.words[1]);
    }
    if (after != NULL && !name(&symbols, before->model, after->model)) {
        lmm_complain("out of memory");
    } else if (after != NULL) {
        status = compare(before, after, &options);
    }
    lmm_snapshot_free(after);
    lmm_snapshot_free(before);
    lmm_symbols_close(symbols);
    free(options.patterns);
    return status;
}
