/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/trace_losses.h"

#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppressor.h"
#include "reporter/program/report/spot_tally.h"

struct adding {
    const struct lmm_model *model;
    struct lmm_suppressor *suppressor;
    struct lmm_trace *traces;
    struct lmm_tally *rest;
    struct lmm_model_amount *suppressed;
    uint32_t *indexes; /* by id: the index of a site + 1; 0: the model has no such site */
    uint32_t id_count;
};

static bool list_ids(struct adding *adding)
{
    const struct lmm_model *model = adding->model;

    for (size_t i = 0; i < model->site_count; i++) {
        uint32_t id = model->sites[i].id;

        adding->id_count = id >= adding->id_count ? id + 1 : adding->id_count;
    }
    adding->indexes = calloc((size_t) adding->id_count + 1, sizeof(*adding->indexes));
    for (size_t i = 0; i < model->site_count && adding->indexes != NULL; i++) {
        adding->indexes[model->sites[i].id] = (uint32_t) i + 1;
    }
    return adding->indexes != NULL;
}

/* Returns the trace of a site, or NULL. */
static struct lmm_trace *trace_of(const struct adding *adding, uint32_t id)
{
    uint32_t index = id < adding->id_count ? adding->indexes[id] : 0;

    return index == 0 ? NULL : &adding->traces[index - 1];
}

/* Sets *ret_found to the suppression of a site's blocks of a class, or to NULL. */
static bool find(const struct adding *adding, uint32_t id, enum lmm_model_class kind,
                 struct lmm_suppression **ret_found)
{
    const struct lmm_trace *trace = trace_of(adding, id);

    *ret_found = NULL;
    return adding->suppressor == NULL || trace == NULL ||
           lmm_suppressor_find(adding->suppressor, trace->site, 1u << kind, ret_found);
}

static bool find_for(const struct adding *adding, const struct lmm_model_leak *leak,
                     struct lmm_suppression **ret_found)
{
    bool hangs = leak->kind == LMM_MODEL_INDIRECT;

    *ret_found = NULL;
    if (hangs && !find(adding, leak->leader, LMM_MODEL_DEFINITE, ret_found)) {
        return false;
    }
    bool good = *ret_found != NULL || find(adding, leak->site, leak->kind, ret_found);
    if (*ret_found != NULL && (*ret_found)->is_built_in && leak->kind == LMM_MODEL_REACHABLE) {
        *ret_found = NULL; /* what libraries keep is reachable, as all else that is */
    }
    return good;
}

static void add(struct lmm_model_amount *sum, const struct lmm_model_amount *amount)
{
    sum->blocks = lmm_add_saturated(sum->blocks, amount->blocks);
    sum->bytes = lmm_add_saturated(sum->bytes, amount->bytes);
}

static void add_to_tallies(const struct lmm_model_leak *leak, struct lmm_tally *own,
                           struct lmm_tally *leader)
{
    switch (leak->kind) {
    case LMM_MODEL_DEFINITE:
        add(&own->direct, &leak->amount);
        add(&own->lost, &leak->amount);
        break;
    case LMM_MODEL_INDIRECT:
        add(&own->indirect, &leak->amount);
        add(&leader->lost, &leak->amount);
        break;
    case LMM_MODEL_POSSIBLE: add(&own->possible, &leak->amount); break;
    case LMM_MODEL_REACHABLE: add(&own->reachable, &leak->amount); break;
    default: break;
    }
}

static bool add_leak(const struct adding *adding, const struct lmm_model_leak *leak)
{
    struct lmm_trace *own = trace_of(adding, leak->site);
    struct lmm_trace *leader = trace_of(adding, leak->leader);
    struct lmm_suppression *found = NULL;

    if (!find_for(adding, leak, &found)) {
        return false;
    }
    if (found != NULL || leak->kind == LMM_MODEL_IGNORED) {
        add(adding->suppressed, &leak->amount);
    } else {
        add_to_tallies(leak, own == NULL ? adding->rest : &own->tally,
                       leader == NULL ? adding->rest : &leader->tally);
    }
    if (found != NULL) {
        add(&found->checked, &leak->amount);
    }
    return true;
}

bool lmm_trace_losses_add(const struct lmm_model *model, struct lmm_suppressor *suppressor,
                          struct lmm_trace *traces, struct lmm_tally *rest,
                          struct lmm_model_amount *suppressed)
{
    struct adding adding = {.model = model,
                            .suppressor = suppressor,
                            .traces = traces,
                            .rest = rest,
                            .suppressed = suppressed};
    bool good = model->check.leak_count == 0 || list_ids(&adding);

    for (size_t i = 0; i < model->check.leak_count && good; i++) {
        good = add_leak(&adding, &model->check.leaks[i]);
    }
    free(adding.indexes);
    return good;
}
