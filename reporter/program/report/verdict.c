/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "reporter/core/model.h"
#include "reporter/program/base/signal_name.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"

bool lmm_process_is_killed(const struct lmm_run_report_process *process)
{
    return process->has_status && WIFSIGNALED(process->status);
}

bool lmm_process_is_killed_unseen(const struct lmm_run_report_process *process)
{
    return !process->has_status && !process->is_live &&
           process->model->process == LMM_MODEL_KILLED && process->became == NULL &&
           process->model->exit == LMM_MODEL_EXIT_NOT_YET;
}

void lmm_process_signal(const struct lmm_run_report_process *process, char words[LMM_VERDICT_BYTES])
{
    const char *core = WCOREDUMP(process->status) ? " (core dumped)" : "";
    const char *name = lmm_signal_name(WTERMSIG(process->status));

    if (name != NULL) {
        snprintf(words, LMM_VERDICT_BYTES, "was killed by SIG%s%s", name, core);
    } else {
        snprintf(words, LMM_VERDICT_BYTES, "was killed by signal %d%s", WTERMSIG(process->status),
                 core);
    }
}

/* Returns why the end of the process, or its ledger, leaves no check to look at; NULL: nothing
 * does. */
static const char *fate_of(const struct lmm_run_report_process *process)
{
    if (process->model->other_malloc.bytes > 0) {
        return "it allocates by itself";
    }
    if (process->has_own_lmm) {
        return "liblmm is linked into it";
    }
    if (process->became != NULL || process->model->process == LMM_MODEL_REPLACED) {
        return "it became another program";
    }
    if (process->is_live) {
        return "it is still running";
    }
    if (lmm_process_is_killed_unseen(process)) {
        return "it was killed by a signal";
    }
    return process->model->process == LMM_MODEL_LOST ? "its ledger was lost" : NULL;
}

/* Returns why the process made no leak check at its end. */
static const char *why_none(const struct lmm_run_report_process *process)
{
    const struct lmm_model *model = process->model;

    if (process->has_status && model->exit == LMM_MODEL_EXIT_NOT_YET) {
        return "it ended by a system call of its own";
    }
    if (!model->is_drop_in) {
        return "no leak check was made (LMM_OPTIONS=check=1)";
    }
    return "no leak check was made";
}

/* Another allocator may have lost blocks of its own functions. Where LMM has found a loss itself, there
 * is an answer without them. */
static bool has_unseen_blocks(const struct lmm_run_report_process *process)
{
    return process->model->linked_allocator.bytes > 0 && process->spots->total.direct.blocks == 0 &&
           process->spots->total.lost.blocks == 0;
}

bool lmm_verdict_obstacle(const struct lmm_run_report *run,
                          const struct lmm_run_report_process *process,
                          char words[LMM_VERDICT_BYTES])
{
    const char *fate = fate_of(process);
    uint32_t failure = process->model->check.failure;

    if (run->ending == NULL && process->is_live && lmm_process_is_classified(process)) {
        return false;
    }
    if (fate != NULL) {
        snprintf(words, LMM_VERDICT_BYTES, "%s", fate);
    } else if (lmm_process_is_killed(process)) {
        char signal[LMM_VERDICT_BYTES];

        lmm_process_signal(process, signal);
        snprintf(words, LMM_VERDICT_BYTES, "it %.100s", signal);
    } else if (failure == ECANCELED) {
        snprintf(words, LMM_VERDICT_BYTES,
                 "it turned leak checks off (__lsan_is_turned_off or __lsan_default_options)");
    } else if (failure != 0) {
        snprintf(words, LMM_VERDICT_BYTES, "the leak check failed: %.80s%s",
                 strerror((int) failure), failure == ENOENT ? " (is /proc mounted?)" : "");
    } else if (!process->model->check.is_there || !process->model->check.is_at_exit) {
        snprintf(words, LMM_VERDICT_BYTES, "%s", why_none(process));
    } else if (has_unseen_blocks(process)) {
        snprintf(words, LMM_VERDICT_BYTES, "another allocator is linked into it");
    } else {
        return false;
    }
    return true;
}

bool lmm_process_is_classified(const struct lmm_run_report_process *process)
{
    const struct lmm_model_check *check = &process->model->check;

    return process->model->other_malloc.bytes == 0 && process->became == NULL && check->is_there &&
           check->failure == 0 && check->is_at_exit != process->is_live;
}
