/* SPDX-License-Identifier: MIT */
#include "lib/ground/reservoir.h"

#include "lib/ground/sync.h"
#include "lib/ground/vm.h"

#include "glthread/glthread.h"

#include <errno.h>

enum {
    CHUNK_UNITS = 16,      /* mapped at once: 4 MiB of address space, untouched */
    KEPT_UNITS_MAX = 4096, /* in all; as many descriptors, for each may be of one unit */
    RUN_UNITS_MAX = 64,    /* longer runs are not kept */
    DEFAULT_BOUND_UNITS = 64,
};

/* A run that is kept: given back as a whole, or the rest of such a run. */
struct kept {
    char *base;
    size_t units;
    struct glthread bin; /* in the bin of its length; or on the spare list */
    struct glthread age;
};

struct lmm_lock lmm_reservoir_lock = LMM_LOCK_INIT(LMM_RANK_RESERVOIR);

/* Within a bin the last in is the first out: its lines are the warmest. */
static struct {
    char *unused; /* rest of the newest chunk */
    char *end;
    size_t bound;                        /* units to keep, at most KEPT_UNITS_MAX */
    size_t units;                        /* kept; atomic, written under the lock */
    uint64_t used_bins;                  /* bit i: bin i is not empty */
    struct glthread bins[RUN_UNITS_MAX]; /* runs of i + 1 units, newest first */
    struct glthread ages;                /* all, oldest first */
    struct glthread spare;               /* descriptors given back */
    size_t fresh;                        /* descriptors past it were never used */
    struct kept kept[KEPT_UNITS_MAX];
} reservoir = {.bound = DEFAULT_BOUND_UNITS};

_Static_assert(RUN_UNITS_MAX == 64, "a bit a bin");

void lmm_reservoir_set_bound(size_t bytes)
{
    size_t units = bytes / LMM_UNIT_BYTES;
    lmm_lock_acquire(&lmm_reservoir_lock);
    reservoir.bound = units < KEPT_UNITS_MAX ? units : KEPT_UNITS_MAX;
    lmm_lock_release(&lmm_reservoir_lock);
}

/* ---- What is kept ---------------------------------------------------------------------------- */

static void start_lists_locked(void)
{
    if (reservoir.ages.next != NULL) {
        return;
    }
    for (size_t i = 0; i < RUN_UNITS_MAX; i++) {
        glthread_init(&reservoir.bins[i]);
    }
    glthread_init(&reservoir.spare);
    glthread_init(&reservoir.ages);
}

static void bin_locked(struct kept *kept)
{
    glthread_insert_after(&reservoir.bins[kept->units - 1], &kept->bin);
    reservoir.used_bins |= (uint64_t) 1 << (kept->units - 1);
}

static void unbin_locked(struct kept *kept)
{
    size_t i = kept->units - 1;

    glthread_remove(&kept->bin);
    if (glthread_is_empty(&reservoir.bins[i])) {
        reservoir.used_bins &= ~((uint64_t) 1 << i);
    }
}

/* There is a free descriptor, because the caller keeps to the bound. */
static void keep_locked(char *base, size_t units)
{
    struct kept *kept;

    if (glthread_is_empty(&reservoir.spare)) {
        LMM_CHECK(reservoir.fresh < KEPT_UNITS_MAX);
        kept = &reservoir.kept[reservoir.fresh++];
    } else {
        kept = GLTHREAD_ENTRY(reservoir.spare.next, struct kept, bin);
        glthread_remove(&kept->bin);
    }
    kept->base = base;
    kept->units = units;
    glthread_insert_before(&reservoir.ages, &kept->age);
    bin_locked(kept);
    lmm_store_relaxed(&reservoir.units, reservoir.units + units);
}

/* Cuts units off the front of a kept run; the rest keeps its age. */
static char *cut_locked(struct kept *kept, size_t units)
{
    char *base = kept->base;

    LMM_CHECK(lmm_lock_is_held(&lmm_reservoir_lock) && units <= kept->units);
    unbin_locked(kept);
    kept->base += units * LMM_UNIT_BYTES;
    kept->units -= units;
    if (kept->units != 0) {
        bin_locked(kept);
    } else {
        glthread_remove(&kept->age);
        glthread_insert_after(&reservoir.spare, &kept->bin);
    }
    lmm_store_relaxed(&reservoir.units, reservoir.units - units);
    return base;
}

/* The shortest run kept that has so many units and starts at a multiple of align, the newest of
 * these. */
static struct kept *find_locked(size_t units, size_t align)
{
    uint64_t bins = units > RUN_UNITS_MAX ? 0 : reservoir.used_bins >> (units - 1) << (units - 1);

    for (; bins != 0; bins &= bins - 1) {
        const struct glthread *bin = &reservoir.bins[__builtin_ctzll(bins)];
        for (struct glthread *at = bin->next; at != bin; at = at->next) {
            struct kept *kept = GLTHREAD_ENTRY(at, struct kept, bin);
            if (((uintptr_t) kept->base & (align - 1)) == 0) {
                return kept;
            }
        }
    }
    return NULL;
}

