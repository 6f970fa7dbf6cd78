/* SPDX-License-Identifier: MIT */
/* Each family and each site has a line, so diff(1) works on documents. */
#include "reporter/core/json.h"

#include "reporter/core/hint.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/stack.h"

static const char *const state_names[] = {
    [LMM_MODEL_RUNNING] = "running", [LMM_MODEL_EXITED] = "exited",     [LMM_MODEL_LOST] = "lost",
    [LMM_MODEL_KILLED] = "killed",   [LMM_MODEL_REPLACED] = "replaced",
};

static void put_process(struct lmm_json *json, const struct lmm_model *model)
{
    lmm_json_begin_object(json, "process", LMM_JSON_ONE_LINE);
    lmm_json_string(json, "executable", model->executable);
    lmm_json_string(json, "program", model->program);
    lmm_json_string(json, "command", model->command);
    lmm_json_text(json, "state", state_names[model->process]);
    lmm_json_u64(json, "pid", model->pid);
    lmm_json_u64(json, "parent_pid", model->parent_pid);
    lmm_json_u64(json, "start_time_ns", model->start_time_ns);
    lmm_json_u64(json, "end_time_ns", model->end_time_ns);
    lmm_json_u64(json, "snapshot_time_ns", model->snapshot_time_ns);
    if (model->attach_time_ns != 0) {
        lmm_json_u64(json, "attach_time_ns", model->attach_time_ns);
        lmm_json_u64(json, "detach_time_ns", model->detach_time_ns);
    }
    lmm_json_u64(json, "lost_errno", model->lost_errno);
    lmm_json_u64(json, "system_page_bytes", model->system_page_bytes);
    lmm_json_end_object(json);
}

static void put_counts(struct lmm_json *json, const struct lmm_model_family *family)
{
    lmm_json_u64(json, "live_blocks", family->live_blocks);
    lmm_json_u64(json, "live_bytes", family->live_bytes);
    lmm_json_u64(json, "allocations", family->allocations);
    lmm_json_u64(json, "frees", family->frees);
    lmm_json_u64(json, "pages", family->pages);
    lmm_json_u64(json, "mapped_bytes", family->mapped_bytes);
    lmm_json_u64(json, "committed_bytes", family->committed_bytes);
    lmm_json_u64(json, "internal_bytes", family->internal_bytes);
    lmm_json_u64(json, "occupancy_permille", family->occupancy_permille);
    lmm_json_u64(json, "internal_permille", family->internal_permille);
}

static void put_totals(struct lmm_json *json, const struct lmm_model *model)
{
    lmm_json_begin_object(json, "totals", LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "families", model->family_count + model->hidden_families.count);
    lmm_json_u64(json, "families_used", model->families_used);
    lmm_json_u64(json, "sites", model->site_count + model->hidden_sites.count);
    lmm_json_u64(json, "sites_merged", model->sites_merged);
    put_counts(json, &model->total);
    if (model->is_drop_in) {
        lmm_json_u64(json, "stack_frames", model->stack_frames);
        lmm_json_u64(json, "temporaries", model->temporaries);
    }
    lmm_json_u64(json, "peak_bytes", model->peak_bytes);
    lmm_json_u64(json, "peak_time_ns", model->peak_time_ns);
    lmm_json_u64(json, "reservoir_bytes", model->reservoir_bytes);
    lmm_json_u64(json, "overhead_bytes", model->overhead_bytes);
    lmm_json_end_object(json);
}

/* Nothing without a walk over the pages that succeeded. */
static void put_page_walk(struct lmm_json *json, const struct lmm_model_page_walk *walk)
{
    if (!walk->is_there || walk->failure != 0) {
        return;
    }
    lmm_json_begin_object(json, "page_walk", LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "time_ns", walk->time_ns);
    lmm_json_bool(json, "at_exit", walk->is_at_exit);
    lmm_json_u64(json, "committed_bytes", walk->committed_bytes);
    lmm_json_u64(json, "held_bytes", walk->held_bytes);
    lmm_json_u64(json, "live_bytes", walk->live_bytes);
    lmm_json_u64(json, "sparse_bytes", walk->sparse_bytes);
    lmm_json_u64(json, "returnable_bytes", walk->returnable_bytes);
    lmm_json_end_object(json);
}

static void put_page_use(struct lmm_json *json, const struct lmm_model_page_use *use)
{
    if (use == NULL) {
        return;
    }
    lmm_json_begin_object(json, "page_use", LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "blocks", use->blocks);
    lmm_json_u64(json, "live_bytes", use->live_bytes);
    lmm_json_u64(json, "held_bytes", use->held_bytes);
    lmm_json_u64(json, "sparse_blocks", use->sparse_blocks);
    lmm_json_u64(json, "sparse_live_bytes", use->sparse_live_bytes);
    lmm_json_u64(json, "sparse_bytes", use->sparse_bytes);
    lmm_json_end_object(json);
}

