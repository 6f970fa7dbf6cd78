/* SPDX-License-Identifier: MIT */
/*
 * urgency: lmm gets processor time beside a process whose threads have real-time priorities.
 *
 * The kernel leaves other programs a twentieth of a processor's time that such threads use up, or none: too little for stops
 * that must be short. So lmm takes a priority above theirs while it attaches. Of the calling thread alone; stateless.
 */
#ifndef LMM_PROGRAM_URGENCY_H
#define LMM_PROGRAM_URGENCY_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

struct lmm_urgency {
    bool is_raised;
    bool is_refused; /* the process has such threads, and lmm may not have their priority */
    int policy;      /* before */
    struct sched_param priority;
};

/* Takes a priority above those of the process's threads, if one of them has a real-time priority (SCHED_FIFO, SCHED_RR,
 * SCHED_DEADLINE), and lmm has no higher one. */
struct lmm_urgency lmm_urgency_raise(pid_t pid);

/* Goes back to the priority of before. */
void lmm_urgency_drop(const struct lmm_urgency *urgency);

#endif
