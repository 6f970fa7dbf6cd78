/* SPDX-License-Identifier: MIT */
/*
 * report: hands the process's own ledger to the reporter, and prints at exit.
 *
 * Owns the memory that a report needs, got while families and sites are added, so that a report works
 * when there is no more to be had. Locks: REPORT, inside.
 */
#ifndef LMM_REPORT_H
#define LMM_REPORT_H

#include "lib/ground/base.h"

/* Makes sure that a report of what is registered now needs no memory. Failing is no error here: the
 * report itself will say it. */
void lmm_report_reserve(void);

/* In the drop-in, when reports at exit are wanted: keeps the stream they go to, which a program may have
 * closed by then, or have given its number to a file of its own. Call once, at start. */
void lmm_report_keep_stream(void);

#endif
