/* SPDX-License-Identifier: MIT */
/*
 * lost_pages: pages of mapped files that are there no more, because a file was truncated: a ledger, or a
 * program that is built anew while its debug information is read. Who reads such a page gets SIGBUS; the handler here puts
 * a page of zeros in its place, so that the reader goes on, and finds the file damaged.
 *
 * Owns the process's handler for SIGBUS, which stays. A thread must not block that signal.
 * Locks: none; the counts are each thread's own.
 */
#ifndef LMM_PROGRAM_LOST_PAGES_H
#define LMM_PROGRAM_LOST_PAGES_H

#include <stdint.h>

/* Installs the handler, once; any thread may call it. */
void lmm_lost_pages_start(void);

/* Returns how many pages the calling thread has found lost. */
uint32_t lmm_lost_pages_count(void);

#endif
