/* SPDX-License-Identifier: MIT */
/* run_check: what the report of `lmm run` says of the check for leaks, without its lines: the
 * verdict, the table of classes, what could not be seen, and the summary. */
#include "reporter/program/report/run_sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/gate.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/verdict.h"

/* ---- The verdict ----------------------------------------------------------------------------- */

/* Puts "2 lines lose memory"; none: the words when there are no such lines. */
static void put_failed_lines(const struct lmm_sheet *sheet, size_t lines, const char *none)
{
    if (lines == 0) {
        lmm_sink_puts(sheet->sink, none);
        return;
    }
    lmm_put_count(sheet->sink, lines, "line", "lines");
    lmm_sink_puts(sheet->sink, lmm_plural(lines, " loses memory", " lose memory"));
}

void lmm_sheet_verdict(const struct lmm_sheet *sheet)
{
    size_t lines = lmm_gate_failed_lines(sheet->run, sheet->process);
    char words[LMM_VERDICT_BYTES];

    if (sheet->process->is_live && lmm_process_is_classified(sheet->process)) {
        put_failed_lines(sheet, lines, "no line loses memory");
        lmm_sink_puts(sheet->sink, " so far");
    } else if (lmm_verdict_obstacle(sheet->run, sheet->process, words)) {
        lmm_sink_printf(sheet->sink, "not done: %s", words);
    } else if (lines == 0) {
        lmm_sink_puts(sheet->sink, "passed");
    } else {
        lmm_sink_puts(sheet->sink, "failed, ");
        put_failed_lines(sheet, lines, "");
    }
    if (sheet->process->has_status && WIFEXITED(sheet->process->status) &&
        WEXITSTATUS(sheet->process->status) != 0) {
        lmm_sink_printf(sheet->sink, "; it ended with status %d",
                        WEXITSTATUS(sheet->process->status));
    }
    lmm_sink_puts(sheet->sink, "\n");
}

/* ---- Classes --------------------------------------------------------------------------------- */

/* Puts "  live:              440 bytes in 13 blocks", of a process whose blocks have no classes. */
static void put_live(const struct lmm_sheet *sheet, const char *name, uint64_t bytes,
                     uint64_t blocks)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, bytes);
    lmm_sink_printf(sheet->sink, "  %-12s %15s %s in ", name, cell,
                    lmm_plural(bytes, "byte", "bytes"));
    lmm_put_count(sheet->sink, blocks, "block", "blocks");
    lmm_sink_puts(sheet->sink, "\n");
}

static void put_without_classes(const struct lmm_sheet *sheet)
{
    const struct lmm_model_family *total = &sheet->model->total;
    const struct lmm_tally *leaked = &sheet->process->spots->total;

    put_live(sheet, "live:", leaked->leaked_bytes, leaked->leaked_blocks);
    if (leaked->leaked_blocks < total->live_blocks) {
        put_live(sheet, "suppressed:", total->live_bytes - leaked->leaked_bytes,
                 total->live_blocks - leaked->leaked_blocks);
    }
}

enum { CLASS_LINES = 5 };

/* A line of the table. */
struct line {
    const char *name;
    struct lmm_model_amount amount;
    enum lmm_model_class kind;
};

static struct lmm_model_amount hanging_of(const struct lmm_tally *tally)
{
    return (struct lmm_model_amount) {tally->lost.blocks - tally->direct.blocks,
                                      tally->lost.bytes - tally->direct.bytes};
}

/* Puts the only suppression that matched, or how many did. */
static void put_suppressions_used(const struct lmm_sheet *sheet)
{
    const struct lmm_suppressions *suppressions = sheet->run->suppressions;
    const struct lmm_suppression *used = NULL;
    uint64_t count = 0;

    for (size_t i = 0; i < suppressions->count; i++) {
        if (suppressions->items[i].checked.blocks > 0) {
            used = &suppressions->items[i];
            count++;
        }
    }
    if (count > 1) {
        lmm_sink_puts(sheet->sink, "(");
        lmm_put_count(sheet->sink, count, "suppression", "suppressions");
        lmm_sink_puts(sheet->sink, ")");
    } else if (used != NULL) {
        lmm_sink_puts(sheet->sink, "(");
        lmm_sheet_suppression(sheet, used, sheet->sink);
        lmm_sink_puts(sheet->sink, ")");
    } else {
        lmm_sink_puts(sheet->sink, "(ignored by the program)");
    }
}

