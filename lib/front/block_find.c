/* SPDX-License-Identifier: MIT */
#include "lib/front/block.h"

/* The usual case: a slot of a slot page in the window. Without the division of lmm_page_locate(). */
static inline bool find_slot(const void *p, struct lmm_block_facts *ret_facts)
{
    struct lmm_page *page = lmm_page_near((uintptr_t) p);

    if (LMM_UNLIKELY(page == NULL) || lmm_load_acquire(&page->kind) != LMM_PAGE_SLOTS) {
        return false;
    }
    uint64_t multiplier = lmm_load_relaxed(&page->multiplier);
    uint64_t product = ((uintptr_t) p & (LMM_UNIT_BYTES - 1)) * multiplier;
    const uint32_t *tags = lmm_load_acquire(&page->tags);
    if ((uint32_t) product >= multiplier || tags == NULL) {
        return false; /* inside a slot, or the page's multiplier is 0, or it has just ended */
    }
    size_t slot = product >> 32;
    uint32_t tag = lmm_load_relaxed(&tags[slot]);
    if (lmm_tag_state(tag) != LMM_TAG_LIVE) {
        return false;
    }
    *ret_facts = (struct lmm_block_facts) {.family = lmm_families_at(page->family),
                                           .page = page,
                                           .slot = slot,
                                           .slots = 1,
                                           .tag = tag};
    return true;
}

static bool find_any(const void *p, struct lmm_block_facts *ret_facts)
{
    struct lmm_location location;

    if (!lmm_page_locate(p, &location) || location.inside_bytes != 0 ||
        (lmm_load_relaxed(&location.page->kind) == LMM_PAGE_SPAN && location.slot != 0)) {
        return false;
    }
    const uint32_t *tags = lmm_load_acquire(&location.page->tags);
    uint32_t tag = tags == NULL ? LMM_TAG_FREE : lmm_load_relaxed(&tags[location.slot]);
    if (lmm_tag_state(tag) != LMM_TAG_LIVE) {
        return false; /* without tags the page has just ended, so p was not a live block */
    }
    *ret_facts = (struct lmm_block_facts) {
        .family = lmm_families_at(location.page->family),
        .page = location.page,
        .slot = location.slot,
        .slots = lmm_run_length(location.page, location.slot),
        .tag = tag,
    };
    return true;
}

bool lmm_block_find(const void *p, struct lmm_block_facts *ret_facts)
{
    return LMM_LIKELY(find_slot(p, ret_facts)) || find_any(p, ret_facts);
}
