/* SPDX-License-Identifier: MIT */
/*
 * All signals that can be caught are blocked, SIGCHLD among them, and taken one by one with
 * sigwaitinfo(2), which tells the sender. So there are no handlers and no races: a signal that
 * arrives meanwhile stays pending. A blocked signal is kept even when its disposition is to ignore
 * it (nohup); passing it on does no harm, because the program ignores it as well.
 */
#include "reporter/program/base/clock.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/run/launch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STATUS_CANNOT_EXECUTE = 126,
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128,
};

/* The signal mask and dispositions of this process before, which the program inherits. */
struct before {
    sigset_t mask;
    struct sigaction child;
};

struct watch {
    pid_t pid;
    sigset_t taken;
    int stop_signal; /* asks this process to stop, which it has not done yet; 0: none */
    bool is_stopped; /* the program */
    bool is_over;
    bool is_alone; /* no processes are left that it waits for */
    uint64_t start_ns;
    const struct lmm_launch *launch;
    struct lmm_ending *ending;
};

/* ---- Signals --------------------------------------------------------------------------------- */

/* All signals except those of faults, which kill the process even when they are blocked. */
static void fill_taken(sigset_t *taken)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

    sigfillset(taken);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(taken, faults[i]);
    }
}

/* A child inherits that SIGCHLD is ignored, and then the kernel keeps no status. */
static void take_signals(struct watch *watch, struct before *before)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};

    sigemptyset(&plain.sa_mask);
    sigaction(SIGCHLD, &plain, &before->child);
    fill_taken(&watch->taken);
    sigprocmask(SIG_BLOCK, &watch->taken, &before->mask);
}

/* Drops signals that the terminal sent to the program: it has ended, and they are not for the
 * report. */
static void give_signals_back(const struct watch *watch, const struct before *before)
{
    static const struct timespec none = {0, 0};

    while (sigtimedwait(&watch->taken, NULL, &none) >= 0 || errno == EINTR) {
    }
    sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* Stops this process by the pending stop signal, until SIGCONT continues it. If SIGCONT is already
 * pending the process does not stop: raising a stop signal would discard it. */
static void stop_here(struct watch *watch)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    struct sigaction before;
    sigset_t one;

    sigpending(&one);
    if (sigismember(&one, SIGCONT)) {
        return;
    }
    sigemptyset(&plain.sa_mask);
    sigemptyset(&one);
    sigaddset(&one, watch->stop_signal);
    sigaction(watch->stop_signal, &plain, &before);
    raise(watch->stop_signal);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    sigprocmask(SIG_BLOCK, &one, NULL);
    sigaction(watch->stop_signal, &before, NULL);
    watch->stop_signal = 0;
}

/* Not from the terminal, which sends to the program, too. */
static bool is_from_somebody(const siginfo_t *info)
{
    return info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;
}

static void pass_on(const struct watch *watch, const siginfo_t *info)
{
    if (!is_from_somebody(info) || info->si_pid == watch->pid) {
        return;
    }
    if (info->si_code == SI_QUEUE) {
        sigqueue(watch->pid, info->si_signo, info->si_value);
    } else {
        kill(watch->pid, info->si_signo);
    }
}

static void take_signal(struct watch *watch, const siginfo_t *info)
{
    switch (info->si_signo) {
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: watch->stop_signal = info->si_signo; break;
    case SIGCONT: watch->stop_signal = 0; break;
    default: break;
    }
    pass_on(watch, info);
}

/* ---- The program ----------------------------------------------------------------------------- */

