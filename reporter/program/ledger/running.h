/* SPDX-License-Identifier: MIT */
/*
 * running: running processes by their /proc: their names and users, and the ledger that one has
 * mapped, wherever that is: a process in another mount namespace, or with an LMM_DIR of its own, has
 * its ledger in no directory that discover.h searches.
 *
 * What is told was true at that moment; the process may have ended since.
 */
#ifndef LMM_PROGRAM_RUNNING_H
#define LMM_PROGRAM_RUNNING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LMM_RUNNING_NAME_MAX = 256 };

struct lmm_running {
    uint32_t pid;
    uid_t user;
    char name[LMM_RUNNING_NAME_MAX];  /* of the process, as ps(1) has it */
    char typed[LMM_RUNNING_NAME_MAX]; /* last component of its first argument; empty: unknown */
    char file[LMM_RUNNING_NAME_MAX];  /* last component of what it executes; empty: unknown */
};

/* Sets *ret_running to what can be seen of a process. False: there is no such process. */
bool lmm_running_find(uint32_t pid, struct lmm_running *ret_running);

/* Whether one of its names is `word`. */
bool lmm_running_is_called(const struct lmm_running *running, const char *word);

/* Returns a path by which this process reaches the ledger that the other one has mapped, to be freed;
 * NULL: there is none, or this user may not see it. */
char *lmm_running_ledger(uint32_t pid);

/* Whether the process has loaded LMM's drop-in, or its library. False also when this user may not see that. */
bool lmm_running_has_lmm(uint32_t pid);

/* Calls look(context, running) for each process, in the order of their numbers, until it returns
 * false. */
void lmm_running_each(bool (*look)(void *context, const struct lmm_running *running),
                      void *context);

/* Whether the process is in another mount namespace than this one; false also when that cannot be
 * seen. */
bool lmm_running_is_elsewhere(uint32_t pid);

/* Returns the last component of a path; "" when it has none. A shell's "-" before it is left out. */
const char *lmm_running_last(const char *path);

#endif
