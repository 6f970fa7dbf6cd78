/* SPDX-License-Identifier: MIT */
/*
 * attempt: the state of one attempt to attach (inject.h), and its steps: the library is loaded (attempt_load), what the process calls of
 * its malloc is looked at (attempt_others), and the entries lead to it (attempt_lead).
 *
 * Each step returns false after it has set the attempt's reason.
 */
#ifndef LMM_PROGRAM_ATTEMPT_H
#define LMM_PROGRAM_ATTEMPT_H

#include <lmm/attach.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "reporter/program/attach/entry.h"
#include "reporter/program/attach/remote_call.h"
#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"

struct lmm_reason; /* ledger_file.h */
struct lmm_safe_points;

struct lmm_attempt {
    const char *library; /* these two: inject.h */
    const char *options;
    struct lmm_reason *reason;
    struct lmm_tracee tracee;
    struct lmm_target_map map;
    struct lmm_safe_points *points;
    struct lmm_remote remote;
    pid_t thread;                     /* that makes the calls */
    uint64_t exchange;                /* its address in the process */
    struct lmm_attach_exchange there; /* a copy */
    uint64_t islands[LMM_ATTACH_FUNCTIONS_MAX];
    struct lmm_entry entries[LMM_ATTACH_FUNCTIONS_MAX];
    bool is_led[LMM_ATTACH_FUNCTIONS_MAX];
    uint64_t fork; /* libc's _Fork; 0: there is none */
    uint64_t fork_bytes;
    uint64_t deadline_ns;
    unsigned functions; /* whose entries lead to LMM */
    uint64_t pause_ns;  /* for which all threads stood still meanwhile */
};

/* How long all threads may take to stop. */
#define LMM_ATTEMPT_STOP_NS UINT64_C(2000000000)

/* Reads the process's map and what its modules define; forgets both. */
bool lmm_attempt_read_modules(struct lmm_attempt *attempt);
void lmm_attempt_forget_modules(struct lmm_attempt *attempt);

/* Whether the time is over, or the user wants to stop: SIGINT and the like are held back, and wait. */
bool lmm_attempt_is_over(const struct lmm_attempt *attempt);

/* Loads the drop-in by the chosen thread, which is in a remote call, starts LMM, and reads the exchange. */
bool lmm_attempt_load(struct lmm_attempt *attempt);

/* Refuses a process that calls functions of its malloc which take a block, and which LMM does not replace. */
bool lmm_attempt_check_others(struct lmm_attempt *attempt);

/* Maps the islands near the functions, plans all entries, and writes the islands. */
bool lmm_attempt_prepare_entries(struct lmm_attempt *attempt);

/* Stops all threads until none is in the way, leads the entries, and lets all threads go. */
bool lmm_attempt_lead_entries(struct lmm_attempt *attempt);

#endif
