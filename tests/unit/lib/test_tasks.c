/* SPDX-License-Identifier: MIT */
/* tasks: a listing that lacks threads says so, when some end while it is made; and what a thread does with a signal. */
#include "lib/leaks/tasks.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    THREADS = 400, /* more than the kernel lists by one call */
    /* These end after the first call. Some of them were listed by it, and the next one begins at one
     * of them. */
    FIRST_ENDED = 90,
    PAST_ENDED = 200,
};

static struct {
    pthread_t thread;
    int id;
    sem_t may_end;
    bool is_visited;
} waiting[THREADS];

static sem_t is_ready;

static void *wait_for_end(void *arg)
{
    size_t i = (size_t) (uintptr_t) arg;

    waiting[i].id = (int) syscall(SYS_gettid);
    sem_post(&is_ready);
    while (sem_wait(&waiting[i].may_end) != 0) {
    }
    return arg;
}

static void start_threads(void)
{
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 16);
    sem_init(&is_ready, 0, 0);
    for (size_t i = 0; i < THREADS; i++) {
        sem_init(&waiting[i].may_end, 0, 0);
        cr_assert(
            pthread_create(&waiting[i].thread, &small, wait_for_end, (void *) (uintptr_t) i) == 0);
        while (sem_wait(&is_ready) != 0) {
        }
    }
}

/* pthread_join() returns before the thread has left the list. */
static void end_threads(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        char path[64];
        sem_post(&waiting[i].may_end);
        cr_assert(pthread_join(waiting[i].thread, NULL) == 0);
        snprintf(path, sizeof(path), "/proc/self/task/%d", waiting[i].id);
        while (access(path, F_OK) == 0) {
            sched_yield();
        }
    }
}

static void note_visit(int thread, void *arg)
{
    size_t *visited = arg;

    for (size_t i = 0; i < THREADS; i++) {
        waiting[i].is_visited = waiting[i].is_visited || waiting[i].id == thread;
    }
    ++*visited;
}

static void note_visit_and_end_some(int thread, void *arg)
{
    const size_t *visited = arg;

    if (*visited == 0) {
        end_threads(FIRST_ENDED, PAST_ENDED);
    }
    note_visit(thread, arg);
}

static size_t count_missing(void)
{
    size_t missing = 0;

    for (size_t i = 0; i < THREADS; i++) {
        missing += !waiting[i].is_visited && (i < FIRST_ENDED || i >= PAST_ENDED);
        waiting[i].is_visited = false;
    }
    return missing;
}

Test(tasks, threads_that_end_during_a_listing)
{
    size_t visited = 0;

    start_threads();
    cr_expect(lmm_tasks_for_each(note_visit, &visited) == 0);
    cr_expect(count_missing() == 0);
    visited = 0;
    int result = lmm_tasks_for_each(note_visit_and_end_some, &visited);
    size_t missing = count_missing();
    cr_expect(missing != 0); /* or this kernel lists them otherwise, and the test shows nothing */
    cr_expect(result == 1, "%d; %zu are missing", result, missing);
    visited = 0;
    cr_expect(lmm_tasks_for_each(note_visit, &visited) == 0);
    cr_expect(count_missing() == 0);
    end_threads(0, FIRST_ENDED);
    end_threads(PAST_ENDED, THREADS);
}

/* Threads that block a signal by a system call of their own, which libc cannot prevent. */
enum { SIGNAL = 33 };
static volatile int
    is_over; /* no bool: GCC with -fsanitize=bool reads one once for all turns of a loop */
static volatile int thread_id;
static sem_t may_end;

static void block(int how)
{
    uint64_t bit = UINT64_C(1) << (SIGNAL - 1);

    syscall(SYS_rt_sigprocmask, how, &bit, NULL, sizeof(bit));
    thread_id = (int) syscall(SYS_gettid);
    sem_post(&is_ready);
}

static void *sleep_open(void *arg)
{
    block(SIG_UNBLOCK);
    sem_wait(&may_end);
    return arg;
}

static void *sleep_blocked(void *arg)
{
    block(SIG_BLOCK);
    sem_wait(&may_end);
    return arg;
}

static void *spin_open(void *arg)
{
    block(SIG_UNBLOCK);
    while (!is_over) {
    }
    return arg;
}

static void *spin_blocked(void *arg)
{
    block(SIG_BLOCK);
    while (!is_over) {
    }
    return arg;
}

static const struct {
    const char *name;
    void *(*run)(void *);
    enum lmm_task_state state;
} states[] = {
    {"sleeps", sleep_open, LMM_TASK_OPEN},
    {"sleeps, and blocks the signal", sleep_blocked, LMM_TASK_BLOCKED},
    {"runs", spin_open, LMM_TASK_OPEN},
    {"runs, and blocks the signal", spin_blocked, LMM_TASK_BUSY},
};

/* A thread that is about to sleep runs until then. */
static bool is_seen_in_state(int id, enum lmm_task_state wanted)
{
    for (unsigned looks = 0; looks < 100000; looks++) {
        uintptr_t sp;
        if (lmm_tasks_look(id, SIGNAL, &sp) == wanted) {
            return true;
        }
        sched_yield();
    }
    return false;
}

Test(tasks, what_a_thread_does_with_a_signal)
{
    sem_init(&is_ready, 0, 0);
    sem_init(&may_end, 0, 0);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        pthread_t thread;
        is_over = false;
        cr_assert(pthread_create(&thread, NULL, states[i].run, NULL) == 0);
        while (sem_wait(&is_ready) != 0) {
        }
        cr_expect(is_seen_in_state(thread_id, states[i].state), "%s", states[i].name);
        is_over = true;
        sem_post(&may_end);
        cr_assert(pthread_join(thread, NULL) == 0);
        while (sem_trywait(&may_end) == 0) {
        }
        cr_expect(is_seen_in_state(thread_id, LMM_TASK_GONE), "%s", states[i].name);
    }
}
