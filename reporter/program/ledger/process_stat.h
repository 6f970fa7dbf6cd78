/* SPDX-License-Identifier: MIT */
/* process_stat: what the kernel counts of a process, from /proc/PID/stat. */
#ifndef LMM_PROGRAM_PROCESS_STAT_H
#define LMM_PROGRAM_PROCESS_STAT_H

#include <stdbool.h>
#include <stdint.h>

enum { LMM_PROCESS_NAME_MAX = 64 };

struct lmm_process_stat {
    char name
        [LMM_PROCESS_NAME_MAX]; /* which exec changes, and the process may; cut where too long */
    bool is_dead;               /* a zombie without living threads */
    uint64_t start_ticks;
    uint64_t minor_faults; /* of all its threads, without its children */
    uint64_t major_faults;
    uint64_t resident_bytes;
};

/* Opens the file of a process. Returns a descriptor, to be closed with close(2), which never is that of
 * a later process with the same PID; or -1. */
int lmm_process_stat_open(uint32_t pid);

/* Reads the figures of now. Returns false: the process has ended, or it cannot be read. */
bool lmm_process_stat_read(int descriptor, struct lmm_process_stat *ret_stat);

#endif
