/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/report/verdict.h"

static bool fits(const struct lmm_run_report *run, struct lmm_string program)
{
    return run->gate == NULL || lmm_glob_fits(run->gate, lmm_model_last_component(program)) ||
           lmm_glob_fits(run->gate, program);
}

bool lmm_gate_is_for(const struct lmm_run_report *run, const struct lmm_run_report_process *process)
{
    return fits(run, process->model->program) || fits(run, process->model->executable);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static const enum lmm_measure measures[] = {
    [LMM_MODEL_DEFINITE] = LMM_MEASURE_LOST,
    [LMM_MODEL_INDIRECT] = LMM_MEASURE_INDIRECT,
    [LMM_MODEL_POSSIBLE] = LMM_MEASURE_POSSIBLE,
    [LMM_MODEL_REACHABLE] = LMM_MEASURE_REACHABLE,
};

static bool fails_trace(const struct lmm_run_report *run, const struct lmm_trace *trace)
{
    unsigned classes = run->error_classes & ~trace->known_classes;

    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
        if ((classes & 1u << i) != 0 && lmm_tally_counts(&trace->tally, measures[i])) {
            return true;
        }
    }
    return false;
}

bool lmm_gate_fails_line(const struct lmm_run_report *run, const struct lmm_spot *spot)
{
    for (size_t i = 0; i < spot->trace_count; i++) {
        if (fails_trace(run, &spot->traces[i])) {
            return true;
        }
    }
    return false;
}

size_t lmm_gate_failed_lines(const struct lmm_run_report *run,
                             const struct lmm_run_report_process *process)
{
    const struct lmm_spots *spots = process->spots;
    size_t lines = 0;

    for (size_t i = 0; i < spots->count; i++) {
        lines += lmm_gate_fails_line(run, &spots->items[i]);
    }
    /* Blocks of sites that the ledger does not have. */
    bool has_rest = spots->rest.direct.blocks > 0 || spots->rest.lost.blocks > 0;

    return lines == 0 && has_rest && (run->error_classes & 1u << LMM_MODEL_DEFINITE) != 0 ? 1
                                                                                          : lines;
}

/* ---- Processes ------------------------------------------------------------------------------- */

/* Writes why a process was not checked. */
static void write_words(char words[LMM_GATE_WORDS], struct lmm_string program, uint32_t pid,
                        const char *reason)
{
    snprintf(words, LMM_GATE_WORDS, "%.*s (pid %" PRIu32 "): %s",
             (int) (program.bytes < 80 ? program.bytes : 80), program.text, pid, reason);
}

/* Returns whether LMM did not see a process that the gate is for. */
static bool is_unseen(const struct lmm_run_report *run, char words[LMM_GATE_WORDS])
{
    const struct lmm_unseen *unseen = run->unseen;

    if (unseen == NULL || !unseen->has_children) {
        return false;
    }
    for (size_t i = 0; i < unseen->process_count; i++) {
        const struct lmm_unseen_process *process = &unseen->processes[i];
        struct lmm_string program = lmm_model_last_component(lmm_string_of(process->program));

        if (fits(run, program)) {
            write_words(words, program, process->pid,
                        process->reason == NULL ? "it did not load LMM" : process->reason);
            return true;
        }
    }
    for (size_t i = 0; i < unseen->running_count; i++) {
        const struct lmm_unseen_running *running = &unseen->running[i];
        struct lmm_string program =
            lmm_string_of(running->program == NULL ? "a process" : running->program);

        if (running->program == NULL || fits(run, program)) {
            write_words(words, program, running->pid, "it is still running");
            return true;
        }
    }
    if (unseen->unknown > 0) {
        snprintf(words, LMM_GATE_WORDS, "%" PRIu64 " started, of which nothing is known",
                 unseen->unknown);
    }
    return unseen->unknown > 0;
}

bool lmm_gate_is_blind(const struct lmm_run_report *run, char words[LMM_GATE_WORDS])
{
    size_t count = 0;

    for (size_t i = 0; i < run->process_count; i++) {
        const struct lmm_run_report_process *process = &run->processes[i];
        char reason[LMM_VERDICT_BYTES];

        if (lmm_gate_is_for(run, process)) {
            count++;
            if (lmm_verdict_obstacle(run, process, reason)) {
                write_words(words, process->model->program, process->model->pid, reason);
                return true;
            }
        }
    }
    if (count == 0) {
        snprintf(words, LMM_GATE_WORDS, "no process matches '%.80s'",
                 run->gate == NULL ? "*" : run->gate);
        return true;
    }
    return is_unseen(run, words);
}

static bool is_failed(const struct lmm_run_report *run)
{
    char reason[LMM_VERDICT_BYTES];

    for (size_t i = 0; i < run->process_count; i++) {
        const struct lmm_run_report_process *process = &run->processes[i];

        if (lmm_gate_is_for(run, process) && !lmm_verdict_obstacle(run, process, reason) &&
            lmm_gate_failed_lines(run, process) > 0) {
            return true;
        }
    }
    return false;
}

enum lmm_gate_outcome lmm_gate_judge(const struct lmm_run_report *run, char words[LMM_GATE_WORDS])
{
    if (is_failed(run)) {
        return LMM_GATE_FAILED;
    }
    return lmm_gate_is_blind(run, words) ? LMM_GATE_BLIND : LMM_GATE_PASSED;
}
