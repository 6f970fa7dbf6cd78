/* SPDX-License-Identifier: MIT */
/*
 * leaks: leak checks that the program asks for, and what it says about its blocks and roots.
 *
 * Owns nothing. Locks: none, except those of the functions it calls; callers hold no lock of LMM.
 */
#ifndef LMM_FRONT_LEAKS_H
#define LMM_FRONT_LEAKS_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

struct lmm_saved_registers;

/*
 * Makes the check at the process's end if the options ask for one (check=1 or leaks=1), unless it was
 * made before. entry: as in check.h, not NULL. A child that has not called LMM has no check. Async-signal-safe.
 */
void lmm_leaks_check_at_exit(const struct lmm_saved_registers *entry);

/* Asks the program before the check at the end; ask() returns whether there shall be one. Call it before
 * main(). */
void lmm_leaks_ask_before_exit(bool (*ask)(void));

/* A check with the usual heuristics, whatever the options say; 0 or -errno. */
int lmm_leaks_check_now(const struct lmm_saved_registers *entry);

/* The same, in the place of the one at the process's end, which is not made then. */
int lmm_leaks_check_instead(const struct lmm_saved_registers *entry);

/* The blocks that the last check found lost, directly or indirectly; 0 where there was none or it
 * failed. */
uint64_t lmm_leaks_lost_blocks(void);

#endif
