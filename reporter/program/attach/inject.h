/* SPDX-License-Identifier: MIT */
/*
 * inject: loads the drop-in into a running process, and leads the entries of the process's malloc to it
 * (<lmm/attach.h>).
 *
 *   1. All threads are stopped, and one is looked for that can call dlopen (safe_point); if there is none, callers of
 *      malloc are made to wait, and one of them is chosen (attempt_caller). Then the other threads go on.
 *   2. That thread loads the library, starts LMM, and maps the islands: code through which the entries lead.
 *   3. All threads are stopped again, at a moment when none is among the instructions that are replaced,
 *      nor returns to them. The entries are written, and all go on. Where the instructions of an entry cannot be moved, the words of all
 *      modules that lead to malloc are changed instead (attempt_tables; x86-64 only).
 *
 * Until the last step nothing that the process runs has changed, except for callers of malloc in the first. When this process is killed, at any
 * moment, all threads go on (remote_call, attempt_caller); what the entries lead to is written so that each state in between holds: those of
 * functions that take a block come before those that make one.
 */
#ifndef LMM_PROGRAM_INJECT_H
#define LMM_PROGRAM_INJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_reason; /* ledger_file.h */

struct lmm_injection {
    pid_t pid;
    const char *library; /* the drop-in's path here */
    const char *options; /* as LMM_OPTIONS has them */
    uint64_t timeout_ns; /* for a safe point */
    /* Results. */
    unsigned functions;       /* that lead to LMM */
    unsigned modules;         /* whose tables (GOT) lead there; 0: the functions' entries do */
    uint64_t first_pause_ns;  /* for which all threads stood still to find one */
    uint64_t second_pause_ns; /* and when the entries were written */
};

/* Attaches. False and *ret_reason: nothing of what the process runs has changed. */
bool lmm_inject(struct lmm_injection *injection, struct lmm_reason *ret_reason);

#endif
