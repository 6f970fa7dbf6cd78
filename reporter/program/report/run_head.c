/* SPDX-License-Identifier: MIT */
/* run_head: the head of the report of `lmm run`, and the totals. See run_page.h for the contract. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_page.h"
#include "reporter/program/report/run_report.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

/* ---- Head ------------------------------------------------------------------------------------ */

/* Returns count * LMM_NS_PER_SECOND / ns, in floating point because the product may not fit. */
static uint64_t per_second(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (uint64_t) ((double) count * (double) LMM_NS_PER_SECOND / (double) ns);
}

static void put_command(const struct lmm_page *page)
{
    lmm_page_label(page, "command");
    for (char *const *word = page->run->argv; *word != NULL; word++) {
        lmm_sink_puts(page->sink, word == page->run->argv ? "" : " ");
        lmm_put_string(page->sink, lmm_string_of(*word));
    }
    lmm_sink_puts(page->sink, "\n");
}

static void put_signal(const struct lmm_page *page, int status)
{
    int number = WTERMSIG(status);
    const char *name = sigabbrev_np(number);

    lmm_sink_printf(page->sink, "killed by signal %d", number);
    if (name != NULL) {
        lmm_sink_printf(page->sink, " (SIG%s)", name);
    }
    lmm_sink_puts(page->sink, WCOREDUMP(status) ? ", core dumped\n" : "\n");
}

static void put_ending(const struct lmm_page *page)
{
    const struct lmm_ending *ending = page->run->ending;

    lmm_page_label(page, "ended");
    if (WIFSIGNALED(ending->status)) {
        put_signal(page, ending->status);
    } else {
        lmm_sink_printf(page->sink, "exit status %d\n", WEXITSTATUS(ending->status));
    }
    lmm_page_label(page, "run time");
    lmm_page_seconds(page, ending->run_ns);
    lmm_sink_puts(page->sink, " (user ");
    lmm_page_seconds(page, lmm_timeval_ns(ending->usage.ru_utime));
    lmm_sink_puts(page->sink, ", system ");
    lmm_page_seconds(page, lmm_timeval_ns(ending->usage.ru_stime));
    lmm_sink_puts(page->sink, ")\n");
    lmm_page_label(page, "resident");
    lmm_sink_puts(page->sink, "at most ");
    lmm_page_bytes(page, (uint64_t) ending->usage.ru_maxrss * 1024);
    lmm_sink_puts(page->sink, "\n");
}

static void put_child(const struct lmm_page *page)
{
    lmm_page_label(page, "command");
    lmm_put_string(page->sink, page->model->command);
    lmm_sink_puts(page->sink, "\n");
    lmm_page_label(page, "parent");
    lmm_sink_printf(page->sink, "%" PRIu32 "\n", page->model->parent_pid);
}

static void put_depth(const struct lmm_page *page)
{
    lmm_page_label(page, "call stacks");
    if (page->model->stack_frames == 0) {
        lmm_sink_puts(page->sink, "none\n");
    } else {
        lmm_sink_printf(page->sink, "of at most %" PRIu32 " %s\n", page->model->stack_frames,
                        lmm_plural(page->model->stack_frames, "call", "calls"));
    }
}

/* What a reader must know of how the process left its books; NULL: nothing. */
static const char *fate_of(const struct lmm_page *page)
{
    if (page->process->is_live) {
        return "it still runs: the figures are of now";
    }
    if (page->model->process == LMM_MODEL_EXITED) {
        return NULL;
    }
    if (page->model->process == LMM_MODEL_LOST) {
        return "its ledger could not grow: the figures are of that moment";
    }
    if (page->process->is_program && WIFSIGNALED(page->run->ending->status)) {
        return "a signal ended it: what it would still have freed counts as live";
    }
    return "it left by _exit, or became a program that does not load LMM, by exec";
}