/* Puts what shows the blocks of a class, or hides them. */
static void put_hint(const struct lmm_sheet *sheet, const struct line *line)
{
    bool is_shown = (sheet->run->shown_classes & 1u << line->kind) != 0;

    if (line->amount.blocks == 0) {
        return;
    }
    if (line->kind == LMM_MODEL_IGNORED) {
        put_suppressions_used(sheet);
    } else if (line->kind == LMM_MODEL_POSSIBLE && !is_shown) {
        lmm_sink_puts(sheet->sink, "(--show-leak-kinds=possible)");
    } else if (line->kind == LMM_MODEL_REACHABLE && !is_shown) {
        lmm_sink_puts(sheet->sink, "(--show-leak-kinds=reachable)");
    }
}

static size_t longest(size_t before, size_t now)
{
    return now > before ? now : before;
}

/* Puts the five lines that users of Valgrind know, with columns as wide as they need be. */
static void put_table(const struct lmm_sheet *sheet, const struct line lines[CLASS_LINES])
{
    char bytes[CLASS_LINES][2 * LMM_CELL_BYTES];
    char blocks[CLASS_LINES][2 * LMM_CELL_BYTES];
    size_t bytes_width = 0;
    size_t blocks_width = 0;

    for (size_t i = 0; i < CLASS_LINES; i++) {
        const struct lmm_model_amount *amount = &lines[i].amount;

        sprintf(lmm_write_count(bytes[i], amount->bytes), " %s",
                lmm_plural(amount->bytes, "byte", "bytes"));
        sprintf(lmm_write_count(blocks[i], amount->blocks), " %s",
                lmm_plural(amount->blocks, "block", "blocks"));
        bytes_width = longest(bytes_width, strlen(bytes[i]));
        blocks_width = longest(blocks_width, strlen(blocks[i]));
    }
    for (size_t i = 0; i < CLASS_LINES; i++) {
        bool has_hint = lines[i].amount.blocks > 0 && lines[i].kind >= LMM_MODEL_POSSIBLE &&
                        (lines[i].kind == LMM_MODEL_IGNORED ||
                         (sheet->run->shown_classes & 1u << lines[i].kind) == 0);

        lmm_sink_printf(sheet->sink, "  %-16s %*s in %-*s", lines[i].name, (int) bytes_width,
                        bytes[i], has_hint ? (int) blocks_width + 2 : 0, blocks[i]);
        put_hint(sheet, &lines[i]);
        lmm_sink_puts(sheet->sink, "\n");
    }
}

void lmm_sheet_classes(const struct lmm_sheet *sheet)
{
    const struct lmm_spots *spots = sheet->process->spots;
    const struct lmm_tally *total = &spots->total;
    const struct line lines[CLASS_LINES] = {
        {"definitely lost:", total->direct, LMM_MODEL_DEFINITE},
        {"indirectly lost:", hanging_of(total), LMM_MODEL_INDIRECT},
        {"possibly lost:", total->possible, LMM_MODEL_POSSIBLE},
        {"still reachable:", total->reachable, LMM_MODEL_REACHABLE},
        {"suppressed:", spots->suppressed, LMM_MODEL_IGNORED},
    };

    if (lmm_process_is_classified(sheet->process)) {
        put_table(sheet, lines);
    } else {
        put_without_classes(sheet);
    }
}

/* ---- In the report of a whole run -------------------------------------------------------------- */

/* One part of the outcome. */
struct part {
    struct lmm_model_amount amount; /* a block without bytes counts, too */
    const char *words;
};

