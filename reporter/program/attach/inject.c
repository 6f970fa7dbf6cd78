/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/inject.h"

#include <signal.h>

#include "reporter/program/attach/attempt.h"
#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/safe_point.h"
#include "reporter/program/attach/urgency.h"
#include "reporter/program/ledger/ledger_file.h"

enum { RETRY_US = 1000 };

/* What is left at least for the calls, if the safe point was found late. */
static const uint64_t CALL_NS = UINT64_C(5000000000);

/* ---- A safe point ---------------------------------------------------------------------------- */

/* Whether a thread was stopped in a system call for which it would have waited on, and which starts again. */
static bool is_waiting(const struct lmm_thread *thread)
{
    struct user_regs_struct registers;

    return lmm_thread_get(thread->id, &registers) && lmm_machine_is_waiting(thread, &registers);
}

/* A thread that waits, and is where dlopen can be called; 0: none is. */
static pid_t find_waiting(struct lmm_attempt *attempt)
{
    for (size_t i = 0; i < attempt->tracee.count; i++) {
        const struct lmm_thread *thread = &attempt->tracee.threads[i];

        if (thread->is_interrupted && is_waiting(thread) &&
            lmm_safe_points_is_safe(attempt->points, thread->id)) {
            return thread->id;
        }
    }
    return 0;
}

/* Whether the process was stopped meanwhile. */
static bool is_held(const struct lmm_attempt *attempt)
{
    for (size_t i = 0; i < attempt->tracee.count; i++) {
        if (attempt->tracee.threads[i].is_held) {
            return true;
        }
    }
    return false;
}

/* Stops all threads, and chooses one; the others go on. */
static bool try_safe_point(struct lmm_attempt *attempt, uint64_t *ret_pause_ns)
{
    uint64_t begun = lmm_tracee_now();

    if (!lmm_tracee_stop(&attempt->tracee, begun + LMM_ATTEMPT_STOP_NS, 0, attempt->reason)) {
        return false;
    }
    if (is_held(attempt)) {
        return lmm_reason_set(attempt->reason, "it was stopped; let it go on first (kill -CONT)");
    }
    attempt->thread = find_waiting(attempt);
    *ret_pause_ns = lmm_tracee_now() - begun;
    if (attempt->thread == 0 && !lmm_attempt_find_caller(attempt)) {
        return false;
    }
    return lmm_tracee_release(&attempt->tracee, attempt->thread) ||
           lmm_reason_set(attempt->reason, "one of its threads does not stop");
}

static bool reach_safe_point(struct lmm_attempt *attempt, uint64_t *ret_pause_ns)
{
    while (attempt->thread == 0) {
        if (!lmm_attempt_read_modules(attempt) || !try_safe_point(attempt, ret_pause_ns)) {
            return false;
        }
        if (attempt->thread == 0) {
            lmm_attempt_forget_modules(attempt);
            if (lmm_attempt_is_over(attempt)) {
                return lmm_reason_set(attempt->reason,
                                      "no thread was at a place where a library can be loaded");
            }
            lmm_tracee_pause(RETRY_US);
        }
    }
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* What the chosen thread does. */
static bool prepare(struct lmm_attempt *attempt)
{
    attempt->fork = lmm_safe_points_libc(attempt->points, "_Fork", &attempt->fork_bytes);
    if (attempt->fork == 0) {
        return lmm_reason_set(attempt->reason, "its glibc is older than 2.34 (it has no _Fork)");
    }
    uint64_t least_ns = lmm_tracee_now() + CALL_NS;

    attempt->deadline_ns = attempt->deadline_ns > least_ns ? attempt->deadline_ns : least_ns;
    if (!lmm_remote_begin(&attempt->remote, &attempt->tracee, &attempt->map, attempt->thread,
                          attempt->deadline_ns, attempt->reason)) {
        return false;
    }
    bool done = lmm_attempt_load(attempt) && lmm_attempt_prepare_entries(attempt);

    lmm_remote_end(&attempt->remote);
    return done;
}

/* Signals that would end this program wait, so that no thread is left with registers of ours. */
static void hold_signals(sigset_t *ret_before)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaddset(&held, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &held, ret_before);
}

static bool run_steps(struct lmm_attempt *attempt, uint64_t *ret_pause_ns)
{
    if (reach_safe_point(attempt, ret_pause_ns) && prepare(attempt) && lmm_attempt_lead(attempt)) {
        return true;
    }
    return lmm_tracee_is_there(&attempt->tracee)
               ? false
               : lmm_reason_set(attempt->reason, "it has ended, or executed another program");
}

/* Adds to what is said of an attempt that failed why it may have been too slow. */
static void tell_refused_urgency(struct lmm_reason *reason)
{
    struct lmm_reason before = *reason;

    lmm_reason_set(reason,
                   "%.150s (its threads have real-time priority, which lmm may not have: see "
                   "CAP_SYS_NICE, ulimit -r)",
                   before.text);
}

bool lmm_inject(struct lmm_injection *injection, struct lmm_reason *ret_reason)
{
    static struct lmm_attempt attempt; /* large */
    sigset_t signals;

    attempt = (struct lmm_attempt) {.library = injection->library,
                                    .options = injection->options,
                                    .reason = ret_reason,
                                    .begun_ns = lmm_tracee_now(),
                                    .begun_ticks = lmm_machine_ticks()};
    attempt.deadline_ns = attempt.begun_ns + injection->timeout_ns;
    hold_signals(&signals);
    struct lmm_urgency urgency = lmm_urgency_raise(injection->pid);
    bool done = lmm_tracee_open(injection->pid, &attempt.tracee, ret_reason) &&
                run_steps(&attempt, &injection->first_pause_ns);

    injection->functions = attempt.functions;
    injection->modules = attempt.modules;
    injection->second_pause_ns = attempt.pause_ns;
    lmm_tracee_close(&attempt.tracee);
    lmm_urgency_drop(&urgency);
    if (!done && urgency.is_refused) {
        tell_refused_urgency(ret_reason);
    }
    lmm_attempt_forget_modules(&attempt);
    lmm_attempt_drop_patches(&attempt);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    return done;
}
