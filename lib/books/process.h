/* SPDX-License-Identifier: MIT */
/*
 * process: what the ledger's header says of the process that keeps it.
 *
 * Owns nothing. Asks /proc, with plain system calls and without memory of its own; what cannot be
 * learnt (no /proc, no right) stays 0 or empty, and readers know that. Not responsible for the books.
 */
#ifndef LMM_PROCESS_H
#define LMM_PROCESS_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* Fills the fields of *header that tell who keeps the books, from pid to boot_id, and the command line
 * and the executable. The rest is left alone. */
void lmm_process_describe(struct lmm_ledger_header *header);

/* Whether this process has a file mapped whose path ends with `ending`, of fewer than 128 bytes. */
bool lmm_process_has_mapped(const char *ending);

/* CLOCK_REALTIME, in nanoseconds. */
uint64_t lmm_process_time_ns(void);

#endif
