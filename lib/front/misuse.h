/* SPDX-License-Identifier: MIT */
/*
 * misuse: the diagnosis of a pointer that is not the start of a live block, in one line.
 *
 * The wording is part of the API. Locks: RUNS of the pointer's family, inside.
 */
#ifndef LMM_MISUSE_H
#define LMM_MISUSE_H

#include "lib/ground/base.h"

/* Panics with what is wrong with p, any value. verb: the operation that was tried, such as "free".
 * Callers hold no lock of LMM. */
_Noreturn LMM_COLD void lmm_misuse(const void *p, const char *verb);

#endif
