/* SPDX-License-Identifier: MIT */
/*
 * process_copy: a copy of the process that works on its own while the process goes on.
 *
 * The copy has one thread, that of the caller, and no descriptors. No handler of fork runs, and the
 * program sees neither a child nor SIGCHLD: only a wait with __WALL or __WCLONE finds it. It ends with
 * the thread that made it. Owns nothing.
 */
#ifndef LMM_PROCESS_COPY_H
#define LMM_PROCESS_COPY_H

#include "lib/ground/base.h"

/*
 * Makes a copy in which work(arg) runs. Returns its id, or -errno: EAGAIN (RLIMIT_NPROC, a cgroup's
 * limit), ENOMEM, EPERM and ENOSYS (a filter of system calls). In the copy all signals are blocked, as
 * the caller has blocked them; what work() leaves in shared memory is its result.
 */
int lmm_copy_start(void (*work)(void *arg), void *arg);

/* Waits until the copy has ended. 0; or -errno: -ECHILD when the program has waited for it itself, or
 * ignores all children. */
int lmm_copy_wait(int copy);

#endif
