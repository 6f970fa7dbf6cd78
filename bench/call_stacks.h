/* SPDX-License-Identifier: MIT */
/*
 * call_stacks: 4^7 call stacks that end in one function, leaf(), which the including file defines.
 * level_7(path) calls it through seven levels; each of 16,384 paths is a stack of its own.
 */
#ifndef LMM_BENCH_CALL_STACKS_H
#define LMM_BENCH_CALL_STACKS_H

static __attribute__((noinline)) void *leaf(unsigned path);

/* Calls the next level from one of four places. The assembly keeps the compiler from merging the
 * calls, and from making them jumps. */
#define LEVEL(name, next)                                                                          \
    static __attribute__((noinline)) void *name(unsigned path)                                     \
    {                                                                                              \
        void *block;                                                                               \
                                                                                                   \
        switch (path % 4) {                                                                        \
        case 0:                                                                                    \
            block = next(path / 4);                                                                \
            __asm__ volatile("# 0");                                                               \
            return block;                                                                          \
        case 1:                                                                                    \
            block = next(path / 4);                                                                \
            __asm__ volatile("# 1");                                                               \
            return block;                                                                          \
        case 2:                                                                                    \
            block = next(path / 4);                                                                \
            __asm__ volatile("# 2");                                                               \
            return block;                                                                          \
        default:                                                                                   \
            block = next(path / 4);                                                                \
            __asm__ volatile("# 3");                                                               \
            return block;                                                                          \
        }                                                                                          \
    }

LEVEL(level_1, leaf)
LEVEL(level_2, level_1)
LEVEL(level_3, level_2)
LEVEL(level_4, level_3)
LEVEL(level_5, level_4)
LEVEL(level_6, level_5)
LEVEL(level_7, level_6)

#endif
