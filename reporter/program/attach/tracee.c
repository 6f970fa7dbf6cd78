/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/tracee.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reporter/program/base/array.h"
#include "reporter/program/ledger/ledger_file.h"

enum { PAUSE_US = 20, PATH_BYTES = 64 };

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

/* ---- Memory ---------------------------------------------------------------------------------- */

bool lmm_tracee_read(const struct lmm_tracee *tracee, uint64_t address, void *ret_bytes,
                     size_t count)
{
    return pread(tracee->memory, ret_bytes, count, (off_t) address) == (ssize_t) count;
}

bool lmm_tracee_write(const struct lmm_tracee *tracee, uint64_t address, const void *bytes,
                      size_t count)
{
    return pwrite(tracee->memory, bytes, count, (off_t) address) == (ssize_t) count;
}

bool lmm_tracee_open(pid_t pid, struct lmm_tracee *ret_tracee, struct lmm_reason *ret_reason)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/%d/mem", (int) pid);
    *ret_tracee = (struct lmm_tracee) {.pid = pid, .memory = open(path, O_RDWR | O_CLOEXEC)};
    return ret_tracee->memory >= 0 ||
           lmm_reason_set(ret_reason, "its memory cannot be opened: %s", strerror(errno));
}

void lmm_tracee_close(struct lmm_tracee *tracee)
{
    lmm_tracee_release(tracee, 0);
    free(tracee->threads);
    tracee->threads = NULL;
    if (tracee->memory >= 0) {
        close(tracee->memory);
    }
    tracee->memory = -1;
}

/* ---- Registers ------------------------------------------------------------------------------- */

bool lmm_thread_get(pid_t id, struct user_regs_struct *ret_registers)
{
    return ptrace(PTRACE_GETREGS, id, NULL, ret_registers) == 0;
}

bool lmm_thread_set(pid_t id, const struct user_regs_struct *registers)
{
    return ptrace(PTRACE_SETREGS, id, NULL, registers) == 0;
}

/* ---- Breakpoints ----------------------------------------------------------------------------- */

static bool set_debug_register(pid_t id, size_t number, uint64_t value)
{
    size_t offset = offsetof(struct user, u_debugreg) + number * sizeof(uint64_t);

    return ptrace(PTRACE_POKEUSER, id, offset, value) == 0;
}

/* One of the processor, which no other thread, and no child, meets. */
static bool set_breakpoint(struct lmm_thread *thread, uint64_t address)
{
    enum { CONTROL = 7, LOCAL_ENABLE_0 = 1 };

    thread->has_breakpoint = set_debug_register(thread->id, 0, address) &&
                             set_debug_register(thread->id, CONTROL, LOCAL_ENABLE_0);
    return thread->has_breakpoint;
}

static void clear_breakpoint(struct lmm_thread *thread)
{
    if (thread->has_breakpoint) {
        set_debug_register(thread->id, 7, 0);
        thread->has_breakpoint = false;
    }
}

/* ---- Stopping -------------------------------------------------------------------------------- */

struct lmm_thread *lmm_tracee_thread(struct lmm_tracee *tracee, pid_t id)
{
    for (size_t i = 0; i < tracee->count; i++) {
        if (tracee->threads[i].id == id) {
            return &tracee->threads[i];
        }
    }
    return NULL;
}

static void forget(struct lmm_tracee *tracee, struct lmm_thread *thread)
{
    *thread = tracee->threads[--tracee->count];
}

/* Notes what waitpid() told of a thread. False: it has ended. */
static bool note_status(struct lmm_thread *thread, int status)
{
    if (!WIFSTOPPED(status)) {
        return false;
    }
    thread->is_stopped = true;
    thread->is_interrupted = status >> 16 == PTRACE_EVENT_STOP;
    thread->signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    return true;
}

/* Waits until the thread stops. 1: it has; 0: it has ended; -1: it does not. */
static int wait_for_stop(struct lmm_thread *thread, uint64_t deadline_ns)
{
    for (;;) {
        int status;
        pid_t got = waitpid(thread->id, &status, __WALL | WNOHANG);

        if (got == thread->id) {
            return note_status(thread, status) ? 1 : 0;
        }
        if (got < 0 && errno != EINTR) {
            return 0;
        }
        if (lmm_tracee_now() > deadline_ns) {
            return -1;
        }
        lmm_tracee_pause(PAUSE_US);
    }
}

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

