/* SPDX-License-Identifier: MIT */
/* run_text: the report of `lmm run` for people: its parts in their order, and its end. */
#include <assert.h>
#include <errno.h>

#include "reporter/core/model.h"
#include "reporter/program/report/all_lines.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/type_rows.h"
#include "reporter/program/report/verdict.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

static void put_leaks(const struct lmm_sheet *sheet)
{
    if (lmm_process_is_classified(sheet->process)) {
        lmm_sheet_losses(sheet);
    } else {
        lmm_sheet_rows(sheet, LMM_MEASURE_LEAKS);
    }
}

static void put_sections(const struct lmm_sheet *sheet)
{
    lmm_sheet_types(sheet);
    lmm_sheet_rows(sheet, LMM_MEASURE_PEAK);
    put_leaks(sheet);
    /* Else sites say no more than their families do, which the section of sizes shows. */
    if (sheet->model->stack_frames > 0 || !sheet->model->is_drop_in) {
        lmm_sheet_rows(sheet, LMM_MEASURE_ALLOCATIONS);
    }
    lmm_sheet_rows(sheet, LMM_MEASURE_TEMPORARIES);
    if (sheet->run->look.is_brief && lmm_sheet_has_types(sheet)) {
        lmm_sink_puts(sheet->sink, "\nSizes of blocks: --full\n");
    } else {
        lmm_sheet_sizes(sheet);
    }
}

static bool is_check(const struct lmm_run_report *run)
{
    return run->leaks_only || run->has_gate;
}

static void put_process(const struct lmm_sheet *sheet, bool is_last)
{
    /* Of a process with another malloc the figures would be those of other blocks than its own. */
    bool has_figures = sheet->model->other_malloc.bytes == 0;

    lmm_sheet_head(sheet);
    if (has_figures && sheet->run->leaks_only) {
        put_leaks(sheet);
    } else if (has_figures) {
        put_sections(sheet);
    }
    if (has_figures && !sheet->run->leaks_only) {
        lmm_sheet_names(sheet, is_last);
    }
    if (has_figures && !sheet->run->leaks_only) {
        lmm_sheet_hints(sheet);
    }
    if (is_last && !sheet->run->look.is_brief) {
        lmm_sheet_suppressions(sheet);
    }
    if (has_figures && sheet->run->process_count == 1 && sheet->run->ending != NULL &&
        is_check(sheet->run)) {
        lmm_sheet_checked(sheet);
    }
    if (has_figures) {
        lmm_sheet_summary(sheet);
    }
}

/* Puts the part of one process. */
static void put_part(const struct lmm_run_report *run, size_t index, bool is_last,
                     struct lmm_sink *sink)
{
    const struct lmm_run_report_process *process = &run->processes[index];
    struct lmm_type_rows types = {.items = NULL};
    struct lmm_sheet sheet = {
        run, process, process->model, sink, lmm_shown_stacks_new(&run->look), &types};

    if (sheet.stacks == NULL || (!run->leaks_only && !lmm_type_rows_make(process->spots, &types))) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
        lmm_shown_stacks_free(sheet.stacks);
        return;
    }
    lmm_sink_puts(sink, index == 0 ? "" : "\n");
    put_process(&sheet, is_last);
    lmm_shown_stacks_free(sheet.stacks);
    lmm_type_rows_free(&types);
}

/* Returns whether the process has a part: in a brief report the first, and those with the highest peaks.
 * Cost: the number of processes. */
static bool has_part(const struct lmm_run_report *run, size_t index)
{
    size_t before = 0;

    if (!run->look.is_brief || index == 0) {
        return true;
    }
    for (size_t i = 0; i < run->process_count && before < run->bounds.rows; i++) {
        uint64_t peak = run->processes[i].model->peak_bytes;
        uint64_t own = run->processes[index].model->peak_bytes;

        before += peak > own || (peak == own && i < index);
    }
    return before < run->bounds.rows;
}

static void put_parts(const struct lmm_run_report *run, struct lmm_sink *sink)
{
    size_t last = run->process_count - 1;
    size_t left_out = 0;

    while (!has_part(run, last)) {
        last--;
    }
    for (size_t i = 0; i < run->process_count && sink->error == 0; i++) {
        if (has_part(run, i)) {
            put_part(run, i, i == last, sink);
        } else {
            left_out++;
        }
    }
    if (left_out > 0) {
        lmm_sink_puts(sink, "\n... ");
        lmm_put_count(sink, left_out, "more process", "more processes");
        lmm_sink_puts(sink, ": --full\n");
    }
}

int lmm_run_report_text(const struct lmm_run_report *run, struct lmm_sink *sink)
{
    struct lmm_sheet first = {run, run->processes, run->processes[0].model, sink, NULL, NULL};
    bool has_summary = run->process_count > 1;
    struct lmm_all_lines lines = {.items = NULL};

    assert((run->argv != NULL) == (run->ending != NULL) && run->suppressions != NULL);
    assert(run->bounds.rows > 0 && run->bounds.stacks > 0 && run->bounds.sizes > 0);
    if (has_summary && !lmm_all_lines_make(run->processes, run->process_count, &lines)) {
        return -ENOMEM;
    }
    if (has_summary) {
        lmm_sheet_all(&first, &lines);
    }
    put_parts(run, sink);
    if (has_summary && is_check(run)) {
        lmm_sheet_checked(&first);
    }
    if (has_summary) {
        lmm_sheet_all_end(&first, &lines);
        lmm_all_lines_free(&lines);
    }
    return lmm_sink_flush(sink);
}
