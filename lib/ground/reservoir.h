/* SPDX-License-Identifier: MIT */
/*
 * reservoir: page runs from the kernel that no family owns.
 *
 * A unit is LMM_UNIT_BYTES of address space aligned to its size. The reservoir holds units never
 * touched (the rest of the last chunk mapped) and runs of units given back by families, whose
 * memory may still be committed. Of these it keeps at most a bound, as address space and so as
 * memory: the oldest go to the kernel for the newest, so that what is kept follows what the program
 * does now. A run that is given back stays one until a shorter one is cut off it; runs are not
 * joined, and so a run is always part of one mapping.
 *
 * Locks: RESERVOIR, inside. Not responsible for: what a unit holds, or which unit is whose.
 */
#ifndef LMM_RESERVOIR_H
#define LMM_RESERVOIR_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

/* RESERVOIR; exported for fork. */
extern struct lmm_lock lmm_reservoir_lock;

/* Sets the bound on units kept, in bytes; 0 keeps none. */
void lmm_reservoir_set_bound(size_t bytes);

/*
 * Takes `units` neighbouring units, at least 1. Returns the first byte, or NULL with errno ENOMEM.
 * *ret_fresh tells whether the memory was never touched (and so reads as zero).
 */
char *lmm_reservoir_take(size_t units, bool *ret_fresh);

/* The same; the first byte is at a multiple of align, a power of two of at least LMM_UNIT_BYTES. */
char *lmm_reservoir_take_aligned(size_t units, size_t align, bool *ret_fresh);

/* Gives back units that were taken together, or a part of these. Keeps them, at the cost of what
 * was given back before them, unless they alone are more than the bound, or more than 64.
 * Returns true when they stay mapped with their contents. A false means that the addresses may
 * now be anybody's. */
bool lmm_reservoir_put(char *base, size_t units);

/* Unmaps every unit kept; returns their bytes. */
size_t lmm_reservoir_empty(void);

/* Bytes of the units kept after use. */
size_t lmm_reservoir_kept_bytes(void);

#endif
