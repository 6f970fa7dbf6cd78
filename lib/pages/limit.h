/* SPDX-License-Identifier: MIT */
/*
 * limit: soft and hard limits of the live bytes of a family.
 *
 * Only slow paths look at limits, so a family without one pays nothing. Live bytes are summed over
 * the rows when the room that the last sum left is used up: the room is what may be taken before
 * the next threshold. A private list may have as many slots as there is room for; so a family near
 * its limit has short lists. What other threads' lists hold, a page of slots each at most, is not
 * live, and may pass the limit later.
 *
 * Invariants: I1 `is_set` is true exactly while one of the limits is not 0. I2 the record's
 * limit_bytes is the hard limit. I3 at most one call of a family's callback runs at a time.
 * Locks: REGISTRY, and LEDGER inside it, for sums and changes; lmm_limit_max_slots() takes none. The
 * callback is called without a lock. Not responsible for: what is in a list (heap).
 */
#ifndef LMM_LIMIT_H
#define LMM_LIMIT_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"

/* Sets a family's limits; as lmm_family_limit(), with valid arguments. */
void lmm_limit_set(struct lmm_family *family, const struct lmm_limit *limit);

/* What lmm_limit_take() says. */
enum lmm_limit_verdict {
    LMM_LIMIT_FREE,      /* allocate */
    LMM_LIMIT_PAST_SOFT, /* the same, and then call lmm_limit_tell() */
    LMM_LIMIT_REFUSED,   /* nothing was taken: it would pass the hard limit */
};

/* Asks for so many bytes of a family that has a limit (lmm_limit_is_set()). Any thread, with no lock
 * of LMM held. */
enum lmm_limit_verdict lmm_limit_take(struct lmm_family *family, uint64_t bytes);

/* Calls the family's callback, unless it has none or the callback runs already; false then. No lock
 * of LMM is held. Preserves errno. */
bool lmm_limit_tell(struct lmm_family *family);

static inline bool lmm_limit_is_set(const struct lmm_family *family)
{
    return LMM_UNLIKELY(lmm_load_relaxed(&family->limit.is_set));
}

/* The most slots that a private list of the family may get now, at least 1. */
static inline uint32_t lmm_limit_max_slots(const struct lmm_family *family)
{
    if (!lmm_limit_is_set(family)) {
        return UINT32_MAX;
    }
    int64_t room = lmm_load_relaxed(&family->limit.room_bytes);
    uint64_t slots = room <= 0 ? 0 : (uint64_t) room / family->size;
    return slots >= UINT32_MAX ? UINT32_MAX : (uint32_t) slots + 1;
}

/* Tells that a private list got so many slots, of which the caller has taken one. */
void lmm_limit_note_list(struct lmm_family *family, uint32_t slots);

#endif
