/* SPDX-License-Identifier: MIT */
/* looks: several things that look at a running program from time to time, as one `look` of struct
 * lmm_launch. Each is called at once, and then when the time that it gave is over. */
#ifndef LMM_PROGRAM_LOOKS_H
#define LMM_PROGRAM_LOOKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { LMM_LOOKS_MAX = 2 };

struct lmm_looker {
    uint64_t (*look)(void *context, pid_t pid); /* returns in how many nanoseconds */
    void *context;
    uint64_t due_ns; /* CLOCK_MONOTONIC; 0 at first */
};

struct lmm_looks {
    struct lmm_looker items[LMM_LOOKS_MAX];
    size_t count;
};

/* Calls those that are due. Returns in how many nanoseconds the next one is. context: a struct lmm_looks
 * with at least one look. */
uint64_t lmm_looks_look(void *context, pid_t pid);

#endif
