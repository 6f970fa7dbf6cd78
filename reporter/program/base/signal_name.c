/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/signal_name.h"

#include <signal.h>
#include <stddef.h>

static const char *const names[] = {
    [SIGABRT] = "ABRT",     [SIGALRM] = "ALRM", [SIGBUS] = "BUS",   [SIGCHLD] = "CHLD",
    [SIGCONT] = "CONT",     [SIGFPE] = "FPE",   [SIGHUP] = "HUP",   [SIGILL] = "ILL",
    [SIGINT] = "INT",       [SIGKILL] = "KILL", [SIGPIPE] = "PIPE", [SIGPOLL] = "POLL",
    [SIGPROF] = "PROF",     [SIGPWR] = "PWR",   [SIGQUIT] = "QUIT", [SIGSEGV] = "SEGV",
    [SIGSTKFLT] = "STKFLT", [SIGSTOP] = "STOP", [SIGSYS] = "SYS",   [SIGTERM] = "TERM",
    [SIGTRAP] = "TRAP",     [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",
    [SIGURG] = "URG",       [SIGUSR1] = "USR1", [SIGUSR2] = "USR2", [SIGVTALRM] = "VTALRM",
    [SIGWINCH] = "WINCH",   [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
};

const char *lmm_signal_name(int number)
{
    return number > 0 && (size_t) number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}
