/* SPDX-License-Identifier: MIT */
/*
 * panic: the one way LMM speaks of trouble by itself.
 *
 * Misuse of memory by the program panics: one line on stderr, then abort. LMM's own failures only warn,
 * once each, and the program goes on. Both write one line with one write(2), allocate nothing and take
 * no lock, so they work in any state of the process.
 */
#ifndef LMM_PANIC_H
#define LMM_PANIC_H

#include "lib/ground/base.h"

/* Writes "lmm: panic: MESSAGE\n" to stderr and aborts. */
_Noreturn LMM_COLD void lmm_panic(const char *format, ...) LMM_PRINTF(1, 2);

/* Writes "lmm: MESSAGE\n" to stderr. Preserves errno. */
LMM_COLD void lmm_warn(const char *format, ...) LMM_PRINTF(1, 2);

/* Panics unless `condition` holds, in builds with internal checks; else costs nothing. */
#define LMM_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (LMM_VALIDATE && LMM_UNLIKELY(!(condition))) {                                          \
            lmm_panic("internal check failed at %s:%d: %s", __FILE__, __LINE__, #condition);       \
        }                                                                                          \
    } while (0)

/* Between the two the thread is not cancelled, and errno is kept: for what asks the kernel while a lock is
 * held. */
struct lmm_quiet {
    int saved_errno;
    int cancel_state;
};
struct lmm_quiet lmm_quiet_begin(void);
void lmm_quiet_end(const struct lmm_quiet *quiet);

#endif
