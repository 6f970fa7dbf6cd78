/* SPDX-License-Identifier: MIT */
/* run_unseen: the lines of the report of `lmm run` on processes that LMM did not see, or could not wait
 * for. */
#include <inttypes.h>
#include <stdio.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/unseen.h"

enum {
    NAMES = 3,     /* of started programs */
    PROCESSES = 5, /* lines, or processes in a line, of a report without --full */
};

static size_t most_of(const struct lmm_sheet *sheet, size_t most)
{
    return sheet->run->look.is_whole ? SIZE_MAX : most;
}

/* Puts " (sh, gcc, ...)". */
static void put_names(const struct lmm_sheet *sheet, const struct lmm_unseen *unseen)
{
    size_t most = most_of(sheet, NAMES);

    for (size_t i = 0; i < unseen->name_count && i < most; i++) {
        lmm_sink_puts(sheet->sink, i == 0 ? " (" : ", ");
        lmm_put_string(sheet->sink, lmm_string_of(unseen->names[i]));
    }
    if (unseen->name_count > 0) {
        lmm_sink_puts(sheet->sink, unseen->name_count > most ? ", ...)" : ")");
    }
}

static void put_started(const struct lmm_sheet *sheet, const struct lmm_unseen *unseen)
{
    if (unseen->started > 0) {
        lmm_sheet_label(sheet, "not seen");
        lmm_put_count(sheet->sink, unseen->started, "process", "processes");
        lmm_sink_puts(sheet->sink, " started, not traced");
        put_names(sheet, unseen);
        lmm_sink_puts(sheet->sink, ": --children\n");
    }
}

static void put_more(const struct lmm_sheet *sheet, uint64_t count, const char *words)
{
    if (count > 0) {
        lmm_sheet_label(sheet, "not seen");
        lmm_put_count(sheet->sink, count, "more process", "more processes");
        lmm_sink_printf(sheet->sink, "%s\n", words);
    }
}

/* Puts "busybox (pid 812): it is statically linked" for each. */
static void put_processes(const struct lmm_sheet *sheet, const struct lmm_unseen *unseen)
{
    size_t most = most_of(sheet, PROCESSES);

    for (size_t i = 0; i < unseen->process_count && i < most; i++) {
        const struct lmm_unseen_process *process = &unseen->processes[i];

        lmm_sheet_label(sheet, "not seen");
        lmm_put_string(sheet->sink, lmm_model_last_component(lmm_string_of(process->program)));
        lmm_sink_printf(sheet->sink, " (pid %" PRIu32 "): %s\n", process->pid,
                        process->reason == NULL ? "it did not load LMM" : process->reason);
    }
    if (unseen->process_count > most) {
        put_more(sheet, unseen->process_count - most, " that did not load LMM: --full");
    }
    put_more(sheet, unseen->unknown, " started, which left no ledger");
}

/* Puts "2 processes: daemon (pid 4711), worker (pid 4712); --wait waits for them". */
static void put_running(const struct lmm_sheet *sheet, const struct lmm_unseen *unseen)
{
    size_t most = most_of(sheet, PROCESSES);

    if (unseen->running_count == 0) {
        return;
    }
    lmm_sheet_label(sheet, "still running");
    lmm_put_count(sheet->sink, unseen->running_count, "process", "processes");
    for (size_t i = 0; i < unseen->running_count && i < most; i++) {
        const struct lmm_unseen_running *running = &unseen->running[i];

        lmm_sink_puts(sheet->sink, i == 0 ? ": " : ", ");
        if (running->program != NULL) {
            lmm_put_string(sheet->sink, lmm_string_of(running->program));
            lmm_sink_puts(sheet->sink, " ");
        }
        lmm_sink_printf(sheet->sink, "(pid %" PRIu32 ")", running->pid);
    }
    lmm_sink_printf(sheet->sink, "%s; --wait waits for %s\n",
                    unseen->running_count > most ? ", ..." : "",
                    lmm_plural(unseen->running_count, "it", "them"));
}

void lmm_sheet_unseen(const struct lmm_sheet *sheet)
{
    const struct lmm_unseen *unseen = sheet->run->unseen;

    if (unseen != NULL) {
        put_started(sheet, unseen);
        put_processes(sheet, unseen);
        put_running(sheet, unseen);
    }
}

void lmm_sheet_unchecked(const struct lmm_sheet *sheet, uint64_t more)
{
    const struct lmm_unseen *unseen = sheet->run->unseen;
    uint64_t started = unseen == NULL ? 0 : unseen->started;
    uint64_t count =
        more + started + (unseen == NULL ? 0 : unseen->process_count + unseen->unknown);

    if (count > 0) {
        lmm_sink_puts(sheet->sink, "; not checked: ");
        lmm_put_count(sheet->sink, count, "process", "processes");
        lmm_sink_puts(sheet->sink, count == started ? " that it started" : "");
    }
}
