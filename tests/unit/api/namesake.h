/* SPDX-License-Identifier: MIT */
/* namesake: a source file with a struct of its own that has the name of one in test_namesakes.c. */
#ifndef TESTS_UNIT_API_NAMESAKE_H
#define TESTS_UNIT_API_NAMESAKE_H

#include <stddef.h>

/* Allocates that struct, zeroed. */
void *namesake_new(void);
size_t namesake_size(void);

#endif
