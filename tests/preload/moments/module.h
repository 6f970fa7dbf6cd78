/* SPDX-License-Identifier: MIT */
/* module: the functions of a module for the tests of dlopen, exported as the symbol `module`. */
#ifndef TESTS_PRELOAD_MODULE_H
#define TESTS_PRELOAD_MODULE_H

#include <stddef.h>

enum { MODULE_TLS_BYTES = 40000 };

struct module {
    void *(*allocate)(size_t bytes);
    void *(*resize)(void *block, size_t bytes);
    void (*release)(void *block);
    size_t (*usable)(void *block);
    char *(*duplicate)(const char *text);
    void *(*align)(size_t align, size_t bytes);
    unsigned char *(*tls)(void); /* of this thread: MODULE_TLS_BYTES */
    void *constructed;           /* a block of its constructor; the program frees it */
};

#endif
