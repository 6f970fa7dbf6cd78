/* SPDX-License-Identifier: MIT */
#include "lib/ground/space.h"

#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/vm.h"

#include <errno.h>

enum {
    CHUNK_UNITS = 16,  /* mapped at once: 4 MiB of address space, untouched */
    APART_UNITS = 256, /* may be idle, besides as many as are taken, before heaps share chunks */
    JOIN_UNITS = 64,   /* idle units that are joined on each side */
    SPARE_RANGES = 128,
    LIMITED_RANGES = 8192, /* an eighth of the kernel's default for vm.max_map_count */
    BRANCH_SHIFT = 11,     /* areas a branch */
    BRANCH_AREAS = 1 << BRANCH_SHIFT,
    ROOT_ENTRIES = 1 << (LMM_ADDRESS_BITS - LMM_UNIT_SHIFT - 6 - BRANCH_SHIFT),
};

/* A run of units, given by their numbers: [first, end). */
struct units {
    size_t first;
    size_t end;
};

struct lmm_lock lmm_reservoir_lock = LMM_LOCK_INIT(LMM_RANK_RESERVOIR);

struct lmm_space lmm_space;

static struct lmm_area **root[ROOT_ENTRIES]; /* under the lock */

static enum { NOT_ASKED, CHARGED, NOT_CHARGED } charge; /* under the lock */

static struct units units_at(const char *base, size_t count)
{
    size_t first = (uintptr_t) base >> LMM_UNIT_SHIFT;

    return (struct units) {first, first + count};
}

static char *address_of(size_t unit)
{
    return (char *) (unit << LMM_UNIT_SHIFT);
}

static size_t bytes_of(struct units run)
{
    return (run.end - run.first) * LMM_UNIT_BYTES;
}

/* ---- Areas ----------------------------------------------------------------------------------- */

static struct lmm_area *area_of(size_t unit)
{
    size_t number = unit / LMM_AREA_UNITS;
    size_t i = number >> BRANCH_SHIFT;
    struct lmm_area **branch = i < ROOT_ENTRIES ? root[i] : NULL;

    return branch == NULL ? NULL : branch[number % BRANCH_AREAS];
}

static bool is_mapped(size_t unit)
{
    const struct lmm_area *area = area_of(unit);

    return area != NULL && (area->mapped >> (unit % LMM_AREA_UNITS) & 1) != 0;
}

static bool is_idle(size_t unit)
{
    const struct lmm_area *area = area_of(unit);

    return area != NULL && (area->idle >> (unit % LMM_AREA_UNITS) & 1) != 0;
}

static bool reserve_area_locked(size_t number)
{
    struct lmm_area ***branch = &root[number >> BRANCH_SHIFT];

    if (*branch == NULL) {
        *branch = lmm_meta_zalloc(BRANCH_AREAS * sizeof(struct lmm_area *));
        if (*branch == NULL) {
            return false;
        }
    }
    struct lmm_area **area = &(*branch)[number % BRANCH_AREAS];
    if (*area == NULL) {
        *area = lmm_meta_zalloc(sizeof(**area));
        if (*area == NULL) {
            return false;
        }
        (*area)->first_unit = number * LMM_AREA_UNITS;
        (*area)->next = lmm_space.areas;
        lmm_space.areas = *area;
    }
    return true;
}

/* Makes sure that the units have areas. */
static bool reserve_areas_locked(struct units run)
{
    bool done = run.end <= (size_t) 1 << (LMM_ADDRESS_BITS - LMM_UNIT_SHIFT);

    for (size_t number = run.first / LMM_AREA_UNITS;
         done && number <= (run.end - 1) / LMM_AREA_UNITS; number++) {
        done = reserve_area_locked(number);
    }
    return done;
}

/* The bits of the run's units in the area of its first unit, which it leaves behind. */
static uint64_t next_bits(struct units *run)
{
    size_t at = run->first % LMM_AREA_UNITS;
    size_t room = LMM_AREA_UNITS - at;
    size_t count = run->end - run->first < room ? run->end - run->first : room;

    run->first += count;
    return UINT64_MAX >> (LMM_AREA_UNITS - count) << at;
}

/* How many mappings more there are when the state of the run's units is changed to `mapped`. */
static int ranges_added(struct units run, bool mapped)
{
    int beside = is_mapped(run.first - 1) + is_mapped(run.end);

    return mapped ? 1 - beside : beside - 1;
}

/* The units are all mapped, or none is. */
static void set_mapped_locked(struct units run, bool mapped)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_reservoir_lock));
    lmm_space.ranges += (size_t) ranges_added(run, mapped);
    while (run.first != run.end) {
        struct lmm_area *area = area_of(run.first);
        uint64_t bits = next_bits(&run);
        LMM_CHECK((area->mapped & bits) == (mapped ? 0 : bits) && (area->idle & bits) == 0);
        area->mapped ^= bits;
    }
}

