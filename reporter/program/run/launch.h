/* SPDX-License-Identifier: MIT */
/*
 * launch: starts a program, and waits until it ends.
 *
 * The program inherits the caller's standard files, process group, signal mask, dispositions, and
 * environment, to which variables are added. While it runs
 *   - a signal that another process sends to this process is passed on, with its value. Signals of
 *     the terminal are not passed on, because the whole process group gets them; nor are signals
 *     from the program itself
 *   - when this process is asked to stop (Ctrl-Z) and the program has stopped, this process stops,
 *     too, so that a shell sees it; a signal that continues this process continues the program
 *   - only SIGKILL, SIGSTOP and signals of its own faults end or stop this process, so that it can
 *     report
 *
 * Locks: none; one program at a time, because signal masks belong to the whole process.
 */
#ifndef LMM_PROGRAM_LAUNCH_H
#define LMM_PROGRAM_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_ending;

struct lmm_launch_variable {
    const char *name;
    const char *value;
};

struct lmm_launch {
    char **argv; /* ends with NULL; [0] is looked up in PATH when it has no slash */
    const struct lmm_launch_variable *variables; /* the last has no name */
    bool ignores_sigpipe;                        /* the program starts with SIGPIPE ignored */
    /* Called at once, and then again and again, while the program with that PID runs; returns in how
     * many nanoseconds. */
    uint64_t (*look)(void *context, pid_t pid);
    void *context;
    /* With this one, processes that outlive the program are waited for, too: their parents' end makes
     * them children of this process, and it is called with the status of each. A signal that asks this
     * process to end ends the wait. NULL: they are not waited for. */
    void (*take_end)(void *end_context, pid_t pid, int status);
    void *end_context;
};

/* Runs the program to its end. Returns 0 and fills *ret_ending; or -errno: no child was started. */
int lmm_launch(const struct lmm_launch *launch, struct lmm_ending *ret_ending);

/* Returns the exit status for an ending, as shells do: the program's own, 128 + the number of the
 * signal that ended it, 127 when the program does not exist, 126 when it cannot be executed. */
int lmm_ending_status(const struct lmm_ending *ending);

#endif
