/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/row_options.h"

#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/program.h"
#include "reporter/program/report/merge.h"
#include "reporter/program/report/site_word.h"

static const char *const words[LMM_BY_COUNT] = {
    [LMM_BY_LINE] = "line",   [LMM_BY_FUNCTION] = "function", [LMM_BY_MODULE] = "module",
    [LMM_BY_STACK] = "stack", [LMM_BY_FAMILY] = "family",     [LMM_BY_TYPE] = "type",
    [LMM_BY_SITE] = "site",
};

static const char *const many_words[LMM_BY_COUNT] = {
    [LMM_BY_LINE] = "lines",   [LMM_BY_FUNCTION] = "functions", [LMM_BY_MODULE] = "modules",
    [LMM_BY_STACK] = "stacks", [LMM_BY_FAMILY] = "families",    [LMM_BY_TYPE] = "types",
    [LMM_BY_SITE] = "sites",
};

enum { KEY_BY = 0x200, KEY_SITE };

const char *lmm_row_options_word_at(size_t index)
{
    return index < LMM_BY_COUNT ? words[index] : NULL;
}

static void parse_by(const char *argument, struct lmm_row_options *options,
                     const struct argp_state *state)
{
    options->by =
        (enum lmm_by) lmm_option_word_parse("--by", argument, lmm_row_options_word_at, state);
    options->has_by = true;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct lmm_row_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT: /* of lmm_row_argp, which has a child */
        if (state->child_inputs != NULL) {
            state->child_inputs[0] = options;
        }
        return 0;
    case KEY_BY: parse_by(argument, options, state); return 0;
    case KEY_SITE: options->site = argument; return 0;
    case 'a': options->all = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option by_options[] = {
    {"by", KEY_BY, "WORD", 0,
     "Show a row for each type (the default where at least half of the bytes have one), line (else "
     "the default), function, module, stack, family or site (a stack and a family)",
     0},
    {"site", KEY_SITE, "SITE", 0,
     "Only the sites at FILE:LINE, in a FUNCTION, of the line with #ID, or with 0xADDRESS in "
     "their stack",
     0},
    {0},
};
static const struct argp_option all_options[] = {
    {"all", 'a', NULL, 0, "Show rows of zeros, too", 0},
    {0},
};

const struct argp lmm_row_by_argp = {.options = by_options, .parser = parse};

static const struct argp_child children[] = {{&lmm_row_by_argp, 0, NULL, 0}, {0}};

const struct argp lmm_row_argp = {.options = all_options, .parser = parse, .children = children};

void lmm_row_options_choose(struct lmm_row_options *options, enum lmm_by usual)
{
    options->by = options->has_by ? options->by : usual;
}

enum lmm_by lmm_row_options_usual(const struct lmm_model *model)
{
    bool by_peak = model->total.live_bytes == 0;
    uint64_t bytes = 0;
    uint64_t typed = 0;

    for (size_t i = 0; i < model->site_count && model->is_drop_in; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        uint64_t own = by_peak ? site->peak_bytes : site->live_bytes;

        bytes = lmm_add_saturated(bytes, own);
        own = lmm_site_type_name(model, site).bytes > 0 ? own : 0;
        typed = lmm_add_saturated(typed, own);
    }
    return typed > 0 && typed >= bytes - typed ? LMM_BY_TYPE : LMM_BY_LINE;
}

struct lmm_model_word lmm_row_options_words(enum lmm_by by)
{
    return (struct lmm_model_word) {words[by], many_words[by]};
}

const char *lmm_row_options_word(enum lmm_by by)
{
    return words[by];
}

bool lmm_row_options_ask_families(const struct lmm_row_options *options)
{
    return options->all || (options->has_by && options->by == LMM_BY_FAMILY);
}

bool lmm_row_options_apply(const struct lmm_row_options *options, struct lmm_model *model,
                           struct lmm_numbers *ids, struct lmm_merge *ret_merge)
{
    if (options->site != NULL && !lmm_site_word_apply(options->site, model)) {
        return false;
    }
    if (!lmm_merge_sites(model, options->by, ids, ret_merge)) {
        lmm_complain("out of memory");
        return false;
    }
    model->has_row_ids = options->by == LMM_BY_LINE; /* --site #ID names a line */
    model->has_type_rows = options->by == LMM_BY_TYPE;
    model->row_word = lmm_row_options_words(options->by);
    return true;
}

size_t lmm_row_options_drop_zeros(struct lmm_model *model)
{
    size_t kept = 0;
    size_t count = model->site_count;

    for (size_t i = 0; i < count; i++) {
        if (model->sites[i].live_blocks > 0) {
            model->sites[kept++] = model->sites[i];
        }
    }
    model->site_count = kept;
    return count - kept;
}
