/* SPDX-License-Identifier: MIT */
/*
 * segment: calls that a walk has passed, and the words of the stack that led through them (recall.h).
 *
 * The words are told by where they are from the sp of the innermost call: in the order of their addresses, each by one
 * byte, how far it is from the one below; or by two bytes, where two of them are more than 255 words apart.
 *
 * Owns nothing; no locks. Not responsible for: the values of the words, and how segments are found (recall).
 */
#ifndef LMM_SEGMENT_H
#define LMM_SEGMENT_H

#include "lib/ground/base.h"
#include "lib/stacks/cfi.h"
#include "lib/stacks/stack_trace.h"

enum {
    LMM_SEGMENT_NEXT = 2,
    LMM_SEGMENT_WORDS = 18,    /* a segment with more cannot be kept, */
    LMM_SEGMENT_FAR_WORDS = 9, /* nor with more than these where two of its words are far apart */
};

/* Calls that a walk has passed, up to the joint: the first one that was in the trace. */
struct lmm_segment {
    uint64_t key;        /* of the innermost call's class, pc, sp and bp, and of the words */
    uint64_t hash;       /* unwind.h, I3, of these calls, as if no other were outside of them */
    uint64_t outer_hash; /* of the outer calls with which they have that site */
    uintptr_t joint_bp;  /* valid if knows_bp */
    uint64_t joint : 8;  /* the joint's place in the trace */
    uint64_t calls : 5;  /* may be 0 */
    uint64_t words : 5;
    uint64_t depth : 22; /* from sp to the end of the stack, in words; 0: no caller's */
    uint64_t site : 21;
    uint64_t needs_bp : 1;
    uint64_t knows_bp : 1;
    uint64_t is_far : 1;             /* two of its words are far apart */
    uint16_t next[LMM_SEGMENT_NEXT]; /* the ones that were used after it, the latest first */
    uint16_t joint_at;               /* from sp to the joint's sp, in words */
    union {
        uint8_t step[LMM_SEGMENT_WORDS];    /* up to each word, the first from sp, in words */
        uint16_t at[LMM_SEGMENT_FAR_WORDS]; /* if is_far: from sp, in words */
    };
};

_Static_assert(sizeof(struct lmm_segment) == LMM_CACHE_LINE_BYTES, "one line a segment");
_Static_assert(LMM_TRACE_CALLS <= 1 << 8, "a place in a trace fits into segment.joint");

/* Where the joint's return address is, from sp, in words; calls is not 0. */
static inline uint32_t lmm_segment_return_at(const struct lmm_segment *segment)
{
    uint32_t at = 0;

    if (!LMM_CFI_RETURN_VARIES) {
        return segment->joint_at - 1u;
    }
    if (segment->is_far) {
        return segment->at[segment->words - 1]; /* lmm_segment_set_words() */
    }
    for (uint32_t i = 0; i < segment->words; i++) {
        at += segment->step[i];
    }
    return at;
}

/* Gives the segment, all of whose words are zero, those that a walk read from the innermost call of the trace to the
 * call `joint`. False: it cannot hold them. */
bool lmm_segment_set_words(struct lmm_segment *segment, const struct lmm_trace *trace,
                           uint32_t joint);

#endif
