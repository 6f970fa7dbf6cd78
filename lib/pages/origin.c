/* SPDX-License-Identifier: MIT */
#include "lib/pages/origin.h"

#include "lib/ground/table.h"

/* A value, never 0: bits 0 to 7 tell the tag; 8 the maker; 9 to 14 log2 of the alignment, NO_ALIGN:
 * none; from 15 on the bytes; the highest bit is set. */
enum { CHECK_BITS = 8, ALIGN_SHIFT = 9, BYTES_SHIFT = 15, NO_ALIGN = 63 };

#define PRESENT ((uint64_t) 1 << 63)

_Static_assert((LMM_ORIGIN_BYTES_END - 1) << BYTES_SHIFT < PRESENT, "the bytes fit into a value");

struct lmm_lock lmm_origins_lock = LMM_LOCK_INIT(LMM_RANK_ORIGINS);

static struct lmm_table origins = LMM_TABLE_INIT(1024, false, true);

static uint64_t check_of(uint32_t tag)
{
    return (tag ^ tag >> 8 ^ tag >> 16 ^ tag >> 24) & ((1u << CHECK_BITS) - 1);
}

static uint64_t pack(uint32_t tag, const struct lmm_origin *origin)
{
    uint64_t align =
        origin->align == 0 ? (uint64_t) NO_ALIGN : (uint64_t) __builtin_ctzll(origin->align);

    LMM_CHECK(origin->bytes < LMM_ORIGIN_BYTES_END);
    LMM_CHECK(origin->align == 0 || lmm_is_power_of_two(origin->align));
    return PRESENT | (uint64_t) origin->bytes << BYTES_SHIFT | align << ALIGN_SHIFT |
           (uint64_t) origin->maker << CHECK_BITS | check_of(tag);
}

static struct lmm_origin unpack(uint64_t value)
{
    unsigned align = (unsigned) (value >> ALIGN_SHIFT) & NO_ALIGN;

    return (struct lmm_origin) {
        .maker = (enum lmm_maker)(value >> CHECK_BITS & 1),
        .align = align == NO_ALIGN ? 0 : (size_t) 1 << align,
        .bytes = (size_t) ((value & ~PRESENT) >> BYTES_SHIFT),
    };
}

void lmm_origin_put(const void *block, uint32_t tag, const struct lmm_origin *origin)
{
    lmm_lock_acquire(&lmm_origins_lock);
    if (lmm_table_reserve_locked(&origins)) {
        lmm_table_put_locked(&origins, (uintptr_t) block, 0, pack(tag, origin));
    }
    lmm_lock_release(&lmm_origins_lock);
}

bool lmm_origin_take(const void *block, uint32_t tag, struct lmm_origin *ret_origin)
{
    uint64_t value = lmm_table_get(lmm_table_body(&origins), (uintptr_t) block);

    if (value == 0) {
        return false;
    }
    lmm_lock_acquire(&lmm_origins_lock);
    value = lmm_table_get(lmm_table_body(&origins), (uintptr_t) block);
    lmm_table_put_locked(&origins, (uintptr_t) block, 0, 0);
    lmm_lock_release(&lmm_origins_lock);
    if (value == 0 || (value & ((1u << CHECK_BITS) - 1)) != check_of(tag)) {
        return false;
    }
    *ret_origin = unpack(value);
    return true;
}
