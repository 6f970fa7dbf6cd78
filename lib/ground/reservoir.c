/* SPDX-License-Identifier: MIT */
#include "lib/ground/reservoir.h"

#include "lib/ground/meta.h"
#include "lib/ground/vm.h"

#include "glthread/glthread.h"

#include <errno.h>

enum {
    DEFAULT_BOUND_UNITS = 256,
    SHARE = 8,             /* of the units in use may be kept */
    LIMITED_SHARE = 16,    /* of the address space may be kept where it is limited */
    SLACK_SHARE = 12,      /* of the units in use may be kept besides at their peak */
    SLACK_UNITS = 8,       /* at least */
    SLAB_DESCRIPTORS = 64, /* allocated at once */
};

struct lmm_reservoir lmm_reservoir = {.least_bound = DEFAULT_BOUND_UNITS,
                                      .most_bound = LMM_RESERVOIR_UNITS};

void lmm_reservoir_set_bound(size_t bytes)
{
    size_t limit = lmm_vm_limit_bytes();
    size_t most = limit == SIZE_MAX ? SIZE_MAX : limit / LIMITED_SHARE / LMM_UNIT_BYTES;

    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_reservoir.least_bound = bytes / LMM_UNIT_BYTES;
    lmm_reservoir.most_bound = most < LMM_RESERVOIR_UNITS ? most : LMM_RESERVOIR_UNITS;
    lmm_lock_release(&lmm_reservoir_lock);
}

/* The units to keep beside so many in use. */
static size_t bound_locked(size_t in_use)
{
    size_t bound = lmm_reservoir.least_bound;

    bound = bound != 0 && bound < in_use / SHARE ? in_use / SHARE : bound;
    return bound < lmm_reservoir.most_bound ? bound : lmm_reservoir.most_bound;
}

/* The units to keep beside so many in use, of which some had to come from space. */
static size_t slack_locked(size_t in_use)
{
    size_t slack = in_use / SLACK_SHARE > SLACK_UNITS ? in_use / SLACK_SHARE : SLACK_UNITS;
    size_t below_peak = lmm_reservoir.most_in_use - in_use;

    return slack > below_peak ? slack : below_peak;
}

/* ---- What is kept ---------------------------------------------------------------------------- */

static void start_lists_locked(void)
{
    if (lmm_reservoir.ages.next != NULL) {
        return;
    }
    for (size_t i = 0; i < LMM_RESERVOIR_BINS; i++) {
        glthread_init(&lmm_reservoir.bins[i]);
    }
    glthread_init(&lmm_reservoir.spare);
    glthread_init(&lmm_reservoir.ages);
}

/* The number of the bin of runs of so many units. */
static size_t bin_of(size_t units)
{
    return (units < LMM_RESERVOIR_BINS ? units : LMM_RESERVOIR_BINS) - 1;
}