/* ---- Idle units ------------------------------------------------------------------------------ */

static size_t longest_run(uint64_t bits)
{
    size_t length = 0;

    for (; bits != 0; bits &= bits >> 1) {
        length++;
    }
    return length;
}

static void unbin_locked(struct lmm_area *area)
{
    if (area->idle != 0) {
        size_t i = longest_run(area->idle) - 1;
        glthread_remove(&area->bin);
        if (glthread_is_empty(&lmm_space.bins[i])) {
            lmm_space.used_bins &= ~((uint64_t) 1 << i);
        }
    }
}

static void bin_locked(struct lmm_area *area)
{
    if (area->idle != 0) {
        size_t i = longest_run(area->idle) - 1;
        glthread_insert_after(&lmm_space.bins[i], &area->bin);
        lmm_space.used_bins |= (uint64_t) 1 << i;
    }
}

/* The units are all idle, or none is. */
static void set_idle_locked(struct units run, bool idle)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_reservoir_lock));
    while (run.first != run.end) {
        struct lmm_area *area = area_of(run.first);
        uint64_t bits = next_bits(&run);
        LMM_CHECK((area->mapped & bits) == bits && (area->idle & bits) == (idle ? 0 : bits));
        unbin_locked(area);
        area->idle ^= bits;
        bin_locked(area);
    }
}

/* Makes idle units taken, or taken ones idle. */
static void claim_locked(struct units run)
{
    set_idle_locked(run, false);
    lmm_space.taken += run.end - run.first;
    lmm_space.idle -= run.end - run.first;
}

static void unclaim_locked(struct units run)
{
    set_idle_locked(run, true);
    lmm_space.taken -= run.end - run.first;
    lmm_space.idle += run.end - run.first;
}

/* The idle run of the area that starts at bit `from` or later; its length is 0 when there is none. */
static struct units next_idle(const struct lmm_area *area, size_t from)
{
    uint64_t bits = from < LMM_AREA_UNITS ? area->idle >> from << from : 0;

    if (bits == 0) {
        return (struct units) {0, 0};
    }
    size_t first = (size_t) __builtin_ctzll(bits);
    uint64_t after = ~bits >> first << first;
    size_t end = after == 0 ? LMM_AREA_UNITS : (size_t) __builtin_ctzll(after);
    return (struct units) {area->first_unit + first, area->first_unit + end};
}

/* Takes units from the shortest idle run that is long enough, in the area whose longest run is
 * shortest; the newest of these. NULL: none. */
static char *take_idle_locked(size_t units)
{
    uint64_t bins = units > LMM_AREA_UNITS ? 0 : lmm_space.used_bins >> (units - 1) << (units - 1);

    if (bins == 0) {
        return NULL;
    }
    const struct glthread *bin = &lmm_space.bins[__builtin_ctzll(bins)];
    struct lmm_area *area = GLTHREAD_ENTRY(bin->next, struct lmm_area, bin);
    struct units best = {0, SIZE_MAX};
    for (struct units run = next_idle(area, 0); run.end != 0;
         run = next_idle(area, run.end - area->first_unit)) {
        size_t length = run.end - run.first;
        if (length >= units && length < best.end - best.first) {
            best = run;
        }
    }
    best.end = best.first + units;
    claim_locked(best);
    return address_of(best.first);
}

/* ---- Mapping --------------------------------------------------------------------------------- */

/* Ends the mapping of a run that is taken, before the kernel ends it: then another thread may map
 * something there. */
static void forget_locked(struct units run)
{
    set_mapped_locked(run, false);
    lmm_space.taken -= run.end - run.first;
}

/* Makes a run that the kernel has mapped, or did not unmap, taken. */
static void remember_locked(struct units run)
{
    set_mapped_locked(run, true);
    lmm_space.taken += run.end - run.first;
}

static void start_locked(void)
{
    if (lmm_space.bins[0].next != NULL) {
        return;
    }
    for (size_t i = 0; i < LMM_AREA_UNITS; i++) {
        glthread_init(&lmm_space.bins[i]);
    }
}

/* Maps units, of which the caller takes the first few. */
static char *map_locked(size_t units, size_t align, size_t taken)
{
    char *base = lmm_vm_map_aligned(units * LMM_UNIT_BYTES, align);

    if (base == NULL) {
        return NULL;
    }
    if (lmm_options.never_huge_pages) {
        lmm_vm_refuse_large_pages(base, units * LMM_UNIT_BYTES);
    }
    struct units run = units_at(base, units);
    if (!reserve_areas_locked(run)) {
        lmm_vm_unmap(base, units * LMM_UNIT_BYTES);
        return NULL;
    }
    remember_locked(run);
    run.first += taken;
    unclaim_locked(run);
    return base;
}

