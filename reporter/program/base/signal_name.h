/* SPDX-License-Identifier: MIT */
/*
 * signal_name: the names of signals (glibc has sigabbrev_np since 2.32 only).
 *
 * Stateless; any thread.
 */
#ifndef LMM_SIGNAL_NAME_H
#define LMM_SIGNAL_NAME_H

/* The name of a signal without SIG, as sigabbrev_np() gives it: "SEGV". NULL: it has none. */
const char *lmm_signal_name(int number);

#endif
