/* SPDX-License-Identifier: MIT */
/* ending: the end of a program that `lmm run` started; launch.c fills it, the report prints it. */
#ifndef LMM_PROGRAM_ENDING_H
#define LMM_PROGRAM_ENDING_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct lmm_ending {
    pid_t pid;
    int exec_errno; /* why it could not be executed; 0: it was; else the fields below are not set */
    int status;     /* from wait(2): exited or killed */
    uint64_t run_ns;
    struct rusage usage;
};

#endif
