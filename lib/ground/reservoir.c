/* SPDX-License-Identifier: MIT */
#include "lib/ground/reservoir.h"

#include "lib/ground/meta.h"
#include "lib/ground/vm.h"

#include "glthread/glthread.h"

#include <errno.h>

enum {
    DEFAULT_BOUND_UNITS = 64,
    LIMITED_SHARE = 16,    /* of the address space may be kept where it is limited */
    SLAB_DESCRIPTORS = 64, /* allocated at once */
};

struct lmm_reservoir lmm_reservoir = {.bound = DEFAULT_BOUND_UNITS};

void lmm_reservoir_set_bound(size_t bytes)
{
    size_t limit = lmm_vm_limit_bytes();
    size_t most = limit == SIZE_MAX ? SIZE_MAX : limit / LIMITED_SHARE;
    size_t units = (bytes < most ? bytes : most) / LMM_UNIT_BYTES;

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
        return lmm_reservoir.units == 0 && lmm_space_is_valid_locked();
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
           count == count_binned_locked() && count + spare == lmm_reservoir.descriptors &&
           units <= lmm_space.taken && lmm_space_is_valid_locked();
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

/* Returns an unused descriptor, or NULL if no memory is left for a new one. */
static struct lmm_kept *spare_locked(void)
{
    if (glthread_is_empty(&lmm_reservoir.spare)) {
        struct lmm_kept *slab = lmm_meta_zalloc(SLAB_DESCRIPTORS * sizeof(*slab));
        if (slab == NULL) {
            return NULL;
        }
        for (size_t i = 0; i < SLAB_DESCRIPTORS; i++) {
            glthread_insert_before(&lmm_reservoir.spare, &slab[i].bin);
        }
        lmm_reservoir.descriptors += SLAB_DESCRIPTORS;
    }
    return GLTHREAD_ENTRY(lmm_reservoir.spare.next, struct lmm_kept, bin);
}

/* Returns false if no descriptor can be allocated. */
static bool keep_locked(char *base, size_t units)
{
    struct lmm_kept *kept = spare_locked();

    if (kept == NULL) {
        return false;
    }
    glthread_remove(&kept->bin);
    kept->base = base;
    kept->units = units;
    glthread_insert_before(&lmm_reservoir.ages, &kept->age);
    bin_locked(kept);
    lmm_store_relaxed(&lmm_reservoir.units, lmm_reservoir.units + units);
    return true;
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

static size_t empty_locked(void)
{
    size_t bytes = 0;

    while (lmm_reservoir.units != 0) {
        size_t units;
        char *base = pop_oldest_locked(&units);
        lmm_space_give_locked(base, units, false);
        bytes += units * LMM_UNIT_BYTES;
    }
    return bytes;
}

/* ---- Taking and giving ----------------------------------------------------------------------- */

/* Units from space; what is kept or lies idle may take the address space that they need. */
static char *take_fresh_locked(size_t units, size_t align)
{
    char *base = lmm_space_take_locked(units, align);

    if (base == NULL) {
        bool has_freed = empty_locked() != 0;
        has_freed = lmm_space_unmap_idle_locked() || has_freed;
        base = has_freed ? lmm_space_take_locked(units, align) : NULL;
    }
    return base;
}

char *lmm_reservoir_take_aligned(size_t units, size_t align, bool *ret_fresh)
{
    LMM_CHECK(units != 0 && lmm_is_power_of_two(align) && align >= LMM_UNIT_BYTES);
    if (units > SIZE_MAX / 2 / LMM_UNIT_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    lmm_lock_acquire(&lmm_reservoir_lock);
    struct lmm_kept *kept = find_locked(units, align);
    *ret_fresh = kept == NULL;
    char *base = kept != NULL ? cut_locked(kept, units) : take_fresh_locked(units, align);
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return base;
}

char *lmm_reservoir_take(size_t units, bool *ret_fresh)
{
    return lmm_reservoir_take_aligned(units, LMM_UNIT_BYTES, ret_fresh);
}

/* While the kernel works the lock is released. */
bool lmm_reservoir_put(char *base, size_t units)
{
    LMM_CHECK(units != 0 && (uintptr_t) base % LMM_UNIT_BYTES == 0);
    lmm_lock_acquire(&lmm_reservoir_lock);
    start_lists_locked();
    bool keep = units <= LMM_RESERVOIR_RUN_UNITS && units <= lmm_reservoir.bound;
    while (keep && lmm_reservoir.units != 0 && lmm_reservoir.units + units > lmm_reservoir.bound) {
        size_t old_units;
        char *old = pop_oldest_locked(&old_units);
        lmm_space_give_locked(old, old_units, false);
    }
    keep = keep && keep_locked(base, units);
    if (!keep) {
        lmm_space_give_locked(base, units, false);
    }
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return keep;
}

void lmm_reservoir_drop(char *base, size_t units, bool is_apart)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_space_give_locked(base, units, is_apart);
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
}

int lmm_reservoir_extend(char *base, size_t units, size_t new_units, bool is_apart)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    int result = lmm_space_extend_locked(base, units, new_units, is_apart);
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return result;
}

char *lmm_reservoir_take_moved(size_t units, size_t align)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    char *base = lmm_space_may_move_locked(units) ? lmm_space_take_locked(units, align) : NULL;
    lmm_lock_release(&lmm_reservoir_lock);
    return base;
}

bool lmm_reservoir_move(char *base, size_t units, char *target, size_t new_units, bool was_apart)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    bool done = lmm_space_move_locked(base, units, target, new_units, was_apart);
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return done;
}

size_t lmm_reservoir_empty(void)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    size_t bytes = empty_locked();
    lmm_lock_release(&lmm_reservoir_lock);
    return bytes;
}

void lmm_reservoir_visit(void (*visit)(const char *base, size_t units, void *arg), void *arg)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    const struct glthread *ages = &lmm_reservoir.ages;
    for (struct glthread *at = ages->next; at != NULL && at != ages; at = at->next) {
        const struct lmm_kept *kept = GLTHREAD_ENTRY(at, struct lmm_kept, age);
        visit(kept->base, kept->units, arg);
    }
    lmm_lock_release(&lmm_reservoir_lock);
}

size_t lmm_reservoir_kept_bytes(void)
{
    return lmm_load_relaxed(&lmm_reservoir.units) * LMM_UNIT_BYTES;
}
