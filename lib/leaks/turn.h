/* SPDX-License-Identifier: MIT */
/*
 * turn: one thread of a process checks for leaks, or makes a mark, at a time; others wait.
 *
 * Owns whose turn it is. A forked child may find its parent's turn there, and ignores it.
 */
#ifndef LMM_TURN_H
#define LMM_TURN_H

/* Waits for the turn. 0; or -EDEADLK: the caller interrupts LMM in this thread, which has it. */
int lmm_turn_take(void);

void lmm_turn_give(void);

/*
 * Takes the turn for a walk over the pages where they are, which takes their locks, with the thread's signals blocked.
 * Returns what walk returned; or:
 *   -EDEADLK  the caller interrupts LMM, or a check of its own (a handler of a signal)
 *   -ENOMEM   LMM could not start
 * The caller holds no lock of LMM.
 */
int lmm_turn_walk(int (*walk)(void *arg), void *arg);

#endif
