/* SPDX-License-Identifier: MIT */
/*
 * panic_note: puts a panic's message, and in the drop-in the call stack, into the ledger, for the
 * report about a program that LMM stopped.
 *
 * The thread may have panicked with locks held, in a signal handler, or in a forked child that still
 * shares its parent's books. So the message is written without a lock, only to books of this very
 * process, and before the stack; and the stack is left out if a lock that it takes may never become
 * free (tests/unit/lib/test_panic.c). The memory for it is static: it needs little of a small stack,
 * and nothing from the kernel that stacks at allocations do not need.
 *
 * Owns the trace of that walk. Locks: those of depot, inside, while stacks are taken.
 */
#ifndef LMM_PANIC_NOTE_H
#define LMM_PANIC_NOTE_H

/* Makes panics leave their note; call when LMM has started. */
void lmm_panic_note_start(void);

#endif
