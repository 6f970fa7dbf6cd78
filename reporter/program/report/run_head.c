/* SPDX-License-Identifier: MIT */
/* run_head: what all sections of the report of `lmm run` share, and the lines before them: how the
 * process ended, its totals, and notes. */
#include "reporter/program/report/run_sheet.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "reporter/core/grid.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"
#include "reporter/program/report/verdict.h"
#include "reporter/core/sink.h"
#include "reporter/core/text_page.h"
#include "reporter/core/words.h"

void lmm_sheet_paint(const struct lmm_sheet *sheet, const char *escape)
{
    if (sheet->run->colour) {
        lmm_sink_puts(sheet->sink, escape);
    }
}

void lmm_sheet_headings(const struct lmm_sheet *sheet, struct lmm_grid *grid, const char *title)
{
    lmm_sink_puts(sheet->sink, "\n");
    grid->title = title;
    grid->has_colour = sheet->run->colour;
    lmm_grid_put_headings(grid);
}

void lmm_sheet_bytes(const struct lmm_sheet *sheet, struct lmm_grid *grid, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_size(cell, bytes);
    if (sheet->run->look.is_whole) {
        lmm_grid_bytes(grid, bytes);
    } else {
        lmm_grid_text(grid, cell);
    }
}

void lmm_sheet_seconds(const struct lmm_sheet *sheet, uint64_t ns)
{
    uint64_t ms = ns / LMM_NS_PER_MS;

    if (ms < 10000) {
        lmm_sink_printf(sheet->sink, "%" PRIu64 ".%03" PRIu64 " s", ms / 1000, ms % 1000);
    } else {
        lmm_sink_printf(sheet->sink, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
    }
}

void lmm_sheet_label(const struct lmm_sheet *sheet, const char *label)
{
    lmm_sink_printf(sheet->sink, "  %-14s ", label);
}

bool lmm_sheet_is_lost(const struct lmm_sheet *sheet)
{
    return sheet->model->process == LMM_MODEL_LOST;
}

enum {
    PANIC_COLUMNS = 20, /* before its stack */
    PANIC_ROOM = 78,    /* columns for its message on the first line */
    PANIC_LINES = 4,    /* of its stack in a brief report */
};

/* Puts why LMM stopped the program, and where. */
static void put_panic(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;
    size_t lines = sheet->run->look.is_brief ? PANIC_LINES : SIZE_MAX;

    if (model->panic.bytes == 0) {
        return;
    }
    lmm_sheet_label(sheet, "panic");
    lmm_sink_puts(sheet->sink, "LMM stopped the program:");
    if (lmm_put_string(NULL, model->panic) > PANIC_ROOM) {
        lmm_sink_puts(sheet->sink, "\n");
        lmm_sheet_label(sheet, "");
    } else {
        lmm_sink_puts(sheet->sink, " ");
    }
    lmm_put_string(sheet->sink, model->panic);
    lmm_sink_puts(sheet->sink, "\n");
    if (model->panic_stack != 0) {
        lmm_sheet_label(sheet, "");
        lmm_sink_puts(sheet->sink, "in ");
        lmm_shown_stacks_put(sheet->stacks, model, model->panic_stack, (size_t) PANIC_COLUMNS,
                             lines, sheet->sink);
        lmm_sink_puts(sheet->sink, "\n");
    }
}

/* ---- Notes ----------------------------------------------------------------------------------- */

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
    if (lmm_sheet_is_killed(sheet) || lmm_sheet_is_killed_unseen(sheet) ||
        sheet->model->panic.bytes > 0) {
        return "a signal ended it; blocks that it would have freed later are live";
    }
    if (sheet->model->exit == LMM_MODEL_EXIT_QUICK) {
        return "it ended by _exit; blocks that it would have freed at exit are live";
    }
    return "it ended by _exit, or by exec of a program that does not load LMM";
}

