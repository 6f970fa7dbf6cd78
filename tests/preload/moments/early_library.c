/* SPDX-License-Identifier: MIT */
/* early_library: see early_library.h. */
#include "early_library.h"

#include <pthread.h>

#include "tests/preload/check.h"

static void *block[EARLY_BLOCKS];
static __thread char *of_thread;
unsigned early_forks[3];

size_t early_size(size_t i)
{
    return i * i % 9001 + i;
}

static void allocate_around_fork(unsigned which)
{
    early_forks[which]++;
    for (size_t i = 0; i < 50; i++) {
        void *some = malloc(i * 100);
        CHECK(some != NULL);
        free(some);
    }
    void *large = calloc(1, 1 << 20);
    CHECK(large != NULL);
    free(large);
}

static void prepare(void)
{
    allocate_around_fork(0);
}

static void in_parent(void)
{
    allocate_around_fork(1);
}

static void in_child(void)
{
    allocate_around_fork(2);
}

/* The handlers are registered before anything in this library allocates. */
__attribute__((constructor)) static void construct(void)
{
    CHECK(pthread_atfork(prepare, in_parent, in_child) == 0);
    of_thread = strdup("of the main thread");
    CHECK(of_thread != NULL);
    for (size_t i = 0; i < EARLY_BLOCKS; i++) {
        block[i] = i % 3 == 0   ? malloc(early_size(i))
                   : i % 3 == 1 ? calloc(1, early_size(i))
                                : realloc(malloc(10), early_size(i));
        CHECK(block[i] != NULL);
        check_paint(block[i], early_size(i), i);
    }
}

__attribute__((destructor)) static void destruct(void)
{
    for (size_t i = 0; i < EARLY_BLOCKS; i++) {
        CHECK(block[i] == NULL || check_is_painted(block[i], early_size(i), i));
        free(block[i]);
        free(malloc(i));
    }
    /* Another thread may end the process. */
    CHECK(of_thread == NULL || strcmp(of_thread, "of the main thread") == 0);
    free(of_thread);
}

void *early_take(size_t i)
{
    void *taken = block[i];
    block[i] = NULL;
    return taken;
}

void early_give(size_t i, void *given)
{
    CHECK(block[i] == NULL);
    block[i] = given;
}
