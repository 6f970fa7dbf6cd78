/* SPDX-License-Identifier: MIT */
/*
 * attempt: the state of one attempt to attach (inject.h), and its steps: a thread that calls malloc is found (attempt_caller), the library is
 * loaded (attempt_load), what the process calls of its malloc is looked at (attempt_others), and the entries lead to it (attempt_lead), or all tables of the loader (attempt_tables), by what is written
 * at last (attempt_patches).
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

/* What is changed at last. */
struct lmm_patch {
    uint64_t address;
    size_t count;  /* of bytes */
    uint32_t role; /* enum lmm_attach_role */
    bool is_written;
    unsigned char after[sizeof(uint64_t)];
    unsigned char before[sizeof(uint64_t)];
};

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
    uint64_t room; /* where callers of malloc wait (attempt_caller); 0: there is none */
    uint64_t begun_ns;
    uint64_t begun_ticks; /* of the processor, at the same moment */
    uint64_t deadline_ns;
    bool is_by_tables;    /* of the loader; else by entries */
    const char *obstacle; /* why not by entries */
    struct lmm_patch *patches;
    size_t patch_count;
    unsigned functions; /* of malloc, and _Fork, that lead to LMM */
    unsigned modules;   /* whose tables lead there */
    uint64_t pause_ns;  /* for which all threads stood still meanwhile */
};

/* How long all threads may take to stop. */
#define LMM_ATTEMPT_STOP_NS UINT64_C(2000000000)

/* Reads the process's map and what its modules define; forgets both. */
bool lmm_attempt_read_modules(struct lmm_attempt *attempt);
void lmm_attempt_forget_modules(struct lmm_attempt *attempt);

/* Whether the time is over, or the user wants to stop: SIGINT and the like are held back, and wait. */
bool lmm_attempt_is_over(const struct lmm_attempt *attempt);

/* Looks for a thread that calls malloc from a safe place, while all are stopped, and chooses it; none may be found. The others run
 * meanwhile, and are stopped again at the end. False: they cannot be stopped. */
bool lmm_attempt_find_caller(struct lmm_attempt *attempt);

/* Plans how the function at `address` leads to `own` by an island. NULL, or why it cannot be led. */
const char *lmm_attempt_plan(struct lmm_attempt *attempt, uint64_t address, uint64_t island,
                             uint64_t own, struct lmm_entry *ret_entry);

/* Whether no thread is among the instructions that these entries replace, or may return to them, or forks. All are stopped. */
bool lmm_attempt_is_clear(struct lmm_attempt *attempt, const struct lmm_entry *entries,
                          size_t count);

/* Loads the drop-in by the chosen thread, which is in a remote call, starts LMM, and reads the exchange. */
bool lmm_attempt_load(struct lmm_attempt *attempt);

/* Refuses a process that calls functions of its malloc which take a block, and which LMM does not replace. */
bool lmm_attempt_check_others(struct lmm_attempt *attempt);

/* Maps the islands near the functions, plans all entries, and writes the islands. */
bool lmm_attempt_prepare_entries(struct lmm_attempt *attempt);

/* Leads malloc by the tables of the loader, because of what stands against its function of that name. */
bool lmm_attempt_choose_tables(struct lmm_attempt *attempt, const char *name, const char *obstacle);

enum lmm_attempt_result { LMM_ATTEMPT_DONE, LMM_ATTEMPT_AGAIN, LMM_ATTEMPT_REFUSED };

/* Adds the words of all tables to what is changed. All threads are stopped. Again: one is in the way. */
enum lmm_attempt_result lmm_attempt_collect_words(struct lmm_attempt *attempt);

/* Adds so many bytes, at most 8, to what is changed; whether it has that address; forgets all; changes all, or nothing. */
bool lmm_attempt_add_patch(struct lmm_attempt *attempt, uint64_t address, const void *bytes,
                           size_t count, uint32_t role);
bool lmm_attempt_has_patch(const struct lmm_attempt *attempt, uint64_t address);
void lmm_attempt_drop_patches(struct lmm_attempt *attempt);
bool lmm_attempt_write_patches(struct lmm_attempt *attempt);

/* Stops all threads until none is in the way, leads the functions, and lets all threads go. */
bool lmm_attempt_lead(struct lmm_attempt *attempt);

#endif
