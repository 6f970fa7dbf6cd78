/* SPDX-License-Identifier: MIT */
/*
 * signals: keeps the program's signal handlers out of moments at which they could not run.
 *
 * A handler may call fork, which takes all of LMM's locks, and, where it interrupts code that is
 * async-signal-safe, it may allocate. Owns nothing. Both functions change only the calling thread's
 * mask, and are async-signal-safe.
 */
#ifndef LMM_SIGNALS_H
#define LMM_SIGNALS_H

#include "lib/ground/base.h"

/*
 * Blocks all signals except those that an instruction raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL,
 * SIGTRAP, SIGSYS, and SIGABRT), which must reach the program, and the C library's own. Returns the
 * mask before, for lmm_signals_restore(): signal n is bit n - 1. Preserves errno.
 */
uint64_t lmm_signals_block(void);
void lmm_signals_restore(uint64_t mask);

#endif
