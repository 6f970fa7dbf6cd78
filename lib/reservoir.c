/* SPDX-License-Identifier: MIT */
#include "reservoir.h"

#include "sync.h"
#include "vm.h"

#include <errno.h>

enum {
    CHUNK_UNITS = 16,              /* mapped at once: 4 MiB of address space, untouched */
    KEPT_MAX = 4096,               /* units the reservoir can remember */
    DEFAULT_BOUND_UNITS = 64,
};

/* The last in is the first out: its lines are the warmest. */
static struct {
    struct lmm_lock lock;
    char *unused;                  /* rest of the newest chunk */
    char *end;
    size_t bound;                  /* units to keep, at most KEPT_MAX */
    size_t count;                  /* atomic, written under the lock */
    char *kept[KEPT_MAX];
} reservoir = {.lock = LMM_LOCK_INIT(LMM_RANK_RESERVOIR), .bound = DEFAULT_BOUND_UNITS};

void lmm_reservoir_set_bound(size_t bytes)
{
    size_t units = bytes / LMM_UNIT_BYTES;
    lmm_lock_acquire(&reservoir.lock);
    reservoir.bound = units < KEPT_MAX ? units : KEPT_MAX;
    lmm_lock_release(&reservoir.lock);
}

/* Maps a new chunk in which `units` fit, less and less of it as address space runs short. */
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

/* Units longer than a chunk's rest have a mapping of their own, so that a rest is not thrown away. */
static char *take_fresh_locked(size_t units)
{
    size_t left = (size_t) (reservoir.end - reservoir.unused) / LMM_UNIT_BYTES;
    if (left < units && units > CHUNK_UNITS / 4) {
        return lmm_vm_map_aligned(units * LMM_UNIT_BYTES, LMM_UNIT_BYTES);
    }
    if (left < units && !add_chunk_locked(units)) {
        return NULL;
    }
    char *base = reservoir.unused;
    reservoir.unused += units * LMM_UNIT_BYTES;
    return base;
}

static size_t empty_locked(void)
{
    size_t bytes = reservoir.count * LMM_UNIT_BYTES;

    while (reservoir.count != 0) {
        lmm_store_relaxed(&reservoir.count, reservoir.count - 1);
        char *base = reservoir.kept[reservoir.count];
        if (!lmm_vm_unmap(base, LMM_UNIT_BYTES)) {
            lmm_vm_discard(base, LMM_UNIT_BYTES);
        }
    }
    return bytes;
}

char *lmm_reservoir_take(size_t units, bool *ret_fresh)
{
    char *base;

    if (units > SIZE_MAX / 2 / LMM_UNIT_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    lmm_lock_acquire(&reservoir.lock);
    if (units == 1 && reservoir.count != 0) {
        lmm_store_relaxed(&reservoir.count, reservoir.count - 1);
        base = reservoir.kept[reservoir.count];
        *ret_fresh = false;
    } else {
        base = take_fresh_locked(units);
        if (base == NULL && empty_locked() != 0) {
            base = take_fresh_locked(units);    /* what was kept stood in the way */
        }
        *ret_fresh = true;
    }
    lmm_lock_release(&reservoir.lock);
    return base;
}

bool lmm_reservoir_put(char *base, size_t units)
{
    lmm_lock_acquire(&reservoir.lock);
    bool keep = units == 1 && reservoir.count < reservoir.bound;
    if (keep) {
        reservoir.kept[reservoir.count] = base;
        lmm_store_relaxed(&reservoir.count, reservoir.count + 1);
    }
    lmm_lock_release(&reservoir.lock);
    if (keep) {
        return true;
    }
    if (lmm_vm_unmap(base, units * LMM_UNIT_BYTES)) {
        return false;
    }
    /* The kernel has no map entry left to split with: the address space stays, its memory goes. */
    lmm_vm_discard(base, units * LMM_UNIT_BYTES);
    return false;
}

size_t lmm_reservoir_empty(void)
{
    lmm_lock_acquire(&reservoir.lock);
    size_t bytes = empty_locked();
    lmm_lock_release(&reservoir.lock);
    return bytes;
}

size_t lmm_reservoir_kept_bytes(void)
{
    return lmm_load_relaxed(&reservoir.count) * LMM_UNIT_BYTES;
}

void lmm_reservoir_before_fork(void)
{
    lmm_lock_acquire_for_fork(&reservoir.lock);
}

void lmm_reservoir_after_fork(void)
{
    lmm_lock_release_for_fork(&reservoir.lock);
}
