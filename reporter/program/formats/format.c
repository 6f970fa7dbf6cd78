/* SPDX-License-Identifier: MIT */
#include "reporter/program/formats/format.h"

#include <argp.h>
#include <string.h>

#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/core/text.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/nearest.h"
#include "reporter/program/base/program.h"

enum {
    KEY_MEASURE = 0x6d6561, /* unlike the keys of all subcommands */
    KEY_JSON,
};

static int render_text(const struct lmm_model *model, struct lmm_sink *sink,
                       const struct lmm_format_options *options)
{
    struct lmm_text_style style = {
        .colour = options->colour,
        .top_sites = options->sites && options->top_sites == 0 ? SIZE_MAX : options->top_sites,
        .brief_families = options->brief_families,
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
    {.name = "text", .render = render_text, .kind = LMM_FORMAT_TEXT},
    {.name = "json", .render = render_json, .kind = LMM_FORMAT_JSON},
    {.name = "csv", .render = lmm_csv_render, .kind = LMM_FORMAT_DATA},
    {.name = "openmetrics", .render = lmm_openmetrics_render, .kind = LMM_FORMAT_DATA},
    {.name = "pprof",
     .render = lmm_pprof_render,
     .kind = LMM_FORMAT_DATA,
     .is_binary = true,
     .has_stacks = true,
     .has_measures = true},
    {.name = "folded",
     .render = lmm_folded_render,
     .kind = LMM_FORMAT_DATA,
     .has_stacks = true,
     .has_measures = true},
    {.name = "massif", .render = lmm_massif_render, .kind = LMM_FORMAT_DATA, .has_stacks = true},
    {.name = "html",
     .render = lmm_html_render,
     .kind = LMM_FORMAT_DATA,
     .is_page = true,
     .has_stacks = true},
    {.name = "junit", .render = lmm_junit_render, .kind = LMM_FORMAT_CHECK, .has_stacks = true},
    {.name = "sarif", .render = lmm_sarif_render, .kind = LMM_FORMAT_CHECK, .has_stacks = true},
    {.name = NULL, .kind = LMM_FORMAT_DATA},
};

enum { FORMATS = sizeof(lmm_formats) / sizeof(lmm_formats[0]) - 1 };

/* Whether all reports exist in a format of this kind. */
static bool is_of_all(enum lmm_format_kind kind)
{
    return kind == LMM_FORMAT_TEXT || kind == LMM_FORMAT_JSON;
}

const struct lmm_format *lmm_format_find(const char *name)
{
    for (const struct lmm_format *format = lmm_formats; format->name != NULL; format++) {
        if (strcmp(format->name, name) == 0) {
            return format;
        }
    }
    return NULL;
}

bool lmm_format_may_go(const struct lmm_format *format, bool is_terminal)
{
    bool is_refused = is_terminal && (format->is_binary || format->is_page);

    if (is_refused) {
        lmm_complain("not writing %s%s to a terminal; use -o FILE",
                     format->is_binary ? "binary " : "", format->name);
    }
    return !is_refused;
}

const char *lmm_format_word(size_t index)
{
    return index < FORMATS ? lmm_formats[index].name : NULL;
}

/* The formats of all reports come first. */
const char *lmm_format_word_of_all(size_t index)
{
    return index < FORMATS && is_of_all(lmm_formats[index].kind) ? lmm_formats[index].name : NULL;
}

const char *lmm_format_word_of_tables(size_t index)
{
    static const char *const words[] = {"text", "json", "csv"};

    return index < sizeof(words) / sizeof(words[0]) ? words[index] : NULL;
}

const char *lmm_format_word_of_pages(size_t index)
{
    static const char *const words[] = {"text", "json", "html"};

    return index < sizeof(words) / sizeof(words[0]) ? words[index] : NULL;
}

const char *lmm_format_word_of_checks(size_t index)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (lmm_formats[i].kind != LMM_FORMAT_DATA && index-- == 0) {
            return lmm_formats[i].name;
        }
    }
    return NULL;
}

const struct lmm_format *lmm_format_parse(const char *argument, bool all,
                                          const struct argp_state *state)
{
    struct lmm_nearest nearest = {.word = argument};

    for (const struct lmm_format *format = lmm_formats; format->name != NULL; format++) {
        if (!all && !is_of_all(format->kind)) {
            continue;
        }
        if (strcmp(format->name, argument) == 0) {
            return format;
        }
        lmm_nearest_look_text(&nearest, format->name);
    }
    argp_error(state, "unknown format '%s'%s", argument,
               lmm_nearest_hint(&nearest, " (see --help)"));
    return NULL;
}

