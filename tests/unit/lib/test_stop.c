/* SPDX-License-Identifier: MIT */
/* stop: threads in every state stand still and go on; those that cannot be stopped are told. */
#include "lib/leaks/stop.h"

#include "lib/ground/system.h"
#include "lib/leaks/registers.h"
#include "lib/leaks/tasks.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/glibc.h"
#include "tests/support/sanitizers.h"
#include "tests/support/spinners.h"
#include "tests/support/without_main_thread.h"

static volatile int
    is_over; /* no bool: GCC with -fsanitize=bool reads one once for all turns of a loop */
static volatile unsigned long turns;
static sem_t is_ready;
static sem_t may_end;

static struct lmm_stop_thread *record_of(const struct lmm_stop *stop, int thread)
{
    for (size_t i = 0; i < stop->count; i++) {
        if (lmm_stop_thread(i)->thread == thread) {
            return lmm_stop_thread(i);
        }
    }
    return NULL;
}

static volatile int thread_id;
static volatile uintptr_t thread_tp;

static void tell_ready(void)
{
    thread_id = (int) syscall(SYS_gettid);
    thread_tp = (uintptr_t) __builtin_thread_pointer();
    sem_post(&is_ready);
}

static void *spin(void *arg)
{
    tell_ready();
    while (!is_over) {
        turns = turns + 1;
    }
    return arg;
}

static void *wait_in_call(void *arg)
{
    tell_ready();
    while (sem_wait(&may_end) != 0) {
        cr_assert(errno == EINTR);
    }
    return arg;
}

static void *block_by_libc(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return wait_in_call(arg);
}

static void *block_by_system_call(void *arg)
{
    uint64_t all = UINT64_MAX;

    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    return wait_in_call(arg);
}

static void *use_alternate_stack(void *arg)
{
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};

    sigaltstack(&stack, NULL);
    wait_in_call(arg);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    free(stack.ss_sp);
    return arg;
}

/* The parent of a vfork waits until the child ends. */
static int gate[2];
static void *wait_for_vfork_child(void *arg)
{
    char byte;

    thread_id = (int) syscall(SYS_gettid);
    pid_t child = vfork();
    if (child == 0) {
        sem_post(&is_ready);
        while (syscall(SYS_read, gate[0], &byte, 1) < 0) {
        }
        _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0) {
    }
    return arg;
}

static void start(pthread_t *thread, void *(*run)(void *) )
{
    is_over = false;
    sem_init(&is_ready, 0, 0);
    sem_init(&may_end, 0, 0);
    cr_assert(pipe(gate) == 0);
    cr_assert(pthread_create(thread, NULL, run, NULL) == 0);
    while (sem_wait(&is_ready) != 0) {
    }
}

static void end(pthread_t thread)
{
    is_over = true;
    sem_post(&may_end);
    cr_assert(write(gate[1], "x", 1) == 1);
    cr_assert(pthread_join(thread, NULL) == 0);
    close(gate[0]);
    close(gate[1]);
}

static const struct {
    const char *name;
    void *(*run)(void *);
    bool is_seen;
} threads[] = {
    {"spins", spin, true},
    {"in a system call", wait_in_call, true},
    {"blocks all signals by libc", block_by_libc, true},
    {"has an alternate stack", use_alternate_stack, true},
    {"blocks all signals by a system call", block_by_system_call, false},
    {"waits for a vforked child", wait_for_vfork_child, false},
};

enum { THREADS = sizeof(threads) / sizeof(threads[0]) };

Test(stop, a_thread_in_each_state)
{
    for (size_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        struct lmm_stop stop;
        start(&thread, threads[i].run);
        cr_assert(lmm_stop_threads(&stop) == 0, "%s", threads[i].name);
        struct lmm_stop_thread *record = record_of(&stop, thread_id);
        bool is_found = record != NULL;
        bool is_seen = is_found && lmm_stop_state(record) == LMM_STOP_SEEN;
        bool has_sp = is_found && record->sp != 0;
        bool has_tp = is_found && record->tp == thread_tp;
        size_t unseen = stop.unseen;
        lmm_stop_release(&stop);
        cr_expect(is_found, "%s", threads[i].name);
        cr_expect(is_seen == threads[i].is_seen, "%s", threads[i].name);
        cr_expect(has_sp, "%s", threads[i].name);
        cr_expect(has_tp == is_seen, "%s", threads[i].name);
        cr_expect(unseen == !threads[i].is_seen, "%s: %zu", threads[i].name, unseen);
        end(thread);
    }
}

/* A word is in a register alone while the thread spins. */
struct search {
    uintptr_t word;
    bool is_found;
};

static void look_for_word(const void *from, const void *to, void *arg)
{
    struct search *search = arg;

    for (const uintptr_t *at = from; at + 1 <= (const uintptr_t *) to; at++) {
        search->is_found = search->is_found || *at == search->word;
    }
}

static const struct spinner *spinner;

static void *spin_with_word(void *arg)
{
    tell_ready();
    spinner->spin(&is_over);
    return arg;
}