static void put_notes(const struct lmm_page *page)
{
    const char *fate = fate_of(page);

    if (fate != NULL) {
        lmm_page_label(page, "note");
        lmm_sink_printf(page->sink, "%s\n", fate);
    }
    if (page->model->process == LMM_MODEL_LOST && page->model->lost_errno != 0) {
        lmm_page_label(page, "");
        lmm_sink_printf(page->sink, "%s\n", strerror((int) page->model->lost_errno));
    }
    if (page->model->sites_merged > 0) {
        lmm_page_label(page, "note");
        lmm_sink_printf(page->sink, "stacks that could not be told apart: %" PRIu64 "\n",
                        page->model->sites_merged);
    }
    if (!page->model->settled) {
        lmm_page_label(page, "note");
        lmm_sink_puts(page->sink, "counts were being moved while they were read, and may be off\n");
    }
}

void lmm_page_head(const struct lmm_page *page)
{
    lmm_page_paint(page, "\033[1m");
    lmm_sink_puts(page->sink, "LMM: run report of ");
    lmm_put_string(page->sink, page->model->program);
    lmm_sink_printf(page->sink, " (pid %" PRIu32 ")", page->model->pid);
    lmm_page_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
    if (page->process->is_program) {
        put_command(page);
        put_ending(page);
    } else {
        put_child(page);
    }
    put_depth(page);
    put_notes(page);
}

/* ---- Totals ---------------------------------------------------------------------------------- */

/* How long the process ran, for rates; 0: unknown. */
static uint64_t run_ns(const struct lmm_page *page)
{
    const struct lmm_model *model = page->model;

    if (page->process->is_program) {
        return page->run->ending->run_ns;
    }
    return model->end_time_ns > model->start_time_ns ? model->end_time_ns - model->start_time_ns
                                                     : 0;
}

static void put_peak(const struct lmm_page *page)
{
    const struct lmm_model *model = page->model;

    if (model->peak_bytes == 0) {
        return;
    }
    lmm_page_label(page, "at the peak");
    lmm_page_bytes(page, model->peak_bytes);
    if (model->peak_time_ns >= model->start_time_ns) {
        lmm_sink_puts(page->sink, ", ");
        lmm_page_seconds(page, model->peak_time_ns - model->start_time_ns);
        lmm_sink_puts(page->sink, " after the start");
    }
    lmm_sink_puts(page->sink, "\n");
}

static void put_rates(const struct lmm_page *page)
{
    uint64_t ns = run_ns(page);

    if (ns > 0) {
        lmm_page_label(page, "per second");
        lmm_page_count(page, per_second(page->model->total.allocations, ns), "block", "blocks");
        lmm_sink_puts(page->sink, ", ");
        lmm_page_bytes(page, per_second(page->process->spots->total.allocated_bytes, ns));
        lmm_sink_puts(page->sink, "\n");
    }
}

static void put_temporaries(const struct lmm_page *page)
{
    char share[LMM_CELL_BYTES];
    const struct lmm_model *model = page->model;

    if (model->stack_frames == 0) {
        return;
    }
    lmm_write_share(share, lmm_model_permille(model->temporaries, model->total.allocations),
                    model->total.allocations);
    lmm_page_label(page, "temporary");
    lmm_page_count(page, model->temporaries, "block", "blocks");
    lmm_sink_printf(page->sink, ", %s of all\n", share);
}

void lmm_page_totals(const struct lmm_page *page)
{
    const struct lmm_model_family *total = &page->model->total;

    lmm_page_heading(page, "Totals");
    lmm_page_label(page, "allocated");
    lmm_page_count(page, total->allocations, "block", "blocks");
    lmm_sink_puts(page->sink, ", ");
    lmm_page_bytes(page, page->process->spots->total.allocated_bytes);
    lmm_sink_puts(page->sink, "\n");
    put_rates(page);
    lmm_page_label(page, "freed");
    lmm_page_count(page, total->frees, "block", "blocks");
    lmm_sink_puts(page->sink, "\n");
    put_temporaries(page);
    put_peak(page);
    lmm_page_label(page, "live at exit");
    lmm_page_count(page, total->live_blocks, "block", "blocks");
    lmm_sink_puts(page->sink, ", ");
    lmm_page_bytes(page, total->live_bytes);
    lmm_sink_puts(page->sink, "\n");
}