/* Puts "it became busybox, which LMM did not see: it is statically linked". */
static void put_became(const struct lmm_sheet *sheet)
{
    lmm_sheet_label(sheet, "note");
    lmm_sink_puts(sheet->sink, "it became ");
    lmm_put_string(sheet->sink, lmm_string_of(sheet->process->became));
    lmm_sink_puts(sheet->sink, ", which LMM did not see");
    if (sheet->process->obstacle != NULL) {
        lmm_sink_printf(sheet->sink, ": %s", sheet->process->obstacle);
    }
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_allocators(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (model->other_malloc.bytes > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_puts(sheet->sink, "it allocates by itself, with the malloc of ");
        lmm_put_string(sheet->sink, model->other_malloc);
        lmm_sink_puts(sheet->sink, "; LMM saw ");
        lmm_put_count(sheet->sink, model->total.allocations, "block", "blocks");
        lmm_sink_puts(sheet->sink, ", and cannot tell leaks\n");
    } else if (model->linked_allocator.bytes > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_puts(sheet->sink, "blocks from functions that only ");
        lmm_put_string(sheet->sink, model->linked_allocator);
        lmm_sink_puts(sheet->sink, " has are not counted\n");
    }
}

static void put_own_lmm(const struct lmm_sheet *sheet)
{
    if (!sheet->process->has_own_lmm) {
        return;
    }
    lmm_sheet_label(sheet, "note");
    lmm_sink_puts(sheet->sink,
                  "liblmm is linked into it, so the blocks of its types are not in this report");
    if (sheet->process->own_ledger != NULL) {
        lmm_sink_puts(sheet->sink, ":\n");
        lmm_sheet_label(sheet, "");
        lmm_sink_puts(sheet->sink, "lmm report ");
        lmm_put_string(sheet->sink, lmm_string_of(sheet->process->own_ledger));
    }
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_notes(const struct lmm_sheet *sheet)
{
    const char *fate = fate_of(sheet);

    put_allocators(sheet);
    if (sheet->model->attach_time_ns != 0) {
        lmm_sheet_label(sheet, "note");
        lmm_text_put_span(sheet->model, sheet->sink);
    }
    put_own_lmm(sheet);
    if (sheet->process->became != NULL) {
        put_became(sheet);
    } else if (fate != NULL) {
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

/* ---- Totals ---------------------------------------------------------------------------------- */

static void put_in_blocks(const struct lmm_sheet *sheet, uint64_t bytes, uint64_t blocks)
{
    lmm_put_bytes(sheet->sink, bytes);
    lmm_sink_puts(sheet->sink, " in ");
    lmm_put_count(sheet->sink, blocks, "block", "blocks");
}

static void put_size(const struct lmm_sheet *sheet, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_size(cell, bytes);
    lmm_sink_puts(sheet->sink, cell);
}

static void put_peak(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (model->peak_bytes == 0) {
        return;
    }
    lmm_sheet_label(sheet, "at the peak");
    put_in_blocks(sheet, model->peak_bytes, sheet->process->spots->total.peak_blocks);
    if (model->peak_time_ns >= model->start_time_ns) {
        lmm_sink_puts(sheet->sink, ", after ");
        lmm_sheet_seconds(sheet, model->peak_time_ns - model->start_time_ns);
    }
    if (lmm_sheet_has_ending(sheet)) {
        lmm_sink_puts(sheet->sink, "; resident ");
        put_size(sheet, (uint64_t) sheet->run->ending->usage.ru_maxrss * 1024);
    }
    lmm_sink_puts(sheet->sink, "\n");
}

/* Puts how much of what lives is suppressed, of a process whose blocks have no classes. */
static void put_suppressed(const struct lmm_sheet *sheet)
{
    const struct lmm_model_family *total = &sheet->model->total;
    const struct lmm_tally *leaked = &sheet->process->spots->total;

    if (leaked->leaked_blocks < total->live_blocks) {
        lmm_sink_puts(sheet->sink, "; suppressed: ");
        put_size(sheet, total->live_bytes - leaked->leaked_bytes);
        lmm_sink_puts(sheet->sink, " in ");
        lmm_put_count(sheet->sink, total->live_blocks - leaked->leaked_blocks, "block", "blocks");
        lmm_sink_puts(sheet->sink, sheet->run->look.is_brief ? " (--leaks lists them)" : "");
    }
}

/* Puts the live blocks, and what the leak check says of them. */
static void put_live(const struct lmm_sheet *sheet)
{
    const struct lmm_model_family *total = &sheet->model->total;

    lmm_sheet_label(sheet, lmm_sheet_is_lost(sheet)  ? "then"
                           : sheet->process->is_live ? "now"
                                                     : "at exit");
    put_in_blocks(sheet, total->live_bytes, total->live_blocks);
    if (lmm_process_is_classified(sheet->process)) {
        lmm_sheet_outcome(sheet);
    } else {
        lmm_sheet_not_classified(sheet);
        put_suppressed(sheet);
    }
    lmm_sink_puts(sheet->sink, "\n");
}

/* Returns count * LMM_NS_PER_SECOND / ns, in floating point because the product may not fit. */
static uint64_t per_second(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (uint64_t) ((double) count * (double) LMM_NS_PER_SECOND / (double) ns);
}

static void put_allocated(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;
    uint64_t ns = lmm_sheet_run_ns(sheet);
    char cell[LMM_CELL_BYTES];

    lmm_sheet_label(sheet, "allocated");
    put_size(sheet, sheet->process->spots->total.allocated_bytes);
    lmm_sink_puts(sheet->sink, " in ");
    lmm_put_count(sheet->sink, model->total.allocations, "block", "blocks");
    if (ns > 0) {
        lmm_write_count(cell, per_second(model->total.allocations, ns));
        lmm_sink_printf(sheet->sink, " (%s a second)", cell);
    }
    if (model->stack_frames > 0 && model->total.allocations > 0) {
        lmm_write_share(cell, lmm_model_permille(model->temporaries, model->total.allocations),
                        model->total.allocations);
        lmm_sink_printf(sheet->sink, ", %s temporary", cell);
    }
    lmm_sink_puts(sheet->sink, "\n");
}

/* Puts what only the full report has. */
static void put_details(const struct lmm_sheet *sheet)
{
    if (lmm_sheet_has_ending(sheet)) {
        const struct rusage *usage = &sheet->run->ending->usage;

        lmm_sheet_label(sheet, "processor");
        lmm_sink_puts(sheet->sink, "user ");
        lmm_sheet_seconds(sheet, lmm_timeval_ns(usage->ru_utime));
        lmm_sink_puts(sheet->sink, ", system ");
        lmm_sheet_seconds(sheet, lmm_timeval_ns(usage->ru_stime));
        lmm_sink_puts(sheet->sink, "\n");
    }
    lmm_sheet_label(sheet, "freed");
    lmm_put_count(sheet->sink, sheet->model->total.frees, "block", "blocks");
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_label(sheet, "call stacks");
    if (sheet->model->stack_frames == 0) {
        lmm_sink_puts(sheet->sink, "none\n");
    } else {
        lmm_sink_printf(sheet->sink, "of at most %" PRIu32 " %s\n", sheet->model->stack_frames,
                        lmm_plural(sheet->model->stack_frames, "call", "calls"));
    }
}

enum {
    COMMAND_COLUMNS = 100,
};

/* The command of the program itself is in the full report only: the user knows it. */
static void put_command(const struct lmm_sheet *sheet)
{
    bool has_words = lmm_sheet_has_ending(sheet);

    lmm_sheet_label(sheet, "command");
    if (!has_words) {
        lmm_shown_put_command(&sheet->run->look, sheet->sink, sheet->model->command,
                              (size_t) COMMAND_COLUMNS);
    }
    for (char *const *word = sheet->run->argv; has_words && *word != NULL; word++) {
        lmm_sink_puts(sheet->sink, word == sheet->run->argv ? "" : " ");
        lmm_put_string(sheet->sink, lmm_string_of(*word));
    }
    lmm_sink_puts(sheet->sink, "\n");
}

/* ---- The whole ------------------------------------------------------------------------------- */

void lmm_sheet_head(const struct lmm_sheet *sheet)
{
    bool has_figures = sheet->model->other_malloc.bytes == 0;
    bool leaks_only = sheet->run->leaks_only;

    lmm_sheet_paint(sheet, "\033[1m");
    lmm_sink_puts(sheet->sink, leaks_only ? "LMM: leak check of " : "LMM: ");
    lmm_sheet_process(sheet);
    if (leaks_only) {
        lmm_sink_puts(sheet->sink, ": ");
        lmm_sheet_verdict(sheet);
    } else {
        lmm_sink_puts(sheet->sink, " ");
        lmm_sheet_ending(sheet);
        lmm_sink_puts(sheet->sink, "\n");
    }
    lmm_sheet_paint(sheet, "\033[0m");
    put_panic(sheet);
    lmm_sheet_mismatches(sheet);
    if (!sheet->process->is_program || sheet->run->look.is_whole) {
        put_command(sheet);
    }
    if (has_figures && leaks_only) {
        lmm_sheet_classes(sheet);
    } else if (has_figures) {
        put_peak(sheet);
        put_live(sheet);
        put_allocated(sheet);
    }
    if (has_figures && sheet->run->look.is_whole) {
        put_details(sheet);
    }
    put_notes(sheet);
    lmm_sheet_check_notes(sheet);
    if (sheet->run->process_count == 1) {
        lmm_sheet_unseen(sheet);
    }
}