/* Whether the thread has ended, and only its record is left: the first one of a process may. */
static bool is_zombie(pid_t pid, pid_t id)
{
    char text[512];

    read_task_file(pid, id, "stat", text, sizeof(text));
    const char *end = strrchr(text, ')');
    return end == NULL || end[1] == '\0' || end[2] == 'Z' || end[2] == 'X';
}

/* Begins to trace a thread, and to stop it. False and *ret_reason; true also when it has ended. */
static bool take_thread(struct lmm_tracee *tracee, pid_t id, struct lmm_reason *ret_reason)
{
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL) != 0) {
        int error = errno;

        return error == ESRCH || is_zombie(tracee->pid, id) ||
               lmm_reason_set(ret_reason, "thread %d cannot be traced: %s", (int) id,
                              strerror(error));
    }
    struct lmm_thread *thread =
        lmm_array_add(&tracee->threads, &tracee->count, sizeof(*tracee->threads));

    if (thread == NULL) {
        ptrace(PTRACE_DETACH, id, NULL, NULL);
        return lmm_reason_set(ret_reason, "out of memory");
    }
    thread->id = id;
    ptrace(PTRACE_INTERRUPT, id, NULL, NULL);
    return true;
}

/* Takes the threads that are not in the list. Returns how many; -1 and *ret_reason. */
static int take_new_threads(struct lmm_tracee *tracee, struct lmm_reason *ret_reason)
{
    char path[PATH_BYTES];
    int taken = 0;
    bool done = true;

    snprintf(path, sizeof(path), "/proc/%d/task", (int) tracee->pid);
    DIR *folder = opendir(path);

    if (folder == NULL) {
        lmm_reason_set(ret_reason, "it has ended");
        return -1;
    }
    for (struct dirent *entry; done && (entry = readdir(folder)) != NULL;) {
        pid_t id = (pid_t) strtol(entry->d_name, NULL, 10);

        if (id > 0 && lmm_tracee_thread(tracee, id) == NULL) {
            size_t before = tracee->count;

            done = take_thread(tracee, id, ret_reason);
            taken += tracee->count > before;
        }
    }
    closedir(folder);
    return done ? taken : -1;
}

/* Waits for all that do not stand still yet. */
static bool wait_for_all(struct lmm_tracee *tracee, uint64_t deadline_ns,
                         struct lmm_reason *ret_reason)
{
    for (size_t i = 0; i < tracee->count;) {
        struct lmm_thread *thread = &tracee->threads[i];
        int result = thread->is_stopped ? 1 : wait_for_stop(thread, deadline_ns);

        if (result < 0) {
            return lmm_reason_set(ret_reason, "thread %d does not stop", (int) thread->id);
        }
        if (result == 0) {
            forget(tracee, thread);
        } else {
            i++;
        }
    }
    return true;
}

bool lmm_tracee_stop(struct lmm_tracee *tracee, uint64_t deadline_ns, pid_t keep,
                     struct lmm_reason *ret_reason)
{
    int taken = 1;

    while (taken > 0) {
        taken = take_new_threads(tracee, ret_reason);
        if (taken < 0 || !wait_for_all(tracee, deadline_ns, ret_reason)) {
            lmm_tracee_release(tracee, keep);
            return false;
        }
    }
    return true;
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

/* Calls that end with EINTR when their thread was stopped, and have done nothing then. */
static bool can_begin_again(uint64_t call)
{
    static const uint64_t calls[] = {
        SYS_epoll_wait,    SYS_epoll_pwait, SYS_rt_sigtimedwait, SYS_semop,
        SYS_semtimedop,    SYS_msgrcv,      SYS_msgsnd,          SYS_io_getevents,
        SYS_recvfrom,      SYS_recvmsg,     SYS_accept,          SYS_accept4,
#ifdef SYS_epoll_pwait2
        SYS_epoll_pwait2,
#endif
#ifdef SYS_io_pgetevents
        SYS_io_pgetevents,
#endif
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (calls[i] == call) {
            return true;
        }
    }
    return false;
}

/* Puts the thread back before the instruction of its system call (I4). */
static void begin_again(pid_t pid, const struct lmm_thread *thread)
{
    enum { SYSCALL_BYTES = 2 };
    struct user_regs_struct registers;

    if (thread->is_interrupted && thread->signal == 0 && lmm_thread_get(thread->id, &registers) &&
        (int64_t) registers.rax == -EINTR && can_begin_again(registers.orig_rax) &&
        !has_signals(pid, thread->id)) {
        registers.rax = registers.orig_rax;
        registers.rip -= SYSCALL_BYTES;
        lmm_thread_set(thread->id, &registers);
    }
}

/* A thread can be let go only when it stands still. */
static void release_thread(pid_t pid, struct lmm_thread *thread)
{
    if (!thread->is_stopped) {
        ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL);
        if (wait_for_stop(thread, UINT64_MAX) <= 0) {
            return;
        }
    }
    clear_breakpoint(thread);
    begin_again(pid, thread);
    ptrace(PTRACE_DETACH, thread->id, NULL, (void *) (uintptr_t) thread->signal);
}

