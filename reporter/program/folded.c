/* SPDX-License-Identifier: MIT */
/*
 * folded: one line per site, "program;family;function (file:line) bytes", as flame-graph tools read
 * them. Sites without live bytes would be lines of nothing and are left out.
 *
 * Names stand as text reports print them, with '_' for each blank and semicolon, which would end a frame
 * in some tools; the one blank in a frame is ours.
 */
#include <inttypes.h>
#include <errno.h>
#include <stdlib.h>

#include "reporter/model.h"
#include "reporter/program/format.h"
#include "reporter/program/names.h"
#include "reporter/program/render.h"
#include "reporter/sink.h"

/* Prints string as part of a frame; instead: what stands for an empty one. */
static void put_name(struct lmm_sink *sink, struct lmm_string string, const char *instead)
{
    char *name = lmm_name_escaped(string);

    if (name == NULL) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
        return;
    }
    for (char *at = name; *at != '\0'; at++) {
        *at = *at == ' ' || *at == ';' ? '_' : *at;
    }
    lmm_sink_puts(sink, *name != '\0' ? name : instead);
    free(name);
}

/* Prints "hire (hr.c:42)", or the file alone where there is no line. */
static void put_place(struct lmm_sink *sink, const struct lmm_model_site *site)
{
    bool has_function = site->line != 0 && site->function.bytes > 0;

    if (has_function) {
        put_name(sink, site->function, "");
        lmm_sink_puts(sink, " (");
    }
    put_name(sink, site->file, "(unknown)");
    if (site->line != 0) {
        lmm_sink_printf(sink, ":%" PRIu32, site->line);
    }
    lmm_sink_puts(sink, has_function ? ")" : "");
}

int lmm_folded_render(const struct lmm_model *model, struct lmm_sink *sink,
                      const struct lmm_format_options *options)
{
    size_t shown = lmm_sites_shown(model, options, model->site_count);

    for (size_t i = 0; i < shown; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        if (site->live_bytes == 0) {
            continue;
        }
        put_name(sink, model->program, "(unknown)");
        lmm_sink_puts(sink, ";");
        put_name(sink, site->family->name, "(unnamed)");
        lmm_sink_puts(sink, ";");
        put_place(sink, site);
        lmm_sink_printf(sink, " %" PRIu64 "\n", site->live_bytes);
    }
    return lmm_sink_flush(sink);
}
