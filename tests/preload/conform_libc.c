/* SPDX-License-Identifier: MIT */
/* glibc's internal names, as programs and older shims call them: their blocks and those of the plain
 * names mix, in both directions. */
#include "tests/preload/conform.h"

#include <dlfcn.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t size);
void __libc_free(void *block);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void *__libc_valloc(size_t bytes);
void *__libc_pvalloc(size_t bytes);

static void *by_memalign(size_t bytes)
{
    return memalign(256, bytes);
}

static void *by_libc_memalign(size_t bytes)
{
    return __libc_memalign(4096, bytes);
}

static void *by_calloc(size_t bytes)
{
    return calloc(1, bytes);
}

static void *by_libc_calloc(size_t bytes)
{
    return __libc_calloc(bytes, 1);
}

static void *by_realloc(size_t bytes)
{
    return realloc(NULL, bytes);
}

static void *by_libc_realloc(size_t bytes)
{
    return __libc_realloc(NULL, bytes);
}

typedef void *allocate(size_t bytes);
static allocate *const allocators[] = {malloc,        by_calloc,      by_realloc,
                                       by_memalign,   valloc,         pvalloc,
                                       __libc_malloc, by_libc_calloc, by_libc_realloc,
                                       __libc_valloc, __libc_pvalloc, by_libc_memalign};
static void *(*const resizers[])(void *block, size_t bytes) = {realloc, __libc_realloc};
static void (*const releasers[])(void *block) = {free, __libc_free};
enum {
    ALLOCATORS = sizeof(allocators) / sizeof(allocators[0]),
    RESIZERS = sizeof(resizers) / sizeof(resizers[0]),
    RELEASERS = sizeof(releasers) / sizeof(releasers[0]),
};

static void check_all_pairs(size_t bytes)
{
    for (size_t i = 0; i < ALLOCATORS * RESIZERS * RELEASERS; i++) {
        void *block = allocators[i % ALLOCATORS](bytes);
        CHECK_AT(block != NULL && malloc_usable_size(block) >= bytes, i);
        check_paint(block, bytes, i);
        block = resizers[i / ALLOCATORS % RESIZERS](block, bytes * 2 + 100);
        CHECK_AT(block != NULL && check_is_painted(block, bytes, i), i);
        releasers[i / ALLOCATORS / RESIZERS](block);
        block = allocators[i % ALLOCATORS](bytes);
        releasers[i / ALLOCATORS / RESIZERS](block);
    }
}

/* Programs from before 2017 call it; glibc's is hidden from others. */
static void test_cfree(void)
{
    void (*cfree)(void *block);
    void *function = dlsym(RTLD_DEFAULT, "cfree");
    CHECK((function != NULL) == check_is_under_lmm());
    memcpy(&cfree, &function, sizeof(function));
    if (function != NULL) {
        cfree(malloc(100));
        cfree(__libc_malloc(300000));
        cfree(NULL);
    }
}

int main(void)
{
    check_start();
    for (size_t bytes = 1; bytes < 4 * MIB; bytes = bytes * 3 + 7) {
        check_all_pairs(bytes);
    }
    test_cfree();
    return 0;
}