static void put_family(struct lmm_json *json, const struct lmm_model_family *family)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_string(json, "name", family->name);
    lmm_json_u64(json, "size_bytes", family->size_bytes);
    lmm_json_u64(json, "align_bytes", family->align_bytes);
    lmm_json_u64(json, "stride_bytes", family->stride_bytes);
    lmm_json_u64(json, "limit_bytes", family->limit_bytes);
    put_counts(json, family);
    lmm_json_u64(json, "live_slots", family->live_slots);
    lmm_json_u64(json, "peak_bytes", family->peak_bytes);
    lmm_json_u64(json, "slots", family->slots);
    lmm_json_u64(json, "free_slots", family->free_slots);
    lmm_json_u64(json, "run_free_slots", family->run_free_slots);
    lmm_json_u64(json, "longest_run_slots", family->longest_run_slots);
    lmm_json_u64(json, "external_permille", family->external_permille);
    lmm_json_end_object(json);
}

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct lmm_json *json = context;

    lmm_json_begin_object(json, NULL, json->level[json->depth - 1].layout);
    lmm_json_string(json, "function", call->function);
    lmm_json_string(json, "file", call->file);
    lmm_json_u64(json, "line", call->line);
    lmm_json_string(json, "module", call->module);
    lmm_json_bool(json, "inlined", call->is_inline);
    if (call->is_guessed) {
        lmm_json_bool(json, "guessed", true);
    }
    lmm_json_end_object(json);
    return true;
}

void lmm_json_stack(struct lmm_json *json, const char *key, const struct lmm_model *model,
                    uint32_t stack, size_t most, enum lmm_json_layout layout)
{
    lmm_json_begin_array(json, key, layout);
    lmm_stack_walk(model, stack, most, put_call, json);
    lmm_json_end_array(json);
}

/* The figures that only sites of the drop-in have. */
static void put_drop_in(struct lmm_json *json, const struct lmm_model *model,
                        const struct lmm_model_site *site)
{
    lmm_json_u64(json, "temporaries", site->temporaries);
    if (site->part_count > 0) {
        lmm_json_u64(json, "stacks", site->stack == 0 ? 0 : site->part_count);
    }
    if (model->shown_calls > 0) {
        lmm_json_stack(json, "stack", model, site->stack, model->shown_calls, LMM_JSON_ONE_LINE);
    }
}

static void put_site(struct lmm_json *json, const struct lmm_model *model,
                     const struct lmm_model_site *site)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_string(json, "family", site->family->name);
    lmm_json_string(json, "file", site->file);
    lmm_json_u64(json, "line", site->line);
    lmm_json_string(json, "function", site->function);
    lmm_json_type(json, model, site);
    lmm_json_u64(json, "live_blocks", site->live_blocks);
    lmm_json_u64(json, "live_slots", site->live_slots);
    lmm_json_u64(json, "live_bytes", site->live_bytes);
    lmm_json_u64(json, "allocations", site->allocations);
    lmm_json_u64(json, "frees", site->frees);
    lmm_json_u64(json, "foreign_frees", site->foreign_frees);
    lmm_json_u64(json, "smallest_bytes", site->smallest_bytes);
    lmm_json_u64(json, "largest_bytes", site->largest_bytes);
    lmm_json_u64(json, "peak_blocks", site->peak_blocks);
    lmm_json_u64(json, "peak_bytes", site->peak_bytes);
    if (model->is_drop_in) {
        put_drop_in(json, model, site);
    }
    lmm_json_u64(json, "share_permille", site->share_permille);
    put_page_use(json, site->page_use);
    lmm_json_end_object(json);
}

int lmm_json_usage(const struct lmm_model *model, struct lmm_sink *sink)
{
    struct lmm_json writer;
    struct lmm_json *json = &writer;

    lmm_json_init(json, sink);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", "lmm-usage");
    lmm_json_u64(json, "schema_version", LMM_JSON_SCHEMA_VERSION);
    put_process(json, model);
    lmm_json_bool(json, "settled", model->settled);
    put_totals(json, model);
    put_page_walk(json, &model->page_walk);
    lmm_json_process_hints(json, model->hints, LMM_HINTS_MOST_JSON);
    lmm_json_begin_array(json, "families", LMM_JSON_LINES);
    for (size_t i = 0; i < model->family_count; i++) {
        put_family(json, model->families[i]);
    }
    lmm_json_end_array(json);
    lmm_json_begin_array(json, "sites", LMM_JSON_LINES);
    for (size_t i = 0; i < model->site_count; i++) {
        put_site(json, model, &model->sites[i]);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    return lmm_json_finish(json);
}
