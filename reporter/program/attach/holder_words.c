/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/holder_words.h"

#include <inttypes.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"

bool lmm_holder_take_figure(const char **text, uint64_t *ret_figure)
{
    char *end;

    *ret_figure = strtoull(*text, &end, 10);
    bool done = end != *text;
    *text = end;
    return done;
}

const struct lmm_model_site *lmm_holder_find_site(const struct lmm_model *model, uint64_t id)
{
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].id == id) {
            return &model->sites[i];
        }
    }
    return NULL;
}

void lmm_holder_put_place(struct lmm_sink *sink, const struct lmm_model *model, uint64_t id)
{
    const struct lmm_model_site *site = lmm_holder_find_site(model, id);

    if (site == NULL) {
        lmm_sink_puts(sink, "(unknown)");
        return;
    }
    lmm_put_string(sink, lmm_model_last_component(site->file));
    if (site->line != 0) {
        lmm_sink_printf(sink, ":%" PRIu32, site->line);
    }
    if (site->function.bytes != 0) {
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, site->function);
        lmm_sink_puts(sink, ")");
    }
    lmm_sink_printf(sink, "  #%" PRIu64, id);
}

void lmm_holder_put_type(struct lmm_sink *sink, const struct lmm_model *model, uint64_t id)
{
    const struct lmm_model_site *site = lmm_holder_find_site(model, id);
    struct lmm_string type = site == NULL ? lmm_string_of("") : lmm_site_type_name(model, site);

    if (type.bytes != 0) {
        lmm_sink_puts(sink, " of ");
        lmm_put_string(sink, type);
    }
}
