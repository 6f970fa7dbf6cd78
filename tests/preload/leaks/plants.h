/* SPDX-License-Identifier: MIT */
/* plants: what keeps the compiler from dropping an allocation whose block nobody uses. */
#ifndef TESTS_PRELOAD_PLANTS_H
#define TESTS_PRELOAD_PLANTS_H

static inline void plant(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

#endif
