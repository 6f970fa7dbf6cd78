/* SPDX-License-Identifier: MIT */
/* cmd_diff: `lmm diff A B`: what grew from one ledger to another, by family and by site. Each may
 * be a process, a ledger or a saved snapshot. */
#include <errno.h>
#include <inttypes.h>

#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/delta_print.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/large_pages.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/page/page_report.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/merge.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/report/row_options.h"
#include "reporter/program/report/site_word.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"
#include "reporter/program/symbols/wrapper_list.h"

struct options {
    struct lmm_select select;
    struct lmm_row_options rows;
    struct lmm_delta_look look;
    const struct lmm_format *format;
    const char *output;   /* NULL: standard output */
    const char *words[2]; /* the ledgers to compare */
    size_t word_count;
    bool has_last; /* the second one is that of the last run */
    bool has_most;
    uint64_t most_permille; /* --fail-on-growth */
};

enum { STACKS = 256, STACKS_PER_ROW, LAST, FAIL_ON_GROWTH, USUAL_STACKS_PER_ROW = 3 };

static const struct argp_option option_list[] = {
    {"top", 't', "N", 0, "Show at most N families and N rows of sites (text: 20; json: all)", 0},
    {"last", LAST, NULL, 0,
     "Compare A, or the last lmm run but one, with the last (the last five are kept)", 0},
    {"fail-on-growth", FAIL_ON_GROWTH, "PERCENT", 0,
     "End with status 3 if live bytes, or lost bytes, grew by more than PERCENT (for example 5%)",
     0},
    {"stacks", STACKS, NULL, 0, "Show the call stacks of each row that changed", 0},
    {"stacks-per-row", STACKS_PER_ROW, "N", 0, "Show at most N of these (3)", 0},
    {"output", 'o', "FILE", 0, "Write to FILE, which is replaced when the comparison is complete",
     0},
    {0},
};

/* Puts the runs in the place of the words that --last leaves out. */
static void complete_words(const struct argp_state *state, struct options *options)
{
    if (options->has_last && options->word_count == 2) {
        argp_error(state, "unexpected argument '%s': with --last, name A only", options->words[1]);
    } else if (options->has_last) {
        options->words[0] = options->word_count == 1 ? options->words[0] : LMM_WORD_LAST_BUT_ONE;
        options->words[1] = LMM_WORD_LAST;
    } else if (options->word_count < 2) {
        argp_error(state, "expected two ledgers, A and B");
    }
}

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
        state->child_inputs[1] = &options->rows;
        state->child_inputs[2] = &options->format;
        return 0;
    case 't': options->look.top = lmm_parse_top(argument, state); return 0;
    case STACKS:
        options->look.stacks =
            options->look.stacks != 0 ? options->look.stacks : USUAL_STACKS_PER_ROW;
        return 0;
    case STACKS_PER_ROW:
        options->look.stacks = lmm_parse_number("--stacks-per-row", argument, 1, SIZE_MAX, state);
        return 0;
    case FAIL_ON_GROWTH:
        if (!lmm_parse_percent(argument, &options->most_permille)) {
            argp_error(state, "invalid percentage '%s' (for example 5%% or 0.5%%)", argument);
        }
        options->has_most = true;
        return 0;
    case ARGP_KEY_ARG: add_word(state, options, argument); return 0;
    case LAST: options->has_last = true; return 0;
    case 'o': options->output = argument; return 0;
    case ARGP_KEY_END: complete_words(state, options); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&lmm_family_argp, 0, NULL, 0},
    {&lmm_row_argp, 0, NULL, 0},
    {&lmm_page_format_argp, 0, NULL, 0},
    {&lmm_wrapper_argp, 0, NULL, 0},
    {0},
};
const struct argp lmm_diff_argp = {
    .options = option_list,
    .parser = parse,
    .args_doc = "A B\n--last [A]",
    .doc =
        "Show what grew from A to B, by family and by site, most growth first. A and B are each a "
        "PID, a program's name, or a file: a ledger, or a copy that `lmm snapshot` wrote.",
    .children = children,
};

