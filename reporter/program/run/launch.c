/* SPDX-License-Identifier: MIT */
/*
 * launch: see launch.h for the contract.
 *
 * All signals that can be caught are blocked, also those that end nothing, and taken one by one with
 * sigwaitinfo(2), which tells who sent them; SIGCHLD among them. So there is no handler and no race: what
 * comes while a signal is looked at waits for its turn. A blocked signal is kept even where its
 * disposition is to ignore it (nohup), and passing it on does no harm: the program ignores it as well.
 */
#include "reporter/program/base/clock.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STATUS_CANNOT_EXECUTE = 126,
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128,
};

/* How this process took signals before, which the program shall do. */
struct before {
    sigset_t mask;
    struct sigaction child;
};

struct watch {
    pid_t pid;
    sigset_t taken;
    int stop_signal; /* this process was told to stop by it, and did not yet; 0: it was not */
    bool is_stopped; /* the program */
    bool is_over;
    struct lmm_ending *ending;
};

/* ---- Signals --------------------------------------------------------------------------------- */

/* Every signal but those of a fault, whose default action must stay: blocked, they kill all the same. */
static void fill_taken(sigset_t *taken)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

    sigfillset(taken);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(taken, faults[i]);
    }
}

/* A parent that ignores SIGCHLD has its children do so, and the kernel would then keep no status. */
static void take_signals(struct watch *watch, struct before *before)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};

    sigemptyset(&plain.sa_mask);
    sigaction(SIGCHLD, &plain, &before->child);
    fill_taken(&watch->taken);
    sigprocmask(SIG_BLOCK, &watch->taken, &before->mask);
}

/* What the terminal sent to the program, which has ended since, was not meant for what comes now. */
static void give_signals_back(const struct watch *watch, const struct before *before)
{
    static const struct timespec none = {0, 0};

    while (sigtimedwait(&watch->taken, NULL, &none) >= 0 || errno == EINTR) {
    }
    sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static bool is_stop(int number)
{
    return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

/* Stops this process by the signal that it was told to stop by, until somebody wakes it. Who did so
 * already has changed his mind: a signal that stops would take the one that wakes back. */
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

static void pass_on(const struct watch *watch, const siginfo_t *info)
{
    bool is_from_somebody =
        info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;

    if (!is_from_somebody || info->si_pid == watch->pid) {
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
    if (is_stop(info->si_signo)) {
        watch->stop_signal = info->si_signo;
    } else if (info->si_signo == SIGCONT) {
        watch->stop_signal = 0;
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

/* In the child: becomes the program, or writes to `report` why not. */
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

    (void) written; /* nobody else could be told */
    _exit(STATUS_NOT_FOUND);
}

/* Returns what a child that could not become the program wrote, or 0: the pipe closed as it did. */
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

/* Takes all news of the program that there are. */
static void look_at_program(struct watch *watch)
{
    struct rusage usage;
    int status;

    while (!watch->is_over &&
           wait4(watch->pid, &status, WNOHANG | WUNTRACED | WCONTINUED, &usage) == watch->pid) {
        watch->is_stopped = WIFSTOPPED(status);
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            watch->is_over = true;
            watch->ending->status = status;
            watch->ending->usage = usage;
        }
    }
}

static void wait_for_end(struct watch *watch)
{
    look_at_program(watch);
    while (!watch->is_over) {
        siginfo_t info;
        int number = sigwaitinfo(&watch->taken, &info);

        if (number == SIGCHLD) {
            look_at_program(watch);
        } else if (number > 0) {
            take_signal(watch, &info);
        }
        if (watch->stop_signal != 0 && watch->is_stopped && !watch->is_over) {
            stop_here(watch);
        }
    }
}

int lmm_launch(const struct lmm_launch *launch, struct lmm_ending *ret_ending)
{
    struct lmm_ending ending = {.pid = 0};
    struct watch watch = {.ending = &ending};
    struct before before;
    uint64_t start_ns = lmm_clock_ns(CLOCK_MONOTONIC);

    take_signals(&watch, &before);
    int error = start(launch, &before, &ending);

    if (error == 0) {
        watch.pid = ending.pid;
        wait_for_end(&watch);
        ending.run_ns = lmm_clock_ns(CLOCK_MONOTONIC) - start_ns;
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
    return WIFSIGNALED(ending->status) ? STATUS_SIGNAL + WTERMSIG(ending->status)
                                       : WEXITSTATUS(ending->status);
}