Test(stop, a_word_in_a_register)
{
    for (spinner = spinners; spinner->name != NULL; spinner++) {
        pthread_t thread;
        struct lmm_stop stop;
        struct search search = {.word = SPINNER_WORD};
        if (!spinner->is_possible()) {
            continue;
        }
        start(&thread, spin_with_word);
        /* The thread may stand still before it has loaded the word. */
        for (unsigned attempts = 0; attempts < 10000 && !search.is_found; attempts++) {
            cr_assert(lmm_stop_threads(&stop) == 0);
            struct lmm_stop_thread *record = record_of(&stop, thread_id);
            if (record != NULL && lmm_stop_state(record) == LMM_STOP_SEEN) {
                lmm_registers_visit(record->context, look_for_word, &search);
            }
            lmm_stop_release(&stop);
        }
        cr_expect(search.is_found, "%s", spinner->name);
        end(thread);
    }
}

Test(stop, saved_registers_hold_the_caller_s_words)
{
    struct lmm_saved_registers saved;
    char here;

    lmm_registers_save(&saved);
    cr_expect(saved.sp <= (uintptr_t) &here);
    cr_expect((uintptr_t) &here - saved.sp < 4096);
}

Test(stop, threads_stand_still_and_go_on)
{
    pthread_t thread;
    struct lmm_stop stop;

    start(&thread, spin);
    for (unsigned i = 0; i < 200; i++) {
        cr_assert(lmm_stop_threads(&stop) == 0);
        unsigned long before = turns;
        for (volatile unsigned pause = 0; pause < 10000; pause = pause + 1) {
        }
        bool stood = before == turns;
        lmm_stop_release(&stop);
        cr_assert(stood);
        while (turns == before) {
        }
    }
    end(thread);
}

Test(stop, the_action_is_restored)
{
    struct lmm_system_action before = {0};
    struct lmm_system_action after = {0};
    struct lmm_stop stop;
    pthread_t thread;

    start(&thread, wait_in_call);
    lmm_system_sigaction(LMM_STOP_SIGNAL, NULL, &before);
    cr_assert(lmm_stop_threads(&stop) == 0);
    lmm_stop_release(&stop);
    lmm_system_sigaction(LMM_STOP_SIGNAL, NULL, &after);
    cr_expect(before.handler == after.handler && before.flags == after.flags);
    end(thread);
}

/* A late signal of a thread that was unseen does nothing, and does not end the process. */
static void *unblock_later(void *arg)
{
    uint64_t none = 0;

    block_by_system_call(arg);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
    return arg;
}

Test(stop, an_answer_that_comes_late)
{
    pthread_t thread;
    struct lmm_stop stop;

    start(&thread, unblock_later);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(lmm_stop_threads(&stop) == 0);
        const struct lmm_stop_thread *record = record_of(&stop, thread_id);
        cr_expect(record != NULL && lmm_stop_state(record) == LMM_STOP_UNSEEN);
        lmm_stop_release(&stop);
    }
    end(thread);
    cr_assert(lmm_stop_threads(&stop) == 0);
    cr_expect(stop.unseen == 0);
    lmm_stop_release(&stop);
}

/* libc changes the user of all threads by the same signal. */
static void *change_user(void *arg)
{
    tell_ready();
    while (!is_over) {
        cr_assert(setresuid((uid_t) -1, geteuid(), (uid_t) -1) == 0);
        turns = turns + 1;
    }
    return arg;
}

Test(stop, beside_a_change_of_user)
{
    pthread_t thread;
    pthread_t others[4];
    struct lmm_stop stop;

    start(&thread, change_user);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(pthread_create(&others[i], NULL, i % 2 == 0 ? spin : wait_in_call, NULL) == 0);
    }
    turns = 0;
    /* On a busy machine all stops may come before one change of user. */
    for (unsigned i = 0; i < 200 || turns == 0; i++) {
        uint64_t signals;

        /* As a check does: musl's signal for a change of user would make this thread wait for those that it has stopped. */
        lmm_system_sigmask(SIG_BLOCK, UINT64_MAX, &signals);
        cr_assert(lmm_stop_threads(&stop) == 0);
#if defined(__GLIBC__) /* threads of musl may wait for this one with all signals blocked */
        cr_expect(stop.unseen == 0);
#endif
        lmm_stop_release(&stop);
        lmm_system_sigmask(SIG_SETMASK, signals, NULL);
    }
    sem_post(&may_end);
    sem_post(&may_end);
    end(thread);
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(others[i], NULL);
    }
}

/* Threads that begin and end all the time. */
static void *be_short(void *arg)
{
    return arg;
}

static void *make_threads(void *arg)
{
    tell_ready();
    while (!is_over) {
        pthread_t child[4];
        for (unsigned i = 0; i < 4; i++) {
            cr_assert(pthread_create(&child[i], NULL, be_short, NULL) == 0);
        }
        for (unsigned i = 0; i < 4; i++) {
            pthread_join(child[i], NULL);
        }
        turns = turns + 1;
    }
    return arg;
}

struct listing {
    const struct lmm_stop *stop;
    size_t unknown;
};

static void count_unknown(int thread, void *arg)
{
    struct listing *listing = arg;

    listing->unknown += thread != syscall(SYS_gettid) && record_of(listing->stop, thread) == NULL;
}

