/* SPDX-License-Identifier: MIT */
#include "tests/support/seam.h"

#include "lib/ground/meta.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <stdbool.h>

struct count {
    uint64_t calls;
    uint64_t bytes;
    uint64_t first_failure;
    uint64_t last_failure;
};

static struct count counts[SEAM_OPERATIONS];
static struct lmm_vm_operations below;

/* Counts a call; true when it must fail. The kernel's own errno of a failure is not always
 * ENOMEM. */
static bool fails(enum seam_operation operation, size_t bytes)
{
    struct count *count = &counts[operation];
    uint64_t call = __atomic_add_fetch(&count->calls, 1, __ATOMIC_RELAXED);

    if (call >= count->first_failure && call <= count->last_failure) {
        errno = EAGAIN;
        return true;
    }
    __atomic_add_fetch(&count->bytes, bytes, __ATOMIC_RELAXED);
    return false;
}

static void *seam_map(size_t bytes)
{
    return fails(SEAM_MAP, bytes) ? NULL : below.map(bytes);
}

static int seam_unmap(void *address, size_t bytes)
{
    return fails(SEAM_UNMAP, bytes) ? -1 : below.unmap(address, bytes);
}

static int seam_discard(void *address, size_t bytes)
{
    return fails(SEAM_DISCARD, bytes) ? -1 : below.discard(address, bytes);
}

static void *seam_map_file(void *address, size_t bytes, int descriptor, size_t offset, bool shared)
{
    return fails(SEAM_FILE, bytes) ? NULL
                                   : below.map_file(address, bytes, descriptor, offset, shared);
}

static void *seam_map_over(void *address, size_t bytes)
{
    return fails(SEAM_MAP, bytes) ? NULL : below.map_over(address, bytes);
}

static void *seam_remap(void *address, size_t bytes, size_t new_bytes, void *target)
{
    return fails(SEAM_REMAP, new_bytes) ? NULL : below.remap(address, bytes, new_bytes, target);
}

static void *seam_reserve(void *address, size_t bytes, int descriptor, size_t offset)
{
    return fails(descriptor < 0 ? SEAM_MAP : SEAM_FILE, bytes)
               ? NULL
               : below.reserve(address, bytes, descriptor, offset);
}

static int seam_open(void *address, size_t bytes)
{
    return fails(SEAM_OPEN, bytes) ? -1 : below.open(address, bytes);
}

static int seam_populate(void *address, size_t bytes)
{
    return fails(SEAM_POPULATE, bytes) ? -EINVAL : below.populate(address, bytes);
}

void seam_install(void)
{
    seam_heal();
    if (lmm_vm.map == seam_map) {
        return;
    }
    below = lmm_vm;
    lmm_vm = (struct lmm_vm_operations) {
        .map = seam_map,
        .unmap = seam_unmap,
        .discard = seam_discard,
        .map_file = seam_map_file,
        .map_over = seam_map_over,
        .remap = seam_remap,
        .reserve = seam_reserve,
        .open = seam_open,
        .populate = seam_populate,
        .limit_bytes = below.limit_bytes,
        .advise_large = below.advise_large,
        .is_charged = below.is_charged,
    };
}

void seam_fail(enum seam_operation operation, uint64_t first, uint64_t last)
{
    counts[operation].first_failure = first;
    counts[operation].last_failure = last;
}

void seam_fail_all(enum seam_operation operation)
{
    seam_fail(operation, 0, SEAM_FOR_EVER);
}

void seam_heal(void)
{
    for (int i = 0; i < SEAM_OPERATIONS; i++) {
        seam_fail((enum seam_operation) i, 1, 0);
    }
}

void seam_starve(void)
{
    seam_install();
    seam_fail_all(SEAM_MAP);
    for (size_t bytes = 1 << 20; bytes >= 64; bytes -= bytes > 4096 ? 4096 : 64) {
        while (lmm_meta_alloc(&lmm_arena_records, bytes) != NULL) {
        }
        while (lmm_meta_alloc(&lmm_arena_tags, bytes) != NULL) {
        }
    }
}

uint64_t seam_calls(enum seam_operation operation)
{
    return __atomic_load_n(&counts[operation].calls, __ATOMIC_RELAXED);
}

uint64_t seam_bytes(enum seam_operation operation)
{
    return __atomic_load_n(&counts[operation].bytes, __ATOMIC_RELAXED);
}
