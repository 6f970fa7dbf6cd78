/* SPDX-License-Identifier: MIT */
/*
 * Threads in every state, each with a pointer on its stack; and threads that have ended.
 */
#include "tests/leaks/cases/case.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 24, VFORK_MS = 3000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile int thread_id;
static __thread void *volatile thread_local_slot;

/* Waits until the thread sleeps in the kernel. */
static void wait_for_sleep(void)
{
    char path[64];
    char text[256] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread_id);
    do {
        FILE *file = fopen(path, "r");

        need(file != NULL, path);
        need(fgets(text, sizeof(text), file) != NULL, path);
        fclose(file);
        usleep(1000);
    } while (strstr(text, ") S ") == NULL && strstr(text, ") D ") == NULL);
}

static void *hold_in(void *state)
{
    void *volatile local = own(BYTES);
    void (*wait)(void) = *(void (**)(void)) state;

    thread_id = (int) syscall(SYS_gettid);
    ready();
    wait();
    (void) local;
    return NULL;
}

/* The state is a function that does not return. */
static void run_in(void (*state)(void))
{
    static void (*slot)(void);

    slot = state;
    start(hold_in, (void *) &slot);
    if (thread_id != 0) {
        wait_for_sleep();
    }
}

static void be_in_pause(void)
{
    for (;;) {
        pause();
    }
}

static void be_in_condition(void)
{
    pthread_mutex_lock(&mutex);
    for (;;) {
        pthread_cond_wait(&condition, &mutex);
    }
}

static void be_in_mutex(void)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
    }
}

static void be_in_sleep(void)
{
    for (;;) {
        sleep(1000);
    }
}

static void be_in_read(void)
{
    int ends[2];
    char byte;

    need(pipe(ends) == 0, "pipe");
    while (read(ends[0], &byte, 1) != 1) {
    }
}

static void be_in_poll(void)
{
    for (;;) {
        poll(NULL, 0, -1);
    }
}

static void be_in_sigwait(void)
{
    sigset_t all;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        sigwait(&all, &number);
    }
}

static void be_without_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    be_in_pause();
}

/* The kernel's own call blocks even the signals that libc keeps for itself. */
static void be_without_any_signals(void)
{
    uint64_t all = UINT64_MAX;

    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all));
    be_in_pause();
}

static void be_busy(void)
{
    thread_id = 0;
    for (volatile int i = 0;; i++) {
    }
}

/* A parent in vfork takes no signal until its child ends. */
static void be_in_vfork(void)
{
    if (vfork() == 0) {
        poll(NULL, 0, VFORK_MS);
        _exit(0);
    }
    be_in_pause();
}

static void state_pause(void)
{
    run_in(be_in_pause);
}

static void state_condition(void)
{
    run_in(be_in_condition);
}

static void state_mutex(void)
{
    pthread_mutex_lock(&mutex);
    run_in(be_in_mutex);
}

static void state_sleep(void)
{
    run_in(be_in_sleep);
}

static void state_read(void)
{
    run_in(be_in_read);
}

static void state_poll(void)
{
    run_in(be_in_poll);
}

static void state_sigwait(void)
{
    run_in(be_in_sigwait);
}

static void state_signals_blocked(void)
{
    run_in(be_without_signals);
}

static void state_all_signals_blocked(void)
{
    run_in(be_without_any_signals);
}

static void state_busy(void)
{
    static void (*slot)(void) = be_busy;

    start(hold_in, (void *) &slot);
}

static void state_vfork(void)
{
    run_in(be_in_vfork);
}

/* The thread's function forgets its argument at once; libc keeps it. */
static void *forget_argument(void *argument)
{
    (void) argument;
    forget();
    ready();
    be_in_pause();
    return NULL;
}

static void thread_argument(void)
{
    start(forget_argument, own(BYTES));
}

static void *give_result(void *unused)
{
    (void) unused;
    thread_id = (int) syscall(SYS_gettid);
    ready();
    return own(BYTES);
}

static void wait_for_end(void)
{
    while (syscall(SYS_tgkill, getpid(), thread_id, 0) == 0) {
        usleep(1000);
    }
    usleep(1000);
}

