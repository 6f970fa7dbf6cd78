/* SPDX-License-Identifier: MIT */
/* Leak checks while 16 threads allocate, free, hand blocks to each other, begin and end, fork, block
 * signals, change the user, and interrupt each other: none hangs, and no block that a thread still has
 * is lost. */
#include "tests/stress/stress.h"

#include "lib/leaks/check.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tests/support/leaks_found.h"
#include "tests/support/sanitizers.h"

/* Since GCC 13 and clang 14, ThreadSanitizer's runtime takes a lock now and then when an instrumented function is called.
 * Where a thread has it while the process is copied for a check, nobody opens it in the copy. */
#if TSAN && (defined(__clang__) || __GNUC__ >= 13)
#define COPIES_CAN_WAIT_FOR_EVER 1
#else
#define COPIES_CAN_WAIT_FOR_EVER 0
#endif

enum {
    THREADS = 16,
    CHECKS = 100, /* or the argument */
    KEPT = 50,
    TURNS = 2000,
    PATIENCE_SECONDS = 280,
};

typedef struct item {
    struct item *next;
    unsigned char bytes[48];
} item_t;

static int is_over; /* atomic */

static bool goes_on(void)
{
    return __atomic_load_n(&is_over, __ATOMIC_RELAXED) == 0;
}

static item_t *make(item_t *next)
{
    item_t *made = LMM_ALLOC(item_t);
    CHECK(made != NULL);
    made->next = next;
    return made;
}

/* Lists whose heads are on the stack alone. */
static void *keep_on_stack(void *number)
{
    item_t *volatile list[KEPT] = {NULL};
    uint64_t state = (uintptr_t) number + 1;

    for (unsigned turns = 0; goes_on(); turns++) {
        unsigned i = (unsigned) (random_next(&state) % KEPT);
        if (turns % TURNS == 0) {
            usleep(1000); /* else 16 threads leave little time for checks */
        }
        if (list[i] != NULL && random_next(&state) % 2 == 0) {
            item_t *first = list[i];
            list[i] = first->next;
            lmm_free(first);
        } else {
            list[i] = make(list[i]);
        }
    }
    for (unsigned i = 0; i < KEPT; i++) {
        while (list[i] != NULL) {
            item_t *first = list[i];
            list[i] = first->next;
            lmm_free(first);
        }
    }
    return NULL;
}

/* Blocks that are a thread's argument, and then its result. */
static void *pass_on(void *argument)
{
    return make(argument);
}

static void *make_threads(void *number)
{
    while (goes_on()) {
        pthread_t thread;
        void *result = NULL;
        CHECK(pthread_create(&thread, NULL, pass_on, make(NULL)) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        lmm_free(((item_t *) result)->next);
        lmm_free(result);
        usleep(200);
    }
    return number;
}

static void *fork_often(void *number)
{
    while (goes_on()) {
        item_t *item = make(NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            lmm_free(item);
            _exit(0);
        }
        int status = 0;
        while (waitpid(child, &status, 0) < 0) {
        }
        CHECK(status == 0);
        lmm_free(item);
        usleep(2000);
    }
    return number;
}

/* posix_spawn blocks all signals, also those of libc, until the child executes. */
static void *spawn_often(void *number)
{
    static char name[] = "true";
    char *const words[] = {name, NULL};

    while (goes_on()) {
        pid_t child;
        if (posix_spawnp(&child, words[0], NULL, NULL, words, words + 1) == 0) {
            while (waitpid(child, NULL, 0) < 0) {
            }
        }
        usleep(5000);
    }
    return number;
}

static void *block_signals(void *number)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return keep_on_stack(number);
}

static void *change_user(void *number)
{
    while (goes_on()) {
        CHECK(setresuid((uid_t) -1, geteuid(), (uid_t) -1) == 0);
        usleep(500);
    }
    return number;
}

static pthread_t threads[THREADS];

static void be_interrupted(int number)
{
    (void) number;
}

static void *interrupt_others(void *number)
{
    while (goes_on()) {
        kill(getpid(), SIGUSR1);
        usleep(100);
    }
    return number;
}

static void *(*const work[])(void *number) = {
    keep_on_stack, make_threads, keep_on_stack, fork_often,    block_signals,   change_user,
    keep_on_stack, spawn_often,  make_threads,  keep_on_stack, interrupt_others};

static struct {
    unsigned unseen;
    uint64_t pause_ns;
    uint64_t longest_ns;
} seen;

static void check(unsigned number)
{
    static const struct lmm_check_request request;
    struct lmm_ledger_check result;

    int error = lmm_check_run(&request, &result);
    uint64_t lost = leaks_blocks(LMM_LEDGER_LEAK_DEFINITE) + leaks_blocks(LMM_LEDGER_LEAK_INDIRECT);
    if (error != 0 || lost != 0 || result.failure != 0) {
        fprintf(stderr,
                "check %u: error %d, failure %" PRIu32 ", lost %" PRIu64 ", threads %" PRIu32
                ", unseen %" PRIu32 ", flags %" PRIx32 "\n",
                number, error, result.failure, lost, result.threads, result.threads_unseen,
                result.flags);
        abort();
    }
    seen.unseen += result.threads_unseen != 0;
    seen.pause_ns += result.pause_ns;
    seen.longest_ns = result.pause_ns > seen.longest_ns ? result.pause_ns : seen.longest_ns;
}

int main(int count, char **word)
{
    unsigned checks = count > 1 ? (unsigned) strtoul(word[1], NULL, 10) : CHECKS;

    if (COPIES_CAN_WAIT_FOR_EVER) {
        puts("skipped: a copy of the process may wait for a lock of ThreadSanitizer that another "
             "thread had");
        return STRESS_SKIPPED;
    }
    /* Before the first allocation: thousands of children would each leave a ledger. */
    CHECK(setenv("LMM_OPTIONS", "ledger=off", 0) == 0);
    patience_alarm(count > 1 ? 0 : PATIENCE_SECONDS);
    signal(SIGUSR1, be_interrupted);
    for (unsigned i = 0; i < THREADS; i++) {
        unsigned kind = i % (sizeof(work) / sizeof(work[0]));
        CHECK(pthread_create(&threads[i], NULL, work[kind], (void *) (uintptr_t) i) == 0);
    }
    for (unsigned i = 0; i < checks; i++) {
        check(i);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    check(checks);
    CHECK(leaks_blocks(LMM_LEDGER_LEAK_REACHABLE) == 0);
    printf("%u of %u checks did not see all threads; pauses: %" PRIu64 " us, longest %" PRIu64
           " us\n",
           seen.unseen, checks + 1, seen.pause_ns / (checks + 1) / 1000, seen.longest_ns / 1000);
    return EXIT_SUCCESS;
}