/* Opens the output; returns an exit status, after a message on stderr if it is not LMM_EXIT_DONE. */
static int open_output(const struct options *options, struct lmm_output *output)
{
    if (!lmm_output_open(output, options->output, 0666)) {
        return LMM_EXIT_FAILED;
    }
    if (!lmm_format_may_go(options->format, lmm_output_is_terminal(output))) {
        lmm_output_abandon(output);
        return LMM_EXIT_USAGE;
    }
    return LMM_EXIT_DONE;
}

/* Writes the HTML report of the difference, without the leaks that are suppressed in every report. */
static int write_page(const struct lmm_model *before, const struct lmm_model *after,
                      const struct options *options, const struct lmm_symbols *symbols)
{
    const struct lmm_page_moment earlier = {.model = before};
    struct lmm_loss_options losses = {.shown_classes = LMM_KINDS_SHOWN};
    struct lmm_spots spots = {.model = NULL};
    const struct lmm_page_report page = {
        .now = {.model = after, .spots = &spots}, .before = &earlier, .symbols = symbols};
    struct lmm_output output;
    int status = lmm_page_report_can() ? open_output(options, &output) : LMM_EXIT_FAILED;

    if (status != LMM_EXIT_DONE) {
        return status;
    }
    lmm_loss_options_add_own(&losses, after);
    int error =
        lmm_loss_options_complete(&losses) && lmm_spots_make(after, &losses.suppressions, &spots)
            ? lmm_page_report_write(&page, &output.sink)
            : -ENOMEM;

    output.sink.error = output.sink.error == 0 ? error : output.sink.error;
    lmm_spots_free(&spots);
    lmm_suppressions_free(&losses.suppressions);
    return lmm_output_close(&output);
}

static int compare(const struct lmm_snapshot *before, const struct lmm_snapshot *after,
                   const struct options *options)
{
    struct lmm_delta *delta = lmm_delta_make(before->model, after->model, NULL, true);
    bool is_json = options->format->kind == LMM_FORMAT_JSON;
    struct lmm_delta_look look = options->look;
    struct lmm_output output;

    if (delta == NULL) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    look.all = options->rows.all;
    look.brief_families = after->model->is_drop_in && options->select.patterns == NULL &&
                          !lmm_row_options_ask_families(&options->rows);
    int status = open_output(options, &output);
    if (status != LMM_EXIT_DONE) {
        lmm_delta_free(delta);
        return status;
    }
    (is_json ? lmm_delta_json : lmm_delta_text)(delta, &look, &output.sink);
    lmm_delta_free(delta);
    return lmm_output_close(&output);
}

/* ---- Growth ------------------------------------------------------------------------------------ */

/* Returns whether a figure grew by more than may be; says so on stderr. */
static bool grew(const struct options *options, const char *what, uint64_t before, uint64_t after)
{
    /* In floating point, because products may not fit. */
    double most = (double) before * (1 + (double) options->most_permille / 1000);
    bool is_more = after > before && (double) after > most;

    if (is_more) {
        lmm_complain("%s bytes grew from %" PRIu64 " to %" PRIu64 ", by more than %" PRIu64
                     ".%" PRIu64 "%%",
                     what, before, after, options->most_permille / 10, options->most_permille % 10);
    }
    return is_more;
}

static bool has_check(const struct lmm_model *model)
{
    return model->check.is_there && model->check.failure == 0;
}

static uint64_t lost_bytes(const struct lmm_model *model)
{
    return model->check.of[LMM_MODEL_DEFINITE].bytes + model->check.of[LMM_MODEL_INDIRECT].bytes;
}

