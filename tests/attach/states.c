/* SPDX-License-Identifier: MIT */
/*
 * states MODE [ARGUMENT]: a program whose threads are in states in which they cannot be stopped, or cannot be made to load a
 * library. SIGUSR1 makes it print "alive"; SIGTERM ends it, with status 4.
 *   vfork      a thread waits for a child of vfork, which does not end
 *   spawning   the only thread never waits, and makes children by vfork all the time
 *   ending     threads that start and end all the time
 *   leader     the first thread has ended; others go on
 *   exec       a thread that is not the first executes this program again, all the time, while others allocate
 *   loading L  a thread loads the library L, whose constructor waits
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS = 4, EXEC_US = 5000, ENDING = 2 };

static char *const *arguments;

static void allocate(void)
{
    void *block = malloc(300);

    free(realloc(block, 5000));
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void answer(int number)
{
    if (number == SIGTERM) {
        _exit(STATUS);
    }
    puts("alive");
    fflush(stdout);
}

static void signals_of(sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGUSR1);
}

/* Answers what has come meanwhile, without waiting. */
static void answer_any(void)
{
    const struct timespec at_once = {0};
    sigset_t signals;

    signals_of(&signals);
    int number = sigtimedwait(&signals, NULL, &at_once);

    if (number > 0) {
        answer(number);
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void *wait_for_child(void *unused)
{
    pid_t child = vfork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    return unused;
}

static void *end_at_once(void *unused)
{
    allocate();
    return unused;
}

static void *start_threads(void *unused)
{
    for (;;) {
        pthread_t threads[ENDING];
        size_t started = 0;

        while (started < ENDING &&
               pthread_create(&threads[started], NULL, end_at_once, NULL) == 0) {
            started++;
        }
        for (size_t i = 0; i < started; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    return unused;
}

static void *allocate_always(void *unused)
{
    for (;;) {
        allocate();
    }
    return unused;
}

static void *execute(void *unused)
{
    const struct timespec pause = {.tv_nsec = EXEC_US * 1000L};
    char program[] = "/proc/self/exe";
    char mode[] = "exec";
    char again[] = "again";
    char *const words[] = {program, mode, again, NULL};

    nanosleep(&pause, NULL);
    answer_any(); /* a thread that execv() ends may have taken the signal, and not answered */
    execv(program, words);
    return unused;
}

static void *wait_always(void *unused)
{
    for (;;) {
        pause();
    }
    return unused;
}

static void *load(void *unused)
{
    return dlopen(arguments[2], RTLD_NOW) == NULL ? unused : NULL;
}

static bool start(void *(*work)(void *unused))
{
    pthread_t thread;

    return pthread_create(&thread, NULL, work, NULL) == 0;
}

/* ---- The first thread ------------------------------------------------------------------------ */

static void *wait_for_signals(void *unused)
{
    sigset_t signals;
    int number;

    signals_of(&signals);
    while (sigwait(&signals, &number) == 0) {
        answer(number);
    }
    return unused;
}

static void spawn_always(void)
{
    for (;;) {
        allocate();
        answer_any();
        pid_t child = vfork();
        if (child == 0) {
            _exit(0);
        }
        while (waitpid(child, NULL, WNOHANG) == 0) {
        }
    }
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *word;
        void *(*work)(void *unused);
    } modes[] = {{"vfork", wait_for_child},
                 {"ending", start_threads},
                 {"leader", wait_for_signals},
                 {"exec", NULL},
                 {"loading", load},
                 {"spawning", NULL}};
    const char *mode = argc < 2 ? "" : argv[1];
    sigset_t signals;

    arguments = argv;
    signals_of(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].word, mode) == 0 && modes[i].work != NULL && !start(modes[i].work)) {
            return 1;
        }
    }
    if (argc < 3 || strcmp(argv[2], "again") != 0) {
        puts("ready");
        fflush(stdout);
    }
    if (strcmp(mode, "exec") == 0) { /* after the line, for which the next program has no word */
        start(execute);
        start(allocate_always);
        wait_always(NULL);
    }
    if (strcmp(mode, "spawning") == 0) {
        spawn_always();
    }
    if (strcmp(mode, "leader") == 0) {
        pthread_exit(NULL);
    }
    wait_for_signals(NULL);
}
