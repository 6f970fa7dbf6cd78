/* SPDX-License-Identifier: MIT */
#include "reporter/program/formats/format.h"

#include <argp.h>
#include <string.h>

#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/core/text.h"

static int render_text(const struct lmm_model *model, struct lmm_sink *sink,
                       const struct lmm_format_options *options)
{
    struct lmm_text_style style = {
        .colour = options->colour,
        .top_sites = options->sites && options->top_sites == 0 ? SIZE_MAX : options->top_sites,
    };

    return lmm_text_usage(model, sink, &style);
}

static int render_json(const struct lmm_model *model, struct lmm_sink *sink,
                       const struct lmm_format_options *options)
{
    (void) options;
    return lmm_json_usage(model, sink);
}

const struct lmm_format lmm_formats[] = {
    {"text", render_text, LMM_FORMAT_TEXT, false},
    {"json", render_json, LMM_FORMAT_JSON, false},
    {"csv", lmm_csv_render, LMM_FORMAT_DATA, false},
    {"openmetrics", lmm_openmetrics_render, LMM_FORMAT_DATA, false},
    {"pprof", lmm_pprof_render, LMM_FORMAT_DATA, true},
    {"folded", lmm_folded_render, LMM_FORMAT_DATA, false},
    {NULL, NULL, LMM_FORMAT_DATA, false},
};

const struct lmm_format *lmm_format_find(const char *name)
{
    for (const struct lmm_format *format = lmm_formats; format->name != NULL; format++) {
        if (strcmp(format->name, name) == 0) {
            return format;
        }
    }
    return NULL;
}

const struct lmm_format *lmm_format_parse(const char *argument, bool all,
                                          const struct argp_state *state)
{
    const struct lmm_format *format = lmm_format_find(argument);

    if (format == NULL || (!all && format->kind == LMM_FORMAT_DATA)) {
        argp_error(state, "unknown format '%s' (see --help)", argument);
    }
    return format;
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
    const struct lmm_format **format = state->input;

    if (option != 'F') {
        return ARGP_ERR_UNKNOWN;
    }
    *format = lmm_format_parse(argument, false, state);
    return 0;
}

static const struct argp_option option_table[] = {
    {"format", 'F', "FORMAT", 0, "text (the default) or json", 0},
    {0},
};

const struct argp lmm_format_argp = {.options = option_table, .parser = parse};

size_t lmm_sites_shown(const struct lmm_model *model, const struct lmm_format_options *options,
                       size_t usual)
{
    size_t bound = options->top_sites != 0 ? options->top_sites : usual;

    return model->site_count < bound ? model->site_count : bound;
}
