/* SPDX-License-Identifier: MIT */
/* Signals that interrupt allocation at any instruction, in several threads, with handlers that call
 * async-signal-safe functions, fork and _exit included; and a handler that allocates, on an
 * alternate stack, when the program raises the signal itself. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/preload/check.h"

enum {
    THREADS = 3,
    BLOCKS = 200,
    INTERRUPTIONS = 3000,
    INTERVAL_US = 300,
    ALTERNATE_BYTES = 32768,
    RAISES = 300,
    PATIENCE_SECONDS = 50,
};

static atomic_uint interruptions;
static atomic_bool stop;
static int pipe_end;

static void interrupt(int signal_number)
{
    int saved = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned count = atomic_fetch_add(&interruptions, 1);
    char byte = (char) signal_number;
    if (write(pipe_end, &byte, 1) < 0 && errno != EAGAIN) {
        _exit(3);
    }
    if (count % 200 == 199) {
        pid_t child = _Fork();
        if (child == 0) {
            _exit(5);
        }
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (WEXITSTATUS(status) != 5) {
            _exit(4);
        }
    }
    errno = saved;
}

static void *allocate(void *number)
{
    void *block[BLOCKS] = {NULL};
    size_t size[BLOCKS] = {0};
    uint64_t random = (uintptr_t) number;
    while (!atomic_load(&stop)) {
        uint64_t dice = random_next(&random);
        size_t i = dice % BLOCKS;
        size_t bytes = 1 + (size_t) (dice >> 12) % (dice % 90 == 0 ? 400000 : 1000);
        CHECK(check_is_painted(block[i], size[i] < 64 ? size[i] : 64, i));
        if (dice % 3 == 0) {
            block[i] = realloc(block[i], bytes);
        } else {
            free(block[i]);
            block[i] = dice % 5 == 0 ? calloc(1, bytes) : malloc(bytes);
        }
        CHECK(block[i] != NULL);
        size[i] = bytes;
        check_paint(block[i], bytes < 64 ? bytes : 64, i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
    return NULL;
}

static void set_handler(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK(sigemptyset(&action.sa_mask) == 0 && sigaction(number, &action, NULL) == 0);
}

static void test_storm(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pipe_end = ends[1];
    set_handler(SIGALRM, interrupt, SA_RESTART);
    set_handler(SIGPROF, interrupt, SA_RESTART);
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, allocate, (void *) (i + 1)) == 0);
    }
    struct itimerval every = {{0, INTERVAL_US}, {0, INTERVAL_US}};
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    CHECK(setitimer(ITIMER_PROF, &every, NULL) == 0);
    char bytes[4096];
    while (atomic_load(&interruptions) < INTERRUPTIONS) {
        free(malloc(100));
        CHECK(read(ends[0], bytes, sizeof(bytes)) > 0 || errno == EINTR);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    every = (struct itimerval) {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    CHECK(setitimer(ITIMER_PROF, &every, NULL) == 0);
    close(ends[0]);
    close(ends[1]);
}

/* libc declares raise as a function that does not call back into the program. */
static void *volatile from_handler;
static void *volatile to_handler;

/* raise() calls it while no other function of libc is running. */
static void allocate_in_handler(int signal_number)
{
    (void) signal_number;
    free(to_handler);
    from_handler = malloc(200);
    if (from_handler == NULL) {
        _exit(6);
    }
    free(calloc(10, 10000));
}

static void test_alternate_stack(void)
{
    char *memory =
        mmap(NULL, ALTERNATE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    stack_t alternate = {.ss_sp = memory, .ss_size = ALTERNATE_BYTES};
    CHECK(sigaltstack(&alternate, NULL) == 0);
    set_handler(SIGUSR1, allocate_in_handler, SA_ONSTACK);
    for (int i = 0; i < RAISES; i++) {
        to_handler = malloc((size_t) i * 10);
        from_handler = NULL;
        CHECK(raise(SIGUSR1) == 0);
        CHECK(from_handler != NULL);
        memset(from_handler, 1, 200);
        free(from_handler);
    }
    alternate = (stack_t) {.ss_flags = SS_DISABLE};
    CHECK(sigaltstack(&alternate, NULL) == 0);
    munmap(memory, ALTERNATE_BYTES);
}

static void *run_alternate(void *arg)
{
    test_alternate_stack();
    return arg;
}

int main(void)
{
    check_start();
    test_storm();
    set_handler(SIGALRM, SIG_DFL, 0);
    patience_alarm(PATIENCE_SECONDS);
    test_alternate_stack();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_alternate, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
