/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/tracee.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>

enum { PAUSE_US = 20 };

/* Whether a thread that stopped is at the breakpoint; then its signal is ours. */
static bool is_there(struct lmm_thread *thread, uint64_t address)
{
    struct user_regs_struct registers;
    bool is_trap = thread->signal == SIGTRAP && lmm_thread_get(thread->id, &registers) &&
                   registers.rip == address;

    thread->signal = is_trap ? 0 : thread->signal;
    return is_trap;
}

/* The thread is about to wait for a child of vfork, which is stopped and traced, too. */
static void pass_vfork(struct lmm_tracee *tracee, struct lmm_thread *thread)
{
    unsigned long child_id = 0;

    if (ptrace(PTRACE_GETEVENTMSG, thread->id, NULL, &child_id) == 0 && child_id != 0) {
        struct lmm_thread child = {.id = (pid_t) child_id};

        if (lmm_thread_wait(tracee->pid, &child, lmm_tracee_now() + LMM_TRACEE_GRACE_NS) > 0) {
            lmm_thread_release(tracee->pid, &child, 0);
        }
    }
    lmm_thread_clear_breakpoint(thread);
}

/* Waits until any thread stops at the breakpoint. */
static pid_t wait_for_breakpoint(struct lmm_tracee *tracee, uint64_t address, uint64_t deadline_ns)
{
    while (tracee->count > 0 && lmm_tracee_now() < deadline_ns) {
        for (size_t i = 0; i < tracee->count; i++) {
            struct lmm_thread *thread = &tracee->threads[i];
            int result = lmm_thread_wait(tracee->pid, thread, 0);

            if (result == 0) {
                lmm_tracee_forget(tracee, thread);
                break;
            }
            if (result > 0 && is_there(thread, address)) {
                return thread->id;
            }
            if (result > 0 && thread->event == PTRACE_EVENT_VFORK) {
                pass_vfork(tracee, thread);
            }
            if (result > 0) {
                lmm_thread_go_on(thread);
            }
        }
        lmm_tracee_pause(PAUSE_US);
    }
    return 0;
}

/* Whether a signal waits for the thread alone. */
static bool has_pending(pid_t id, int signal)
{
    enum { MOST = 32 };
    const struct __ptrace_peeksiginfo_args arguments = {.off = 0, .flags = 0, .nr = MOST};
    siginfo_t found[MOST];
    long count = ptrace(PTRACE_PEEKSIGINFO, id, &arguments, found);

    for (long i = 0; i < count; i++) {
        if (found[i].si_signo == signal) {
            return true;
        }
    }
    return false;
}

/* A thread that came to the breakpoint when it was stopped has the signal of it still before it; the kernel delivers
 * that one first. */
static void take_trap(struct lmm_tracee *tracee, struct lmm_thread *thread, uint64_t address,
                      uint64_t deadline_ns)
{
    struct user_regs_struct registers;

    while (thread->is_stopped && thread->signal == 0 && lmm_thread_get(thread->id, &registers) &&
           registers.rip == address && has_pending(thread->id, SIGTRAP)) {
        lmm_thread_go_on(thread);
        if (lmm_thread_wait(tracee->pid, thread, deadline_ns) > 0) {
            is_there(thread, address);
        }
    }
}

/* Stops those that run; one that comes to the breakpoint meanwhile just stands there. One that does not stop keeps its
 * breakpoint until it does (lmm_tracee_release()). */
static void stop_running(struct lmm_tracee *tracee, uint64_t address)
{
    uint64_t deadline_ns = lmm_tracee_now() + LMM_TRACEE_GRACE_NS;

    for (size_t i = 0; i < tracee->count;) {
        struct lmm_thread *thread = &tracee->threads[i];

        if (!thread->is_stopped) {
            int result = lmm_thread_stop(tracee->pid, thread, deadline_ns);

            if (result == 0) {
                lmm_tracee_forget(tracee, thread);
                continue;
            }
            if (result > 0 && thread->event == PTRACE_EVENT_VFORK) {
                pass_vfork(tracee, thread);
            } else if (result > 0) {
                is_there(thread, address);
            }
        }
        if (thread->is_stopped) {
            lmm_thread_clear_breakpoint(thread);
            take_trap(tracee, thread, address, deadline_ns);
        }
        i++;
    }
}

pid_t lmm_tracee_run_to(struct lmm_tracee *tracee, uint64_t address, uint64_t deadline_ns)
{
    bool has_any = false;

    for (size_t i = 0; i < tracee->count; i++) {
        has_any |= lmm_thread_set_breakpoint(&tracee->threads[i], address);
    }
    if (!has_any) {
        return 0;
    }
    for (size_t i = 0; i < tracee->count; i++) {
        lmm_thread_go_on(&tracee->threads[i]);
    }
    pid_t found = wait_for_breakpoint(tracee, address, deadline_ns);

    stop_running(tracee, address);
    return found;
}
