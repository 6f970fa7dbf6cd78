/* SPDX-License-Identifier: MIT */
/* run_head: what all sections of the report of `lmm run` share, its head, and the totals. */
#include "reporter/program/report/run_sheet.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

void lmm_sheet_paint(const struct lmm_sheet *sheet, const char *escape)
{
    if (sheet->run->colour) {
        lmm_sink_puts(sheet->sink, escape);
    }
}

void lmm_sheet_heading(const struct lmm_sheet *sheet, const char *text)
{
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_puts(sheet->sink, text);
    lmm_sheet_paint(sheet, "\033[0m");
    lmm_sink_puts(sheet->sink, "\n");
}

void lmm_sheet_seconds(const struct lmm_sheet *sheet, uint64_t ns)
{
    uint64_t ms = ns / LMM_NS_PER_MS;

    lmm_sink_printf(sheet->sink, "%" PRIu64 ".%03" PRIu64 " s", ms / 1000, ms % 1000);
}

void lmm_sheet_label(const struct lmm_sheet *sheet, const char *label)
{
    lmm_sink_printf(sheet->sink, "  %-14s", label);
}

bool lmm_sheet_has_ended_well(const struct lmm_sheet *sheet)
{
    return sheet->model->process == LMM_MODEL_EXITED && !sheet->process->is_live;
}

bool lmm_sheet_is_lost(const struct lmm_sheet *sheet)
{
    return sheet->model->process == LMM_MODEL_LOST;
}

/* ---- Head ------------------------------------------------------------------------------------ */

/* Returns count * LMM_NS_PER_SECOND / ns, in floating point because the product may not fit. */
static uint64_t per_second(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (uint64_t) ((double) count * (double) LMM_NS_PER_SECOND / (double) ns);
}

static void put_command(const struct lmm_sheet *sheet)
{
    lmm_sheet_label(sheet, "command");
    for (char *const *word = sheet->run->argv; *word != NULL; word++) {
        lmm_sink_puts(sheet->sink, word == sheet->run->argv ? "" : " ");
        lmm_put_string(sheet->sink, lmm_string_of(*word));
    }
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_signal(const struct lmm_sheet *sheet, int status)
{
    int number = WTERMSIG(status);
    const char *name = sigabbrev_np(number);

    lmm_sink_printf(sheet->sink, "killed by signal %d", number);
    if (name != NULL) {
        lmm_sink_printf(sheet->sink, " (SIG%s)", name);
    }
    lmm_sink_puts(sheet->sink, WCOREDUMP(status) ? ", core dumped\n" : "\n");
}

static void put_ending(const struct lmm_sheet *sheet)
{
    const struct lmm_ending *ending = sheet->run->ending;

    assert(WIFEXITED(ending->status) || WIFSIGNALED(ending->status));
    lmm_sheet_label(sheet, "ended");
    if (WIFSIGNALED(ending->status)) {
        put_signal(sheet, ending->status);
    } else {
        lmm_sink_printf(sheet->sink, "exit status %d\n", WEXITSTATUS(ending->status));
    }
}

static void put_panic(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (model->panic.bytes == 0) {
        return;
    }
    lmm_sheet_label(sheet, "panic");
    lmm_sink_puts(sheet->sink, "LMM stopped the program: ");
    lmm_put_string(sheet->sink, model->panic);
    lmm_sink_puts(sheet->sink, "\n");
    if (model->panic_stack != 0) {
        lmm_sheet_label(sheet, "");
        lmm_sink_puts(sheet->sink, "in ");
        lmm_shown_stacks_put(sheet->stacks, model, model->panic_stack, sheet->sink);
    }
}

static void put_resources(const struct lmm_sheet *sheet)
{
    const struct lmm_ending *ending = sheet->run->ending;

    lmm_sheet_label(sheet, "run time");
    lmm_sheet_seconds(sheet, ending->run_ns);
    lmm_sink_puts(sheet->sink, " (user ");
    lmm_sheet_seconds(sheet, lmm_timeval_ns(ending->usage.ru_utime));
    lmm_sink_puts(sheet->sink, ", system ");
    lmm_sheet_seconds(sheet, lmm_timeval_ns(ending->usage.ru_stime));
    lmm_sink_puts(sheet->sink, ")\n");
    lmm_sheet_label(sheet, "resident");
    lmm_sink_puts(sheet->sink, "at most ");
    lmm_put_bytes(sheet->sink, (uint64_t) ending->usage.ru_maxrss * 1024);
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_child(const struct lmm_sheet *sheet)
{
    lmm_sheet_label(sheet, "command");
    lmm_put_string(sheet->sink, sheet->model->command);
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_label(sheet, "parent");
    lmm_sink_printf(sheet->sink, "%" PRIu32 "\n", sheet->model->parent_pid);
}

static void put_depth(const struct lmm_sheet *sheet)
{
    lmm_sheet_label(sheet, "call stacks");
    if (sheet->model->stack_frames == 0) {
        lmm_sink_puts(sheet->sink, "none\n");
    } else {
        lmm_sink_printf(sheet->sink, "of at most %" PRIu32 " %s\n", sheet->model->stack_frames,
                        lmm_plural(sheet->model->stack_frames, "call", "calls"));
    }
}

/* Returns a note on how the process ended, where it limits what the figures mean; NULL: none. */
static const char *fate_of(const struct lmm_sheet *sheet)
{
    if (lmm_sheet_is_lost(sheet)) {
        return "its ledger could not grow; these are the figures of that moment";
    }
    if (sheet->process->is_live) {
        return "the process is still running; these are its current figures";
    }
    if (sheet->model->process == LMM_MODEL_EXITED) {
        return NULL;
    }
    bool is_killed = sheet->process->is_program && WIFSIGNALED(sheet->run->ending->status);
    if (is_killed || sheet->model->panic.bytes > 0) {
        return "a signal ended it; blocks that it would have freed later are live";
    }
    return "it ended by _exit, or by exec of a program that does not load LMM";
}

static void put_allocators(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (model->other_malloc.bytes > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_puts(sheet->sink, "its malloc is that of ");
        lmm_put_string(sheet->sink, model->other_malloc);
        lmm_sink_puts(sheet->sink, "; LMM does not see its blocks, and cannot tell leaks\n");
    } else if (model->linked_allocator.bytes > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_puts(sheet->sink, "blocks from functions that only ");
        lmm_put_string(sheet->sink, model->linked_allocator);
        lmm_sink_puts(sheet->sink, " has are not counted\n");
    }
}

static void put_notes(const struct lmm_sheet *sheet)
{
    const char *fate = fate_of(sheet);

    put_allocators(sheet);

    if (fate != NULL) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_printf(sheet->sink, "%s\n", fate);
    }
    if (lmm_sheet_is_lost(sheet) && sheet->model->lost_errno != 0) {
        lmm_sheet_label(sheet, "");
        lmm_sink_printf(sheet->sink, "%s\n", strerror((int) sheet->model->lost_errno));
    }
    if (sheet->model->sites_merged > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_printf(sheet->sink,
                        "stacks without an id of their own, counted together: %" PRIu64 "\n",
                        sheet->model->sites_merged);
    }
    if (!sheet->model->settled) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_puts(sheet->sink,
                      "counters were moved while they were read; figures may be inexact\n");
    }
}