/* Takes the oldest run out; there is one. */
static char *pop_oldest_locked(size_t *ret_units)
{
    struct kept *kept = GLTHREAD_ENTRY(reservoir.ages.next, struct kept, age);

    *ret_units = kept->units;
    return cut_locked(kept, kept->units);
}

/* The kernel may have no map entry left to split with: then the address space stays, its memory
 * goes. */
static void give_to_kernel(char *base, size_t units)
{
    if (!lmm_vm_unmap(base, units * LMM_UNIT_BYTES)) {
        lmm_vm_discard(base, units * LMM_UNIT_BYTES);
    }
}

static size_t empty_locked(void)
{
    size_t bytes = reservoir.units * LMM_UNIT_BYTES;

    while (reservoir.units != 0) {
        size_t units;
        char *base = pop_oldest_locked(&units);
        give_to_kernel(base, units);
    }
    return bytes;
}

/* ---- Address space from the kernel ----------------------------------------------------------- */

/* Maps a new chunk of at least `units`, a smaller one when address space is short. */
static bool add_chunk_locked(size_t units)
{
    for (size_t size = CHUNK_UNITS;; size /= 4) {
        size_t chunk_units = size > units ? size : units;
        char *chunk = lmm_vm_map_aligned(chunk_units * LMM_UNIT_BYTES, LMM_UNIT_BYTES);
        if (chunk != NULL) {
            for (; reservoir.unused != reservoir.end; reservoir.unused += LMM_UNIT_BYTES) {
                lmm_vm_unmap(reservoir.unused, LMM_UNIT_BYTES);
            }
            reservoir.unused = chunk;
            reservoir.end = chunk + chunk_units * LMM_UNIT_BYTES;
            return true;
        }
        if (chunk_units == units) {
            return false;
        }
    }
}

/* Units longer than a chunk's rest have a mapping of their own, so that a rest is not thrown
 * away. */
static char *take_fresh_locked(size_t units, size_t align)
{
    size_t left = (size_t) (reservoir.end - reservoir.unused) / LMM_UNIT_BYTES;
    if ((left < units && units > CHUNK_UNITS / 4) || align > LMM_UNIT_BYTES) {
        return lmm_vm_map_aligned(units * LMM_UNIT_BYTES, align);
    }
    if (left < units && !add_chunk_locked(units)) {
        return NULL;
    }
    char *base = reservoir.unused;
    reservoir.unused += units * LMM_UNIT_BYTES;
    return base;
}

/* ---- Taking and giving ----------------------------------------------------------------------- */

char *lmm_reservoir_take_aligned(size_t units, size_t align, bool *ret_fresh)
{
    char *base;

    LMM_CHECK(units != 0 && lmm_is_power_of_two(align) && align >= LMM_UNIT_BYTES);
    if (units > SIZE_MAX / 2 / LMM_UNIT_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    lmm_lock_acquire(&lmm_reservoir_lock);
    struct kept *kept = find_locked(units, align);
    *ret_fresh = kept == NULL;
    if (kept != NULL) {
        base = cut_locked(kept, units);
    } else {
        base = take_fresh_locked(units, align);
        if (base == NULL && empty_locked() != 0) {
            base = take_fresh_locked(units, align); /* kept runs took address space */
        }
    }
    lmm_lock_release(&lmm_reservoir_lock);
    return base;
}

char *lmm_reservoir_take(size_t units, bool *ret_fresh)
{
    return lmm_reservoir_take_aligned(units, LMM_UNIT_BYTES, ret_fresh);
}

/* The kernel is not called under the lock. */
bool lmm_reservoir_put(char *base, size_t units)
{
    LMM_CHECK(units != 0 && (uintptr_t) base % LMM_UNIT_BYTES == 0);
    lmm_lock_acquire(&lmm_reservoir_lock);
    start_lists_locked();
    bool keep = units <= RUN_UNITS_MAX && units <= reservoir.bound;
    while (keep && reservoir.units != 0 && reservoir.units + units > reservoir.bound) {
        size_t old_units;
        char *old = pop_oldest_locked(&old_units);
        lmm_lock_release(&lmm_reservoir_lock);
        give_to_kernel(old, old_units);
        lmm_lock_acquire(&lmm_reservoir_lock);
    }
    if (keep) {
        keep_locked(base, units);
    }
    lmm_lock_release(&lmm_reservoir_lock);
    if (!keep) {
        give_to_kernel(base, units);
    }
    return keep;
}

size_t lmm_reservoir_empty(void)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    size_t bytes = empty_locked();
    lmm_lock_release(&lmm_reservoir_lock);
    return bytes;
}

size_t lmm_reservoir_kept_bytes(void)
{
    return lmm_load_relaxed(&reservoir.units) * LMM_UNIT_BYTES;
}