/* Maps a chunk, a smaller one when address space is short; a long run without a rest. A run that can
 * have large pages is aligned to these as long as there are few mappings: the gap after it keeps the
 * kernel from joining its mapping with the next one. */
static char *take_mapped_locked(size_t units, size_t align)
{
    char *base = NULL;

    if (units >= LMM_SPACE_RUN_UNITS && align < LMM_LARGE_PAGE_BYTES &&
        lmm_space.ranges < LIMITED_RANGES) {
        base = map_locked(units, LMM_LARGE_PAGE_BYTES, units);
        return base != NULL ? base : map_locked(units, align, units);
    }
    if (units > CHUNK_UNITS / 4 || align > LMM_UNIT_BYTES) {
        return map_locked(units, align, units);
    }
    for (size_t chunk = CHUNK_UNITS; base == NULL && chunk > units; chunk /= 4) {
        base = map_locked(chunk, align, units);
    }
    return base != NULL ? base : map_locked(units, align, units);
}

char *lmm_space_take_locked(size_t units, size_t align)
{
    LMM_CHECK(units != 0 && lmm_is_power_of_two(align) && align >= LMM_UNIT_BYTES);
    start_locked();
    char *base = align == LMM_UNIT_BYTES ? take_idle_locked(units) : NULL;
    return base != NULL ? base : take_mapped_locked(units, align);
}

static bool is_limited_locked(void)
{
    if (charge == NOT_ASKED) {
        charge = lmm_vm_is_charged() ? CHARGED : NOT_CHARGED;
    }
    return charge == CHARGED || lmm_vm_limit_bytes() != SIZE_MAX;
}

/* The lowest idle unit of the chunk that `near` is in; NULL: there is none. */
static char *take_in_chunk_locked(const char *near)
{
    size_t unit = (uintptr_t) near >> LMM_UNIT_SHIFT;
    const struct lmm_area *area = area_of(unit);
    size_t at = unit % LMM_AREA_UNITS / CHUNK_UNITS * CHUNK_UNITS;
    uint64_t chunk = UINT64_MAX >> (LMM_AREA_UNITS - CHUNK_UNITS) << at;
    uint64_t idle = area == NULL ? 0 : area->idle & chunk;

    if (idle == 0) {
        return NULL;
    }
    size_t first = area->first_unit + (size_t) __builtin_ctzll(idle);
    claim_locked((struct units) {first, first + 1});
    return address_of(first);
}

char *lmm_space_take_near_locked(const char *near)
{
    start_locked();
    char *base = take_in_chunk_locked(near);
    if (base == NULL && lmm_space.idle < lmm_space.taken + APART_UNITS && !is_limited_locked()) {
        base = map_locked(CHUNK_UNITS, (size_t) CHUNK_UNITS * LMM_UNIT_BYTES, 1);
    }
    return base != NULL ? base : lmm_space_take_locked(1, LMM_UNIT_BYTES);
}

/* ---- Giving back ----------------------------------------------------------------------------- */

static bool are_few_locked(size_t mappings, bool is_limited)
{
    return mappings <= (is_limited ? (size_t) LIMITED_RANGES
                                   : lmm_space.taken / LMM_SPACE_RUN_UNITS + SPARE_RANGES);
}

/* Whether the run may be unmapped. must: however short it is. */
static bool may_leave_hole_locked(struct units run, bool must)
{
    int added = ranges_added(run, false);
    size_t mappings = added <= 0 ? 0 : lmm_space.ranges + lmm_space.apart + (size_t) added;

    return ((must || run.end - run.first >= LMM_SPACE_RUN_UNITS) &&
            are_few_locked(mappings, false)) ||
           (is_limited_locked() && are_few_locked(mappings, true));
}

/* Unmaps a run that is taken. False: the kernel refuses, and it is still taken. */
static bool unmap_locked(struct units run)
{
    forget_locked(run);
    lmm_lock_release(&lmm_reservoir_lock);
    bool done = lmm_vm_unmap(address_of(run.first), bytes_of(run));
    lmm_lock_acquire(&lmm_reservoir_lock);
    if (!done) {
        remember_locked(run);
    }
    return done;
}

/* The run and the idle units on both sides of it. */
static struct units with_idle(struct units run)
{
    struct units joined = run;

    while (run.first - joined.first < JOIN_UNITS && is_idle(joined.first - 1)) {
        joined.first--;
    }
    while (joined.end - run.end < JOIN_UNITS && is_idle(joined.end)) {
        joined.end++;
    }
    return joined;
}

/* Gives the memory of a run that is taken back and keeps the addresses; unmaps where the kernel
 * refuses (locked memory). */
