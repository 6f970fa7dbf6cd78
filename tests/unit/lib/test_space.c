/* SPDX-License-Identifier: MIT */
/* space: which units become idle and which are unmapped, the bound on mappings, longer runs, limited
 * address space, a kernel that refuses; and a naive model of all of it. */
#include "tests/support/seam.h"

#include "lib/ground/space.h"
#include "lib/ground/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/support/fails_with.h"
#include "tests/support/random.h"

static char *take(size_t units)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    char *base = lmm_space_take_locked(units, LMM_UNIT_BYTES);
    cr_assert(lmm_space_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    cr_assert((uintptr_t) base % LMM_UNIT_BYTES == 0);
    return base;
}

static void give(char *base, size_t units)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_space_give_locked(base, units, false);
    cr_assert(lmm_space_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
}

static bool is_valid(void)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    bool valid = lmm_space_is_valid_locked();
    lmm_lock_release(&lmm_reservoir_lock);
    return valid;
}

static size_t idle_units(void)
{
    size_t idle = 0;

    for (const struct lmm_area *area = lmm_space.areas; area != NULL; area = area->next) {
        idle += (size_t) __builtin_popcountll(area->idle);
    }
    return idle;
}

static bool is_mapped(char *unit)
{
    return lmm_vm_is_readable((uintptr_t) unit);
}

static bool always(void)
{
    return true;
}

static size_t little(void)
{
    return (size_t) 1 << 40;
}

/* What lies between units in use gives its memory back and keeps its addresses. */
Test(space, a_unit_between_others_becomes_idle)
{
    char *base[3] = {take(1), take(1), take(1)};

    seam_install();
    memset(base[1], 1, LMM_UNIT_BYTES);
    give(base[1], 1);
    cr_expect(seam_calls(SEAM_UNMAP) == 0 && seam_bytes(SEAM_DISCARD) == LMM_UNIT_BYTES);
    cr_expect(base[1][0] == 0 && base[1][LMM_UNIT_BYTES - 1] == 0);
    cr_expect(take(1) == base[1], "the shortest idle run that fits");
}

/* Idle units beside each other serve longer requests, and are unmapped together. */
Test(space, idle_units_join)
{
    char *base[16];

    for (size_t i = 0; i < 16; i++) {
        base[i] = take(1);
        cr_assert(base[i] == base[0] + i * LMM_UNIT_BYTES, "one chunk");
    }
    seam_install();
    for (size_t i = 2; i < 8; i += 2) {
        give(base[i], 1);
    }
    give(base[3], 1);
    give(base[5], 1);
    cr_expect(take(5) == base[2]);
    give(base[2], 5);
    for (size_t i = 0; i < 16; i++) {
        cr_expect(is_mapped(base[i]));
        if (i < 2 || i > 6) {
            give(base[i], 1);
        }
    }
    cr_expect(seam_calls(SEAM_UNMAP) == 1 && seam_bytes(SEAM_UNMAP) == 16 * LMM_UNIT_BYTES);
    cr_expect(!is_mapped(base[0]) && !is_mapped(base[15]));
    cr_expect(lmm_space.ranges == 0 && lmm_space.taken == 0 && idle_units() == 0);
}

/* Every second block of a long run is freed: the mappings are bounded by what is in use. */
Test(space, mappings_are_bounded)
{
    enum { RUNS = 1000, RUN_UNITS = 24 }; /* a multiple of 2 MiB: neighbours adjoin */
    static char *base[RUNS];

    for (size_t i = 0; i < RUNS; i++) {
        base[i] = take(RUN_UNITS);
    }
    for (size_t i = 0; i < RUNS; i++) {
        if (i % 2 == 1) {
            give(base[i], RUN_UNITS); /* as long as there are few: unmapped */
        } else {
            give(base[i] + LMM_UNIT_BYTES, RUN_UNITS - 1); /* a unit of it stays */
        }
        cr_assert(lmm_space.ranges <= lmm_space.taken / LMM_SPACE_RUN_UNITS + RUNS / 2 + 128);
    }
    size_t ranges = lmm_space.ranges;
    cr_expect(idle_units() != 0);
    for (size_t i = 0; i < RUNS; i += 2) {
        give(base[i], 1);
    }
    cr_expect(lmm_space.taken == 0 && lmm_space.ranges <= ranges);
    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_space_unmap_idle_locked();
    lmm_lock_release(&lmm_reservoir_lock);
    cr_expect(lmm_space.ranges == 0 && is_valid(), "%zu", lmm_space.ranges);
}

