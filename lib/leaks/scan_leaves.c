/* SPDX-License-Identifier: MIT */
/* scan_leaves: blocks without words that may be addresses (scan.h). */
#include "lib/leaks/scan.h"

/* Whether no word of the block in the slot may be an address of the graph. */
LMM_WORDS_INLINE bool is_leaf(const struct lmm_scan *scan, const struct lmm_graph_page *page,
                              size_t slot)
{
    uintptr_t start = page->base + slot * page->stride;
    uintptr_t end = start + lmm_words_slot_bytes(page, slot);
    const uint64_t *at = (const uint64_t *) lmm_round_up(start, sizeof(uint64_t));
    const uint64_t *last = (const uint64_t *) (end & ~(uintptr_t) (sizeof(uint64_t) - 1));

    for (; last - at >= 8; at += 8) {
        if (lmm_words_candidates(&scan->words, at) != 0) {
            return false;
        }
    }
    for (; at < last; at++) {
        if (*at - scan->graph.low < scan->graph.span_bytes) {
            return false;
        }
    }
    return true;
}

LMM_WORDS_READS static uint64_t leaves_one_by_one(const struct lmm_scan *scan,
                                                  const struct lmm_graph_page *page, size_t i,
                                                  uint64_t slots)
{
    uint64_t leaves = 0;

    for (uint64_t left = slots; left != 0; left &= left - 1) {
        if (is_leaf(scan, page, i * 64 + (size_t) __builtin_ctzll(left))) {
            leaves |= left & -left;
        }
    }
    return leaves;
}

LMM_WORDS_READS uint64_t lmm_scan_leaves(const struct lmm_scan *scan,
                                         const struct lmm_graph_page *page, size_t i,
                                         uint64_t slots)
{
    uint64_t leaves = slots;

    if (page->is_pointer_free || slots == 0) {
        return slots;
    }
    if (!lmm_scan_is_plain(scan, page)) {
        return 0;
    }
    if (!lmm_words_are_many(slots) || !lmm_words_can_sweep(page, i)) {
        return leaves_one_by_one(scan, page, i, slots);
    }
    for (struct lmm_words_sweep sweep = lmm_words_sweep_of(page, i);; sweep.at += 8) {
        const uint64_t *words = sweep.at < sweep.last ? sweep.at : sweep.last;
        unsigned found = lmm_words_candidates(&scan->words, words);
        while (LMM_UNLIKELY(found != 0)) {
            unsigned j = (unsigned) __builtin_ctz(found) / 2;
            size_t slot = lmm_words_slot_of(page, i, (uintptr_t) &words[j]);
            leaves &= slot < 64 ? ~((uint64_t) 1 << slot) : UINT64_MAX;
            found = lmm_words_after_first(found);
        }
        if (words == sweep.last) {
            return leaves;
        }
    }
}