static void make_idle_locked(struct units run)
{
    lmm_lock_release(&lmm_reservoir_lock);
    bool done = lmm_vm_discard(address_of(run.first), bytes_of(run));
    lmm_lock_acquire(&lmm_reservoir_lock);
    if (done) {
        unclaim_locked(run);
    } else if (!unmap_locked(run)) {
        lmm_space.taken -= run.end - run.first;
        lmm_space.lost += run.end - run.first;
    }
}

void lmm_space_give_locked(char *base, size_t units, bool is_apart)
{
    struct units run = units_at(base, units);
    struct units joined = with_idle(run);

    LMM_CHECK(lmm_space.taken >= units && lmm_space.apart >= is_apart);
    lmm_space.apart -= is_apart;
    if (may_leave_hole_locked(joined, is_apart)) {
        claim_locked((struct units) {joined.first, run.first});
        claim_locked((struct units) {run.end, joined.end});
        if (unmap_locked(joined)) {
            return;
        }
        unclaim_locked((struct units) {joined.first, run.first});
        unclaim_locked((struct units) {run.end, joined.end});
    }
    make_idle_locked(run);
}

bool lmm_space_unmap_idle_locked(void)
{
    bool has_unmapped = false;

    for (struct lmm_area *area = lmm_space.areas; area != NULL; area = area->next) {
        size_t from = 0;
        for (struct units run; (run = next_idle(area, from)).end != 0;
             from = run.end - area->first_unit) {
            if (may_leave_hole_locked(run, true)) {
                claim_locked(run);
                if (unmap_locked(run)) {
                    has_unmapped = true;
                } else {
                    unclaim_locked(run);
                }
            }
        }
    }
    return has_unmapped;
}

/* ---- Longer runs ----------------------------------------------------------------------------- */

static bool are_idle(struct units run)
{
    while (run.first != run.end && is_idle(run.first)) {
        run.first++;
    }
    return run.first == run.end;
}

int lmm_space_extend_locked(char *base, size_t units, size_t new_units, bool is_apart)
{
    struct units added = units_at(base + units * LMM_UNIT_BYTES, new_units - units);
    int result;

    LMM_CHECK(new_units > units);
    if (!is_apart && are_idle(added)) {
        claim_locked(added);
        return 0;
    }
    if (!reserve_areas_locked(added)) {
        return -EFAULT;
    }
    result = lmm_vm_grow(base, units * LMM_UNIT_BYTES, new_units * LMM_UNIT_BYTES);
    if (result == 0) {
        remember_locked(added);
    }
    return result;
}

bool lmm_space_move_locked(char *base, size_t units, char *target, size_t new_units, bool was_apart)
{
    struct units old = units_at(base, units);

    forget_locked(old);
    lmm_lock_release(&lmm_reservoir_lock);
    bool done = lmm_vm_move(base, units * LMM_UNIT_BYTES, target, new_units * LMM_UNIT_BYTES);
    lmm_lock_acquire(&lmm_reservoir_lock);
    if (done) {
        lmm_space.apart += !was_apart;
    } else {
        remember_locked(old);
    }
    return done;
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* The runs of mapped units that begin in the area. */
static size_t ranges_of(const struct lmm_area *area)
{
    uint64_t before = area->mapped << 1 | is_mapped(area->first_unit - 1);

    return (size_t) __builtin_popcountll(area->mapped & ~before);
}

/* The number of areas in the bins; SIZE_MAX when one is in the wrong bin, or a bit is wrong. */
static size_t count_binned_locked(void)
{
    size_t count = 0;

    for (size_t i = 0; i < LMM_AREA_UNITS; i++) {
        const struct glthread *bin = &lmm_space.bins[i];
        if ((lmm_space.used_bins >> i & 1) == glthread_is_empty(bin)) {
            return SIZE_MAX;
        }
        for (struct glthread *at = bin->next; at != bin; at = at->next, count++) {
            if (longest_run(GLTHREAD_ENTRY(at, struct lmm_area, bin)->idle) != i + 1) {
                return SIZE_MAX;
            }
        }
    }
    return count;
}

bool lmm_space_is_valid_locked(void)
{
    size_t ranges = 0;
    size_t mapped = 0;
    size_t idle = 0;
    size_t with_idle = 0;

    if (lmm_space.bins[0].next == NULL) {
        return lmm_space.areas == NULL && lmm_space.taken == 0;
    }
    for (const struct lmm_area *area = lmm_space.areas; area != NULL; area = area->next) {
        if ((area->idle & ~area->mapped) != 0) {
            return false;
        }
        ranges += ranges_of(area);
        mapped += (size_t) __builtin_popcountll(area->mapped);
        idle += (size_t) __builtin_popcountll(area->idle);
        with_idle += area->idle != 0;
    }
    return ranges == lmm_space.ranges && with_idle == count_binned_locked() &&
           idle == lmm_space.idle && mapped == lmm_space.taken + idle + lmm_space.lost;
}
