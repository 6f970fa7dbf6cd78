/* SPDX-License-Identifier: MIT */
/* cmd_attach: `lmm attach PID|NAME`: loads LMM into a running process, so that it counts what the process allocates from
 * then on. */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reporter/program/attach/attachable.h"
#include "reporter/program/attach/inject.h"
#include "reporter/program/attach/inner_malloc.h"
#include "reporter/program/attach/requests.h"
#include "reporter/program/base/command_line.h"
#include "reporter/program/base/parse.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/named.h"
#include "reporter/program/ledger/running.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/run/preload.h"

enum { KEY_DEPTH = 256, KEY_FOR, KEY_TIMEOUT, KEY_SECCOMP, KEY_LIBRARY };

enum { DEPTH_DEFAULT = 24, DEPTH_MAX = 64 };

static const uint64_t TIMEOUT_NS = UINT64_C(10000000000);

struct arguments {
    const char *word;
    const char *library;
    const char *options;
    unsigned depth;
    uint64_t timeout_ns;
    uint64_t for_ns; /* 0: until a detach */
    bool tries_seccomp;
};

static const struct argp_option options[] = {
    {"depth", KEY_DEPTH, "N", 0,
     "Calls kept of each call stack: 0 (no stacks) to 64, 24 by default", 0},
    {"options", 'O', "KEY=VALUE:...", 0, "Further settings, as in LMM_OPTIONS", 0},
    {"for", KEY_FOR, "TIME", 0,
     "Attach for so long, or until an interrupt; then report, and detach", 0},
    {"seccomp", KEY_SECCOMP, NULL, 0,
     "Attach also to a process that filters its system calls, which a forbidden one may end", 0},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     "Give up when no thread can load a library for so long: 10s by default", 0},
    {"library", KEY_LIBRARY, "FILE", OPTION_HIDDEN, NULL, 0},
    {0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (option) {
    case KEY_DEPTH:
        arguments->depth = (unsigned) lmm_parse_number("--depth", argument, 0, DEPTH_MAX, state);
        return 0;
    case 'O': arguments->options = argument; return 0;
    case KEY_TIMEOUT: arguments->timeout_ns = lmm_parse_time(argument, state); return 0;
    case KEY_FOR: arguments->for_ns = lmm_parse_time(argument, state); return 0;
    case KEY_SECCOMP: arguments->tries_seccomp = true; return 0;
    case KEY_LIBRARY: arguments->library = argument; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num != 0) {
            argp_error(state, "unexpected argument '%s'", argument);
        }
        arguments->word = argument;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "no process given"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp lmm_attach_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "PID|NAME",
    .doc = "Count what a running process allocates from now on: load LMM into it, and lead its "
           "calls of malloc "
           "there. `lmm report', `lmm leaks' and the other subcommands then show it; `lmm detach' "
           "ends it."
           "\vBlocks that the process allocated before are not counted. They stay with the malloc "
           "that made them.",
};

/* Whether the process's ledger says that it calls LMM, or did before a detach; then *ret_status is the result. Else LMM is
 * only loaded in it, perhaps: an attach failed. */
static bool attach_again(const struct lmm_running *process, const char *path, int *ret_status)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);
    struct lmm_reason reason;

    *ret_status = LMM_EXIT_FAILED;
    if (snapshot == NULL) {
        return true;
    }
    bool is_known = snapshot->header->attach_time_ns != 0 || snapshot->header->is_drop_in == 0;
    bool can_switch = snapshot->header->detach_time_ns != 0;

    if (is_known && !can_switch) {
        lmm_complain("cannot attach to process %" PRIu32 " (%s): it is on LMM already",
                     process->pid, process->name);
    } else if (is_known && lmm_request_switch(path, snapshot, true, &reason)) {
        fprintf(stderr, "lmm: attached again to process %" PRIu32 " (%s)\n", process->pid,
                process->name);
        *ret_status = LMM_EXIT_DONE;
    } else if (is_known) {
        lmm_complain("cannot attach to process %" PRIu32 " (%s): %s", process->pid, process->name,
                     reason.text);
    }
    lmm_snapshot_free(snapshot);
    return is_known;
}

