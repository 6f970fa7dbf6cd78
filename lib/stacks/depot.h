/* SPDX-License-Identifier: MIT */
/*
 * depot: numbers for call stacks, each stored once, and the sites that are stacks.
 *
 * A stack is a chain of frames in the ledger, from its innermost call outwards; stacks share the frames of
 * their common outer calls. One table has the frame for (outer frame, return address), and the site for
 * (family, stack). Another, which is read without a lock, leads from (family, hash of the stack) to the site
 * at once: so a known stack costs one look-up. Its 64 bits of hash, with the innermost address and the number
 * of calls, stand for the stack: among a million stacks two would be confused once in 10^7 programs.
 *
 * Owns these tables, and which modules are in the ledger. Invariants:
 *   I1  an entry is filled in once; its number alone changes: to 0 when the frame's module goes (in the
 *       second table, when any does), and to another when something else is found at that address later
 *   I2  no two frames have the same caller, address and module, no two sites the same family and stack
 * Locks: STACKS, inside, for what is new. Not responsible for walking stacks (unwind), counting.
 */
#ifndef LMM_DEPOT_H
#define LMM_DEPOT_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/stacks/unwind.h"

/* Call once, before the first stack. False with errno ENOMEM. */
bool lmm_depot_start(void);

/* The frame of the trace's innermost call. Where there is no memory for frames, that of the next outer call
 * that has one; 0: none has. */
uint32_t lmm_depot_stack(const struct lmm_trace *trace);

/* The site of a family for the stack in trace; the family's "(unattributed)" where that is empty, or there is
 * no memory for it. */
uint32_t lmm_depot_site(struct lmm_family *family, const struct lmm_trace *trace);

/* Looks which modules are gone: what comes to be where they were is something else. */
void lmm_depot_refresh_modules(void);

void lmm_depot_before_fork(void);
void lmm_depot_after_fork(void);

#endif
