/* SPDX-License-Identifier: MIT */
/* json: see json.h for the contract. One family or site a line, so that documents can be diffed. */
#include "reporter/core/json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"

/* Prints one character of a string, or what stands for it. length 0: text is no UTF-8. */
static void put_character(struct lmm_sink *sink, const char *text, size_t length,
                          uint32_t character)
{
    if (length == 0) {
        lmm_sink_puts(sink, "\\ufffd");
    } else if (character == '"' || character == '\\') {
        lmm_sink_printf(sink, "\\%c", (int) character);
    } else if (character < 0x20 || character == 0x7f) {
        lmm_sink_printf(sink, "\\u%04" PRIx32, character);
    } else {
        lmm_sink_write(sink, text, length);
    }
}

static void put_string(struct lmm_sink *sink, struct lmm_string string)
{
    lmm_sink_puts(sink, "\"");
    for (size_t i = 0; i < string.bytes;) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(string.text + i, string.bytes - i, &character);

        put_character(sink, string.text + i, length, character);
        i += length == 0 ? 1 : length;
    }
    lmm_sink_puts(sink, "\"");
}

static void put_text_field(struct lmm_sink *sink, const char *name, struct lmm_string string)
{
    lmm_sink_printf(sink, "\"%s\": ", name);
    put_string(sink, string);
    lmm_sink_puts(sink, ", ");
}

static void put_field(struct lmm_sink *sink, const char *name, uint64_t value)
{
    lmm_sink_printf(sink, "\"%s\": %" PRIu64 ", ", name, value);
}

static void put_last_field(struct lmm_sink *sink, const char *name, uint64_t value)
{
    lmm_sink_printf(sink, "\"%s\": %" PRIu64 "}", name, value);
}

static const char *const state_names[] = {
    [LMM_MODEL_RUNNING] = "running", [LMM_MODEL_EXITED] = "exited",     [LMM_MODEL_LOST] = "lost",
    [LMM_MODEL_KILLED] = "killed",   [LMM_MODEL_REPLACED] = "replaced",
};

static void put_process(struct lmm_sink *sink, const struct lmm_model *model)
{
    lmm_sink_puts(sink, "  \"process\": {");
    put_text_field(sink, "executable", model->executable);
    put_text_field(sink, "program", model->program);
    put_text_field(sink, "command", model->command);
    put_text_field(sink, "state", lmm_string_of(state_names[model->process]));
    put_field(sink, "pid", model->pid);
    put_field(sink, "parent_pid", model->parent_pid);
    put_field(sink, "start_time_ns", model->start_time_ns);
    put_field(sink, "end_time_ns", model->end_time_ns);
    put_field(sink, "snapshot_time_ns", model->snapshot_time_ns);
    put_field(sink, "lost_errno", model->lost_errno);
    put_last_field(sink, "system_page_bytes", model->system_page_bytes);
    lmm_sink_puts(sink, ",\n");
}

static void put_counts(struct lmm_sink *sink, const struct lmm_model_family *family)
{
    put_field(sink, "live_blocks", family->live_blocks);
    put_field(sink, "live_bytes", family->live_bytes);
    put_field(sink, "allocations", family->allocations);
    put_field(sink, "frees", family->frees);
    put_field(sink, "pages", family->pages);
    put_field(sink, "mapped_bytes", family->mapped_bytes);
    put_field(sink, "committed_bytes", family->committed_bytes);
    put_field(sink, "internal_bytes", family->internal_bytes);
    put_field(sink, "occupancy_permille", family->occupancy_permille);
    put_field(sink, "internal_permille", family->internal_permille);
}

static void put_totals(struct lmm_sink *sink, const struct lmm_model *model)
{
    lmm_sink_puts(sink, "  \"totals\": {");
    put_field(sink, "families", model->family_count + model->hidden_families.count);
    put_field(sink, "families_used", model->families_used);
    put_field(sink, "sites", model->site_count + model->hidden_sites.count);
    put_field(sink, "sites_merged", model->sites_merged);
    put_counts(sink, &model->total);
    if (model->is_drop_in) {
        put_field(sink, "stack_frames", model->stack_frames);
        put_field(sink, "temporaries", model->temporaries);
        put_field(sink, "peak_bytes", model->peak_bytes);
        put_field(sink, "peak_time_ns", model->peak_time_ns);
    }
    put_field(sink, "reservoir_bytes", model->reservoir_bytes);
    put_last_field(sink, "overhead_bytes", model->overhead_bytes);
    lmm_sink_puts(sink, ",\n");
}

