/* SPDX-License-Identifier: MIT */
/* format: see format.h for the contract. */
#include "reporter/program/formats/format.h"

#include <string.h>

#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/program/formats/render.h"
#include "reporter/core/text.h"

static int render_text(const struct lmm_model *model, struct lmm_sink *sink,
                       const struct lmm_format_options *options)
{
    struct lmm_text_style style = {.colour = options->colour, .top_sites = options->top_sites};

    return lmm_text_usage(model, sink, &style);
}

static int render_json(const struct lmm_model *model, struct lmm_sink *sink,
                       const struct lmm_format_options *options)
{
    (void) options;
    return lmm_json_usage(model, sink);
}

const struct lmm_format lmm_formats[] = {
    {"text", render_text, "tables for people", false},
    {"json", render_json, "one JSON document, docs/usage.schema.json", false},
    {"csv", lmm_csv_render, "a line per family, or per site with --sites", false},
    {"openmetrics", lmm_openmetrics_render, "OpenMetrics 1.0 text, for Prometheus and others",
     false},
    {"pprof", lmm_pprof_render, "gzipped profile.proto, for go tool pprof and others", true},
    {"folded", lmm_folded_render, "folded stacks of live bytes, for flame graphs", false},
    {NULL, NULL, NULL, false},
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

size_t lmm_sites_shown(const struct lmm_model *model, const struct lmm_format_options *options,
                       size_t usual)
{
    size_t bound = options->top_sites != 0 ? options->top_sites : usual;

    return model->site_count < bound ? model->site_count : bound;
}
