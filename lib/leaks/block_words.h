/* SPDX-License-Identifier: MIT */
/*
 * block_words: which words of blocks are read, and which of them may be addresses: what the inner loops
 * of scan and scan_leaves share. Inlined, because a check spends its time there.
 */
#ifndef LMM_BLOCK_WORDS_H
#define LMM_BLOCK_WORDS_H

#include "lib/leaks/graph.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What is read belongs to the program: a sanitizer would object to its stacks. */
#define LMM_WORDS_READS  __attribute__((no_sanitize("address", "thread")))
#define LMM_WORDS_INLINE static inline __attribute__((always_inline)) LMM_WORDS_READS

/* Which words may be addresses of a graph. Immutable. */
struct lmm_words {
    /* High halves of such addresses, less high_bias, are signed numbers below high_limit. Four times the
     * same, for four words at once. */
    uint32_t high_bias[4] __attribute__((aligned(16)));
    uint32_t high_limit[4] __attribute__((aligned(16)));
    uintptr_t low; /* they are in [low, low + span_bytes) */
    uintptr_t span_bytes;
};

/*
 * Which words may be addresses of the graph: two bits for each of 8 words. By their high halves: a few
 * more than are addresses, and rejected one by one later.
 */
LMM_WORDS_INLINE unsigned lmm_words_candidates(const struct lmm_words *filter,
                                               const uint64_t *words)
{
#if defined(__SSE2__)
    const __m128i *pairs = (const __m128i *) (const void *) words;
    __m128i bias = _mm_load_si128((const __m128i *) (const void *) filter->high_bias);
    __m128i limit = _mm_load_si128((const __m128i *) (const void *) filter->high_limit);
    __m128 first = _mm_castsi128_ps(_mm_loadu_si128(pairs));
    __m128 second = _mm_castsi128_ps(_mm_loadu_si128(pairs + 1));
    __m128 third = _mm_castsi128_ps(_mm_loadu_si128(pairs + 2));
    __m128 fourth = _mm_castsi128_ps(_mm_loadu_si128(pairs + 3));
    __m128i low = _mm_castps_si128(_mm_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1)));
    __m128i high = _mm_castps_si128(_mm_shuffle_ps(third, fourth, _MM_SHUFFLE(3, 1, 3, 1)));
    low = _mm_cmpgt_epi32(limit, _mm_sub_epi32(low, bias));
    high = _mm_cmpgt_epi32(limit, _mm_sub_epi32(high, bias));
    return (unsigned) _mm_movemask_epi8(_mm_packs_epi32(low, high));
#else
    unsigned found = 0;

    for (unsigned i = 0; i < 8; i++) {
        found |= (words[i] - filter->low < filter->span_bytes ? 3u : 0u) << 2 * i;
    }
    return found;
#endif
}

/* What lmm_words_candidates() found, without the first word. */
LMM_WORDS_INLINE unsigned lmm_words_after_first(unsigned found)
{
    found &= found - 1;
    return found & (found - 1);
}

/* The bytes of the block in a slot of a page of slots. */
LMM_WORDS_INLINE size_t lmm_words_slot_bytes(const struct lmm_graph_page *page, size_t slot)
{
    if (page->block_bytes != 0) {
        return page->block_bytes;
    }
    size_t slack = lmm_tag_slack(lmm_load_relaxed(&page->tags[slot]));
    return slack < page->stride ? page->stride - slack : 0;
}

enum { LMM_WORDS_SWEEP_MIN = 24 }; /* of 64 slots: from so many blocks on they are swept */

/* Whether LMM_WORDS_SWEEP_MIN bits are set; about. */
LMM_WORDS_INLINE bool lmm_words_are_many(uint64_t bits)
{
    uint64_t pairs = bits - (bits >> 1 & 0x5555555555555555u);
    uint64_t nibbles = (pairs & 0x3333333333333333u) + (pairs >> 2 & 0x3333333333333333u);
    uint64_t bytes = (nibbles + (nibbles >> 4)) & 0x0F0F0F0F0F0F0F0Fu;

    return bytes * 0x0101010101010101u >> 56 >= LMM_WORDS_SWEEP_MIN;
}

/* Whether 64 slots of a plain page can be read as one range: then each word found is looked at for its
 * slot. */
LMM_WORDS_INLINE bool lmm_words_can_sweep(const struct lmm_graph_page *page, size_t i)
{
    return (i + 1) * 64 <= page->slots;
}

/* The slot, below 64, of slots i * 64 on, that has all of the word at address; 64: none. */
LMM_WORDS_INLINE size_t lmm_words_slot_of(const struct lmm_graph_page *page, size_t i,
                                          uintptr_t address)
{
    uint64_t offset = address - page->base;
    size_t slot = offset * page->multiplier >> 32;
    size_t inside = offset - slot * page->stride;

    return inside + sizeof(uint64_t) <= lmm_words_slot_bytes(page, slot) ? slot - i * 64 : 64;
}

/* The words of 64 slots, from slot i * 64 on; at least 64 words. */
struct lmm_words_sweep {
    const uint64_t *at;
    const uint64_t *last; /* the last 8 */
};

LMM_WORDS_INLINE struct lmm_words_sweep lmm_words_sweep_of(const struct lmm_graph_page *page,
                                                           size_t i)
{
    uintptr_t from = page->base + i * 64 * page->stride;
    uintptr_t to = from + (uintptr_t) 64 * page->stride;

    return (struct lmm_words_sweep) {(const uint64_t *) lmm_round_up(from, sizeof(uint64_t)),
                                     (const uint64_t *) (to & ~(uintptr_t) (sizeof(uint64_t) - 1)) -
                                         8};
}

#endif