void lmm_tracee_release(struct lmm_tracee *tracee, pid_t keep)
{
    size_t kept = 0;

    for (size_t i = 0; i < tracee->count; i++) {
        if (tracee->threads[i].id == keep) {
            tracee->threads[kept++] = tracee->threads[i];
        } else {
            release_thread(tracee->pid, &tracee->threads[i]);
        }
    }
    tracee->count = kept;
}

/* ---- Breakpoints ----------------------------------------------------------------------------- */

static void go_on(struct lmm_thread *thread)
{
    thread->is_stopped =
        ptrace(PTRACE_CONT, thread->id, NULL, (void *) (uintptr_t) thread->signal) != 0;
    thread->signal = 0;
}

/* Whether a thread that stopped is at the breakpoint; then its signal is ours. */
static bool is_there(struct lmm_thread *thread, uint64_t address)
{
    struct user_regs_struct registers;
    bool is_trap = thread->signal == SIGTRAP && lmm_thread_get(thread->id, &registers) &&
                   registers.rip == address;

    thread->signal = is_trap ? 0 : thread->signal;
    return is_trap;
}

/* Waits until any thread stops at the breakpoint. */
static pid_t wait_for_breakpoint(struct lmm_tracee *tracee, uint64_t address, uint64_t deadline_ns)
{
    while (tracee->count > 0 && lmm_tracee_now() < deadline_ns) {
        for (size_t i = 0; i < tracee->count; i++) {
            struct lmm_thread *thread = &tracee->threads[i];
            int result = wait_for_stop(thread, 0);

            if (result == 0) {
                forget(tracee, thread);
                break;
            }
            if (result > 0 && is_there(thread, address)) {
                return thread->id;
            }
            if (result > 0) {
                go_on(thread);
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
static void take_trap(struct lmm_thread *thread, uint64_t address)
{
    struct user_regs_struct registers;

    while (thread->is_stopped && thread->signal == 0 && lmm_thread_get(thread->id, &registers) &&
           registers.rip == address && has_pending(thread->id, SIGTRAP)) {
        go_on(thread);
        if (wait_for_stop(thread, UINT64_MAX) > 0) {
            is_there(thread, address);
        }
    }
}

/* Stops those that run; one that comes to the breakpoint meanwhile just stands there. */
static void stop_running(struct lmm_tracee *tracee, uint64_t address)
{
    for (size_t i = 0; i < tracee->count;) {
        struct lmm_thread *thread = &tracee->threads[i];

        if (!thread->is_stopped) {
            ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL);
            if (wait_for_stop(thread, UINT64_MAX) <= 0) {
                forget(tracee, thread);
                continue;
            }
            is_there(thread, address);
        }
        clear_breakpoint(thread);
        take_trap(thread, address);
        i++;
    }
}

pid_t lmm_tracee_run_to(struct lmm_tracee *tracee, uint64_t address, uint64_t deadline_ns)
{
    bool has_any = false;

    for (size_t i = 0; i < tracee->count; i++) {
        has_any |= set_breakpoint(&tracee->threads[i], address);
    }
    if (!has_any) {
        return 0;
    }
    for (size_t i = 0; i < tracee->count; i++) {
        go_on(&tracee->threads[i]);
    }
    pid_t found = wait_for_breakpoint(tracee, address, deadline_ns);

    stop_running(tracee, address);
    return found;
}