/* The number of runs in the bins; SIZE_MAX when a run is in the wrong bin, or a bit is wrong. */
static size_t count_binned_locked(void)
{
    size_t count = 0;

    for (size_t i = 0; i < LMM_RESERVOIR_BINS; i++) {
        const struct glthread *bin = &lmm_reservoir.bins[i];
        if ((lmm_reservoir.used_bins >> i & 1) == glthread_is_empty(bin)) {
            return SIZE_MAX;
        }
        for (struct glthread *at = bin->next; at != bin; at = at->next, count++) {
            if (bin_of(GLTHREAD_ENTRY(at, struct lmm_kept, bin)->units) != i) {
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
    size_t i = bin_of(kept->units);

    glthread_insert_after(&lmm_reservoir.bins[i], &kept->bin);
    lmm_reservoir.used_bins |= (uint64_t) 1 << i;
}

static void unbin_locked(struct lmm_kept *kept)
{
    size_t i = bin_of(kept->units);

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

/* The shortest run in the bin of at least `units` at a multiple of align; of these, the newest. */
static struct lmm_kept *find_in_bin_locked(size_t i, size_t units, size_t align)
{
    const struct glthread *bin = &lmm_reservoir.bins[i];
    struct lmm_kept *best = NULL;

    for (struct glthread *at = bin->next; at != bin; at = at->next) {
        struct lmm_kept *kept = GLTHREAD_ENTRY(at, struct lmm_kept, bin);
        if (kept->units >= units && (best == NULL || kept->units < best->units) &&
            ((uintptr_t) kept->base & (align - 1)) == 0) {
            best = kept;
            if (i < LMM_RESERVOIR_BINS - 1) {
                break; /* all runs here have the same length */
            }
        }
    }
    return best;
}

/* The same of all runs kept. The last bin, which is searched whole, has at most LMM_RESERVOIR_UNITS
 * / LMM_RESERVOIR_BINS runs. */
static struct lmm_kept *find_locked(size_t units, size_t align)
{
    uint64_t bins = lmm_reservoir.used_bins >> bin_of(units) << bin_of(units);
    struct lmm_kept *best = NULL;

    for (; bins != 0 && best == NULL; bins &= bins - 1) {
        best = find_in_bin_locked((size_t) __builtin_ctzll(bins), units, align);
    }
    return best;
}

/* Takes the oldest run out; there is one. */
static char *pop_oldest_locked(size_t *ret_units)
{
    struct lmm_kept *kept = GLTHREAD_ENTRY(lmm_reservoir.ages.next, struct lmm_kept, age);

    *ret_units = kept->units;
    return cut_locked(kept, kept->units);
}

/* Gives the oldest runs back until at most so many units are kept. Returns their bytes. */
static size_t shrink_locked(size_t most)
{
    size_t bytes = 0;

    while (lmm_reservoir.units > most) {
        size_t units;
        char *base = pop_oldest_locked(&units);
        lmm_space_give_locked(base, units, false);
        bytes += units * LMM_UNIT_BYTES;
    }
    return bytes;
}

/* ---- Taking and giving ----------------------------------------------------------------------- */

/* Includes those that other threads give back at this moment. */
static size_t in_use_locked(void)
{
    return lmm_space.taken - lmm_reservoir.units;
}

/* The same, after units came from space. */
static size_t note_in_use_locked(void)
{
    size_t in_use = in_use_locked();

    if (lmm_reservoir.most_in_use < in_use) {
        lmm_reservoir.most_in_use = in_use;
    }
    return in_use;
}

/* Units from space; what is kept or lies idle may take the address space that they need. */
static char *take_fresh_locked(size_t units, size_t align)
{
    char *base = lmm_space_take_locked(units, align);

    if (base == NULL) {
        bool has_freed = shrink_locked(0) != 0;
        has_freed = lmm_space_unmap_idle_locked() || has_freed;
        base = has_freed ? lmm_space_take_locked(units, align) : NULL;
    }
    if (base != NULL) {
        shrink_locked(slack_locked(note_in_use_locked()));
    }
    return base;
}

/* room: how many times as long a run may be that is taken whole. */
static char *take(size_t *units, size_t room, size_t align, bool *ret_fresh)
{
    LMM_CHECK(*units != 0 && lmm_is_power_of_two(align) && align >= LMM_UNIT_BYTES);
    if (*units > SIZE_MAX / 2 / LMM_UNIT_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    lmm_lock_acquire(&lmm_reservoir_lock);
    struct lmm_kept *kept = find_locked(*units, align);
    *ret_fresh = kept == NULL;
    if (kept != NULL && kept->units <= *units * room) {
        *units = kept->units;
    }
    char *base = kept != NULL ? cut_locked(kept, *units) : take_fresh_locked(*units, align);
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return base;
}

char *lmm_reservoir_take_aligned(size_t units, size_t align, bool *ret_fresh)
{
    return take(&units, 1, align, ret_fresh);
}

char *lmm_reservoir_take_roomy(size_t *units, size_t align, bool *ret_fresh)
{
    return take(units, LMM_RESERVOIR_ROOM, align, ret_fresh);
}

char *lmm_reservoir_take_near(const char *near, bool *ret_fresh)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    struct lmm_kept *kept = find_locked(1, LMM_UNIT_BYTES);
    *ret_fresh = kept == NULL;
    char *base = kept != NULL ? cut_locked(kept, 1) : lmm_space_take_near_locked(near);
    base = base != NULL ? base : take_fresh_locked(1, LMM_UNIT_BYTES);
    note_in_use_locked();
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
    size_t bound = bound_locked(in_use_locked() - units);
    shrink_locked(units <= bound ? bound - units : bound);
    bool keep = units <= bound && keep_locked(base, units);
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

/* The run kept that starts at base; NULL: none. */
static struct lmm_kept *find_at_locked(const char *base)
{
    const struct glthread *ages = &lmm_reservoir.ages;

    for (struct glthread *at = ages->next; at != NULL && at != ages; at = at->next) {
        struct lmm_kept *kept = GLTHREAD_ENTRY(at, struct lmm_kept, age);
        if (kept->base == base) {
            return kept;
        }
    }
    return NULL;
}

bool lmm_reservoir_extend_kept(const char *base, size_t units, size_t new_units)
{
    LMM_CHECK(new_units > units);
    lmm_lock_acquire(&lmm_reservoir_lock);
    struct lmm_kept *after = find_at_locked(base + units * LMM_UNIT_BYTES);
    bool done = after != NULL && after->units >= new_units - units;
    if (done) {
        cut_locked(after, new_units - units);
    }
    LMM_CHECK(lmm_reservoir_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return done;
}

char *lmm_reservoir_take_moved(size_t units, size_t align)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    char *base = lmm_space_take_locked(units, align);
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
    size_t bytes = shrink_locked(0);
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