static char *take_near(const char *near)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    char *base = lmm_space_take_near_locked(near);
    cr_assert(base != NULL && lmm_space_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return base;
}

static size_t chunk_of(const char *base)
{
    return (uintptr_t) base / LMM_UNIT_BYTES / LMM_SPACE_RUN_UNITS;
}

/* Each heap goes on in its own chunk, whatever others take meanwhile. */
Test(space, heaps_have_chunks_of_their_own)
{
    char *last[3] = {NULL, NULL, NULL};

    for (size_t i = 0; i < LMM_SPACE_RUN_UNITS; i++) {
        for (size_t heap = 0; heap < 3; heap++) {
            char *base = take_near(last[heap]);
            cr_expect(i == 0 || chunk_of(base) == chunk_of(last[heap]), "%zu of heap %zu", i, heap);
            last[heap] = base;
        }
    }
    cr_expect(chunk_of(last[0]) != chunk_of(last[1]) && chunk_of(last[1]) != chunk_of(last[2]) &&
              chunk_of(last[2]) != chunk_of(last[0]));
    cr_expect(idle_units() == 0);
    char *next = take_near(last[0]);
    cr_expect(chunk_of(next) != chunk_of(last[1]) && chunk_of(next) != chunk_of(last[2]));
    char *given = last[1] - (size_t) 3 * LMM_UNIT_BYTES;
    give(given, 1);
    cr_expect(take_near(last[1]) == given, "idle again");
}

/* A thousand heaps of one unit leave less than 300 units idle besides as many as they take. */
Test(space, many_heaps_share_chunks)
{
    for (size_t i = 0; i < 1000; i++) {
        take_near(NULL);
    }
    cr_expect(idle_units() <= 1000 + 300 && lmm_space.ranges < 10, "%zu", idle_units());
}

Test(space, heaps_share_chunks_where_address_space_is_limited)
{
    lmm_vm.limit_bytes = little;
    char *first = take_near(NULL);
    cr_expect(take_near(NULL) == first + LMM_UNIT_BYTES);
    seam_install();
    lmm_vm.limit_bytes = little;
    give(first, 1);
    seam_starve();
    while (idle_units() != 0) {
        take_near(NULL);
    }
    lmm_lock_acquire(&lmm_reservoir_lock);
    FAILS_WITH(ENOMEM, lmm_space_take_near_locked(NULL));
    lmm_lock_release(&lmm_reservoir_lock);
}

/* With limited address space each run is unmapped at once. */
Test(space, limited)
{
    bool charged[] = {false, true};
    struct lmm_vm_operations usual = lmm_vm;

    for (size_t i = 0; i < 2; i++) {
        char *base[3] = {take(1), take(1), take(1)};
        lmm_vm = usual;
        if (charged[i]) {
            lmm_vm.is_charged = always;
        } else {
            lmm_vm.limit_bytes = little;
        }
        give(base[1], 1);
        cr_expect(!is_mapped(base[1]) || charged[i], "asked for the charge once");
        give(base[0], 1);
        give(base[2], 1);
        lmm_vm = usual;
    }
    cr_expect(lmm_space.taken == 0);
}

Test(space, charged)
{
    lmm_vm.is_charged = always;
    char *base[3] = {take(1), take(1), take(1)};
    give(base[1], 1);
    cr_expect(!is_mapped(base[1]) && is_mapped(base[0]) && is_mapped(base[2]));
    cr_expect(lmm_space.ranges == 2);
}

