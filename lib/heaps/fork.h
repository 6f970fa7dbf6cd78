/* SPDX-License-Identifier: MIT */
/*
 * fork: holds all of LMM still around fork, and puts it in order in the child.
 *
 * Owns the one table of LMM's locks. The forking thread takes them all, in order of rank, in the
 * last of the program's prepare handlers, and releases them in the first of its parent and child
 * handlers. (MeMS, which works without the rest of the library, takes its own lock.)
 *
 * In the child, whose only thread is the one that forked:
 *   I1  no lock is held (checked by the next call that takes it)
 *   I2  nothing is shared with the parent's ledger, and the fast paths are closed until
 *       lmm_thread_enter() has created the child's own (tests/stress/fork.c)
 *   I3  heaps of other threads are parked; if there were any, all heaps are rebuilt from the tags,
 *       and the counters agree with the tags (tests/unit/lib/test_thread.c, tests/stress/fork.c)
 */
#ifndef LMM_FORK_H
#define LMM_FORK_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

/* REPORT: front/report's lock, here because fork takes it first. */
extern struct lmm_lock lmm_report_lock;

/* Registers the handlers; call once, before the program can register handlers of its own. Warns
 * when there is no memory for them. */
void lmm_fork_watch(void);

#endif
