/* SPDX-License-Identifier: MIT */
/*
 * panic: LMM's messages on stderr, and the check of promises between LMM's own functions.
 *
 * Misuse of memory by the program panics: one line on stderr, then abort. LMM's own failures only
 * warn, once each, and the program goes on. A warning is dropped when the program closed its
 * standard streams and has other files in their place (streams.h); a panic is not. Both write one
 * line with one write(2), allocate nothing and take no lock, so any thread may call them in any
 * state of the process.
 */
#ifndef LMM_PANIC_H
#define LMM_PANIC_H

#include "lib/ground/base.h"

/* Writes "lmm: panic: MESSAGE\n" to stderr, calls the note that was set, and aborts. */
_Noreturn LMM_COLD void lmm_panic(const char *format, ...) LMM_PRINTF(1, 2);

/*
 * Sets a function that lmm_panic() calls between its line and the abort, for one thread at a time,
 * with the message as it was printed. The thread may hold any locks of LMM, and the process may be in any
 * state, so the note may neither wait without a limit nor rely on what LMM protects by locks.
 */
void lmm_panic_set_note(void (*note)(const char *message));

/* Writes "lmm: MESSAGE\n" to stderr. Preserves errno. */
LMM_COLD void lmm_warn(const char *format, ...) LMM_PRINTF(1, 2);

/*
 * The assert of lib/: in builds with internal checks (LMM_VALIDATE) it panics, with file, line and
 * condition, unless `condition` holds. Other builds compile it and never evaluate it, so it must
 * have no side effect. Use it where a function relies on a promise of its caller, and to call a
 * validity walker.
 */
#define LMM_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (LMM_VALIDATE && LMM_UNLIKELY(!(condition))) {                                          \
            lmm_panic("internal check failed at %s:%d: %s", __FILE__, __LINE__, #condition);       \
        }                                                                                          \
    } while (0)

/* Between the two calls the thread cannot be cancelled, and the second restores errno. For
 * functions that call the kernel while LMM holds a lock. */
struct lmm_quiet {
    int saved_errno;
    int cancel_state;
};
struct lmm_quiet lmm_quiet_begin(void);
void lmm_quiet_end(const struct lmm_quiet *quiet);

#endif