/* Puts "77 bytes lost, 12 bytes possibly lost" of the parts that there are. */
static void put_parts(const struct lmm_sheet *sheet, const struct part *parts, size_t count)
{
    bool is_first = true;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].amount.blocks > 0) {
            lmm_sink_puts(sheet->sink, is_first ? "" : ", ");
            lmm_put_count(sheet->sink, parts[i].amount.bytes, "byte", "bytes");
            lmm_sink_printf(sheet->sink, " %s", parts[i].words);
            is_first = false;
        }
    }
}

void lmm_sheet_outcome(const struct lmm_sheet *sheet)
{
    const struct lmm_spots *spots = sheet->process->spots;
    const struct part parts[] = {{spots->total.lost, "lost"},
                                 {spots->total.possible, "possibly lost"},
                                 {spots->suppressed, "suppressed"}};
    size_t count = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        count += parts[i].amount.blocks > 0;
    }
    if (count > 1) { /* too long for one line */
        lmm_sink_puts(sheet->sink, "\n");
        lmm_sheet_label(sheet, "");
    } else {
        lmm_sink_puts(sheet->sink, count == 0 ? ": nothing lost" : ": ");
    }
    put_parts(sheet, parts, sizeof(parts) / sizeof(parts[0]));
    if (spots->total.reachable.blocks > 0) {
        lmm_sink_printf(sheet->sink, ", all %sstill reachable", count == 0 ? "" : "else ");
    }
}

void lmm_sheet_not_classified(const struct lmm_sheet *sheet)
{
    static const char it_was[] = "it was ";
    char words[LMM_VERDICT_BYTES];

    if (!sheet->process->is_live && lmm_verdict_obstacle(sheet->run, sheet->process, words)) {
        bool is_killed = strncmp(words, it_was, strlen(it_was)) == 0;

        lmm_sink_printf(sheet->sink, " (not classified: %s)",
                        words + (is_killed ? strlen(it_was) : 0));
    }
}

void lmm_sheet_check_notes(const struct lmm_sheet *sheet)
{
    const struct lmm_model_check *check = &sheet->model->check;
    char cell[LMM_CELL_BYTES];

    if (!lmm_process_is_classified(sheet->process)) {
        return;
    }
    if (check->threads_unseen > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_printf(sheet->sink,
                        "the leak check could not see the registers of %" PRIu32 " of %" PRIu32
                        " threads: what it found lost is possibly lost\n",
                        check->threads_unseen, check->threads);
    }
    if (check->roots_unread > 0) {
        lmm_write_size(cell, check->roots_unread);
        lmm_sheet_label(sheet, "note");
        lmm_sink_printf(sheet->sink,
                        "the leak check could not read %s of memory that may hold references\n",
                        cell);
    }
    if (check->is_stopped && !check->is_at_exit) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_printf(sheet->sink,
                        "the threads stood still for the whole check, %.1f ms: the process could "
                        "not be copied\n",
                        (double) check->pause_ns / 1e6);
    }
    if (check->is_confirmed) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_puts(
            sheet->sink,
            "there was a second pass, which has confirmed what is definitely or indirectly lost\n");
    }
    if (check->mark > 0) {
        lmm_sheet_label(sheet, "note");
        lmm_sink_printf(sheet->sink,
                        "only blocks that are newer than mark %" PRIu32 " have classes\n",
                        check->mark);
    }
}

/* ---- What was checked ------------------------------------------------------------------------- */

static bool is_checked(const struct lmm_run_report *run,
                       const struct lmm_run_report_process *process)
{
    char words[LMM_VERDICT_BYTES];

    return lmm_gate_is_for(run, process) && !lmm_verdict_obstacle(run, process, words);
}

