/* SPDX-License-Identifier: MIT */
#include "lib/ground/reservoir.h"

#include "lib/ground/sync.h"
#include "lib/ground/vm.h"

#include "glthread/glthread.h"

#include <errno.h>

enum {
    CHUNK_UNITS = 16, /* mapped at once: 4 MiB of address space, untouched */
    DEFAULT_BOUND_UNITS = 64,
};

struct lmm_lock lmm_reservoir_lock = LMM_LOCK_INIT(LMM_RANK_RESERVOIR);

struct lmm_reservoir lmm_reservoir = {.bound = DEFAULT_BOUND_UNITS};

void lmm_reservoir_set_bound(size_t bytes)
{
    size_t units = bytes / LMM_UNIT_BYTES;
    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_reservoir.bound = units < LMM_RESERVOIR_UNITS ? units : LMM_RESERVOIR_UNITS;
    lmm_lock_release(&lmm_reservoir_lock);
}

/* ---- What is kept ---------------------------------------------------------------------------- */

static void start_lists_locked(void)
{
    if (lmm_reservoir.ages.next != NULL) {
        return;
    }
    for (size_t i = 0; i < LMM_RESERVOIR_RUN_UNITS; i++) {
        glthread_init(&lmm_reservoir.bins[i]);
    }
    glthread_init(&lmm_reservoir.spare);
    glthread_init(&lmm_reservoir.ages);
}

/* The number of runs in the bins; SIZE_MAX when a run is in the wrong bin, or a bit is wrong. */
static size_t count_binned_locked(void)
{
    size_t count = 0;

    for (size_t i = 0; i < LMM_RESERVOIR_RUN_UNITS; i++) {
        const struct glthread *bin = &lmm_reservoir.bins[i];
        if ((lmm_reservoir.used_bins >> i & 1) == glthread_is_empty(bin)) {
            return SIZE_MAX;
        }
        for (struct glthread *at = bin->next; at != bin; at = at->next, count++) {
            if (GLTHREAD_ENTRY(at, struct lmm_kept, bin)->units != i + 1) {
                return SIZE_MAX;
            }
        }
    }
    return count;
}

bool lmm_reservoir_is_valid_locked(void)
{
    const struct glthread *ages = &lmm_reservoir.ages;
    size_t units = 0;
    size_t count = 0;
    size_t spare = 0;

    if (ages->next == NULL) {
        return lmm_reservoir.units == 0 && lmm_reservoir.fresh == 0;
    }
    for (struct glthread *at = ages->next; at != ages; at = at->next, count++) {
        const struct lmm_kept *kept = GLTHREAD_ENTRY(at, struct lmm_kept, age);
        if ((uintptr_t) kept->base % LMM_UNIT_BYTES != 0 || kept->units == 0) {
            return false;
        }
        units += kept->units;
    }
    for (const struct glthread *at = lmm_reservoir.spare.next; at != &lmm_reservoir.spare;
         at = at->next) {
        spare++;
    }
    return units == lmm_reservoir.units && units <= LMM_RESERVOIR_UNITS &&
           count == count_binned_locked() && count + spare == lmm_reservoir.fresh;
}

static void bin_locked(struct lmm_kept *kept)
{
    glthread_insert_after(&lmm_reservoir.bins[kept->units - 1], &kept->bin);
    lmm_reservoir.used_bins |= (uint64_t) 1 << (kept->units - 1);
}

static void unbin_locked(struct lmm_kept *kept)
{
    size_t i = kept->units - 1;

    glthread_remove(&kept->bin);
    if (glthread_is_empty(&lmm_reservoir.bins[i])) {
        lmm_reservoir.used_bins &= ~((uint64_t) 1 << i);
    }
}

/* There is a free descriptor, because the caller keeps to the bound. */
static void keep_locked(char *base, size_t units)
{
    struct lmm_kept *kept;

    if (glthread_is_empty(&lmm_reservoir.spare)) {
        LMM_CHECK(lmm_reservoir.fresh < LMM_RESERVOIR_UNITS);
        kept = &lmm_reservoir.kept[lmm_reservoir.fresh++];
    } else {
        kept = GLTHREAD_ENTRY(lmm_reservoir.spare.next, struct lmm_kept, bin);
        glthread_remove(&kept->bin);
    }
    kept->base = base;
    kept->units = units;
    glthread_insert_before(&lmm_reservoir.ages, &kept->age);
    bin_locked(kept);
    lmm_store_relaxed(&lmm_reservoir.units, lmm_reservoir.units + units);
}

