/* SPDX-License-Identifier: MIT */
/*
 * server: a parent with threads that allocate all the time forks children, which also allocate and
 * end in different ways. Each process counts its own operations and prints the counts with one
 * write:
 *
 *     PID HOW FAMILY ALLOCATED FREED LIVE
 *
 * HOW is how it ends. "-" stands for an unknown count: a child does not know how far the other
 * threads of its parent were at the fork; it asks LMM for a list of the blocks instead. After the
 * children have ended, the parent prints its own counts and "ready", and exits when its input ends.
 */
#include <lmm/lmm.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/stress.h"

enum {
    CHILDREN = 20,
    THREADS = 3,
    CHILD_THREADS = 2,
    OWN = 500,  /* blocks of the main thread */
    HELD = 100, /* blocks of each other thread */
    EXCHANGE = 32,
    TEXT_BYTES = 4096,
    LIST_MAX = 10000,
};

struct own {
    char bytes[48];
};

struct busy {
    char bytes[72];
};

struct extra {
    char bytes[24];
};

struct count {
    uint64_t allocated;
    uint64_t freed;
};

/* How a child ends: "exit" leaves more blocks than it inherited, "level" no more, "clean" none. */
static const char *const ways[] = {"exit", "quick", "abort", "kill", "clean", "level"};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static atomic_bool stop;
static atomic_uint running;
static struct count busy_count[THREADS];
static _Atomic(struct busy *) exchange[EXCHANGE];
static struct own *own[OWN];
static struct count own_count;
static struct count extra_count;

/* ---- The parent's threads -------------------------------------------------------------------- */

static struct busy *make_busy(struct count *count, uint64_t dice)
{
    struct busy *busy = dice % 13 == 0 ? LMM_NEW_ARRAY(struct busy, 2 + dice % 30)
                        : dice % 2     ? LMM_ALLOC(struct busy)
                                       : LMM_NEW(struct busy);

    CHECK(busy != NULL);
    count->allocated++;
    return busy;
}

static void drop_busy(struct count *count, struct busy *busy)
{
    count->freed += busy != NULL;
    lmm_free(busy);
}

/* Replaces its own blocks at random, and now and then changes one for another thread's. */
static void *be_busy(void *number)
{
    struct count *count = &busy_count[(uintptr_t) number];
    uint64_t random = 88172645463325252u + (uintptr_t) number;
    struct busy *held[HELD];

    /* Before it counts as running: children look for blocks of it. */
    for (unsigned i = 0; i < HELD; i++) {
        held[i] = make_busy(count, random_next(&random) >> 32);
    }
    atomic_fetch_add(&running, 1);
    while (!atomic_load(&stop)) {
        uint64_t dice = random_next(&random);
        struct busy **place = &held[dice % HELD];
        drop_busy(count, *place);
        *place = make_busy(count, dice >> 32);
        if (dice % 5 == 0) {
            *place = atomic_exchange(&exchange[dice % EXCHANGE], *place);
        }
    }
    for (unsigned i = 0; i < HELD; i += 2) {
        drop_busy(count, held[i]);
    }
    return NULL;
}

/* ---- Telling --------------------------------------------------------------------------------- */

struct text {
    char bytes[TEXT_BYTES];
    size_t length;
};

static __attribute__((format(printf, 2, 3))) void put(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length =
        vsnprintf(text->bytes + text->length, TEXT_BYTES - text->length, format, arguments);
    va_end(arguments);
    text->length += (size_t) length;
    CHECK(text->length < TEXT_BYTES);
}

static void put_count(struct text *text, const char *how, const char *family,
                      const struct count *count)
{
    put(text, "%ld %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (long) getpid(), how, family,
        count->allocated, count->freed, count->allocated - count->freed);
}

static void send(const struct text *text)
{
    CHECK(write(STDOUT_FILENO, text->bytes, text->length) == (ssize_t) text->length);
}

struct list {
    void *block[LIST_MAX];
    size_t count;
};

static int add_block(const struct lmm_block *block, void *arg)
{
    struct list *list = arg;

    CHECK(list->count < LIST_MAX);
    list->block[list->count++] = block->address;
    return 0;
}

static struct list *blocks_of(const char *family)
{
    static struct list list;

    list.count = 0;
    CHECK(lmm_for_each_block(family == NULL ? NULL : lmm_family_find(family), add_block, &list) ==
          0);
    return &list;
}

/* ---- A child --------------------------------------------------------------------------------- */

