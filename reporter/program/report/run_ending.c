/* SPDX-License-Identifier: MIT */
/* run_ending: how a process ended, as the report of `lmm run` says it: by what lmm run waited for, what
 * the process told of itself, and what became of it. */
#include <assert.h>
#include <inttypes.h>
#include <sys/wait.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/verdict.h"

bool lmm_sheet_has_ending(const struct lmm_sheet *sheet)
{
    return sheet->process->is_program && sheet->run->ending != NULL;
}

uint64_t lmm_sheet_run_ns(const struct lmm_sheet *sheet)
{
    const struct lmm_model *model = sheet->model;

    if (lmm_sheet_has_ending(sheet) && !lmm_sheet_is_lost(sheet)) {
        return sheet->run->ending->run_ns;
    }
    return model->end_time_ns > model->start_time_ns ? model->end_time_ns - model->start_time_ns
                                                     : 0;
}

bool lmm_sheet_is_killed(const struct lmm_sheet *sheet)
{
    return lmm_process_is_killed(sheet->process);
}

bool lmm_sheet_is_killed_unseen(const struct lmm_sheet *sheet)
{
    return lmm_process_is_killed_unseen(sheet->process);
}

static bool has_told_status(const struct lmm_sheet *sheet)
{
    return sheet->model->exit == LMM_MODEL_EXIT_NORMAL ||
           sheet->model->exit == LMM_MODEL_EXIT_QUICK;
}

static const char *fate_of_child(const struct lmm_sheet *sheet)
{
    if (sheet->process->is_live) {
        return "is still running";
    }
    if (lmm_sheet_is_killed_unseen(sheet)) {
        return "was killed by a signal";
    }
    switch (sheet->model->process) {
    case LMM_MODEL_EXITED: return "exited";
    case LMM_MODEL_REPLACED: return "became another program";
    default: return "ended";
    }
}

void lmm_sheet_ending(const struct lmm_sheet *sheet)
{
    uint64_t ns =
        lmm_sheet_has_ending(sheet) ? sheet->run->ending->run_ns : lmm_sheet_run_ns(sheet);

    if (lmm_sheet_is_killed(sheet)) {
        char words[LMM_VERDICT_BYTES];

        lmm_process_signal(sheet->process, words);
        lmm_sink_puts(sheet->sink, words);
    } else if (sheet->process->has_status) {
        assert(WIFEXITED(sheet->process->status));
        lmm_sink_printf(sheet->sink, "ended with status %d", WEXITSTATUS(sheet->process->status));
    } else if (has_told_status(sheet) && !sheet->process->is_live) {
        lmm_sink_printf(sheet->sink, "ended with status %d", sheet->model->exit_status);
    } else if (sheet->process->became != NULL) {
        lmm_sink_puts(sheet->sink, "became ");
        lmm_put_string(sheet->sink,
                       lmm_model_last_component(lmm_string_of(sheet->process->became)));
    } else {
        lmm_sink_puts(sheet->sink, fate_of_child(sheet));
    }
    if (ns > 0) {
        lmm_sink_puts(sheet->sink, " after ");
        lmm_sheet_seconds(sheet, ns);
    }
}

void lmm_sheet_process(const struct lmm_sheet *sheet)
{
    lmm_put_string(sheet->sink, lmm_model_name(sheet->model));
    lmm_sink_printf(sheet->sink, " (pid %" PRIu32, sheet->model->pid);
    if (!sheet->process->is_program) {
        lmm_sink_printf(sheet->sink, ", a child of %" PRIu32, sheet->model->parent_pid);
    }
    lmm_sink_puts(sheet->sink, ")");
}
