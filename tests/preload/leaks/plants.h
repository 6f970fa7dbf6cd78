/* SPDX-License-Identifier: MIT */
/* plants: keeps the compiler from removing an allocation of an unused block. */
#ifndef TESTS_PRELOAD_PLANTS_H
#define TESTS_PRELOAD_PLANTS_H

static inline void plant(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

#endif