/* ---- --measure ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t figure; /* its offset in the site */
} measures[] = {
    [LMM_EXPORT_USUAL] = {NULL, offsetof(struct lmm_model_site, live_bytes)},
    [LMM_EXPORT_LIVE] = {"live", offsetof(struct lmm_model_site, live_bytes)},
    [LMM_EXPORT_PEAK] = {"peak", offsetof(struct lmm_model_site, peak_bytes)},
    [LMM_EXPORT_ALLOCATED] = {"allocated", offsetof(struct lmm_model_site, allocated_bytes)},
    [LMM_EXPORT_TEMPORARY] = {"temporary", offsetof(struct lmm_model_site, temporaries)},
};

uint64_t lmm_export_of(enum lmm_export measure, const struct lmm_model_site *site)
{
    return *(const uint64_t *) (const void *) ((const char *) site + measures[measure].figure);
}

void lmm_export_check(enum lmm_export measure, const struct lmm_format *format,
                      const struct argp_state *state)
{
    if (measure != LMM_EXPORT_USUAL && !format->has_measures) {
        argp_error(state, "--measure is for the formats folded and pprof, not %s", format->name);
    }
}

const char *lmm_export_word(size_t index)
{
    size_t place = LMM_EXPORT_LIVE + index;

    return place < sizeof(measures) / sizeof(measures[0]) ? measures[place].name : NULL;
}

static error_t parse_measure(int option, char *argument, struct argp_state *state)
{
    enum lmm_export *measure = state->input;

    if (option != KEY_MEASURE) {
        return ARGP_ERR_UNKNOWN;
    }
    *measure = (enum lmm_export)(
        LMM_EXPORT_LIVE + lmm_option_word_parse("--measure", argument, lmm_export_word, state));
    return 0;
}

static const struct argp_option measure_table[] = {
    {"measure", KEY_MEASURE, "WORD", 0,
     "What folded shows, and pprof first: live bytes (the default), those at the peak, all "
     "allocated bytes, or temporary blocks, which were freed before the same thread allocated "
     "again",
     0},
    {0},
};

const struct argp lmm_export_argp = {.options = measure_table, .parser = parse_measure};

/* ---- --format -------------------------------------------------------------------------------- */

static error_t parse(int option, char *argument, struct argp_state *state)
{
    const struct lmm_format **format = state->input;

    switch (option) {
    case 'F': *format = lmm_format_parse(argument, false, state); return 0;
    case KEY_JSON: *format = lmm_format_find("json"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_table[] = {
    {"format", 'F', "FORMAT", 0, "text (the default) or json", 0},
    {"json", KEY_JSON, NULL, 0, "The same as --format json", 0},
    {0},
};

const struct argp lmm_format_argp = {.options = option_table, .parser = parse};

static error_t parse_table(int option, char *argument, struct argp_state *state)
{
    const struct lmm_format **format = state->input;
    size_t word;

    if (option != 'F') {
        return parse(option, argument, state);
    }
    word = lmm_option_word_parse("--format", argument, lmm_format_word_of_tables, state);
    *format = lmm_format_find(lmm_format_word_of_tables(word));
    return 0;
}

static const struct argp_option table_option_table[] = {
    {"format", 'F', "FORMAT", 0, "text (the default), json or csv", 0},
    {"json", KEY_JSON, NULL, 0, "The same as --format json", 0},
    {0},
};

const struct argp lmm_table_format_argp = {.options = table_option_table, .parser = parse_table};

static error_t parse_page(int option, char *argument, struct argp_state *state)
{
    const struct lmm_format **format = state->input;
    size_t word;

    if (option != 'F') {
        return parse(option, argument, state);
    }
    word = lmm_option_word_parse("--format", argument, lmm_format_word_of_pages, state);
    *format = lmm_format_find(lmm_format_word_of_pages(word));
    return 0;
}

static const struct argp_option page_option_table[] = {
    {"format", 'F', "FORMAT", 0, "text (the default), json or html", 0},
    {"json", KEY_JSON, NULL, 0, "The same as --format json", 0},
    {0},
};

const struct argp lmm_page_format_argp = {.options = page_option_table, .parser = parse_page};

size_t lmm_sites_shown(const struct lmm_model *model, const struct lmm_format_options *options,
                       size_t usual)
{
    size_t bound = options->top_sites != 0 ? options->top_sites : usual;

    return model->site_count < bound ? model->site_count : bound;
}
