/* SPDX-License-Identifier: MIT */
/*
 * depot: numbers for call stacks, each stored once, and the sites that are stacks.
 *
 * A stack is a chain of frames in the ledger, from its innermost call outwards; stacks share the frames of
 * their common outer calls. The depot finds the frame for (outer frame, return address) and the site for
 * (family, stack) in one table, without a lock when they are known.
 *
 * Owns that table, and which modules are in the ledger. Invariants:
 *   I1  an entry of the table is filled in once; its number alone changes: to 0 when the frame's module
 *       goes, and to another frame's when something else is found at that address later
 *   I2  no two frames have the same caller, address and module
 * Locks: STACKS, inside, for what is new. Not responsible for walking stacks (unwind), counting.
 */
#ifndef LMM_DEPOT_H
#define LMM_DEPOT_H

#include "base.h"
#include "family.h"
#include "unwind.h"

/* Call once, before the first stack. False with errno ENOMEM. */
bool lmm_depot_start(void);

/* The frame of the trace's innermost call. Where there is no memory for frames, that of the next outer call
 * that has one; 0: none has. */
uint32_t lmm_depot_stack(struct lmm_trace *trace);

/* The site of a family for a stack; the family's "(unattributed)" where there is no memory for it. */
uint32_t lmm_depot_site(struct lmm_family *family, uint32_t stack);

/* Looks which modules are gone: what comes to be where they were is something else. */
void lmm_depot_refresh_modules(void);

void lmm_depot_before_fork(void);
void lmm_depot_after_fork(void);

#endif
