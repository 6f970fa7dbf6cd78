/* SPDX-License-Identifier: MIT */
/* reload_module: a module for the test of modules that come and go. RELOAD_NAME: the function that
 * allocates; the names are as long as one another, and so are the modules. */
#include <stdlib.h>

#include "tests/preload/check.h"
#include "tests/preload/leaks/reload.h"

void *RELOAD_NAME(size_t bytes);

__attribute__((noinline)) void *RELOAD_NAME(size_t bytes)
{
    return check_opaque_pointer(malloc(bytes));
}

__attribute__((visibility("default"))) reload_allocate allocate_here __asm__("reload_allocate");

void *allocate_here(size_t bytes)
{
    return check_opaque_pointer(RELOAD_NAME(bytes));
}
