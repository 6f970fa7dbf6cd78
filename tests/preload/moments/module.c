/* SPDX-License-Identifier: MIT */
/* module: a module for dlopen. Its constructor and destructor allocate; its TLS is large, so that
 * the loader allocates it for each thread at first use. duplicate calls a function of libc that
 * calls malloc. */
#include "tests/preload/moments/module.h"

#include <malloc.h>

#include "tests/preload/check.h"

extern struct module module;

static __thread unsigned char tls[MODULE_TLS_BYTES];
static void *own[50];

static void *allocate(size_t bytes)
{
    return malloc(bytes);
}

static void *resize(void *block, size_t bytes)
{
    return realloc(block, bytes);
}

static void release(void *block)
{
    free(block);
}

static size_t usable(void *block)
{
    return malloc_usable_size(block);
}

static char *duplicate(const char *text)
{
    return strdup(text);
}

static void *align(size_t align_bytes, size_t bytes)
{
    return memalign(align_bytes, bytes);
}

static unsigned char *get_tls(void)
{
    return tls;
}

struct module module = {allocate, resize, release, usable, duplicate, align, get_tls, NULL};

__attribute__((constructor)) static void construct(void)
{
    module.constructed = calloc(1, 333);
    for (size_t i = 0; i < 50; i++) {
        own[i] = malloc(i * 99);
        CHECK(own[i] != NULL);
    }
    tls[0] = 0;
}

__attribute__((destructor)) static void destruct(void)
{
    for (size_t i = 0; i < 50; i++) {
        free(own[i]);
    }
    free(strdup("from a destructor"));
}