/* The thread can still be joined. */
static void thread_result(void)
{
    static pthread_t thread;

    thread = (pthread_t) start(give_result, NULL);
    wait_for_end();
}

static void thread_result_joined(void)
{
    void *result;

    pthread_join((pthread_t) start(give_result, NULL), &result);
    memset(&result, 0, sizeof(result));
}

static void *end_with_tls(void *unused)
{
    thread_local_slot = own(BYTES);
    ready();
    return unused;
}

static void ended_thread_tls(void)
{
    pthread_join((pthread_t) start(end_with_tls, NULL), NULL);
}

__attribute__((noinline)) static void dig(int depth)
{
    void *volatile frame[1024];

    frame[512] = depth == 0 ? own(BYTES) : NULL;
    if (depth > 0) {
        dig(depth - 1);
    }
    (void) frame[512];
}

static void *end_with_stack(void *unused)
{
    dig(6);
    ready();
    return unused;
}

/* libc keeps the stacks of some ended threads. */
static void ended_thread_stack(void)
{
    pthread_join((pthread_t) start(end_with_stack, NULL), NULL);
}

static void *end_with_local(void *unused)
{
    void *volatile local = own(BYTES);

    (void) local;
    thread_id = (int) syscall(SYS_gettid);
    ready();
    pthread_exit(unused);
}

static void ended_thread_local(void)
{
    pthread_detach((pthread_t) start(end_with_local, NULL));
    wait_for_end();
}

static void *end_process(void *unused)
{
    void *volatile local = own(BYTES);

    (void) local;
    exit(0);
    return unused;
}

/* Another thread ends the process; main waits with a pointer on its stack. */
static void exit_in_thread(void)
{
    void *volatile local = own(BYTES + 8);
    pthread_t thread;

    need(pthread_create(&thread, NULL, end_process, NULL) == 0, "pthread_create");
    be_in_pause();
    (void) local;
}

static void *end_after_main(void *unused)
{
    char path[64];
    char text[256];

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int) getpid());
    do {
        FILE *file = fopen(path, "r");

        need(file != NULL && fgets(text, sizeof(text), file) != NULL, path);
        fclose(file);
        usleep(1000);
    } while (strstr(text, ") Z ") == NULL);
    return unused;
}

/* The main thread ends before the process does. What a global holds stays reachable. */
static void main_thread_ended(void)
{
    pthread_t thread;

    held = own(BYTES);
    own(BYTES + 8);
    forget();
    need(pthread_create(&thread, NULL, end_after_main, NULL) == 0, "pthread_create");
    pthread_exit(NULL);
}

static void *hold_local(void *unused)
{
    void *volatile local = own(BYTES);

    (void) local;
    ready();
    be_in_pause();
    return unused;
}

static void many_threads(void)
{
    for (int i = 0; i < 50; i++) {
        start(hold_local, NULL);
    }
}

static void *lose(void *unused)
{
    own(BYTES);
    forget();
    ready();
    return unused;
}

static void lost_in_thread(void)
{
    pthread_join((pthread_t) start(lose, NULL), NULL);
}

const struct leak_case thread_cases[] = {
    {"state_pause", state_pause},
    {"state_condition", state_condition},
    {"state_mutex", state_mutex},
    {"state_sleep", state_sleep},
    {"state_read", state_read},
    {"state_poll", state_poll},
    {"state_sigwait", state_sigwait},
    {"state_signals_blocked", state_signals_blocked},
    {"state_all_signals_blocked", state_all_signals_blocked},
    {"state_busy", state_busy},
    {"state_vfork", state_vfork},
    {"thread_argument", thread_argument},
    {"thread_result", thread_result},
    {"thread_result_joined", thread_result_joined},
    {"ended_thread_tls", ended_thread_tls},
    {"ended_thread_stack", ended_thread_stack},
    {"ended_thread_local", ended_thread_local},
    {"exit_in_thread", exit_in_thread},
    {"main_thread_ended", main_thread_ended},
    {"many_threads", many_threads},
    {"lost_in_thread", lost_in_thread},
    {NULL, NULL},
};
