/* SPDX-License-Identifier: MIT */
/*
 * liveness: whether the process that keeps a ledger still runs, and how it ended if it does not.
 *
 * A PID is used again, so the process with the ledger's PID is the ledger's only if it started at
 * the same tick of the same boot. exec keeps the PID and the start, so a running process must also
 * have the ledger mapped. Where this user may not see the process, the answer is one that lets `lmm
 * gc` keep the ledger.
 */
#ifndef LMM_PROGRAM_LIVENESS_H
#define LMM_PROGRAM_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_ledger_header;

enum lmm_process_state {
    LMM_PROCESS_LIVE,     /* runs, and has the ledger mapped */
    LMM_PROCESS_LOST,     /* runs, but its ledger could not grow: the figures are of that moment */
    LMM_PROCESS_EXITED,   /* exited, and left live blocks */
    LMM_PROCESS_KILLED,   /* ended without closing its ledger: a signal, _exit() */
    LMM_PROCESS_REPLACED, /* became another program by exec */
    LMM_PROCESS_SNAPSHOT, /* the file is a copy that `lmm snapshot` made */
    LMM_PROCESS_LOST_ENDED, /* as LOST, and it has ended since */
    LMM_PROCESS_UNKNOWN, /* not visible: another PID namespace, another boot (which may be another
                            machine's), or hidden from this user */
};

/* Returns the process's state by a ledger's checked header and its file's device and inode. */
enum lmm_process_state lmm_process_state(const struct lmm_ledger_header *header, uint64_t device,
                                         uint64_t inode);

/* Whether the process ran before this machine was booted, or on another machine. */
bool lmm_process_is_of_another_boot(const struct lmm_ledger_header *header);

/* Whether the ledger's PID is that of another namespace, where it may be another process. */
bool lmm_process_is_of_another_namespace(const struct lmm_ledger_header *header);

/* Whether the process has ended, and a later one that runs has its PID now. False where that cannot be seen. */
bool lmm_process_pid_is_reused(const struct lmm_ledger_header *header);

/* Returns whether the process runs, or may run (LMM_PROCESS_UNKNOWN). */
bool lmm_process_runs(enum lmm_process_state state);

/* Whether a process of that PID runs that was started before that time (CLOCK_REALTIME), and so is not
 * a later one of the same number. */
bool lmm_process_is_since(uint32_t pid, uint64_t time_ns);

/* Returns "live", "exited", ... */
const char *lmm_process_state_name(enum lmm_process_state state);

#endif
