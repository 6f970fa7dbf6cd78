/* SPDX-License-Identifier: MIT */
/*
 * A program that has the name malloc itself, so that nothing calls the drop-in's. Compiled with
 * other_library.c it has an allocator of its own; with FORWARDS defined, its malloc and free only
 * count calls and pass them on to the next ones, which are the drop-in's.
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

#ifdef FORWARDS
static size_t calls;

/* ISO C does not allow to cast an object pointer to a function. */
static void find_next(const char *name, void *ret_function)
{
    void *function = dlsym(RTLD_NEXT, name);
    memcpy(ret_function, &function, sizeof(function));
}

void *malloc(size_t bytes)
{
    static void *(*next)(size_t bytes);
    if (next == NULL) {
        find_next("malloc", &next);
    }
    calls++;
    return next(bytes);
}

void free(void *block)
{
    static void (*next)(void *block);
    if (next == NULL) {
        find_next("free", &next);
    }
    next(block);
}
#endif

int main(void)
{
    check_start();
    memset(check_opaque_pointer(malloc(1234)), 1, 1234); /* stays live */
    for (size_t i = 0; i < 100; i++) {
        free(check_opaque_pointer(malloc(i)));
    }
    return 0;
}
