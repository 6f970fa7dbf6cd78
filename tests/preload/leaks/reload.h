/* SPDX-License-Identifier: MIT */
/* reload: what a module for the test of modules that come and go exports. */
#ifndef TESTS_PRELOAD_RELOAD_H
#define TESTS_PRELOAD_RELOAD_H

#include <stddef.h>

enum { RELOAD_BYTES = 40 };

/* Returns a block of so many bytes: the symbol reload_allocate. */
typedef void *reload_allocate(size_t bytes);

#endif