static int attach(const struct arguments *arguments, const struct lmm_running *process,
                  const char *library)
{
    struct lmm_reason reason;
    char *settings = NULL;
    int status = LMM_EXIT_FAILED;

    if (asprintf(&settings, "ledger=on:%s%schildren=0:stacks=%u",
                 arguments->options == NULL ? "" : arguments->options,
                 arguments->options == NULL ? "" : ":", arguments->depth) < 0) {
        lmm_complain("out of memory");
        return status;
    }
    struct lmm_injection injection = {.pid = (pid_t) process->pid,
                                      .library = library,
                                      .options = settings,
                                      .timeout_ns = arguments->timeout_ns};

    if (!lmm_attachable(injection.pid, arguments->tries_seccomp, &reason) ||
        !lmm_inject(&injection, &reason)) {
        lmm_complain("cannot attach to process %" PRIu32 " (%s): %s", process->pid, process->name,
                     reason.text);
    } else {
        const char *inner = lmm_inner_malloc_find(injection.pid);
        char way[64] = "their entries";

        if (injection.modules != 0) {
            snprintf(way, sizeof(way), "the tables (GOT) of %u modules", injection.modules);
        }
        fprintf(stderr,
                "lmm: attached to process %" PRIu32 " (%s): %u functions led to LMM by %s; its "
                "threads stood still for %.1f ms and %.1f ms\n",
                process->pid, process->name, injection.functions, way,
                (double) injection.first_pause_ns / 1e6, (double) injection.second_pause_ns / 1e6);
        if (inner != NULL) {
            fprintf(stderr,
                    "lmm: %s has a malloc of its own (%s) that it does not export: what it "
                    "requests there is not counted\n",
                    process->name, inner);
        }
        status = LMM_EXIT_DONE;
    }
    free(settings);
    return status;
}

/* ---- For a while ----------------------------------------------------------------------------- */

/* Waits so long, or until SIGINT or SIGTERM comes, or the process ends. */
static void wait_for(uint64_t ns, pid_t pid)
{
    enum { LOOK_NS = 100000000 };
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = LOOK_NS};
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    for (uint64_t waited = 0; waited < ns && kill(pid, 0) == 0; waited += LOOK_NS) {
        if (sigtimedwait(&signals, NULL, &pause) > 0) {
            break;
        }
    }
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

/* Reports as `lmm report` does, and detaches. */
static int report_and_detach(const struct lmm_running *process)
{
    char name[] = "lmm report";
    char pid[16];
    char *words[] = {name, pid, NULL};
    char *path = lmm_running_ledger(process->pid);
    struct lmm_snapshot *snapshot = path == NULL ? NULL : lmm_snapshot_read(path);
    struct lmm_reason reason = {"the process has ended"};

    snprintf(pid, sizeof(pid), "%" PRIu32, process->pid);
    int status = lmm_cmd_report(2, words);

    if (snapshot == NULL || !lmm_request_switch(path, snapshot, false, &reason)) {
        lmm_complain("not detached from process %s: %s", pid, reason.text);
        status = LMM_EXIT_FAILED;
    }
    lmm_snapshot_free(snapshot);
    free(path);
    return status;
}

/* ---- The command ----------------------------------------------------------------------------- */

/* Attaches to a process that has no LMM, or had it before a detach. */
static int attach_any(const struct arguments *arguments, const struct lmm_running *process)
{
    char *path = lmm_running_ledger(process->pid);
    int status = LMM_EXIT_FAILED;

    if (path == NULL || !attach_again(process, path, &status)) {
        char *library = lmm_preload_find(arguments->library);

        status = library == NULL ? (int) LMM_EXIT_FAILED : attach(arguments, process, library);
        free(library);
    }
    free(path);
    return status;
}

int lmm_cmd_attach(int argc, char **argv)
{
    struct arguments arguments = {.depth = DEPTH_DEFAULT, .timeout_ns = TIMEOUT_NS};

    lmm_command_line_read(&lmm_attach_argp, argc, argv, 0, &arguments);
    struct lmm_named named = lmm_named_find(arguments.word);

    if (named.count != 1) {
        lmm_complain(named.count == 0 ? "no process '%s'"
                                      : "several processes are called '%s'; give a PID",
                     arguments.word);
        return LMM_EXIT_FAILED;
    }
    int status = attach_any(&arguments, &named.first);

    if (status == LMM_EXIT_DONE && arguments.for_ns != 0) {
        wait_for(arguments.for_ns, (pid_t) named.first.pid);
        status = report_and_detach(&named.first);
    }
    return status;
}