static void put_family(struct lmm_sink *sink, const struct lmm_model_family *family)
{
    lmm_sink_puts(sink, "    {");
    put_text_field(sink, "name", family->name);
    put_field(sink, "size_bytes", family->size_bytes);
    put_field(sink, "align_bytes", family->align_bytes);
    put_field(sink, "stride_bytes", family->stride_bytes);
    put_field(sink, "limit_bytes", family->limit_bytes);
    put_counts(sink, family);
    put_field(sink, "live_slots", family->live_slots);
    put_field(sink, "peak_bytes", family->peak_bytes);
    put_field(sink, "slots", family->slots);
    put_field(sink, "free_slots", family->free_slots);
    put_field(sink, "run_free_slots", family->run_free_slots);
    put_field(sink, "longest_run_slots", family->longest_run_slots);
    put_last_field(sink, "external_permille", family->external_permille);
}

struct call_list {
    struct lmm_sink *sink;
    const char *before; /* the next call */
};

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct call_list *list = context;

    lmm_sink_puts(list->sink, list->before);
    lmm_sink_puts(list->sink, "{");
    put_text_field(list->sink, "function", call->function);
    put_text_field(list->sink, "file", call->file);
    put_field(list->sink, "line", call->line);
    put_text_field(list->sink, "module", call->module);
    lmm_sink_printf(list->sink, "\"inlined\": %s}", call->is_inline ? "true" : "false");
    list->before = ", ";
    return true;
}

/* What only sites of the drop-in have. */
static void put_drop_in(struct lmm_sink *sink, const struct lmm_model *model,
                        const struct lmm_model_site *site)
{
    struct call_list list = {sink, ""};

    put_field(sink, "temporaries", site->temporaries);
    put_field(sink, "peak_blocks", site->peak_blocks);
    put_field(sink, "peak_bytes", site->peak_bytes);
    if (model->shown_calls > 0) {
        lmm_sink_puts(sink, "\"stack\": [");
        lmm_stack_walk(model, site->stack, model->shown_calls, put_call, &list);
        lmm_sink_puts(sink, "], ");
    }
}

static void put_site(struct lmm_sink *sink, const struct lmm_model *model,
                     const struct lmm_model_site *site)
{
    lmm_sink_puts(sink, "    {");
    put_text_field(sink, "family", site->family->name);
    put_text_field(sink, "file", site->file);
    put_field(sink, "line", site->line);
    put_text_field(sink, "function", site->function);
    put_field(sink, "live_blocks", site->live_blocks);
    put_field(sink, "live_slots", site->live_slots);
    put_field(sink, "live_bytes", site->live_bytes);
    put_field(sink, "allocations", site->allocations);
    put_field(sink, "frees", site->frees);
    if (model->is_drop_in) {
        put_drop_in(sink, model, site);
    }
    put_last_field(sink, "share_permille", site->share_permille);
}

int lmm_json_usage(const struct lmm_model *model, struct lmm_sink *sink)
{
    lmm_sink_printf(sink, "{\n  \"schema\": \"lmm-usage\",\n  \"schema_version\": %d,\n",
                    (int) LMM_JSON_SCHEMA_VERSION);
    put_process(sink, model);
    lmm_sink_printf(sink, "  \"settled\": %s,\n", model->settled ? "true" : "false");
    put_totals(sink, model);
    lmm_sink_puts(sink, "  \"families\": [\n");
    for (size_t i = 0; i < model->family_count; i++) {
        put_family(sink, model->families[i]);
        lmm_sink_puts(sink, i + 1 < model->family_count ? ",\n" : "\n");
    }
    lmm_sink_puts(sink, "  ],\n  \"sites\": [\n");
    for (size_t i = 0; i < model->site_count; i++) {
        put_site(sink, model, &model->sites[i]);
        lmm_sink_puts(sink, i + 1 < model->site_count ? ",\n" : "\n");
    }
    lmm_sink_puts(sink, "  ]\n}\n");
    return lmm_sink_flush(sink);
}