/* A run grows by idle units, then by addresses that are free. */
Test(space, extends)
{
    char *base = take(1);
    char *next = take(1);
    int result;

    lmm_lock_acquire(&lmm_reservoir_lock);
    cr_expect(lmm_space_extend_locked(base, 1, 2, false) == -ENOMEM, "the next unit is taken");
    lmm_lock_release(&lmm_reservoir_lock);
    give(next, 1);
    seam_install();
    lmm_lock_acquire(&lmm_reservoir_lock);
    cr_expect(lmm_space_extend_locked(base, 1, 16, false) == 0 && seam_calls(SEAM_REMAP) == 0);
    cr_expect(lmm_space.taken == 16 && idle_units() == 0);
    lmm_lock_release(&lmm_reservoir_lock);
    cr_expect(is_valid());
    give(base + (size_t) 8 * LMM_UNIT_BYTES, 8);
    seam_fail_all(SEAM_REMAP);
    lmm_lock_acquire(&lmm_reservoir_lock);
    result = lmm_space_extend_locked(base, 8, 17, false);
    lmm_lock_release(&lmm_reservoir_lock);
    cr_expect(result == -EFAULT && is_valid(), "neither idle nor free, and the kernel refuses");
    give(base, 8);
    cr_expect(lmm_space.taken == 0);
}

static bool move(char *base, size_t units, char *target, size_t new_units, bool was_apart)
{
    lmm_lock_acquire(&lmm_reservoir_lock);
    bool done = lmm_space_move_locked(base, units, target, new_units, was_apart);
    cr_assert(lmm_space_is_valid_locked());
    lmm_lock_release(&lmm_reservoir_lock);
    return done;
}

/* What the kernel moved is a mapping of its own, and is unmapped when it is given back. */
Test(space, moves)
{
    char *base = take(2);
    char *target = take(3);

    base[0] = 7;
    seam_install();
    seam_fail(SEAM_REMAP, 1, 1);
    cr_expect(!move(base, 2, target, 3, false) && lmm_space.taken == 5 && base[0] == 7);
    cr_expect(move(base, 2, target, 3, false));
    cr_expect(target[0] == 7 && lmm_space.taken == 3 && lmm_space.apart == 1);
    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_space_give_locked(target, 3, true);
    lmm_lock_release(&lmm_reservoir_lock);
    cr_expect(!is_mapped(target) && lmm_space.apart == 0 && is_valid());
}

/* What the kernel refuses to unmap becomes idle; what it also refuses to take back is lost. */
Test(space, the_kernel_refuses)
{
    char *base = take(16);
    char *locked = take(1);

    seam_install();
    seam_fail_all(SEAM_UNMAP);
    base[0] = 1;
    give(base, 16);
    cr_expect(base[0] == 0 && lmm_space.taken == 1 && lmm_space.lost == 0);
    base = take(1);
    seam_fail_all(SEAM_DISCARD);
    give(locked, 1);
    cr_expect(lmm_space.lost == 1);
    seam_heal();
    seam_fail_all(SEAM_DISCARD);
    give(base, 1);
    cr_expect(!is_mapped(base) && lmm_space.lost == 1, "unmapped, where memory is locked");
    seam_heal();
    for (int i = 0; i < 100; i++) {
        cr_expect(take(1) != locked);
    }
    seam_starve();
    while (lmm_space.used_bins != 0) {
        take(1);
    }
    lmm_lock_acquire(&lmm_reservoir_lock);
    FAILS_WITH(ENOMEM, lmm_space_take_locked(1, LMM_UNIT_BYTES));
    FAILS_WITH(ENOMEM, lmm_space_take_locked(100, LMM_UNIT_BYTES));
    lmm_lock_release(&lmm_reservoir_lock);
}

