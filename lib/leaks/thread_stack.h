/* SPDX-License-Identifier: MIT */
/*
 * thread_stack: where libc keeps a thread's stack, and stacks of threads that have ended.
 *
 * glibc places a thread's record (struct pthread, at the thread pointer) and its static thread-local
 * storage at the upper end of its stack, and keeps stacks of ended threads for later ones. Offsets in
 * the record differ between versions; so it is recognised by what must be in it: the start and the
 * size of the stack that it lies in, and, on x86-64, its own address twice. What is not recognised is
 * not said to be unused; so on AArch64 stacks of ended threads are read as others are. Owns nothing; reads only memory that can be read. Async-signal-safe.
 */
#ifndef LMM_THREAD_STACK_H
#define LMM_THREAD_STACK_H

#include "lib/leaks/ranges.h"

struct lmm_thread_stack {
    uintptr_t from; /* the lowest address of the stack that is in the range */
    uintptr_t to;   /* the end, past the thread's record */
};

/* Finds the stack of the thread with that thread pointer, which lies in the range. */
bool lmm_thread_stack_find(const struct lmm_range *range, uintptr_t tp,
                           struct lmm_thread_stack *ret_stack);

/* Finds the record of a thread, living or not, at the end of a range; 0: there is none. */
uintptr_t lmm_thread_stack_record(const struct lmm_range *range);

/* Whether a thread that has ended was joined: then nobody gets its result, which is still in its record. */
bool lmm_thread_stack_is_joined(uintptr_t record);

/* Whether the record at that address has this number among its first words: the thread's id. */
bool lmm_thread_stack_names(const struct lmm_range *range, uintptr_t record, int thread);

/*
 * The block that holds the thread's table of dynamic thread-local storage: libc keeps a pointer only to
 * the inside of it. 0: not known. tp lies in readable memory.
 */
uintptr_t lmm_thread_stack_dtv(uintptr_t tp);

#endif