static void set_disposition(int number, bool ignored)
{
    struct sigaction action = {.sa_handler = ignored ? SIG_IGN : SIG_DFL};

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* In the child: executes the program, or writes the errno to `report`. */
static _Noreturn void become(const struct lmm_launch *launch, const struct before *before,
                             int report)
{
    int error = 0;

    set_disposition(SIGPIPE, launch->ignores_sigpipe);
    sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
    for (const struct lmm_launch_variable *it = launch->variables; it->name != NULL; it++) {
        error = error == 0 && setenv(it->name, it->value, 1) != 0 ? errno : error;
    }
    if (error == 0) {
        execvp(launch->argv[0], launch->argv);
        error = errno;
    }
    ssize_t written = write(report, &error, sizeof(error));

    (void) written; /* there is nobody else to tell */
    _exit(STATUS_NOT_FOUND);
}

/* Returns the errno that a child wrote, or 0: exec succeeded and closed the pipe. */
static int read_report(int report)
{
    int error = 0;
    ssize_t bytes;

    do {
        bytes = read(report, &error, sizeof(error));
    } while (bytes < 0 && errno == EINTR);
    return bytes == (ssize_t) sizeof(error) ? error : 0;
}

/* Starts the child; sets the ending's pid and exec_errno. Returns 0 or -errno. */
static int start(const struct lmm_launch *launch, const struct before *before,
                 struct lmm_ending *ending)
{
    int report[2];

    if (pipe2(report, O_CLOEXEC) != 0) {
        return -errno;
    }
    pid_t pid = fork();

    if (pid == 0) {
        become(launch, before, report[1]);
    }
    int error = pid < 0 ? -errno : 0;

    close(report[1]);
    ending->pid = pid;
    ending->exec_errno = error == 0 ? read_report(report[0]) : 0;
    close(report[0]);
    return error;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Takes a change of the state of the program, or the end of another child. */
static void take_change(struct watch *watch, pid_t pid, int status, const struct rusage *usage)
{
    bool has_ended = WIFEXITED(status) || WIFSIGNALED(status);

    if (pid != watch->pid) {
        if (has_ended && watch->launch->take_end != NULL) {
            watch->launch->take_end(watch->launch->end_context, pid, status);
        }
        return;
    }
    watch->is_stopped = WIFSTOPPED(status);
    if (has_ended) {
        watch->is_over = true;
        watch->ending->status = status;
        watch->ending->usage = *usage;
        watch->ending->run_ns = lmm_clock_ns(CLOCK_MONOTONIC) - watch->start_ns;
    }
}

static bool is_done(const struct watch *watch)
{
    return watch->is_over && (watch->launch->take_end == NULL || watch->is_alone);
}

/* Takes all pending changes. */
static void look_at_children(struct watch *watch)
{
    pid_t wanted = watch->launch->take_end == NULL ? watch->pid : -1;
    struct rusage usage;
    int status;
    pid_t pid = 0;

    while (!is_done(watch) &&
           (pid = wait4(wanted, &status, WNOHANG | WUNTRACED | WCONTINUED, &usage)) > 0) {
        take_change(watch, pid, status, &usage);
    }
    watch->is_alone = watch->is_alone || (pid < 0 && errno == ECHILD);
}

/* Waits for a signal until the next look is due, at *due_ns, and looks. Returns the signal's number,
 * or -1. */
static int wait_for_signal(const struct watch *watch, const struct lmm_launch *launch,
                           uint64_t *due_ns, siginfo_t *ret_info)
{
    uint64_t now_ns = lmm_clock_ns(CLOCK_MONOTONIC);
    uint64_t left_ns = *due_ns > now_ns ? *due_ns - now_ns : 0;
    const struct timespec left = {(time_t) (left_ns / 1000000000), (long) (left_ns % 1000000000)};
    int number = sigtimedwait(&watch->taken, ret_info, &left);

    if (number < 0 && errno == EAGAIN) {
        *due_ns = lmm_clock_ns(CLOCK_MONOTONIC) + launch->look(launch->context, watch->pid);
    }
    return number;
}

static bool asks_to_end(int number)
{
    return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

/* Takes a signal that is not SIGCHLD. The kernel hands pending signals out by number, so the program may
 * have ended before; then one from somebody is for this process, not for the program. */
static void take_other(struct watch *watch, const siginfo_t *info)
{
    bool was_over = watch->is_over;

    look_at_children(watch);
    if (was_over || (watch->is_over && is_from_somebody(info))) {
        watch->is_alone = watch->is_alone || asks_to_end(info->si_signo);
    } else {
        take_signal(watch, info);
    }
}

static void wait_for_end(struct watch *watch, const struct lmm_launch *launch)
{
    uint64_t due_ns = 0;

    look_at_children(watch);
    while (!is_done(watch)) {
        siginfo_t info;
        int number = wait_for_signal(watch, launch, &due_ns, &info);

        if (number == SIGCHLD) {
            look_at_children(watch);
        } else if (number > 0) {
            take_other(watch, &info);
        }
        if (watch->stop_signal != 0 && watch->is_stopped && !watch->is_over) {
            stop_here(watch);
        }
    }
}

int lmm_launch(const struct lmm_launch *launch, struct lmm_ending *ret_ending)
{
    struct lmm_ending ending = {.pid = 0};
    struct watch watch = {
        .launch = launch,
        .ending = &ending,
        .start_ns = lmm_clock_ns(CLOCK_MONOTONIC),
    };
    struct before before;

    assert(launch->argv[0] != NULL && launch->variables != NULL && launch->look != NULL);
    take_signals(&watch, &before);
    if (launch->take_end != NULL) {
        prctl(PR_SET_CHILD_SUBREAPER, 1L);
    }
    int error = start(launch, &before, &ending);

    if (error == 0) {
        watch.pid = ending.pid;
        wait_for_end(&watch, launch);
        *ret_ending = ending;
    }
    give_signals_back(&watch, &before);
    return error;
}

int lmm_ending_status(const struct lmm_ending *ending)
{
    if (ending->exec_errno != 0) {
        return ending->exec_errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
    }
    assert(WIFEXITED(ending->status) || WIFSIGNALED(ending->status));
    return WIFSIGNALED(ending->status) ? STATUS_SIGNAL + WTERMSIG(ending->status)
                                       : WEXITSTATUS(ending->status);
}
