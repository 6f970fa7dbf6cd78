/* SPDX-License-Identifier: MIT */
/*
 * misuse: the diagnosis of a pointer that is not the start of a live block, in one line.
 *
 * The wording is part of the API. It names the struct, and the line that allocated the block: of a
 * live block always; of a freed one when that is certain, else the struct alone. It is certain while
 * the slot is the one that its thread freed last in that page; for an array while it is cached, or
 * among the last 16 arrays of the family that became free runs; and always when the family has
 * allocated at one line only.
 *
 * Locks: RUNS of the pointer's family, and LEDGER, inside.
 */
#ifndef LMM_MISUSE_H
#define LMM_MISUSE_H

#include "lib/ground/base.h"

/* Panics with what is wrong with p, any value. verb: the operation that was tried, such as "free".
 * Callers hold no lock of LMM. */
_Noreturn LMM_COLD void lmm_misuse(const void *p, const char *verb);

#endif
