/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/urgency.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* A thread's real-time priority: 0 for none, or when it has ended. */
static int priority_of(pid_t thread)
{
    struct sched_param param;
    int policy = sched_getscheduler(thread) & ~SCHED_RESET_ON_FORK;

    if (policy == SCHED_DEADLINE) {
        return sched_get_priority_max(
            SCHED_FIFO); /* it goes before all others; to be next is what can be had */
    }
    return (policy == SCHED_FIFO || policy == SCHED_RR) && sched_getparam(thread, &param) == 0
               ? param.sched_priority
               : 0;
}

static int highest_priority(pid_t pid)
{
    char path[64];
    int highest = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
    DIR *folder = opendir(path);

    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        pid_t thread = (pid_t) strtol(entry->d_name, NULL, 10);
        int priority = thread > 0 ? priority_of(thread) : 0;

        highest = priority > highest ? priority : highest;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return highest;
}

struct lmm_urgency lmm_urgency_raise(pid_t pid)
{
    struct lmm_urgency urgency = {.policy = sched_getscheduler(0)};
    int highest = highest_priority(pid);
    int most = sched_get_priority_max(SCHED_FIFO);
    struct sched_param wanted = {.sched_priority = highest < most ? highest + 1 : most};

    if (highest == 0 || urgency.policy < 0 || sched_getparam(0, &urgency.priority) != 0 ||
        priority_of(0) >= wanted.sched_priority) {
        return urgency;
    }
    urgency.is_raised = sched_setscheduler(0, SCHED_FIFO, &wanted) == 0;
    urgency.is_refused = !urgency.is_raised;
    return urgency;
}

void lmm_urgency_drop(const struct lmm_urgency *urgency)
{
    if (urgency->is_raised) {
        sched_setscheduler(0, urgency->policy, &urgency->priority);
    }
}
