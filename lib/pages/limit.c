/* SPDX-License-Identifier: MIT */
#include "lib/pages/limit.h"

#include <errno.h>

enum {
    SOFT_PARTS = 8
}; /* past the soft limit, live bytes are summed each time this part is taken */

void lmm_limit_set(struct lmm_family *family, const struct lmm_limit *limit)
{
    lmm_lock_acquire(&lmm_families_lock);
    struct lmm_limit *own = &family->limit;
    own->soft_bytes = limit->soft_bytes;
    own->hard_bytes = limit->hard_bytes;
    own->callback = limit->callback;
    own->arg = limit->arg;
    own->is_past_soft = false;
    lmm_store_relaxed(&own->room_bytes, 0);
    lmm_store_relaxed(&own->is_set, limit->soft_bytes != 0 || limit->hard_bytes != 0);
    lmm_store_relaxed(&family->record->limit_bytes, limit->hard_bytes);
    lmm_lock_release(&lmm_families_lock);
}

static uint64_t live_bytes(const struct lmm_family *family)
{
    struct lmm_ledger_row sum = lmm_family_sum(family);
    uint64_t blocks = sum.allocated_blocks - sum.freed_blocks;
    uint64_t extra = sum.allocated_extra - sum.freed_extra;
    uint64_t live = family->counts_bytes ? extra : (blocks + extra) * family->size;

    return (int64_t) live < 0 ? 0 : live;
}

/* The bytes from `live` to the next threshold, which is not below it. */
static int64_t room_after(const struct lmm_limit *limit, uint64_t live)
{
    uint64_t room = limit->hard_bytes == 0 ? INT64_MAX : limit->hard_bytes - live;
    uint64_t soft_room = INT64_MAX;

    if (limit->soft_bytes != 0) {
        soft_room = limit->is_past_soft ? limit->soft_bytes / SOFT_PARTS : limit->soft_bytes - live;
    }
    room = soft_room < room ? soft_room : room;
    return room > INT64_MAX ? INT64_MAX : (int64_t) room;
}

static enum lmm_limit_verdict take_locked(struct lmm_family *family, uint64_t bytes)
{
    struct lmm_limit *limit = &family->limit;
    uint64_t live = live_bytes(family);

    if (limit->hard_bytes != 0 && (live > limit->hard_bytes || bytes > limit->hard_bytes - live)) {
        lmm_store_relaxed(&limit->room_bytes, 0);
        return LMM_LIMIT_REFUSED;
    }
    bool was_past = limit->is_past_soft;
    limit->is_past_soft = limit->soft_bytes != 0 && live + bytes > limit->soft_bytes;
    lmm_store_relaxed(&limit->room_bytes, room_after(limit, live + bytes));
    return limit->is_past_soft && !was_past ? LMM_LIMIT_PAST_SOFT : LMM_LIMIT_FREE;
}

enum lmm_limit_verdict lmm_limit_take(struct lmm_family *family, uint64_t bytes)
{
    int64_t wanted = (int64_t) bytes;

    LMM_CHECK(bytes <= INT64_MAX);
    if (lmm_load_relaxed(&family->limit.room_bytes) >= wanted &&
        lmm_fetch_add_relaxed(&family->limit.room_bytes, -wanted) >= wanted) {
        return LMM_LIMIT_FREE;
    }
    lmm_lock_acquire(&lmm_families_lock);
    enum lmm_limit_verdict verdict =
        lmm_load_relaxed(&family->limit.is_set) ? take_locked(family, bytes) : LMM_LIMIT_FREE;
    lmm_lock_release(&lmm_families_lock);
    return verdict;
}

bool lmm_limit_tell(struct lmm_family *family)
{
    struct lmm_limit *limit = &family->limit;
    int saved_errno = errno;

    if (lmm_exchange_acq_rel(&limit->is_telling, true)) {
        return false;
    }
    lmm_lock_acquire(&lmm_families_lock);
    struct lmm_limit copy = *limit;
    uint64_t live = copy.callback == NULL ? 0 : live_bytes(family);
    lmm_lock_release(&lmm_families_lock);
    if (copy.callback != NULL) {
        copy.callback(family, live, copy.arg);
    }
    lmm_store_release(&limit->is_telling, false);
    errno = saved_errno;
    return copy.callback != NULL;
}

void lmm_limit_note_list(struct lmm_family *family, uint32_t slots)
{
    if (lmm_limit_is_set(family)) {
        int64_t bytes = (int64_t) ((slots - 1) * family->size);
        lmm_fetch_add_relaxed(&family->limit.room_bytes, -bytes);
    }
}
