/* SPDX-License-Identifier: MIT */
/*
 * verdict: what the check for leaks says of one process: whether the classes of its blocks are known,
 * and if they are not, why.
 *
 * A process could not be checked when blocks of its own malloc, or of a liblmm of its own, are
 * unknown, when its ledger was lost, when it had no chance to free its blocks (it runs, a signal
 * killed it, or it became another program, of which LMM saw nothing), when no check was made at its
 * end, when that failed, or when it found nothing lost but another allocator is linked into the
 * process, whose own functions may have given blocks.
 */
#ifndef LMM_PROGRAM_VERDICT_H
#define LMM_PROGRAM_VERDICT_H

#include <stdbool.h>

struct lmm_run_report;
struct lmm_run_report_process;

enum { LMM_VERDICT_BYTES = 128 };

/* Whether a known signal killed the process; or one of which the number is unknown, because the
 * process told of no other end. */
bool lmm_process_is_killed(const struct lmm_run_report_process *process);
bool lmm_process_is_killed_unseen(const struct lmm_run_report_process *process);

/* Writes "was killed by SIGKILL (core dumped)" of a process that a known signal killed. */
void lmm_process_signal(const struct lmm_run_report_process *process,
                        char words[LMM_VERDICT_BYTES]);

/* Returns whether the process could not be checked; then writes why: "it is still running". Where lmm did
 * not run the program, the last check of a process that still runs is its check. */
bool lmm_verdict_obstacle(const struct lmm_run_report *run,
                          const struct lmm_run_report_process *process,
                          char words[LMM_VERDICT_BYTES]);

/* Returns whether the classes of the blocks that the report shows are known: of those that lived at
 * the end, or, while the process runs, at its last check. */
bool lmm_process_is_classified(const struct lmm_run_report_process *process);

#endif