void lmm_sheet_checked(const struct lmm_sheet *sheet)
{
    const struct lmm_run_report *run = sheet->run;
    const struct lmm_run_report_process *first = NULL;
    uint64_t checked = 0;
    uint64_t passed_over = 0;

    for (size_t i = 0; i < run->process_count; i++) {
        if (is_checked(run, &run->processes[i])) {
            first = first == NULL ? &run->processes[i] : first;
            checked++;
        }
        passed_over += !lmm_gate_is_for(run, &run->processes[i]);
    }
    lmm_sink_puts(sheet->sink, "\nchecked: ");
    if (first == NULL) {
        lmm_sink_puts(sheet->sink, "nothing");
    } else {
        lmm_put_string(sheet->sink, first->model->program);
        lmm_sink_printf(sheet->sink, " (pid %" PRIu32 ")", first->model->pid);
    }
    if (first != NULL && checked > 1) {
        lmm_sink_puts(sheet->sink, " and ");
        lmm_put_count(sheet->sink, checked - 1, first->is_program ? "child" : "other",
                      first->is_program ? "children" : "others");
    }
    lmm_sheet_unchecked(sheet, run->process_count - checked - passed_over);
    if (passed_over > 0) {
        lmm_sink_puts(sheet->sink, "; not of the gate: ");
        lmm_put_count(sheet->sink, passed_over, "process", "processes");
    }
}

/* ---- The summary ----------------------------------------------------------------------------- */

/* Puts "3 blocks, 177 bytes definitely lost". */
static void put_exact(const struct lmm_sheet *sheet, const char *before,
                      const struct lmm_model_amount *amount, const char *words)
{
    lmm_sink_printf(sheet->sink, "%s%" PRIu64 " %s, %" PRIu64 " %s %s", before, amount->blocks,
                    lmm_plural(amount->blocks, "block", "blocks"), amount->bytes,
                    lmm_plural(amount->bytes, "byte", "bytes"), words);
}

static void put_leak_summary(const struct lmm_sheet *sheet)
{
    const struct lmm_tally *total = &sheet->process->spots->total;
    struct lmm_model_amount hanging = hanging_of(total);

    put_exact(sheet, "SUMMARY: ", &total->direct, "definitely lost");
    put_exact(sheet, ", ", &hanging, "indirectly lost");
    if (total->possible.blocks > 0) {
        put_exact(sheet, ", ", &total->possible, "possibly lost");
    }
}

static void put_run_summary(const struct lmm_sheet *sheet)
{
    const struct lmm_tally *total = &sheet->process->spots->total;
    const struct lmm_model *model = sheet->model;
    bool is_classified = lmm_process_is_classified(sheet->process);
    uint64_t bytes = is_classified ? total->lost.bytes : total->leaked_bytes;
    uint64_t blocks = is_classified ? total->lost.blocks : total->leaked_blocks;

    lmm_sink_printf(sheet->sink, "SUMMARY: %" PRIu64 " %s %s in %" PRIu64 " %s", bytes,
                    lmm_plural(bytes, "byte", "bytes"), is_classified ? "lost" : "live", blocks,
                    lmm_plural(blocks, "block", "blocks"));
    if (is_classified && total->possible.blocks > 0) {
        lmm_sink_printf(sheet->sink, ", %" PRIu64 " possibly", total->possible.bytes);
    }
    if (is_classified) {
        lmm_sink_printf(sheet->sink, ", %" PRIu64 " %s reachable", total->reachable.bytes,
                        lmm_plural(total->reachable.bytes, "byte", "bytes"));
    }
    if (model->peak_bytes > 0) {
        lmm_sink_printf(sheet->sink, ", peak %" PRIu64, model->peak_bytes);
    }
    lmm_sink_printf(sheet->sink, ", %" PRIu64 " %s, %" PRIu64 " %s", model->total.allocations,
                    lmm_plural(model->total.allocations, "allocation", "allocations"),
                    model->total.frees, lmm_plural(model->total.frees, "free", "frees"));
    lmm_sink_puts(sheet->sink, lmm_sheet_is_lost(sheet) ? ", when its ledger was lost" : "");
}

void lmm_sheet_summary(const struct lmm_sheet *sheet)
{
    lmm_sink_puts(sheet->sink, "\n");
    lmm_sheet_paint(sheet, "\033[1m");
    if (sheet->run->leaks_only && lmm_process_is_classified(sheet->process)) {
        put_leak_summary(sheet);
    } else {
        put_run_summary(sheet);
    }
    lmm_sheet_paint(sheet, "\033[0m");
    lmm_sink_puts(sheet->sink, "\n");
}
