/* SPDX-License-Identifier: MIT */
/* run_json: the report of `lmm run` as one JSON document, docs/run.schema.json. Its lists are
 * bounded, and it counts what they leave out. */
#include <errno.h>
#include <sys/wait.h>

#include "reporter/core/hint.h"
#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/all_lines.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_json_check.h"
#include "reporter/program/report/run_json_series.h"
#include "reporter/program/report/run_json_types.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/symbols/gap_note.h"

enum {
    FILES = 5, /* without lines, of a report without --full */
};

static void put_figures(struct lmm_json *json, const struct lmm_tally *tally,
                        enum lmm_measure measure)
{
    static const char *const names[][2] = {
        [LMM_MEASURE_PEAK] = {"bytes", "blocks"},
        [LMM_MEASURE_ALLOCATIONS] = {"allocations", "bytes"},
        [LMM_MEASURE_LEAKS] = {"bytes", "blocks"},
        [LMM_MEASURE_TEMPORARIES] = {"temporaries", "allocations"},
    };

    lmm_json_u64(json, names[measure][0], lmm_tally_first(tally, measure));
    lmm_json_u64(json, names[measure][1], lmm_tally_second(tally, measure));
}

static void put_trace(struct lmm_json *json, const struct lmm_model *model,
                      const struct lmm_trace *trace, enum lmm_measure measure)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    put_figures(json, &trace->tally, measure);
    lmm_json_stack(json, "calls", model, trace->site->stack, SIZE_MAX, LMM_JSON_LINES);
    lmm_json_end_object(json);
}

static void put_spot(struct lmm_json *json, const struct lmm_run_report *run,
                     const struct lmm_model *model, struct lmm_spot *spot, enum lmm_measure measure)
{
    const struct lmm_model_site *site = spot->site;
    size_t count = lmm_spot_traces(spot, measure);
    size_t shown = count < run->bounds.stacks ? count : run->bounds.stacks;

    lmm_spot_order(spot, measure, shown);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_u64(json, "id", spot->id);
    lmm_json_string(json, "function", site->function);
    lmm_json_string(json, "file", site->file);
    lmm_json_u64(json, "line", site->line);
    lmm_json_spot_type(json, model, spot, measure);
    lmm_json_begin_array(json, "stacks", LMM_JSON_LINES);
    for (size_t i = 0; i < shown; i++) {
        put_trace(json, model, &spot->traces[i], measure);
    }
    lmm_json_end_array(json);
    lmm_json_u64(json, "stacks_left_out", count - shown);
    put_figures(json, &spot->tally, measure);
    lmm_json_end_object(json);
}

struct list {
    const char *key;
    enum lmm_measure measure;
};

static const struct list lists[] = {
    {"leaks", LMM_MEASURE_LEAKS},
    {"peak_consumers", LMM_MEASURE_PEAK},
    {"most_allocating", LMM_MEASURE_ALLOCATIONS},
    {"temporaries", LMM_MEASURE_TEMPORARIES},
};

static size_t list_count(const struct lmm_run_report *run)
{
    return run->leaks_only ? 1 : sizeof(lists) / sizeof(lists[0]);
}

static size_t shown_of(const struct lmm_run_report *run,
                       const struct lmm_run_report_process *process, const struct list *list)
{
    size_t count = lmm_spots_count(process->spots, list->measure);

    return count < run->bounds.rows ? count : run->bounds.rows;
}

static void put_spots(struct lmm_json *json, const struct lmm_run_report *run,
                      const struct lmm_run_report_process *process, const struct list *list)
{
    size_t shown = shown_of(run, process, list);

    lmm_spots_order(process->spots, list->measure, shown);
    lmm_json_begin_array(json, list->key, LMM_JSON_LINES);
    for (size_t i = 0; i < shown; i++) {
        put_spot(json, run, process->model, &process->spots->items[i], list->measure);
    }
    lmm_json_end_array(json);
}

