/* SPDX-License-Identifier: MIT */
/* With waiting.c: a program that calls a function which only mimalloc has, where that is its malloc. */
#include <stddef.h>

extern void *mi_expand(void *p, size_t bytes) __attribute__((weak));
extern void *expand(void *p, size_t bytes);

void *expand(void *p, size_t bytes)
{
    return mi_expand == NULL ? NULL : mi_expand(p, bytes);
}
