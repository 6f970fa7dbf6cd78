/* SPDX-License-Identifier: MIT */
/*
 * start: starts LMM in the process: settings, tools, the thread module, and last the ledger.
 *
 * Owns the one mark that says that LMM has started. Each step is done once, however often the whole
 * is tried. Locks: HEAPS, inside. Not responsible for: the end of the process (front/report).
 */
#ifndef LMM_START_H
#define LMM_START_H

#include "lib/ground/base.h"

/* Starts LMM unless it has started; any thread. False with errno ENOMEM; a later call tries
 * again. */
bool lmm_start(void);

/* True once LMM has started: an acquire load, after which everything that lmm_start() set up is
 * seen. */
bool lmm_has_started(void);

#endif