/* The places that the lists leave out: how many, and their figures. */
static void put_left_out(struct lmm_json *json, const struct lmm_run_report *run,
                         const struct lmm_run_report_process *process)
{
    struct lmm_spots *spots = process->spots;

    lmm_json_begin_object(json, "left_out", LMM_JSON_LINES);
    for (size_t i = 0; i < list_count(run); i++) {
        size_t shown = shown_of(run, process, &lists[i]);
        struct lmm_tally rest;

        lmm_spots_order(spots, lists[i].measure, shown);
        size_t places = lmm_spots_rest(spots, lists[i].measure, shown, &rest);

        lmm_json_begin_object(json, lists[i].key, LMM_JSON_ONE_LINE);
        lmm_json_u64(json, "places", places);
        put_figures(json, &rest, lists[i].measure);
        lmm_json_end_object(json);
    }
    lmm_json_end_object(json);
}

static void put_sizes(struct lmm_json *json, const struct lmm_model *model)
{
    lmm_json_begin_array(json, "sizes", LMM_JSON_LINES);
    for (size_t i = 0; i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        if (family->allocations > 0) {
            lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
            lmm_json_string(json, "family", family->name);
            lmm_json_u64(json, "size_bytes", family->size_bytes);
            lmm_json_u64(json, "allocations", family->allocations);
            lmm_json_u64(json, "frees", family->frees);
            lmm_json_u64(json, "peak_bytes", family->peak_bytes);
            lmm_json_end_object(json);
        }
    }
    lmm_json_end_array(json);
}

static void put_totals(struct lmm_json *json, const struct lmm_run_report_process *process)
{
    const struct lmm_model *model = process->model;
    const struct lmm_tally *total = &process->spots->total;

    lmm_json_begin_object(json, "totals", LMM_JSON_LINES);
    lmm_json_u64(json, "allocations", model->total.allocations);
    lmm_json_u64(json, "allocated_bytes", total->allocated_bytes);
    lmm_json_u64(json, "frees", model->total.frees);
    lmm_json_u64(json, "temporaries", model->temporaries);
    lmm_json_u64(json, "peak_bytes", model->peak_bytes);
    lmm_json_u64(json, "peak_time_ns", model->peak_time_ns);
    lmm_json_u64(json, "live_blocks", model->total.live_blocks);
    lmm_json_u64(json, "live_bytes", model->total.live_bytes);
    lmm_json_u64(json, "leaked_blocks", total->leaked_blocks);
    lmm_json_u64(json, "leaked_bytes", total->leaked_bytes);
    lmm_json_end_object(json);
}

static const char *state_of(const struct lmm_run_report_process *process)
{
    if (process->model->process == LMM_MODEL_LOST) {
        return "lost";
    }
    if (process->is_live) {
        return "running";
    }
    switch (process->model->process) {
    case LMM_MODEL_EXITED: return "exited";
    case LMM_MODEL_REPLACED: return "replaced";
    default: return "killed";
    }
}

/* null: there is no such module. */
static void put_path(struct lmm_json *json, const char *key, struct lmm_string path)
{
    if (path.bytes > 0) {
        lmm_json_string(json, key, path);
    } else {
        lmm_json_null(json, key);
    }
}

/* null: LMM did not stop the program. No calls: there is no stack. */
static void put_panic(struct lmm_json *json, const struct lmm_model *model)
{
    if (model->panic.bytes == 0) {
        lmm_json_null(json, "panic");
        return;
    }
    lmm_json_begin_object(json, "panic", LMM_JSON_LINES);
    lmm_json_string(json, "message", model->panic);
    lmm_json_stack(json, "calls", model, model->panic_stack, SIZE_MAX, LMM_JSON_LINES);
    lmm_json_end_object(json);
}

