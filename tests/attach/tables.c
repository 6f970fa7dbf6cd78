/* SPDX-License-Identifier: MIT */
/*
 * tables PLUGIN [stored]: threads that allocate, resize and free, by calls and by pointers that the loader has written, or finds each time. SIGUSR1:
 * the first thread loads the module, exchanges blocks with it, and unloads it; SIGTERM: the program ends, with status 11; damage,
 * with a line. stored: a pointer to free is in a block.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/random.h"

enum { BLOCKS = 300, BYTES_MAX = 1500, THREADS = 3, STATUS = 11 };

typedef void release_function(void *p);

static release_function *release = free; /* the loader writes both */
static void *(*volatile const allocate)(size_t bytes) = malloc;

static bool is_over; /* atomic */

struct block {
    unsigned char *bytes;
    size_t count;
};

static void check(const struct block *block)
{
    for (size_t i = 0; i < block->count; i += 50) {
        if (block->bytes[i] != (unsigned char) (block->count ^ i)) {
            fprintf(stderr, "a block of %zu bytes is damaged at %zu\n", block->count, i);
            abort();
        }
    }
}

static void fill(const struct block *block)
{
    for (size_t i = 0; i < block->count; i += 50) {
        block->bytes[i] = (unsigned char) (block->count ^ i);
    }
}

static void free_somehow(void *p, uint64_t way)
{
    release_function *found;

    switch (way % 100) {
    case 0:
        *(void **) &found = dlsym(RTLD_DEFAULT, "free");
        found(p);
        return;
    case 1: release(p); return;
    default: free(p); return;
    }
}

static void replace(struct block *block, uint64_t random)
{
    size_t bytes = (random >> 8) % BYTES_MAX + 1;

    check(block);
    if (random % 4 == 0) {
        block->bytes = realloc(block->bytes, bytes);
    } else {
        free_somehow(block->bytes, random >> 20);
        block->bytes = random % 4 == 1   ? allocate(bytes)
                       : random % 4 == 2 ? calloc(1, bytes)
                                         : malloc(bytes);
    }
    if (block->bytes == NULL) {
        abort();
    }
    block->count = bytes;
    fill(block);
}

static void *work(void *seed)
{
    struct block blocks[BLOCKS] = {{NULL, 0}};
    uint64_t random = (uintptr_t) seed * 7919 + 1;

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        uint64_t next = random_next(&random);
        replace(&blocks[(next >> 40) % BLOCKS], next);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        check(&blocks[i]);
        free(blocks[i].bytes);
    }
    return NULL;
}

/* strndup and fopen are called here for the first time: libc allocates, and is bound then. */
static bool use_plugin(const char *path)
{
    void *(*exchange)(void *block);
    void *module = dlopen(path, RTLD_LAZY | RTLD_LOCAL);

    if (module == NULL) {
        return false;
    }
    *(void **) &exchange = dlsym(module, "plugin_exchange");
    free(exchange(strndup("program", 4)));
    free(exchange(aligned_alloc(64, 640)));
    FILE *file = fopen("/dev/null", "r");

    return file != NULL && fclose(file) == 0 && dlclose(module) == 0;
}

int main(int argc, char *argv[])
{
    pthread_t threads[THREADS];
    release_function **stored = malloc(sizeof(*stored));
    sigset_t signals;
    int number = 0;

    *stored = argc > 2 && strcmp(argv[2], "stored") == 0 ? free : NULL;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *) (i + 1)) != 0) {
            abort();
        }
    }
    puts("ready");
    fflush(stdout);
    while (sigwait(&signals, &number) == 0 && number == SIGUSR1) {
        puts(argc > 1 && use_plugin(argv[1]) ? "loaded" : "not loaded");
        fflush(stdout);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    (*stored != NULL ? *stored : free)(stored);
    return STATUS;
}