void lmm_sheet_head(const struct lmm_sheet *sheet)
{
    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_puts(sheet->sink, "LMM: run report of ");
    lmm_put_string(sheet->sink, sheet->model->program);
    lmm_sink_printf(sheet->sink, " (pid %" PRIu32 ")", sheet->model->pid);
    lmm_sheet_paint(sheet, "\033[0m");
    lmm_sink_puts(sheet->sink, "\n");
    if (sheet->process->is_program) {
        put_command(sheet);
        put_ending(sheet);
        put_panic(sheet);
        put_resources(sheet);
    } else {
        put_child(sheet);
        put_panic(sheet);
    }
    put_depth(sheet);
    put_notes(sheet);
}

/* ---- Totals ---------------------------------------------------------------------------------- */

/* Returns how long the process wrote its ledger; 0: unknown. */
static uint64_t run_ns(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (sheet->process->is_program && !lmm_sheet_is_lost(sheet)) {
        return sheet->run->ending->run_ns;
    }
    return model->end_time_ns > model->start_time_ns ? model->end_time_ns - model->start_time_ns
                                                     : 0;
}

static void put_peak(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (model->peak_bytes == 0) {
        return;
    }
    lmm_sheet_label(sheet, "at the peak");
    lmm_put_bytes(sheet->sink, model->peak_bytes);
    if (model->peak_time_ns >= model->start_time_ns) {
        lmm_sink_puts(sheet->sink, ", ");
        lmm_sheet_seconds(sheet, model->peak_time_ns - model->start_time_ns);
        lmm_sink_puts(sheet->sink, " after the start");
    }
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_rates(const struct lmm_sheet *sheet)
{
    uint64_t ns = run_ns(sheet);

    if (ns > 0) {
        lmm_sheet_label(sheet, "per second");
        lmm_put_count(sheet->sink, per_second(sheet->model->total.allocations, ns), "block",
                      "blocks");
        lmm_sink_puts(sheet->sink, ", ");
        lmm_put_bytes(sheet->sink, per_second(sheet->process->spots->total.allocated_bytes, ns));
        lmm_sink_puts(sheet->sink, "\n");
    }
}

static void put_temporaries(const struct lmm_sheet *sheet)
{
    char share[LMM_CELL_BYTES];
    const struct lmm_model *model = sheet->model;

    if (model->stack_frames == 0) {
        return;
    }
    lmm_write_share(share, lmm_model_permille(model->temporaries, model->total.allocations),
                    model->total.allocations);
    lmm_sheet_label(sheet, "temporary");
    lmm_put_count(sheet->sink, model->temporaries, "block", "blocks");
    lmm_sink_printf(sheet->sink, ", %s of all\n", share);
}

void lmm_sheet_totals(const struct lmm_sheet *sheet)
{
    const struct lmm_model_family *total = &sheet->model->total;

    lmm_sheet_heading(sheet, "Totals");
    lmm_sheet_label(sheet, "allocated");
    lmm_put_count(sheet->sink, total->allocations, "block", "blocks");
    lmm_sink_puts(sheet->sink, ", ");
    lmm_put_bytes(sheet->sink, sheet->process->spots->total.allocated_bytes);
    lmm_sink_puts(sheet->sink, "\n");
    put_rates(sheet);
    lmm_sheet_label(sheet, "freed");
    lmm_put_count(sheet->sink, total->frees, "block", "blocks");
    lmm_sink_puts(sheet->sink, "\n");
    put_temporaries(sheet);
    put_peak(sheet);
    lmm_sheet_label(sheet, lmm_sheet_is_lost(sheet) ? "live then" : "live at exit");
    lmm_put_count(sheet->sink, total->live_blocks, "block", "blocks");
    lmm_sink_puts(sheet->sink, ", ");
    lmm_put_bytes(sheet->sink, total->live_bytes);
    lmm_sink_puts(sheet->sink, "\n");
}