/* Returns the status of a comparison that was printed. */
static int judge(const struct options *options, const struct lmm_model *before,
                 const struct lmm_model *after)
{
    bool fails = false;

    if (!options->has_most) {
        return LMM_EXIT_DONE;
    }
    fails |= grew(options, "live", before->total.live_bytes, after->total.live_bytes);
    if (has_check(before) && has_check(after)) {
        fails |= grew(options, "lost", lost_bytes(before), lost_bytes(after));
    }
    return fails ? LMM_EXIT_GREW : LMM_EXIT_DONE;
}

/* Names the sites of both. The files of two processes may differ; then stacks are the same if their
 * names are. Returns false after a message on stderr. */
static bool name(struct lmm_symbols **symbols, struct lmm_model *before, struct lmm_model *after)
{
    bool same = before->pid == after->pid && before->start_time_ns == after->start_time_ns;
    bool named = lmm_types_apply(symbols, 0, before) && lmm_types_apply(symbols, 0, after);

    if (named && *symbols != NULL && !same) {
        named = lmm_symbols_key_sites(*symbols, before) && lmm_symbols_key_sites(*symbols, after);
    }
    if (!named) {
        lmm_complain("out of memory");
    }
    return named;
}

/* Leaves the sites that --site names, in one of the models or in both. Returns false after a message
 * on stderr. */
static bool keep_site(const char *word, struct lmm_model *before, struct lmm_model *after)
{
    size_t kept = word == NULL ? 1 : lmm_site_word_keep(word, before);

    if (word == NULL || kept == 0) {
        return word == NULL || lmm_site_word_apply(word, after);
    }
    if (kept == SIZE_MAX || lmm_site_word_keep(word, after) == SIZE_MAX) {
        lmm_complain("out of memory");
        return false;
    }
    return true;
}

/* Makes the rows that --by asks for. Returns false after a message on stderr. */
static bool make_rows(const struct options *options, struct lmm_model *before,
                      struct lmm_model *after, struct lmm_merge merges[2])
{
    struct lmm_row_options rows = options->rows;
    bool is_json = options->format->kind == LMM_FORMAT_JSON;

    lmm_select_filter(&options->select, before);
    lmm_select_filter(&options->select, after);
    rows.site = NULL;
    if (options->format->is_page) {
        rows.by = LMM_BY_SITE;
        rows.has_by = true;
    } else if (is_json) {
        lmm_row_options_choose(&rows, options->look.stacks == 0 ? LMM_BY_SITE : LMM_BY_LINE);
    } else {
        lmm_row_options_choose(&rows, lmm_row_options_usual(after));
    }
    return keep_site(options->rows.site, before, after) &&
           lmm_row_options_apply(&rows, before, NULL, &merges[0]) &&
           lmm_row_options_apply(&rows, after, NULL, &merges[1]);
}

int lmm_cmd_diff(int argc, char **argv)
{
    struct options options = {.format = lmm_format_find("text")};
    struct lmm_snapshot *before = NULL;
    struct lmm_snapshot *after = NULL;
    struct lmm_symbols *symbols = NULL;
    struct lmm_merge merges[2] = {{.rows = NULL}, {.rows = NULL}};
    int status = LMM_EXIT_FAILED;

    lmm_command_line_read(&lmm_diff_argp, argc, argv, 0, &options);
    lmm_large_pages_use();
    before = lmm_snapshot_select(options.words[0]);
    if (before != NULL) {
        after = lmm_snapshot_select(options.words[1]);
    }
    if (after != NULL && name(&symbols, before->model, after->model) &&
        make_rows(&options, before->model, after->model, merges)) {
        status = options.format->is_page
                     ? write_page(before->model, after->model, &options, symbols)
                     : compare(before, after, &options);
        status = status == LMM_EXIT_DONE ? judge(&options, before->model, after->model) : status;
    }
    lmm_merge_free(&merges[0]);
    lmm_merge_free(&merges[1]);
    lmm_snapshot_free(after);
    lmm_snapshot_free(before);
    lmm_symbols_close(symbols);
    lmm_select_free(&options.select);
    return status;
}