static void put_mismatches(struct lmm_json *json, const struct lmm_model *model)
{
    lmm_json_begin_array(json, "mismatches", LMM_JSON_LINES);
    for (size_t i = 0; i < model->mismatch_count; i++) {
        const struct lmm_model_mismatch *mismatch = &model->mismatches[i];

        lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
        lmm_json_string(json, "message", mismatch->text);
        lmm_json_u64(json, "bytes", mismatch->bytes);
        lmm_json_u64(json, "blocks", mismatch->count);
        lmm_json_stack(json, "allocated", model, mismatch->allocated, SIZE_MAX, LMM_JSON_LINES);
        lmm_json_stack(json, "freed", model, mismatch->freed, SIZE_MAX, LMM_JSON_LINES);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
}

static void put_status(struct lmm_json *json, int exit_status, int signal)
{
    if (exit_status >= 0) {
        lmm_json_i64(json, "exit_status", exit_status);
    } else {
        lmm_json_null(json, "exit_status");
    }
    if (signal > 0) {
        lmm_json_i64(json, "signal", signal);
    } else {
        lmm_json_null(json, "signal");
    }
}

/* What is known of the process's end; both are null when that is nothing. */
static void put_exit(struct lmm_json *json, const struct lmm_run_report_process *process)
{
    const struct lmm_model *model = process->model;
    int status = process->status;
    bool has_told = model->exit == LMM_MODEL_EXIT_NORMAL || model->exit == LMM_MODEL_EXIT_QUICK;

    if (process->has_status && WIFSIGNALED(status)) {
        put_status(json, -1, WTERMSIG(status));
    } else if (process->has_status) {
        put_status(json, WEXITSTATUS(status), 0);
    } else {
        put_status(json, has_told && !process->is_live ? model->exit_status : -1, 0);
    }
    lmm_json_u64(json, "started", model->started);
    if (process->became != NULL) {
        lmm_json_text(json, "became", process->became);
    } else {
        lmm_json_null(json, "became");
    }
    lmm_json_bool(json, "own_lmm", process->has_own_lmm);
}

/* Nothing for a process of which none were looked for. */
static void put_hints(struct lmm_json *json, const struct lmm_run_report *run,
                      const struct lmm_diet *diet)
{
    if (diet != NULL && diet->model != NULL) {
        const struct lmm_hints hints = lmm_diet_hints(diet);

        lmm_json_process_hints(json, &hints, run->bounds.rows);
    }
}

static void put_process(struct lmm_json *json, const struct lmm_run_report *run,
                        const struct lmm_run_report_process *process)
{
    const struct lmm_model *model = process->model;

    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_bool(json, "is_program", process->is_program);
    lmm_json_u64(json, "pid", model->pid);
    lmm_json_u64(json, "parent_pid", model->parent_pid);
    lmm_json_string(json, "executable", model->executable);
    lmm_json_string(json, "command", model->command);
    lmm_json_text(json, "state", state_of(process));
    lmm_json_u64(json, "start_time_ns", model->start_time_ns);
    lmm_json_u64(json, "end_time_ns", model->end_time_ns);
    lmm_json_u64(json, "stack_frames", model->stack_frames);
    lmm_json_bool(json, "settled", model->settled);
    put_exit(json, process);
    put_path(json, "other_malloc", model->other_malloc);
    put_path(json, "linked_allocator", model->linked_allocator);
    put_panic(json, model);
    put_mismatches(json, model);
    put_totals(json, process);
    if (!run->leaks_only) {
        lmm_json_types(json, run, process);
        put_hints(json, run, process->diet);
    }
    lmm_json_leak_check(json, run, process);
    for (size_t i = 0; i < list_count(run); i++) {
        put_spots(json, run, process, &lists[i]);
    }
    put_left_out(json, run, process);
    if (!run->leaks_only) {
        put_sizes(json, model);
        lmm_json_series(json, run, process);
    }
    lmm_json_end_object(json);
}

static void put_command(struct lmm_json *json, const struct lmm_run_report *run)
{
    lmm_json_begin_array(json, "command", LMM_JSON_LINES);
    for (char *const *word = run->argv; *word != NULL; word++) {
        lmm_json_text(json, NULL, *word);
    }
    lmm_json_end_array(json);
}

/* How the program ended: one of exit_status and signal is null. */
static void put_ending(struct lmm_json *json, const struct lmm_ending *ending)
{
    bool is_killed = WIFSIGNALED(ending->status);

    lmm_json_begin_object(json, "ending", LMM_JSON_LINES);
    if (is_killed) {
        lmm_json_null(json, "exit_status");
        lmm_json_i64(json, "signal", WTERMSIG(ending->status));
    } else {
        lmm_json_i64(json, "exit_status", WEXITSTATUS(ending->status));
        lmm_json_null(json, "signal");
    }
    lmm_json_bool(json, "core_dumped", is_killed && WCOREDUMP(ending->status));
    lmm_json_u64(json, "run_ns", ending->run_ns);
    lmm_json_u64(json, "user_ns", lmm_timeval_ns(ending->usage.ru_utime));
    lmm_json_u64(json, "system_ns", lmm_timeval_ns(ending->usage.ru_stime));
    lmm_json_u64(json, "max_resident_bytes", (uint64_t) ending->usage.ru_maxrss * 1024);
    lmm_json_end_object(json);
}

static void put_unseen_processes(struct lmm_json *json, const struct lmm_unseen *unseen)
{
    lmm_json_begin_array(json, "without_lmm", LMM_JSON_LINES);
    for (size_t i = 0; i < unseen->process_count; i++) {
        const struct lmm_unseen_process *process = &unseen->processes[i];

        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_u64(json, "pid", process->pid);
        lmm_json_text(json, "program", process->program);
        if (process->reason != NULL) {
            lmm_json_text(json, "reason", process->reason);
        } else {
            lmm_json_null(json, "reason");
        }
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
    lmm_json_begin_array(json, "still_running", LMM_JSON_ONE_LINE);
    for (size_t i = 0; i < unseen->running_count; i++) {
        lmm_json_u64(json, NULL, unseen->running[i].pid);
    }
    lmm_json_end_array(json);
}

/* null: nothing is known of it. */
static void put_unseen(struct lmm_json *json, const struct lmm_unseen *unseen)
{
    if (unseen == NULL) {
        lmm_json_null(json, "unseen");
        return;
    }
    lmm_json_begin_object(json, "unseen", LMM_JSON_LINES);
    lmm_json_bool(json, "children_traced", unseen->has_children);
    lmm_json_u64(json, "not_traced", unseen->started);
    lmm_json_u64(json, "without_ledger", unseen->unknown);
    lmm_json_begin_array(json, "programs", LMM_JSON_LINES);
    for (size_t i = 0; i < unseen->name_count; i++) {
        lmm_json_text(json, NULL, unseen->names[i]);
    }
    lmm_json_end_array(json);
    put_unseen_processes(json, unseen);
    lmm_json_end_object(json);
}

/* The lines of all processes, as the text has them. */
static void put_all_lines(struct lmm_json *json, const struct lmm_run_report *run,
                          struct lmm_all_lines *lines, const struct list *list)
{
    size_t count = lmm_all_lines_order(lines, list->measure);
    size_t shown = count < run->bounds.rows ? count : run->bounds.rows;

    lmm_json_begin_array(json, list->key, LMM_JSON_LINES);
    for (size_t i = 0; i < shown; i++) {
        const struct lmm_all_line *line = &lines->items[i];

        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_string(json, "function", line->site->function);
        lmm_json_string(json, "file", line->site->file);
        lmm_json_u64(json, "line", line->site->line);
        lmm_json_line_type(json, line, list->measure);
        put_figures(json, &line->tally, list->measure);
        lmm_json_u64(json, "processes", line->processes);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
}

/* null: there is one process. Returns 0 or -ENOMEM. */
static int put_all(struct lmm_json *json, const struct lmm_run_report *run)
{
    struct lmm_all_lines lines;

    if (run->process_count < 2) {
        lmm_json_null(json, "all_processes");
        return 0;
    }
    if (!lmm_all_lines_make(run->processes, run->process_count, &lines)) {
        return -ENOMEM;
    }
    lmm_json_begin_object(json, "all_processes", LMM_JSON_LINES);
    lmm_json_u64(json, "count", run->process_count);
    lmm_json_u64(json, "allocations", lines.total.allocations);
    lmm_json_u64(json, "allocated_bytes", lines.total.allocated_bytes);
    lmm_json_u64(json, "leaked_blocks", lines.total.leaked_blocks);
    lmm_json_u64(json, "leaked_bytes", lines.total.leaked_bytes);
    lmm_json_amount(json, "lost", lines.total.lost);
    lmm_json_amount(json, "possibly_lost", lines.total.possible);
    if (!run->leaks_only) {
        lmm_json_all_types(json, run);
    }
    for (size_t i = 0; i < list_count(run); i++) {
        put_all_lines(json, run, &lines, &lists[i]);
    }
    lmm_json_end_object(json);
    lmm_all_lines_free(&lines);
    return 0;
}

static void put_suppressions(struct lmm_json *json, const struct lmm_suppressions *suppressions)
{
    lmm_json_begin_array(json, "suppressions", LMM_JSON_LINES);
    for (size_t i = 0; i < suppressions->count; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
        lmm_json_text(json, "pattern", item->pattern);
        lmm_json_text(json, "kind", lmm_suppression_kind(item));
        if (item->path != NULL) {
            lmm_json_text(json, "file", item->path);
            lmm_json_u64(json, "line", item->line);
        }
        lmm_json_bool(json, "built_in", item->is_built_in);
        lmm_json_u64(json, "blocks", item->blocks);
        lmm_json_u64(json, "bytes", item->bytes);
        lmm_json_amount(json, "checked", item->checked);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
}

/* The files of which lines are missing, those that most bytes lack first. */
static void put_gaps(struct lmm_json *json, const struct lmm_run_report *run)
{
    size_t most = run->look.is_whole ? LMM_GAP_NOTES_MAX : FILES;
    struct lmm_gap_note notes[LMM_GAP_NOTES_MAX];
    size_t count = lmm_gap_notes_find(run->symbols, most, notes);

    lmm_json_begin_array(json, "files_without_lines", LMM_JSON_LINES);
    for (size_t i = 0; i < count; i++) {
        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_string(json, "file", notes[i].path);
        lmm_json_text(json, "reason", notes[i].reason);
        if (notes[i].package != NULL) {
            lmm_json_text(json, "package", notes[i].package);
        } else {
            lmm_json_null(json, "package");
        }
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
    lmm_gap_notes_free(notes, count);
}

int lmm_run_report_json(const struct lmm_run_report *run, struct lmm_sink *sink)
{
    struct lmm_json writer;
    struct lmm_json *json = &writer;

    lmm_json_init(json, sink);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", "lmm-run");
    lmm_json_u64(json, "schema_version", LMM_RUN_REPORT_SCHEMA_VERSION);
    if (run->ending != NULL) {
        put_command(json, run);
        put_ending(json, run->ending);
    }
    put_unseen(json, run->unseen);
    if (put_all(json, run) != 0) {
        return -ENOMEM;
    }
    lmm_json_begin_array(json, "processes", LMM_JSON_LINES);
    for (size_t i = 0; i < run->process_count; i++) {
        put_process(json, run, &run->processes[i]);
    }
    lmm_json_end_array(json);
    put_gaps(json, run);
    put_suppressions(json, run->suppressions);
    lmm_json_end_object(json);
    return lmm_json_finish(json);
}
