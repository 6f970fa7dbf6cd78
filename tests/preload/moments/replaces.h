/* SPDX-License-Identifier: MIT */
/* replaces: the library of replaces.c, which allocates in functions of libc that it replaces. */
#ifndef TESTS_PRELOAD_REPLACES_H
#define TESTS_PRELOAD_REPLACES_H

#include <stdbool.h>
#include <stddef.h>

enum { REPLACES_BYTES = 100, REPLACES_MAX = 64 };

typedef void replaces_destructor(void *value);

/* A block that the first call of a function allocated, and the byte that fills it. */
struct replaces_block {
    const char *function;
    void *block; /* NULL: there are no more */
    size_t bytes;
    int fill;
};

struct replaces_block replaces_take(size_t i);

#endif
