/* SPDX-License-Identifier: MIT */
/* tasks: a listing that lacks threads says so, when some end while it is made. */
#include "lib/leaks/tasks.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
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