/* Whether a whole listing was made. A thread that has ended may leave the list much later; a listing
 * during which one does may lack others, and is made again. */
static bool list_unknown(struct listing *listing)
{
    int result = 1;

    for (unsigned attempts = 0; attempts < 1000 && result == 1; attempts++) {
        listing->unknown = 0;
        result = lmm_tasks_for_each(count_unknown, listing);
    }
    return result == 0;
}

Test(stop, while_threads_begin_and_end)
{
    pthread_t thread;
    struct lmm_stop stop;

    start(&thread, make_threads);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert(lmm_stop_threads(&stop) == 0);
        struct listing listing = {&stop, 0};
        bool is_whole = stop.unseen != 0 || list_unknown(&listing);
        lmm_stop_release(&stop);
        cr_expect(is_whole);
        cr_expect(listing.unknown == 0);
    }
    end(thread);
}

static bool stops_without_main_thread(void)
{
    struct lmm_stop stop;
    bool is_good = lmm_stop_threads(&stop) == 0 && stop.unseen == 0 && stop.ended == stop.count;

    lmm_stop_release(&stop);
    return is_good;
}

Test(stop, after_the_main_thread_has_ended)
{
    if (!GLIBC) {
        cr_skip_test("musl 1.2.3 never ends the main thread of a forked child");
    }
    cr_expect(is_good_without_main_thread(stops_without_main_thread));
}

/* /proc is of the namespace of processes around the child's, so its ids of threads are other ones. */
enum { IS_GOOD, IS_BAD, MAY_NOT };

_Noreturn static void stop_in_namespace(void)
{
    struct lmm_stop stop;
    pthread_t thread;

    bool is_good = lmm_stop_threads(&stop) == 0 && stop.count == 0;
    lmm_stop_release(&stop);
    start(&thread, wait_in_call);
    is_good = is_good && lmm_stop_threads(&stop) == -EAGAIN;
    _exit(is_good ? IS_GOOD : IS_BAD);
}

Test(stop, with_the_proc_of_another_namespace)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
            _exit(MAY_NOT);
        }
        child = fork();
        if (child == 0) {
            stop_in_namespace();
        }
        bool has_ended = waitpid(child, &status, 0) == child && WIFEXITED(status);
        _exit(has_ended ? WEXITSTATUS(status) : IS_BAD);
    }
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == MAY_NOT) {
        cr_skip_test("may not make a namespace here");
    }
    cr_expect(WEXITSTATUS(status) == IS_GOOD);
}

Test(stop, many_threads)
{
    enum { MANY = 1200 };
    static pthread_t thread[MANY];
    pthread_attr_t small;
    struct lmm_stop stop;
    size_t made = 0;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 16);
    sem_init(&may_end, 0, 0);
    sem_init(&is_ready, 0, 0);
    while (made < MANY && pthread_create(&thread[made], &small, wait_in_call, NULL) == 0) {
        made++;
    }
    cr_assert(lmm_stop_threads(&stop) == 0);
    size_t count = stop.count - stop.ended;
    size_t unseen = stop.unseen;
    lmm_stop_release(&stop);
    cr_expect(count >= made, "%zu of %zu", count, made); /* Criterion has threads, too */
    cr_expect(unseen == 0, "%zu", unseen);
    for (size_t i = 0; i < made; i++) {
        sem_post(&may_end);
    }
    for (size_t i = 0; i < made; i++) {
        pthread_join(thread[i], NULL);
    }
}

/* A debugger has stopped one thread alone. */
static int tell_tracer[2];
static int tell_test[2];

_Noreturn static void trace(int thread)
{
    char byte = 0;
    int status;

    bool is_held = ptrace(PTRACE_ATTACH, thread, NULL, NULL) == 0 &&
                   waitpid(thread, &status, __WALL) == thread;
    byte = (char) is_held;
    (void) !write(tell_test[1], &byte, 1);
    (void) !read(tell_tracer[0], &byte, 1);
    ptrace(PTRACE_DETACH, thread, NULL, NULL);
    _exit(0);
}

Test(stop, a_thread_that_a_debugger_holds)
{
    pthread_t thread;
    struct lmm_stop stop;
    char byte = 0;

    start(&thread, wait_in_call);
    cr_assert(pipe(tell_tracer) == 0 && pipe(tell_test) == 0);
    pid_t tracer = fork();
    if (tracer == 0) {
        trace(thread_id);
    }
    cr_assert(read(tell_test[0], &byte, 1) == 1);
    if (byte != 0) {
        cr_assert(lmm_stop_threads(&stop) == 0);
        struct lmm_stop_thread *record = record_of(&stop, thread_id);
        bool is_unseen = record != NULL && lmm_stop_state(record) == LMM_STOP_UNSEEN;
        lmm_stop_release(&stop);
        cr_expect(is_unseen);
    }
    cr_assert(write(tell_tracer[1], "x", 1) == 1);
    cr_assert(waitpid(tracer, NULL, 0) == tracer);
    end(thread);
    if (byte == 0) {
        cr_skip_test("may not trace here");
    }
}