/* Cuts units off the front of a kept run; the rest keeps its age. */
static char *cut_locked(struct lmm_kept *kept, size_t units)
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
        glthread_insert_after(&lmm_reservoir.spare, &kept->bin);
    }
    lmm_store_relaxed(&lmm_reservoir.units, lmm_reservoir.units - units);
    return base;
}

/* The shortest run kept of at least `units` at a multiple of align; of these, the newest. */
static struct lmm_kept *find_locked(size_t units, size_t align)
{
    uint64_t bins =
        units > LMM_RESERVOIR_RUN_UNITS ? 0 : lmm_reservoir.used_bins >> (units - 1) << (units - 1);

    for (; bins != 0; bins &= bins - 1) {
        const struct glthread *bin = &lmm_reservoir.bins[__builtin_ctzll(bins)];
        for (struct glthread *at = bin->next; at != bin; at = at->next) {
            struct lmm_kept *kept = GLTHREAD_ENTRY(at, struct lmm_kept, bin);
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
    struct lmm_kept *kept = GLTHREAD_ENTRY(lmm_reservoir.ages.next, struct lmm_kept, age);

    *ret_units = kept->units;
    return cut_locked(kept, kept->units);
}

/* When the kernel has no map entry left to split with, the address space stays mapped. */
static void give_to_kernel(char *base, size_t units)
{
    if (!lmm_vm_unmap(base, units * LMM_UNIT_BYTES)) {
        lmm_vm_discard(base, units * LMM_UNIT_BYTES);
    }
}

static size_t empty_locked(void)
{
    size_t bytes = lmm_reservoir.units * LMM_UNIT_BYTES;

    while (lmm_reservoir.units != 0) {
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
            for (; lmm_reservoir.unused != lmm_reservoir.end;
                 lmm_reservoir.unused += LMM_UNIT_BYTES) {
                lmm_vm_unmap(lmm_reservoir.unused, LMM_UNIT_BYTES);
            }
            lmm_reservoir.unused = chunk;
            lmm_reservoir.end = chunk + chunk_units * LMM_UNIT_BYTES;
            return true;
        }
        if (chunk_units == units) {
            return false;
        }
    }
}

/* Units longer than the chunk's rest have a mapping of their own, so the rest is not lost. */
static char *take_fresh_locked(size_t units, size_t align)
{
    size_t left = (size_t) (lmm_reservoir.end - lmm_reservoir.unused) / LMM_UNIT_BYTES;
    if ((left < units && units > CHUNK_UNITS / 4) || align > LMM_UNIT_BYTES) {
        return lmm_vm_map_aligned(units * LMM_UNIT_BYTES, align);
    }
    if (left < units && !add_chunk_locked(units)) {
        return NULL;
    }
    char *base = lmm_reservoir.unused;
    lmm_reservoir.unused += units * LMM_UNIT_BYTES;
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
    struct lmm_kept *kept = find_locked(units, align);
    *ret_fresh = kept == NULL;
    if (kept != NULL) {
        base = cut_locked(kept, units);
    } else {
        base = take_fresh_locked(units, align);
        if (base == NULL && empty_locked() != 0) {
            base = take_fresh_locked(units, align); /* kept runs took address space */
        }
    }
    LMM_CHECK(lmm_reservoir_is_valid_locked());
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
    bool keep = units <= LMM_RESERVOIR_RUN_UNITS && units <= lmm_reservoir.bound;
    while (keep && lmm_reservoir.units != 0 && lmm_reservoir.units + units > lmm_reservoir.bound) {
        size_t old_units;
        char *old = pop_oldest_locked(&old_units);
        lmm_lock_release(&lmm_reservoir_lock);
        give_to_kernel(old, old_units);
        lmm_lock_acquire(&lmm_reservoir_lock);
    }
    if (keep) {
        keep_locked(base, units);
    }
    LMM_CHECK(lmm_reservoir_is_valid_locked());
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
    return lmm_load_relaxed(&lmm_reservoir.units) * LMM_UNIT_BYTES;
}