static void replace_own(struct count *count, unsigned step)
{
    for (unsigned i = 0; i < OWN; i += step) {
        lmm_free(own[i]);
        count->freed += own[i] != NULL;
        own[i] = LMM_NEW(struct own);
        CHECK(own[i] != NULL);
        count->allocated++;
    }
}

static pthread_mutex_t extra_lock = PTHREAD_MUTEX_INITIALIZER;

/* A thread of a child leaves every third of its blocks alive. */
static void *make_extra(void *unused)
{
    struct count count = {0, 0};

    for (unsigned i = 0; i < 3000; i++) {
        struct extra *extra = LMM_ALLOC(struct extra);
        CHECK(extra != NULL);
        count.allocated++;
        if (i % 3 != 0) {
            lmm_free(extra);
            count.freed++;
        }
    }
    pthread_mutex_lock(&extra_lock);
    extra_count.allocated += count.allocated;
    extra_count.freed += count.freed;
    pthread_mutex_unlock(&extra_lock);
    return unused;
}

static void run_child_threads(void)
{
    pthread_t thread[CHILD_THREADS];

    for (unsigned i = 0; i < CHILD_THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, make_extra, NULL) == 0);
    }
    for (unsigned i = 0; i < CHILD_THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
}

/* Frees what its parent's other threads had, which it finds by LMM's own list. */
static void drop_all_busy(void)
{
    struct list *list = blocks_of("struct busy");

    CHECK(list->count >= THREADS && list->count <= THREADS * (HELD + 1) + EXCHANGE);
    for (size_t i = 0; i < list->count; i++) {
        lmm_free(list->block[i]);
    }
    CHECK(blocks_of("struct busy")->count == 0);
}

static _Noreturn void end_child(const char *how)
{
    if (strcmp(how, "abort") == 0) {
        abort();
    }
    if (strcmp(how, "kill") == 0) {
        kill(getpid(), SIGKILL);
    }
    if (strcmp(how, "clean") == 0) {
        struct list *list = blocks_of(NULL);
        for (size_t i = 0; i < list->count; i++) {
            lmm_free(list->block[i]);
        }
    }
    if (strcmp(how, "quick") == 0) {
        _exit(0);
    }
    exit(0);
}

static _Noreturn void run_child(unsigned number)
{
    const char *how = ways[number % WAYS];
    struct text text = {.length = 0};

    alarm(60);
    if (number % 5 == 1) {
        pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild != 0) {
            CHECK(waitpid(grandchild, NULL, 0) == grandchild);
        }
        number = grandchild == 0 ? number + 1 : number;
        how = ways[number % WAYS];
    }
    if (number % 2 == 0) {
        drop_all_busy();
    }
    replace_own(&own_count, 1 + number % 7);
    if (strcmp(how, "exit") == 0 || (number % 3 == 0 && strcmp(how, "level") != 0)) {
        run_child_threads();
    }
    replace_own(&own_count, 3);
    put_count(&text, how, "struct\\own", &own_count);
    put_count(&text, how, "struct\\extra", &extra_count);
    put(&text, "%ld %s struct\\busy - - %zu\n", (long) getpid(), how,
        blocks_of("struct busy")->count);
    send(&text);
    end_child(how);
}

/* ---- The parent ------------------------------------------------------------------------------ */

static void serve(void)
{
    for (unsigned i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            run_child(i);
        }
        replace_own(&own_count, 2 + i % 3);
    }
    while (wait(NULL) > 0) {
    }
}

static void tell_parent(void)
{
    struct text text = {.length = 0};
    struct count busy = {0, 0};

    for (unsigned i = 0; i < THREADS; i++) {
        busy.allocated += busy_count[i].allocated;
        busy.freed += busy_count[i].freed;
    }
    put_count(&text, "parent", "struct\\own", &own_count);
    put_count(&text, "parent", "struct\\extra", &extra_count);
    put_count(&text, "parent", "struct\\busy", &busy);
    put(&text, "ready\n");
    send(&text);
}

int main(void)
{
    pthread_t thread[THREADS];
    char input;

    CHECK(LMM_REGISTER(struct extra) != NULL);
    CHECK(LMM_REGISTER(struct busy) != NULL);
    replace_own(&own_count, 1);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, be_busy, (void *) (uintptr_t) i) == 0);
    }
    /* A sanitizer's malloc, which a starting thread calls, does not survive a fork. */
    while (atomic_load(&running) < THREADS) {
        usleep(100);
    }
    serve();
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    tell_parent();
    while (read(STDIN_FILENO, &input, 1) > 0) {
    }
    return 0;
}
