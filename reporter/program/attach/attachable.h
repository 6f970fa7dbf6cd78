/* SPDX-License-Identifier: MIT */
/*
 * attachable: what can be seen of a running process before it is touched: why LMM cannot be attached to it.
 *
 * Each reason is the text of one line after the process's name. Stateless.
 */
#ifndef LMM_PROGRAM_ATTACHABLE_H
#define LMM_PROGRAM_ATTACHABLE_H

#include <stdbool.h>
#include <sys/types.h>

struct lmm_reason; /* ledger_file.h */

/* False and *ret_reason: it cannot be done. tries_seccomp: also where a filter of system calls may forbid it. */
bool lmm_attachable(pid_t pid, bool tries_seccomp, struct lmm_reason *ret_reason);

#endif
