/* SPDX-License-Identifier: MIT */
/*
 * launch: starts a program with LMM in it, and stays beside it until it ends.
 *
 * The program has the caller's standard files, process group, signal mask and dispositions, and its
 * environment, to which variables are added. While it runs
 *   - a signal that somebody sends to this process is passed on, with its value. What a terminal sends
 *     goes to the whole process group by itself, and is not; nor is what the program itself sends here
 *   - when this process has been told to stop (Ctrl-Z) and the program has stopped, this process
 *     stops too, so that a shell sees it; and what wakes it wakes the program
 *   - no signal but SIGKILL, SIGSTOP and those of a fault of its own ends or stops this process, so that
 *     it can report
 *
 * Locks: none; one program at a time, because the signals are the whole process's.
 */
#ifndef LMM_PROGRAM_LAUNCH_H
#define LMM_PROGRAM_LAUNCH_H

#include <stdbool.h>

struct lmm_ending;

struct lmm_launch_variable {
    const char *name;
    const char *value;
};

struct lmm_launch {
    char **argv; /* NULL behind the last; [0] is looked up in PATH when it has no slash */
    const struct lmm_launch_variable *variables; /* no name behind the last */
    bool ignores_sigpipe; /* what the program finds as its disposition of SIGPIPE */
};

/* Runs the program to its end. Returns 0 and fills *ret_ending, or -errno when this process failed before
 * it had started a child. */
int lmm_launch(const struct lmm_launch *launch, struct lmm_ending *ret_ending);

/* Returns the exit status that stands for an ending, as shells have it: the program's own, 128 + the
 * number of the signal that ended it, 127 when there is no such program, 126 when it cannot be
 * executed. */
int lmm_ending_status(const struct lmm_ending *ending);

#endif
