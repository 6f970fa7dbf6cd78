/* SPDX-License-Identifier: MIT */
/* misuse: a program that misuses memory in the way of its first argument, at a place that its test
 * knows by a mark. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <malloc.h>

static char *volatile block;
static char foreign[64];

static __attribute__((noinline)) void free_it(char *p)
{
    free(p); /* MARK free_it */
}

static __attribute__((noinline)) void free_twice(void)
{
    char *p = block;

    free(p);
    free_it(p); /* MARK free_twice */
}

static __attribute__((noinline)) void free_inside(void)
{
    free_it(block + 3); /* MARK free_inside */
}

static __attribute__((noinline)) void free_foreign(void)
{
    free_it(foreign + 16); /* MARK free_foreign */
}

static __attribute__((noinline)) void resize_freed(void)
{
    char *p = block;

    free(p);
    block = realloc(p, 500); /* MARK resize_freed */
}

static __attribute__((noinline)) void ask_freed(void)
{
    char *p = block;

    free(p);
    exit((int) malloc_usable_size(p)); /* MARK ask_freed */
}

static void *in_thread(void *arg)
{
    free_twice(); /* MARK in_thread */
    return arg;
}

static void start_thread(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
}

static pthread_barrier_t freed;

static void *free_and_wait(void *arg)
{
    free(block);
    pthread_barrier_wait(&freed);
    pthread_barrier_wait(&freed);
    return arg;
}

/* Without call stacks the other thread finds it, at its end. */
static void free_after_thread(void)
{
    pthread_t thread;

    pthread_barrier_init(&freed, NULL, 2);
    pthread_create(&thread, NULL, free_and_wait, NULL);
    pthread_barrier_wait(&freed);
    free_it(block); /* MARK free_after_thread */
    pthread_barrier_wait(&freed);
    pthread_join(thread, NULL);
}

static void on_signal(int number)
{
    (void) number;
    free_twice(); /* MARK on_signal */
}

static void raise_signal(void)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1); /* MARK raise_signal */
}

/* ---- Children -------------------------------------------------------------------------------- */

static void wait_for(pid_t child)
{
    int status = 0;

    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
        WTERMSIG(status) != SIGABRT) {
        exit(1);
    }
}

/* The free is the child's first call. */
static void in_child(void)
{
    char *p = block;

    free(p);
    pid_t child = fork();
    if (child == 0) {
        free_it(p); /* MARK in_child */
    }
    wait_for(child);
}

static void in_bare_child(void)
{
    char *p = block;

    free(p);
    pid_t child = _Fork();
    if (child == 0) {
        free_it(p);
    }
    wait_for(child);
}

/* Works in its parent's memory. */
static void in_vfork_child(void)
{
    char *p = block;

    free(p);
    pid_t child = vfork();
    if (child == 0) {
        free_it(p);
    }
    wait_for(child);
}

/* The child's panic is not the last. */
static void after_vfork_child(void)
{
    in_vfork_child();
    free_foreign();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"double", free_twice},
    {"interior", free_inside},
    {"foreign", free_foreign},
    {"realloc", resize_freed},
    {"usable", ask_freed},
    {"thread", start_thread},
    {"after_thread", free_after_thread},
    {"handler", raise_signal},
    {"fork", in_child},
    {"bare_fork", in_bare_child},
    {"vfork", in_vfork_child},
    {"after_vfork", after_vfork_child},
};

int main(int argc, char **argv)
{
    block = malloc(40);
    for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            cases[i].run(); /* MARK main */
        }
    }
    return 0;
}
