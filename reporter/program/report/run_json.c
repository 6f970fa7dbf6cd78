/* SPDX-License-Identifier: MIT */
/*
 * run_json: the report of `lmm run` as one JSON document, docs/run.schema.json. All leaks are in it, with
 * all their stacks; --top bounds the other lists.
 *
 * Each function returns a value that jansson's ..._new() and "o" take over, or NULL, which they take for
 * a failure.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/json_value.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"

/* Returns list, or NULL when an item could not be added to it. */
static json_t *unless(json_t *list, bool failed)
{
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* ---- Places and stacks ----------------------------------------------------------------------- */

static bool add_call(void *list, const struct lmm_model_call *call)
{
    json_t *object =
        json_pack("{so so so so sb}", "function", lmm_json_string(call->function), "file",
                  lmm_json_string(call->file), "line", lmm_json_number(call->line), "module",
                  lmm_json_string(call->module), "inlined", (int) call->is_inline);

    return json_array_append_new(list, object) == 0;
}

static json_t *call_list(const struct lmm_model *model, uint32_t stack)
{
    json_t *list = json_array();
    bool failed = list == NULL || !lmm_stack_walk(model, stack, SIZE_MAX, add_call, list);

    return unless(list, failed);
}

/* Adds the two figures of a measure under their names. */
static int add_figures(json_t *object, const struct lmm_tally *tally, enum lmm_measure measure)
{
    static const char *const names[][2] = {
        [LMM_MEASURE_PEAK] = {"bytes", "blocks"},
        [LMM_MEASURE_ALLOCATIONS] = {"allocations", "bytes"},
        [LMM_MEASURE_LEAKS] = {"bytes", "blocks"},
        [LMM_MEASURE_TEMPORARIES] = {"temporaries", "allocations"},
    };

    return json_object_set_new(object, names[measure][0],
                               lmm_json_number(lmm_tally_first(tally, measure))) |
           json_object_set_new(object, names[measure][1],
                               lmm_json_number(lmm_tally_second(tally, measure)));
}

static json_t *trace_object(const struct lmm_model *model, const struct lmm_trace *trace,
                            enum lmm_measure measure)
{
    json_t *object = json_object();
    bool failed = add_figures(object, &trace->tally, measure) != 0 ||
                  json_object_set_new(object, "calls", call_list(model, trace->site->stack)) != 0;

    return unless(object, failed);
}

static json_t *trace_list(const struct lmm_model *model, const struct lmm_spot *spot,
                          enum lmm_measure measure)
{
    json_t *list = json_array();
    size_t count = lmm_spot_traces(spot, measure);
    bool failed = list == NULL;

    for (size_t i = 0; i < count && !failed; i++) {
        failed = json_array_append_new(list, trace_object(model, &spot->traces[i], measure)) != 0;
    }
    return unless(list, failed);
}

static json_t *spot_object(const struct lmm_model *model, const struct lmm_spot *spot,
                           enum lmm_measure measure)
{
    const struct lmm_model_site *site = spot->site;
    json_t *object = json_pack("{so so so so}", "function", lmm_json_string(site->function), "file",
                               lmm_json_string(site->file), "line", lmm_json_number(site->line),
                               "stacks", trace_list(model, spot, measure));
    bool failed = object == NULL || add_figures(object, &spot->tally, measure) != 0;

    return unless(object, failed);
}

static json_t *spot_list(const struct lmm_run *run, const struct lmm_run_process *process,
                         enum lmm_measure measure)
{
    json_t *list = json_array();
    size_t count = lmm_spots_order(process->spots, measure);
    size_t shown = measure == LMM_MEASURE_LEAKS || count < run->top ? count : run->top;
    bool failed = list == NULL;

    for (size_t i = 0; i < shown && !failed; i++) {
        failed = json_array_append_new(
                     list, spot_object(process->model, &process->spots->items[i], measure)) != 0;
    }
    return unless(list, failed);
}

/* ---- Processes ------------------------------------------------------------------------------- */

static json_t *size_list(const struct lmm_model *model)
{
    json_t *list = json_array();
    bool failed = list == NULL;

    for (size_t i = 0; i < model->family_count && !failed; i++) {
        const struct lmm_model_family *family = model->families[i];

        if (family->allocations > 0) {
            failed =
                json_array_append_new(
                    list, json_pack("{so so so so so}", "family", lmm_json_string(family->name),
                                    "size_bytes", lmm_json_number(family->size_bytes),
                                    "allocations", lmm_json_number(family->allocations), "frees",
                                    lmm_json_number(family->frees), "peak_bytes",
                                    lmm_json_number(family->peak_bytes))) != 0;
        }
    }
    return unless(list, failed);
}

static json_t *totals(const struct lmm_run_process *process)
{
    const struct lmm_model *model = process->model;
    const struct lmm_tally *total = &process->spots->total;

    return json_pack(
        "{so so so so so so so so so so}", "allocations", lmm_json_number(model->total.allocations),
        "allocated_bytes", lmm_json_number(total->allocated_bytes), "frees",
        lmm_json_number(model->total.frees), "temporaries", lmm_json_number(model->temporaries),
        "peak_bytes", lmm_json_number(model->peak_bytes), "peak_time_ns",
        lmm_json_number(model->peak_time_ns), "live_blocks",
        lmm_json_number(model->total.live_blocks), "live_bytes",
        lmm_json_number(model->total.live_bytes), "leaked_blocks",
        lmm_json_number(total->leaked_blocks), "leaked_bytes",
        lmm_json_number(total->leaked_bytes));
}

static const char *state_of(const struct lmm_run_process *process)
{
    if (process->is_live) {
        return "running";
    }
    switch (process->model->process) {
    case LMM_MODEL_EXITED: return "exited";
    case LMM_MODEL_LOST: return "lost";
    case LMM_MODEL_REPLACED: return "replaced";
    default: return "killed";
    }
}

static json_t *process_object(const struct lmm_run *run, const struct lmm_run_process *process)
{
    const struct lmm_model *model = process->model;
    json_t *object = json_pack(
        "{sb so so so so ss so so so sb so}", "is_program", (int) process->is_program, "pid",
        lmm_json_number(model->pid), "parent_pid", lmm_json_number(model->parent_pid), "executable",
        lmm_json_string(model->executable), "command", lmm_json_string(model->command), "state",
        state_of(process), "start_time_ns", lmm_json_number(model->start_time_ns), "end_time_ns",
        lmm_json_number(model->end_time_ns), "stack_frames", lmm_json_number(model->stack_frames),
        "settled", (int) model->settled, "totals", totals(process));
    int failed = json_object_set_new(object, "leaks", spot_list(run, process, LMM_MEASURE_LEAKS));

    if (!run->leaks_only) {
        failed |= json_object_set_new(object, "peak_consumers",
                                      spot_list(run, process, LMM_MEASURE_PEAK));
        failed |= json_object_set_new(object, "most_allocating",
                                      spot_list(run, process, LMM_MEASURE_ALLOCATIONS));
        failed |= json_object_set_new(object, "temporaries",
                                      spot_list(run, process, LMM_MEASURE_TEMPORARIES));
        failed |= json_object_set_new(object, "sizes", size_list(model));
    }
    return unless(object, failed != 0);
}

/* ---- The document ---------------------------------------------------------------------------- */

static json_t *command_list(const struct lmm_run *run)
{
    json_t *list = json_array();
    bool failed = list == NULL;

    for (char *const *word = run->argv; *word != NULL && !failed; word++) {
        failed = json_array_append_new(list, lmm_json_string(lmm_string_of(*word))) != 0;
    }
    return unless(list, failed);
}

/* How the program ended: one of exit_status and signal is null. */
static json_t *ending_object(const struct lmm_ending *ending)
{
    bool is_killed = WIFSIGNALED(ending->status);

    return json_pack("{so so sb so so so so}", "exit_status",
                     is_killed ? json_null() : json_integer(WEXITSTATUS(ending->status)), "signal",
                     is_killed ? json_integer(WTERMSIG(ending->status)) : json_null(),
                     "core_dumped", (int) (is_killed && WCOREDUMP(ending->status)), "run_ns",
                     lmm_json_number(ending->run_ns), "user_ns",
                     lmm_json_number(lmm_timeval_ns(ending->usage.ru_utime)), "system_ns",
                     lmm_json_number(lmm_timeval_ns(ending->usage.ru_stime)), "max_resident_bytes",
                     lmm_json_number((uint64_t) ending->usage.ru_maxrss * 1024));
}

static json_t *suppression_list(const struct lmm_suppressions *suppressions)
{
    json_t *list = json_array();
    bool failed = list == NULL;

    for (size_t i = 0; i < suppressions->count && !failed; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        failed =
            json_array_append_new(list, json_pack("{so sb so so}", "pattern",
                                                  lmm_json_string(lmm_string_of(item->pattern)),
                                                  "built_in", (int) item->is_built_in, "blocks",
                                                  lmm_json_number(item->blocks), "bytes",
                                                  lmm_json_number(item->bytes))) != 0;
    }
    return unless(list, failed);
}

static json_t *process_list(const struct lmm_run *run)
{
    json_t *list = json_array();
    bool failed = list == NULL;

    for (size_t i = 0; i < run->process_count && !failed; i++) {
        failed = json_array_append_new(list, process_object(run, &run->processes[i])) != 0;
    }
    return unless(list, failed);
}

static int put(const char *text, size_t bytes, void *sink)
{
    lmm_sink_write(sink, text, bytes);
    return 0;
}

int lmm_run_json(const struct lmm_run *run, struct lmm_sink *sink)
{
    json_t *document = json_pack(
        "{ss si so so so so}", "schema", "lmm-run", "schema_version", (int) LMM_RUN_SCHEMA_VERSION,
        "command", command_list(run), "ending", ending_object(run->ending), "processes",
        process_list(run), "suppressions", suppression_list(run->suppressions));

    if (document == NULL) {
        return -ENOMEM;
    }
    json_dump_callback(document, put, sink, JSON_INDENT(2));
    json_decref(document);
    lmm_sink_puts(sink, "\n");
    return lmm_sink_flush(sink);
}
