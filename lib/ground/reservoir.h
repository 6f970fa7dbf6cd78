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
 * Invariants, checked by lmm_reservoir_is_valid_locked() after each change in builds with internal
 * checks:
 *   I1  each run kept has 1 to LMM_RESERVOIR_RUN_UNITS units and starts at a multiple of a unit
 *   I2  each run kept is on the list by age and in the bin of its length, once; used_bins tells
 *       which bins are not empty
 *   I3  `units` is the sum of their lengths, at most LMM_RESERVOIR_UNITS; each descriptor used so
 *       far is of a run kept, or spare
 * Locks: functions take RESERVOIR, so any thread may call them; one whose name ends in _locked needs
 * it held. Memory order: none besides the lock's. Not responsible for: the contents of a unit, or
 * which family owns it.
 */
#ifndef LMM_RESERVOIR_H
#define LMM_RESERVOIR_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include "glthread/glthread.h"

enum {
    LMM_RESERVOIR_UNITS = 4096,   /* kept at most; as many descriptors: each may be of one unit */
    LMM_RESERVOIR_RUN_UNITS = 64, /* longer runs are not kept */
};

/* A run that is kept: given back as a whole, or the rest of such a run. */
struct lmm_kept {
    char *base;
    size_t units;
    struct glthread bin; /* in the bin of its length; or on the spare list */
    struct glthread age;
};

/* Exported for the test of lmm_reservoir_is_valid_locked(). All under RESERVOIR. */
extern struct lmm_reservoir {
    char *unused; /* rest of the newest chunk */
    char *end;
    size_t bound;                                  /* units to keep, at most LMM_RESERVOIR_UNITS */
    size_t units;                                  /* kept; atomic, written under the lock */
    uint64_t used_bins;                            /* bit i: bin i is not empty */
    struct glthread bins[LMM_RESERVOIR_RUN_UNITS]; /* runs of i + 1 units, newest first */
    struct glthread ages;                          /* all, oldest first */
    struct glthread spare;                         /* descriptors given back */
    size_t fresh;                                  /* descriptors past it were never used */
    struct lmm_kept kept[LMM_RESERVOIR_UNITS];
} lmm_reservoir;

_Static_assert(LMM_RESERVOIR_RUN_UNITS == 64, "a bit a bin");

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

/* Bytes of the units kept after use. Takes no lock; relaxed. */
size_t lmm_reservoir_kept_bytes(void);

/* Checks the invariants. O(runs kept). */
bool lmm_reservoir_is_valid_locked(void);

#endif
