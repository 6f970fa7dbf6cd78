/* SPDX-License-Identifier: MIT */
/*
 * gate: whether the processes of a run pass the check for leaks. It never passes what was not looked
 * at: a process that could not be checked, or was not seen, makes it blind.
 */
#ifndef LMM_PROGRAM_GATE_H
#define LMM_PROGRAM_GATE_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_run_report;
struct lmm_run_report_process;
struct lmm_spot;
struct lmm_unseen;

enum lmm_gate_outcome {
    LMM_GATE_PASSED,
    LMM_GATE_FAILED,
    LMM_GATE_BLIND, /* nothing failed, but something was not checked */
};

enum { LMM_GATE_WORDS = 256 };

/* Returns whether the gate is for the process, by the name of its program. */
bool lmm_gate_is_for(const struct lmm_run_report *run,
                     const struct lmm_run_report_process *process);

/* Returns whether a line has blocks of the classes that make the check fail, in stacks that the
 * baseline does not have. */
bool lmm_gate_fails_line(const struct lmm_run_report *run, const struct lmm_spot *spot);

/* Returns how many lines of a process do. */
size_t lmm_gate_failed_lines(const struct lmm_run_report *run,
                             const struct lmm_run_report_process *process);

/* Returns whether any process that the gate is for was not checked; then writes why: "worker (pid 7):
 * it is still running". */
bool lmm_gate_is_blind(const struct lmm_run_report *run, char words[LMM_GATE_WORDS]);

/* Returns the outcome for all processes of a run. If it is blind, writes why. */
enum lmm_gate_outcome lmm_gate_judge(const struct lmm_run_report *run, char words[LMM_GATE_WORDS]);

#endif
