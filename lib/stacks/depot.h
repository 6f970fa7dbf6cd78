/* SPDX-License-Identifier: MIT */
/*
 * depot: numbers for call stacks, each stored once, and the sites that are stacks.
 *
 * A stack is a chain of frames in the ledger, from its innermost call outwards; stacks share the
 * frames of their common outer calls. Frames of the drop-in itself are left out. One table has the frame of a stack's hash, and the site of
 * (family, stack): a new stack, most of whose outer calls are those of a known one, costs a look-up for each
 * frame that is new, and one more. A second table, which is read without a lock, has the site of (family,
 * hash of the stack), so a known stack costs one look-up. In both, 64 bits of hash, with 32 bits of
 * the innermost address and the number of calls, stand for the stack: the hash alone would confuse
 * two of a million stacks in one of 10^7 programs.
 *
 * Owns these tables. Invariants, checked by the unit tests:
 *   I1  an entry's number never changes: it is the same code as long as the process lives
 *   I2  no two frames have the same caller, address and module, no two sites the same family and
 *       stack
 * Locks: STACKS, inside, for a stack that is not known; then also MODULES, SITES, LEDGER and META.
 * Not responsible for: walking stacks (unwind), which code is where (modules), counting.
 */
#ifndef LMM_DEPOT_H
#define LMM_DEPOT_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/stacks/unwind.h"

/* Call before the first stack. False with errno ENOMEM; may then be called again. */
bool lmm_depot_start(void);

/* The site of (family, the stack in trace). The family's "(unattributed)" site if the trace is
 * empty, or there is no memory. Any thread; no lock if the stack is known, else takes STACKS. */
uint32_t lmm_depot_site(struct lmm_family *family, const struct lmm_trace *trace);

/* The same for a stack of so many calls with that hash (unwind.h, I3), whose innermost one returns to pc,
 * if it is known; else LMM_SITE_NONE. Any thread, no lock. */
uint32_t lmm_depot_known_site(const struct lmm_family *family, uint64_t hash, uintptr_t pc,
                              uint32_t calls);

/* The same for a stack of one call. */
uint32_t lmm_depot_known_caller(const struct lmm_family *family, uintptr_t pc);

/* The number of the innermost frame of the stack in trace, whose frames are added to the ledger. 0: the
 * trace is empty, or there is no memory. Any thread; takes STACKS. */
uint32_t lmm_depot_stack(const struct lmm_trace *trace);

/* STACKS; exported for fork. */
extern struct lmm_lock lmm_depot_lock;

#endif
