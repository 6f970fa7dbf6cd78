/* SPDX-License-Identifier: MIT */
/*
 * ending: how a program that `lmm run` started ended; filled by launch.h, printed by the report.
 */
#ifndef LMM_PROGRAM_ENDING_H
#define LMM_PROGRAM_ENDING_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* What became of the program. */
struct lmm_ending {
    pid_t pid;
    int exec_errno; /* why it could not be executed; 0: it was, and only then the rest counts */
    int status;     /* as wait(2) has it: exited or killed */
    uint64_t run_ns;
    struct rusage usage;
};

#endif
