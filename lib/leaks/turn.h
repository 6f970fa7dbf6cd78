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

#endif
