/* SPDX-License-Identifier: MIT */
/*
 * fork and signal handlers. A handler that interrupts malloc, free or fork anywhere forks; its child
 * exits at once, or returns from the handler and goes on with what was interrupted. A handler that
 * interrupts fork allocates. With threads that allocate meanwhile, too, under the drop-in alone:
 * glibc's fork waits for itself then.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum {
    THREADS = 2,
    BLOCKS = 300,
    FORKS = 20, /* in handlers, of each kind */
    FORKS_INTERRUPTED = 40,
    CHILD_STEPS = 200,
    CHILD_STATUS = 7,
    PATIENCE_SECONDS = 50,
};

struct worker {
    void *block[BLOCKS];
    uint64_t random;
};

static atomic_bool stop;
static volatile sig_atomic_t is_child;
static volatile sig_atomic_t child_returns;
static volatile sig_atomic_t handled;

/* The next signal comes after the last one was handled, so a slow machine still gets on. */
static void set_timer(void)
{
    static uint64_t random = 4711;
    struct itimerval once = {.it_value = {.tv_usec = 20 + (long) (random_next(&random) % 400)}};
    CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
}

static void set_handler(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigemptyset(&action.sa_mask) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
}

/* Large blocks among small ones, so that many calls are on slow paths and hold locks. */
static void step(struct worker *worker)
{
    uint64_t dice = random_next(&worker->random);
    size_t i = dice % BLOCKS;
    size_t bytes = dice % 37 == 0 ? 200000 + (dice >> 20) % 300000 : 1 + (dice >> 20) % 3000;
    free(worker->block[i]);
    worker->block[i] = malloc(bytes);
    CHECK(worker->block[i] != NULL);
    memset(worker->block[i], 1, bytes < 64 ? bytes : 64);
}

static void free_all(struct worker *worker)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        free(worker->block[i]);
        worker->block[i] = NULL;
    }
}

static void wait_for(pid_t child, int expected)
{
    int status = 0;
    while (waitpid(child, &status, 0) != child) {
        CHECK(errno == EINTR);
    }
    CHECK_AT(WIFEXITED(status) && WEXITSTATUS(status) == expected, status);
}

static void fork_in_handler(int signal_number)
{
    int saved_errno = errno;
    pid_t child = fork();
    (void) signal_number;
    CHECK(child >= 0);
    if (child == 0 && !child_returns) {
        _exit(CHILD_STATUS);
    }
    if (child == 0) {
        is_child = 1;
    } else {
        wait_for(child, CHILD_STATUS);
        handled++;
        if (handled < FORKS) { /* a child that returned later would take no notice of what it is */
            set_timer();
        }
    }
    errno = saved_errno;
}

/* In the child of a handler the interrupted call went on, and so does the program. */
_Noreturn static void be_child(struct worker *worker)
{
    for (int i = 0; i < CHILD_STEPS; i++) {
        step(worker);
    }
    free_all(worker);
    _exit(CHILD_STATUS);
}

static void test_fork_in_handler(bool returns)
{
    struct worker worker = {.random = 1 + returns};
    handled = 0;
    child_returns = returns;
    set_handler(fork_in_handler);
    set_timer();
    while (handled < FORKS) {
        step(&worker);
        if (is_child) {
            be_child(&worker);
        }
    }
    set_handler(SIG_IGN);
    free_all(&worker);
}

static void allocate_in_handler(int signal_number)
{
    int saved_errno = errno;
    char *block = malloc(300000);
    (void) signal_number;
    CHECK(block != NULL);
    block[0] = 1;
    free(block);
    handled++;
    set_timer();
    errno = saved_errno;
}

/* The thread allocates nothing itself, so the handler may. */
static void test_allocate_in_fork(void)
{
    handled = 0;
    free(malloc(1 << 20));
    set_handler(allocate_in_handler);
    set_timer();
    for (int i = 0; i < FORKS_INTERRUPTED; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            _exit(CHILD_STATUS);
        }
        wait_for(child, CHILD_STATUS);
    }
    while (handled == 0) {
        usleep(100);
    }
    set_handler(SIG_IGN);
}

static void test_all(void)
{
    test_fork_in_handler(false);
    test_fork_in_handler(true);
    test_allocate_in_fork();
}

static void *run_worker(void *number)
{
    struct worker worker = {.random = 100 + (uintptr_t) number};
    while (!atomic_load(&stop)) {
        step(&worker);
    }
    free_all(&worker);
    return NULL;
}

/* Ends the program if it hangs: SIGALRM is in use. */
static void *watch(void *arg)
{
    sleep(patience_seconds(PATIENCE_SECONDS));
    check_fail(__FILE__, __LINE__, "the test ends", 0);
    return arg;
}

static pthread_t start_thread(void *(*run)(void *arg), size_t number)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    CHECK(sigfillset(&all) == 0 && pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
    CHECK(pthread_create(&thread, NULL, run, (void *) number) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return thread;
}

int main(void)
{
    pthread_t thread[THREADS];
    check_start();
    test_all();
    if (!check_is_under_lmm()) {
        return 0;
    }
    start_thread(watch, 0);
    for (size_t i = 0; i < THREADS; i++) {
        thread[i] = start_thread(run_worker, i);
    }
    test_all();
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    return 0;
}
