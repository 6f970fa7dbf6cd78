/* SPDX-License-Identifier: MIT */
/*
 * ended_main: whether main() has returned, so that its frame and those below it hold nothing any more.
 *
 * Owns a trace (stacks/unwind). Locks: MODULES, inside; one thread at a time.
 */
#ifndef LMM_ENDED_MAIN_H
#define LMM_ENDED_MAIN_H

#include "lib/ground/base.h"

/*
 * Whether the calling thread is the main thread, which libc has sent to exit() because main() has
 * returned; then *ret_sp is its stack pointer outside of all that runs at the end. own_sp: the stack
 * pointer in the function of LMM that libc has called; what that one has called is LMM's, too. False also when
 * it is not certain: the program called exit(), a handler of its own runs, libc is in the program
 * itself, or the stack cannot be followed.
 */
bool lmm_main_has_returned(uintptr_t own_sp, uintptr_t *ret_sp);

#endif
