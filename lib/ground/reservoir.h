/* SPDX-License-Identifier: MIT */
/*
 * reservoir: runs of units that are kept with their memory and that no family owns.
 *
 * It keeps runs of units that families gave back, whose memory may still be committed, up to a
 * bound: an eighth of the units in use, and at least the least bound. When that is reached, the
 * memory of the oldest runs goes to the kernel, and space decides what becomes of their addresses.
 * A shorter run may be cut off a run that is kept. When no run fits, the units come from space.
 *
 * Runs that did not fit must not raise the peak of the process's memory much: when units come from
 * space, the oldest runs go until the units in use and those kept are at most the most units that
 * were ever in use, or a twelfth more than are in use now (slack_locked()).
 *
 * Invariants, checked by lmm_reservoir_is_valid_locked() after each change in builds with internal
 * checks:
 *   I1  each run kept has at least 1 unit and starts at a multiple of a unit
 *   I2  each run kept is on the list by age and in the bin of its length, once; used_bins tells
 *       which bins are not empty. The last bin has all runs of LMM_RESERVOIR_BINS units and more
 *   I3  `units` is the sum of their lengths, at most LMM_RESERVOIR_UNITS; each descriptor is of a
 *       run kept, or spare
 * Locks: functions take RESERVOIR (space.h), so any thread may call them; one whose name ends in
 * _locked needs it held. Memory order: none besides the lock's. Not responsible for: the contents of
 * a unit, which family owns it, and what is mapped (space).
 */
#ifndef LMM_RESERVOIR_H
#define LMM_RESERVOIR_H

#include "lib/ground/base.h"
#include "lib/ground/space.h"
#include "lib/ground/sync.h"

#include "glthread/glthread.h"

enum {
    LMM_RESERVOIR_UNITS = 4096, /* kept at most, 1 GiB */
    LMM_RESERVOIR_BINS = 64,
    LMM_RESERVOIR_ROOM = 4,
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
    size_t least_bound;                       /* units; 0: none are kept */
    size_t most_bound;                        /* units, at most LMM_RESERVOIR_UNITS */
    size_t most_in_use;                       /* units, so far */
    size_t units;                             /* kept; atomic, written under the lock */
    uint64_t used_bins;                       /* bit i: bin i is not empty */
    struct glthread bins[LMM_RESERVOIR_BINS]; /* runs of i + 1 units, newest first */
    struct glthread ages;                     /* all, oldest first */
    struct glthread spare;                    /* descriptors given back */
    size_t descriptors;                       /* in all */
} lmm_reservoir;

_Static_assert(LMM_RESERVOIR_BINS == 64, "a bit a bin");

/* Sets the least bound on units kept, in bytes; 0 keeps none. */
void lmm_reservoir_set_bound(size_t bytes);

/*
 * Takes `units` neighbouring units, at least 1. Returns the first byte, or NULL with errno ENOMEM.
 * *ret_fresh tells whether none of the memory is committed (and so reads as zero).
 */
char *lmm_reservoir_take(size_t units, bool *ret_fresh);

/* The same; the first byte is at a multiple of align, a power of two of at least LMM_UNIT_BYTES. */
char *lmm_reservoir_take_aligned(size_t units, size_t align, bool *ret_fresh);

/*
 * The same for a block of its own, of at least *units units, which becomes more when a run that is
 * kept is longer: up to LMM_RESERVOIR_ROOM times as long it is taken whole. Its addresses cost
 * nothing, and the next block there may be longer again: short runs that are cut off fit no long one.
 */
char *lmm_reservoir_take_roomy(size_t *units, size_t align, bool *ret_fresh);

/* Takes one unit as lmm_reservoir_take(); when none is kept, as lmm_space_take_near_locked(). */
char *lmm_reservoir_take_near(const char *near, bool *ret_fresh);

/* Gives back units that were taken together, or a part of them. Keeps them, and gives the oldest
 * runs to the kernel for them, unless they alone exceed the bound. True: they keep their
 * contents. */
bool lmm_reservoir_put(char *base, size_t units);

/*
 * Makes units that were taken together new_units long, at the same addresses or at others, at a
 * multiple of align, without copying or touching their memory; the added memory reads as zero. As
 * lmm_space_extend_locked() and lmm_space_move_locked(); lmm_reservoir_take_moved() takes the units
 * to move to.
 */
int lmm_reservoir_extend(char *base, size_t units, size_t new_units, bool is_apart);
char *lmm_reservoir_take_moved(size_t units, size_t align);
bool lmm_reservoir_move(char *base, size_t units, char *target, size_t new_units, bool was_apart);

/* Makes units that were taken together, and not moved, new_units long by units that are kept right
 * after them, with their contents. False when there are too few. O(runs kept). */
bool lmm_reservoir_extend_kept(const char *base, size_t units, size_t new_units);

/* Gives back units whose memory need not be kept; is_apart: they were moved. */
void lmm_reservoir_drop(char *base, size_t units, bool is_apart);

/* Gives the memory of all units kept to the kernel; returns their bytes. */
size_t lmm_reservoir_empty(void);

/* Calls visit for each run kept, the oldest first, under RESERVOIR. */
void lmm_reservoir_visit(void (*visit)(const char *base, size_t units, void *arg), void *arg);

/* Bytes of the units kept after use. Takes no lock; relaxed. */
size_t lmm_reservoir_kept_bytes(void);

/* Checks the invariants, and those of space. O(runs kept + areas). */
bool lmm_reservoir_is_valid_locked(void);

#endif
