/* SPDX-License-Identifier: MIT */
/*
 * reservoir: page runs from the kernel that no family owns.
 *
 * A unit is LMM_UNIT_BYTES of address space aligned to its size. The reservoir holds units never
 * touched (the rest of the last chunk mapped) and units given back by families, whose memory may still
 * be committed; of these it keeps at most a bound and unmaps the rest.
 *
 * Locks: RESERVOIR, inside. Not responsible for: what a unit holds, or which unit is whose.
 */
#ifndef LMM_RESERVOIR_H
#define LMM_RESERVOIR_H

#include "base.h"

/* Sets the bound on units kept, in bytes; 0 keeps none. */
void lmm_reservoir_set_bound(size_t bytes);

/*
 * Takes `units` neighbouring units, at least 1. Returns the first byte, or NULL with errno ENOMEM.
 * *ret_fresh tells whether the memory was never touched (and so reads as zero).
 */
char *lmm_reservoir_take(size_t units, bool *ret_fresh);

/* Gives units back: keeps them while within the bound, else unmaps them. Returns true when they stay
 * mapped with their contents. A false means that the addresses may now be anybody's. */
bool lmm_reservoir_put(char *base, size_t units);

/* Unmaps every unit kept; returns their bytes. */
size_t lmm_reservoir_empty(void);

/* Bytes of the units kept after use. */
size_t lmm_reservoir_kept_bytes(void);

/* Around fork: hold the reservoir still. */
void lmm_reservoir_before_fork(void);
void lmm_reservoir_after_fork(void);

#endif