Test(space, the_walker_finds_damage)
{
    char *base = take(3);

    give(base, 1);
    struct lmm_area *area = lmm_space.areas;
    cr_expect(is_valid());
    uint64_t idle = area->idle;
    area->idle = ~area->mapped;
    cr_expect(!is_valid(), "I1: idle, not mapped");
    area->idle = idle & (idle - 1);
    cr_expect(!is_valid(), "I2, I4: an idle unit is gone");
    area->idle = idle;
    lmm_space.used_bins ^= (uint64_t) 1 << 40;
    cr_expect(!is_valid(), "I2: a bit of an empty bin");
    lmm_space.used_bins ^= (uint64_t) 1 << 40;
    lmm_space.ranges++;
    cr_expect(!is_valid(), "I3");
    lmm_space.ranges--;
    lmm_space.taken++;
    cr_expect(!is_valid(), "I4");
    lmm_space.taken--;
    lmm_space.idle++;
    cr_expect(!is_valid(), "I4");
    lmm_space.idle--;
    cr_expect(is_valid());
}

/* ---- A naive model --------------------------------------------------------------------------- */

/* Runs are taken and given back at random, while the kernel refuses now and then. The model knows
 * only which runs are taken and what was written to them. */
enum { MODEL_RUNS = 200, MODEL_STEPS = 8000 };

static struct {
    char *base;
    size_t units;
} model[MODEL_RUNS];

static void check_apart(const char *base, size_t units, uint64_t seed)
{
    for (size_t i = 0; i < MODEL_RUNS; i++) {
        cr_assert(model[i].base == NULL ||
                      model[i].base + model[i].units * LMM_UNIT_BYTES <= base ||
                      base + units * LMM_UNIT_BYTES <= model[i].base,
                  "seed %" PRIu64, seed);
    }
}

static void model_take(size_t at, uint64_t random, uint64_t seed)
{
    size_t units = 1 + (random % 8 == 0 ? random / 8 % 100 : random / 8 % 4);

    const char *near = model[random / 1024 % MODEL_RUNS].base;
    lmm_lock_acquire(&lmm_reservoir_lock);
    char *base = units == 1 && near != NULL ? lmm_space_take_near_locked(near)
                                            : lmm_space_take_locked(units, LMM_UNIT_BYTES);
    lmm_lock_release(&lmm_reservoir_lock);
    if (base == NULL) {
        return;
    }
    check_apart(base, units, seed);
    for (size_t i = 0; i < units; i++) {
        cr_assert(base[i * LMM_UNIT_BYTES] == 0, "seed %" PRIu64, seed);
        base[i * LMM_UNIT_BYTES] = (char) (at | 1);
    }
    model[at].base = base;
    model[at].units = units;
}

static void model_give(size_t at, uint64_t seed)
{
    for (size_t i = 0; i < model[at].units; i++) {
        cr_assert(model[at].base[i * LMM_UNIT_BYTES] == (char) (at | 1), "seed %" PRIu64, seed);
    }
    lmm_lock_acquire(&lmm_reservoir_lock);
    lmm_space_give_locked(model[at].base, model[at].units, false);
    lmm_lock_release(&lmm_reservoir_lock);
    model[at].base = NULL;
}

static void model_refuse(uint64_t random)
{
    enum seam_operation operation = (enum seam_operation)(random % 3); /* map, unmap, discard */

    seam_heal();
    if (random % 5 == 0) {
        uint64_t next = seam_calls(operation) + 1;
        seam_fail(operation, next, next + random % 4);
    }
}

static size_t model_units(void)
{
    size_t units = 0;

    for (size_t i = 0; i < MODEL_RUNS; i++) {
        units += model[i].base != NULL ? model[i].units : 0;
    }
    return units;
}

Test(space, random_model)
{
    const char *setting = getenv("LMM_SEED");
    uint64_t seed = setting != NULL ? strtoull(setting, NULL, 10) : (uint64_t) time(NULL);
    uint64_t random = seed | 1;

    printf("space random_model: seed %" PRIu64 "\n", seed);
    seam_install();
    for (size_t step = 0; step < MODEL_STEPS; step++) {
        size_t at = random_next(&random) % MODEL_RUNS;
        model_refuse(random_next(&random) >> 8);
        if (model[at].base != NULL) {
            model_give(at, seed);
        } else {
            model_take(at, random_next(&random) >> 8, seed);
        }
        cr_assert(lmm_space.taken == model_units() && is_valid(), "seed %" PRIu64, seed);
    }
}
