/* SPDX-License-Identifier: MIT */
/*
 * folded: one line per site, as flame-graph tools read them: "program;family;function (file:line)
 * bytes", or if the site has a stack "program;outermost;...;innermost bytes". The figure is live
 * bytes, or another one by --measure; sites where it is 0 are left out. With --by type a stack has
 * the type of its blocks before the outermost function, "(unknown)" where that is not known.
 *
 * Names are printed as in text reports, with '_' for each blank and semicolon, which end a frame in
 * some tools. So the only blank in a frame is the one before "(file:line)".
 */
#include <inttypes.h>
#include <errno.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/base/names.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/program/base/array.h"

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

/* Prints "hire (hr.c:42)", "hire (libhr.so)", or only the file if there is no function. */
static void put_place(struct lmm_sink *sink, const struct lmm_model_site *site)
{
    bool has_function = site->function.bytes > 0 && (site->line != 0 || site->file.bytes > 0);

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

/* Copies of the names of a stack's functions, the innermost first. */
struct names {
    char **names;
    size_t count;
};

static bool take_name(void *context, const struct lmm_model_call *call)
{
    struct names *list = context;
    char **name = lmm_array_add(&list->names, &list->count, sizeof(*name));

    if (name != NULL) {
        *name = lmm_name_exact(call->function);
    }
    return name != NULL && *name != NULL;
}

static void put_stack(struct lmm_sink *sink, const struct lmm_model *model, uint32_t stack)
{
    struct names list = {NULL, 0};

    if (!lmm_stack_walk(model, stack, SIZE_MAX, take_name, &list)) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
    }
    while (list.count-- > 0) {
        const char *name = list.names[list.count]; /* NULL: the last one, when memory ran out */

        put_name(sink, lmm_string_of(name == NULL ? "" : name), "(unnamed)");
        lmm_sink_puts(sink, list.count > 0 ? ";" : "");
        free(list.names[list.count]);
    }
    free(list.names);
}

int lmm_folded_render(const struct lmm_model *model, struct lmm_sink *sink,
                      const struct lmm_format_options *options)
{
    size_t shown = lmm_sites_shown(model, options, model->site_count);

    for (size_t i = 0; i < shown; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        uint64_t figure = lmm_export_of(options->measure, site);

        if (figure == 0) {
            continue;
        }
        put_name(sink, model->program, "(unknown)");
        lmm_sink_puts(sink, ";");
        if (site->stack != 0) {
            if (options->type_frames) {
                put_name(sink, lmm_site_type_name(model, site), "(unknown)");
                lmm_sink_puts(sink, ";");
            }
            put_stack(sink, model, site->stack);
        } else {
            put_name(sink, site->family->name, "(unnamed)");
            lmm_sink_puts(sink, ";");
            put_place(sink, site);
        }
        lmm_sink_printf(sink, " %" PRIu64 "\n", figure);
    }
    return lmm_sink_flush(sink);
}
