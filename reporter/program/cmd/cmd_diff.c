/* SPDX-License-Identifier: MIT */
/* cmd_diff: `lmm diff A B`: what grew from one ledger to another, by family and by site. Each may
 * be a process, a ledger or a saved snapshot. */
#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/delta_print.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/symbols/wrapper_list.h"

struct options {
    struct lmm_select select;
    const struct lmm_format *format;
    const char *words[2]; /* the ledgers to compare */
    size_t word_count;
};

static const struct argp_option option_list[] = {
    {"top", 't', "N", 0, "Show at most N families and N sites (text: 20; json: all)", 0},
    {0},
};

static void add_word(struct argp_state *state, struct options *options, const char *word)
{
    if (options->word_count == 2) {
        argp_error(state, "unexpected argument '%s'", word);
        return;
    }
    options->words[options->word_count++] = word;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->select;
        state->child_inputs[1] = &options->format;
        return 0;
    case 't': options->select.top = lmm_parse_top(argument, state); return 0;
    case ARGP_KEY_ARG: add_word(state, options, argument); return 0;
    case ARGP_KEY_END:
        if (options->word_count < 2) {
            argp_error(state, "expected two ledgers, A and B");
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&lmm_family_argp, 0, NULL, 0},
    {&lmm_format_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = option_list,
    .parser = parse,
    .args_doc = "A B",
    .doc =
        "Show what grew from A to B, by family and by site, most growth first. A and B are each a "
        "PID, a program's name, or a file: a ledger, or a copy that `lmm snapshot` wrote.",
    .children = children,
};

static int compare(const struct lmm_snapshot *before, const struct lmm_snapshot *after,
                   const struct options *options)
{
    struct lmm_delta *delta =
        lmm_delta_make(before->model, after->model, options->select.patterns, true);
    bool is_json = options->format->kind == LMM_FORMAT_JSON;
    struct lmm_output output;

    if (delta == NULL) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    lmm_output_open(&output, NULL, 0);
    (is_json ? lmm_delta_json : lmm_delta_text)(delta, options->select.top, &output.sink);
    lmm_delta_free(delta);
    return lmm_output_close(&output);
}

/* Names the sites of both. The files of two processes may differ; then stacks are the same if their
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
    struct options options = {.format = lmm_format_find("text")};
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
    lmm_select_free(&options.select);
    return status;
}
