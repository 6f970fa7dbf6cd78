/* SPDX-License-Identifier: MIT */
/*
 * report: renders the process's own ledger with the reporter, and prints reports at exit.
 *
 * Owns the memory that a report needs. It is reserved while families and sites are added, so that a
 * report works when there is no memory left. A report is written while no lock is held, because the
 * reader of a pipe may be this process, or a child that it has yet to fork. A report at exit goes to
 * what was the process's standard error (or output) when the library was loaded, or nowhere
 * (ground/streams.h). Locks: REPORT, taken inside; callers hold no lock of LMM.
 */
#ifndef LMM_REPORT_H
#define LMM_REPORT_H

#include "lib/ground/base.h"

/* Reserves the memory for a report of what is registered now. Any thread. When there is none the
 * report itself says so. */
void lmm_report_reserve(void);

/* Prints the leak report by the last check to where reports at exit go. Any thread. */
void lmm_report_leaks(void);

/* For the drop-in: duplicates the descriptor that reports at exit go to, because a program may
 * close it, or open a file of its own with the same number. Call once, at start. */
void lmm_report_keep_stream(void);

#endif
