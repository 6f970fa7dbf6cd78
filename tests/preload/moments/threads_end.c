/* SPDX-License-Identifier: MIT */
/* Threads that end: destructors of pthread keys that allocate in every round of destructors, blocks
 * that other threads free and resize after their owner has ended, cancelled threads whose cleanup
 * handlers free, and thousands of short threads. */
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/check.h"

enum { KEYS = 20, ENDS = 400, BLOCKS = 200, SHORT_THREADS = 3000, PATIENCE_SECONDS = 55 };

static pthread_key_t key[KEYS];
static atomic_uint destructor_calls;

struct value {
    size_t key;
    unsigned rounds;
    char filler[100];
};

static struct value *make_value(size_t k, unsigned rounds)
{
    struct value *value = malloc(sizeof(*value));
    CHECK(value != NULL);
    *value = (struct value) {.key = k, .rounds = rounds};
    return value;
}

/* Sets the key again, with a new block, as often as libc allows: the last call is the latest
 * possible. */
static void destroy(void *old)
{
    struct value *value = old;
    size_t k = value->key;
    unsigned rounds = value->rounds + 1;
    atomic_fetch_add(&destructor_calls, 1);
    free(value);
    free(calloc(rounds, 777));
    if (rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        CHECK(pthread_setspecific(key[k], make_value(k, rounds)) == 0);
    }
}

static void *use_keys(void *arg)
{
    for (size_t k = 0; k < KEYS; k++) {
        CHECK(pthread_setspecific(key[k], make_value(k, 0)) == 0);
    }
    return arg;
}

static void run_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, arg) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_keys(void)
{
    enum { THREADS = 50 };
    for (size_t k = 0; k < KEYS; k++) {
        CHECK(pthread_key_create(&key[k], destroy) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        run_thread(use_keys, NULL);
    }
    CHECK(atomic_load(&destructor_calls) == THREADS * KEYS * PTHREAD_DESTRUCTOR_ITERATIONS);
    for (size_t k = 0; k < KEYS; k++) {
        CHECK(pthread_key_delete(key[k]) == 0);
    }
}

static void *fill(void *arg)
{
    void **block = arg;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t bytes = i * i % 20000 + 1;
        block[i] = i % 5 == 0 ? memalign(128, bytes) : malloc(bytes);
        CHECK(block[i] != NULL);
        check_paint(block[i], bytes, i);
    }
    return NULL;
}

static void *release(void *arg)
{
    void **block = arg;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t bytes = i * i % 20000 + 1;
        CHECK(malloc_usable_size(block[i]) >= bytes && check_is_painted(block[i], bytes, i));
        if (i % 3 == 0) {
            block[i] = realloc(block[i], bytes * 2);
            CHECK(block[i] != NULL && check_is_painted(block[i], bytes, i));
        }
        free(block[i]);
    }
    return NULL;
}

static void test_owner_gone(void)
{
    static void *block[BLOCKS];
    for (int i = 0; i < ENDS; i++) {
        if (i % 3 != 0) {
            run_thread(fill, block);
        } else {
            fill(block);
        }
        if (i % 2 == 0) {
            run_thread(release, block);
        } else {
            release(block);
        }
    }
}

static void clean_up(void *block)
{
    free(block);
    free(malloc(5000));
}

static void *wait_to_be_cancelled(void *arg)
{
    pthread_cleanup_push(clean_up, malloc(3000));
    for (;;) {
        free(malloc(100));
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return arg;
}

static void test_cancel(void)
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, wait_to_be_cancelled, NULL) == 0);
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    }
}

static void *live_shortly(void *arg)
{
    free(malloc((size_t) (uintptr_t) arg % 5000));
    return NULL;
}

static void test_short_threads(void)
{
    for (size_t i = 0; i < SHORT_THREADS; i++) {
        run_thread(live_shortly, (void *) i);
    }
}

int main(void)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    test_keys();
    test_owner_gone();
    test_cancel();
    test_short_threads();
    return 0;
}
