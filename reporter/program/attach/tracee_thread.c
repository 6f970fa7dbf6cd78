/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/tracee_thread.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "reporter/program/attach/machine.h"

enum { PAUSE_US = 20, LOOK_EACH = 32, PATH_BYTES = 64 };

/* ---- Time ------------------------------------------------------------------------------------ */

uint64_t lmm_tracee_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * UINT64_C(1000000000) + (uint64_t) now.tv_nsec;
}

void lmm_tracee_pause(unsigned microseconds)
{
    const struct timespec time = {.tv_sec = microseconds / 1000000,
                                  .tv_nsec = (long) (microseconds % 1000000) * 1000};

    nanosleep(&time, NULL);
}

/* ---- Registers ------------------------------------------------------------------------------- */

bool lmm_thread_get(pid_t id, struct user_regs_struct *ret_registers)
{
    memset(ret_registers, 0, sizeof(*ret_registers));
    struct iovec bytes = {ret_registers, sizeof(*ret_registers)};

    return ptrace(PTRACE_GETREGSET, id, (void *) NT_PRSTATUS, &bytes) == 0;
}

bool lmm_thread_set(pid_t id, const struct user_regs_struct *registers)
{
    struct user_regs_struct copy = *registers;
    struct iovec bytes = {&copy, sizeof(copy)};

    return ptrace(PTRACE_SETREGSET, id, (void *) NT_PRSTATUS, &bytes) == 0;
}

/* ---- What /proc says ------------------------------------------------------------------------- */

/* Reads the first bytes of a file of /proc about a thread, as text; an empty one when it cannot be read. */
static void read_task_file(pid_t pid, pid_t id, const char *name, char *text, size_t text_bytes)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int) pid, (int) id, name);
    FILE *file = fopen(path, "re");
    size_t bytes = file == NULL ? 0 : fread(text, 1, text_bytes - 1, file);

    text[bytes] = '\0';
    if (file != NULL) {
        fclose(file);
    }
}

bool lmm_thread_is_zombie(pid_t pid, pid_t id)
{
    char text[512];

    read_task_file(pid, id, "stat", text, sizeof(text));
    const char *end = strrchr(text, ')');
    return end == NULL || end[1] == '\0' || end[2] == 'Z' || end[2] == 'X';
}

/* ---- Stopping -------------------------------------------------------------------------------- */

/* Notes what waitpid() told of a thread. False: it has ended. */
static bool note_status(struct lmm_thread *thread, int status)
{
    if (!WIFSTOPPED(status)) {
        return false;
    }
    thread->is_stopped = true;
    thread->event = status >> 16;
    thread->is_interrupted = thread->event == PTRACE_EVENT_STOP;
    thread->is_held = thread->is_interrupted && WSTOPSIG(status) != SIGTRAP;
    thread->signal =
        thread->event == 0 && WSTOPSIG(status) != LMM_THREAD_IN_CALL ? WSTOPSIG(status) : 0;
    return true;
}

int lmm_thread_wait(pid_t pid, struct lmm_thread *thread, uint64_t deadline_ns)
{
    for (unsigned turn = 1;; turn++) {
        int status;
        pid_t got = waitpid(thread->id, &status, __WALL | WNOHANG);

        if (got == thread->id) {
            return note_status(thread, status) ? 1 : 0;
        }
        if (got < 0 && errno != EINTR) {
            return 0;
        }
        if (turn % LOOK_EACH == 0 && lmm_thread_is_zombie(pid, thread->id)) {
            return 0;
        }
        if (lmm_tracee_now() > deadline_ns) {
            return -1;
        }
        lmm_tracee_pause(PAUSE_US);
    }
}

void lmm_thread_tell_to_stop(pid_t pid, struct lmm_thread *thread)
{
    lmm_machine_note_call(pid, thread);
    ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL);
}

int lmm_thread_stop(pid_t pid, struct lmm_thread *thread, uint64_t deadline_ns)
{
    lmm_thread_tell_to_stop(pid, thread);
    return lmm_thread_wait(pid, thread, deadline_ns);
}

bool lmm_thread_has_ended(pid_t id)
{
    int status;
    pid_t got = waitpid(id, &status, __WALL | WNOHANG);

    return (got < 0 && errno == ECHILD) || (got == id && !WIFSTOPPED(status));
}

/* ---- Letting go ------------------------------------------------------------------------------ */

/* Signals that the thread, or the process, has not taken yet, and does not block. */
static bool has_signals(pid_t pid, pid_t id)
{
    static const char *const keys[] = {"\nSigPnd:", "\nShdPnd:", "\nSigBlk:"};
    char text[4096];
    uint64_t sets[3] = {0, 0, 0};

    read_task_file(pid, id, "status", text, sizeof(text));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *at = strstr(text, keys[i]);

        if (at == NULL) {
            return true;
        }
        sets[i] = strtoull(at + strlen(keys[i]), NULL, 16);
    }
    return ((sets[0] | sets[1]) & ~sets[2]) != 0;
}

/* I3 of tracee.h. */
static void begin_again(pid_t pid, const struct lmm_thread *thread)
{
    struct user_regs_struct registers;

    if (thread->is_interrupted && thread->signal == 0 && lmm_thread_get(thread->id, &registers) &&
        lmm_machine_was_in_call(thread, &registers) && !has_signals(pid, thread->id)) {
        lmm_machine_put_before_call(thread, &registers);
        lmm_thread_set(thread->id, &registers);
    }
}

bool lmm_thread_release(pid_t pid, struct lmm_thread *thread, uint64_t deadline_ns)
{
    enum { TRIES = 2 };

    for (unsigned i = 0; i < TRIES; i++) {
        int state = thread->is_stopped ? 1 : lmm_thread_stop(pid, thread, deadline_ns);

        if (state <= 0) {
            return state == 0;
        }
        begin_again(pid, thread);
        if (ptrace(PTRACE_DETACH, thread->id, NULL, (void *) (uintptr_t) thread->signal) == 0) {
            return true;
        }
        thread->is_stopped = false;
    }
    return false;
}
