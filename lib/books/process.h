/* SPDX-License-Identifier: MIT */
/*
 * process: the facts about the process in the ledger's header.
 *
 * Owns nothing; any thread may call it. Reads /proc with plain system calls and allocates no
 * memory. A fact that cannot be read (no /proc, no permission) stays 0 or empty, which readers
 * accept. Not responsible for: the other fields of the header.
 */
#ifndef LMM_PROCESS_H
#define LMM_PROCESS_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* Fills the fields of *header that describe the process: pid to boot_id, the command line and
 * the executable. Other fields keep their values. Preserves errno. */
void lmm_process_describe(struct lmm_ledger_header *header);

/* Whether this process has a file mapped whose path ends with `ending`, of fewer than 128 bytes. */
bool lmm_process_has_mapped(const char *ending);

#endif
