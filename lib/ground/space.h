/* SPDX-License-Identifier: MIT */
/*
 * space: the address space that LMM has mapped for units, and which of it lies idle.
 *
 * A unit is LMM_UNIT_BYTES of address space aligned to its size. A mapped unit is taken, or idle:
 * its memory was never touched or went back to the kernel, its addresses wait for the next use, and
 * it reads as zero. Address space costs nothing, but the kernel limits the number of mappings of a
 * process, and each hole in a mapping makes one more. So what lies between units in use is not
 * unmapped but becomes idle, and joins the idle units beside it; an idle run is unmapped when it
 * has LMM_SPACE_RUN_UNITS. Where address space is limited (RLIMIT_AS) or the kernel charges for it
 * (vm.overcommit_memory is 2), all is unmapped at once. In both cases only while the mappings are
 * few (may_leave_hole_locked()), at most one for LMM_SPACE_RUN_UNITS taken and a constant. Idle
 * units that join may lie in several mappings, which matters only to mremap: it refuses.
 *
 * An area has the bits of LMM_AREA_UNITS neighbouring units. Areas are added before units are
 * mapped there, and never freed; so giving units back needs no memory.
 *
 * Invariants, checked by lmm_space_is_valid_locked():
 *   I1  an idle unit is mapped
 *   I2  an area with idle units is in the bin of its longest idle run, once; others are in none;
 *       used_bins tells which bins are not empty
 *   I3  `ranges` is the number of runs of mapped units that no mapped unit adjoins
 *   I4  `idle` is the number of idle units; with `taken` and `lost` they are the mapped ones. Lost:
 *       the kernel neither took the memory back nor unmapped it; nobody uses them again
 * Locks: RESERVOIR; the caller holds it, and some functions release it while the kernel works: then
 * the units are still taken, or not mapped any more. Not responsible for: units kept with their memory
 * (reservoir), contents.
 */
#ifndef LMM_SPACE_H
#define LMM_SPACE_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include "glthread/glthread.h"

enum {
    LMM_AREA_UNITS = 64,
    LMM_SPACE_RUN_UNITS = 16, /* 4 MiB: idle runs are unmapped from this length on */
};

struct lmm_area {
    uint64_t mapped; /* bit i: unit i of the area */
    uint64_t idle;
    size_t first_unit; /* immutable, as is next: address >> LMM_UNIT_SHIFT */
    struct lmm_area *next;
    struct glthread bin;
};

/* Exported for the test of lmm_space_is_valid_locked(). All under RESERVOIR. */
extern struct lmm_space {
    struct lmm_area *areas;
    uint64_t used_bins;                   /* bit i: bin i is not empty */
    struct glthread bins[LMM_AREA_UNITS]; /* areas whose longest idle run has i + 1 units */
    size_t ranges;
    size_t apart; /* runs taken that are a mapping of their own, see lmm_space_move_locked() */
    size_t taken;
    size_t idle;
    size_t lost;
} lmm_space;

_Static_assert(LMM_AREA_UNITS == 64, "a bit a unit, and a bit a bin");

/* RESERVOIR; exported for fork. */
extern struct lmm_lock lmm_reservoir_lock;

/* Takes `units` neighbouring units, at least 1, the first at a multiple of align, a power of two of
 * at least a unit. They read as zero. NULL with errno ENOMEM. */
char *lmm_space_take_locked(size_t units, size_t align);

/* Takes one unit for a heap whose last one is `near` (any address; NULL: it has none): one of the
 * same chunk, else of a chunk that no heap uses yet, else as lmm_space_take_locked(). So the
 * descriptors that two threads write are seldom neighbours: a processor that prefetches neighbours
 * of a line takes them from the other thread's. */
char *lmm_space_take_near_locked(const char *near);

/* Gives the memory of units that were taken back to the kernel. is_apart: they are a mapping of
 * their own. Releases the lock meanwhile. */
void lmm_space_give_locked(char *base, size_t units, bool is_apart);

/*
 * Makes units that were taken together new_units long, without moving them: by idle units, which a
 * mapping of its own does not get, or by addresses that are not in use. The added memory reads as
 * zero. Returns 0, or as lmm_vm_grow().
 */
int lmm_space_extend_locked(char *base, size_t units, size_t new_units, bool is_apart);

/*
 * Moves the memory of units that were taken to target, the start of new_units that were taken
 * anew, as lmm_vm_move(). The result is a mapping of its own: it is_apart. was_apart: as before.
 * new_units is at least LMM_SPACE_RUN_UNITS, so that such mappings are few. False: nothing changed.
 */
bool lmm_space_move_locked(char *base, size_t units, char *target, size_t new_units,
                           bool was_apart);

/* Unmaps idle units that may be; true when there were any. */
bool lmm_space_unmap_idle_locked(void);

/* Checks the invariants. O(areas). */
bool lmm_space_is_valid_locked(void);

#endif
