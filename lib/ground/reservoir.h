/* SPDX-License-Identifier: MIT */
/*
 * reservoir: runs of units that are mapped and that no family owns.
 *
 * A unit is LMM_UNIT_BYTES of address space aligned to its size. The reservoir holds untouched
 * units (the rest of the last chunk mapped) and runs of units that families gave back, whose memory
 * may still be committed. It keeps at most a bound of the latter; when it is reached, the oldest
 * runs go to the kernel. A shorter run may be cut off a run that was given back; runs are never
 * joined, so a run is always part of one mapping.
 *
 * Locks: RESERVOIR, inside; any thread may call any function. Not responsible for: the contents of
 * a unit, or which family owns it.
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

/* Gives back units that were taken together, or a part of them. Keeps them, and unmaps the
 * oldest runs for them, unless they alone exceed the bound or 64 units. True: they stay mapped
 * with their contents. False: they are unmapped, and another mapping may be at their addresses. */
bool lmm_reservoir_put(char *base, size_t units);

/* Unmaps every unit kept; returns their bytes. */
size_t lmm_reservoir_empty(void);

/* Bytes of the units kept after use. */
size_t lmm_reservoir_kept_bytes(void);

#endif
