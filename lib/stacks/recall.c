/* SPDX-License-Identifier: MIT */
#include "lib/stacks/recall.h"

#include "lib/books/site.h"
#include "lib/stacks/stack_check.h"

#include <errno.h>
#include <string.h>

enum { SET_BITS = 6 };

_Static_assert(LMM_RECALL_SETS == 1 << SET_BITS, "the high bits of a hash are the set");
_Static_assert(LMM_TRACE_CALLS <= UINT8_MAX + 1, "a place in a trace fits into segment.joint");

/* ---- Segments -------------------------------------------------------------------------------- */

static inline struct lmm_recall_frame *frame_of(struct lmm_recall *recall, uintptr_t pc)
{
    return &recall->frame[(pc ^ pc >> 8) % LMM_RECALL_FRAMES];
}

/* What stands for the caller. Many have the same pc, such as that of operator new; so the return address of
 * the frame is looked at, too, where it is if the frame is as long as it was the last time. */
static inline uint64_t mix(struct lmm_recall *recall, const struct lmm_trace *trace,
                           const struct lmm_caller *caller)
{
    const struct lmm_recall_frame *frame = frame_of(recall, caller->pc);
    uintptr_t outer = 0;

    if (LMM_LIKELY(frame->pc == caller->pc && frame->bytes < trace->end - caller->sp)) {
        outer = *(const uintptr_t *) (caller->sp + frame->bytes);
    }
    return (caller->pc ^ caller->sp << 12 ^ outer << 28) * LMM_HASH_MULTIPLIER;
}

static inline uint32_t set_of(uint64_t mixed)
{
    return (uint32_t) (mixed >> (64 - SET_BITS));
}

static inline uint64_t set_bit(uint32_t set)
{
    return (uint64_t) 1 << set % 64;
}

static inline bool is_in_use(const struct lmm_trace *trace, uint32_t set)
{
    return (trace->recall_sets[set / 64] & set_bit(set)) != 0;
}

/* Whether the segment leads from the caller to its joint. */
static inline bool is_unchanged(const struct lmm_segment *segment, const struct lmm_caller *caller)
{
    const uintptr_t sp = caller->sp;
    const uint32_t *at = segment->at;
    const uintptr_t *word = segment->word;
    const uintptr_t *end = word + segment->words;

    while (word != end) {
        if (*(const uintptr_t *) (sp + *at++) != *word++) {
            return false;
        }
    }
    return !segment->needs_bp || segment->bp == caller->bp;
}

/* The segment that leads from the caller outwards; NULL: none is kept. */
static inline struct lmm_segment *find(struct lmm_recall *recall, uint32_t set,
                                       const struct lmm_caller *caller)
{
    struct lmm_segment *segment = recall->segment[set];
    const struct lmm_segment *end = segment + LMM_RECALL_WAYS;

    do {
        if (segment->pc == caller->pc && segment->sp == caller->sp &&
            is_unchanged(segment, caller)) {
            return segment;
        }
    } while (++segment != end);
    return NULL;
}

/* Whether the joint is in the trace, and the outer calls still stand. */
static inline bool leads_on(const struct lmm_segment *segment, const struct lmm_trace *trace,
                            uint32_t frames)
{
    uint32_t joint = segment->joint;
    uint32_t left;

    return joint < trace->count && trace->sp[joint] == segment->sp + segment->joint_at &&
           trace->pc[joint] == segment->joint_pc &&
           (!lmm_trace_needs_bp(trace, joint) ||
            (segment->knows_bp && segment->joint_bp == trace->bp[joint])) &&
           lmm_trace_rest_stands(trace, joint, frames - segment->calls, &left);
}

static inline uint32_t site_of(struct lmm_segment *segment, const struct lmm_trace *trace,
                               const struct lmm_family *family, uint32_t frames)
{
    uint32_t outer = segment->joint + 1u;
    uint32_t first = outer + segment->calls > frames ? outer + segment->calls - frames : 0;
    uint64_t outer_hash = trace->hash[outer - 1] - (first == 0 ? 0 : trace->hash[first - 1]);

    if (LMM_UNLIKELY(segment->class != family->index || segment->outer_hash != outer_hash)) {
        uint64_t hash =
            outer_hash * lmm_trace_inverse[first] + segment->hash * lmm_trace_power[outer - first];
        uint32_t site =
            lmm_depot_known_site(family, hash, segment->pc, outer + segment->calls - first);
        if (site == LMM_SITE_NONE) {
            return site;
        }
        segment->class = family->index;
        segment->outer_hash = outer_hash;
        segment->site = site;
    }
    return segment->site;
}

/* ---- Walks ----------------------------------------------------------------------------------- */

/* Adds a word of the stack to a segment. False: there is no room. */
static bool add_word(struct lmm_segment *segment, const struct lmm_trace *trace, uintptr_t address)
{
    if (segment->words == LMM_RECALL_WORDS || address < segment->sp || address >= trace->end) {
        return false;
    }
    segment->at[segment->words] = (uint32_t) (address - segment->sp);
    segment->word[segment->words++] = *(const uintptr_t *) address;
    return true;
}

/* The same for all words that a walk read from the innermost call of the trace to the call `joint`. */
static bool add_words(struct lmm_segment *segment, const struct lmm_trace *trace, uint32_t joint)
{
    for (uint32_t i = trace->count - 1; i-- > joint;) {
        if (!add_word(segment, trace, lmm_trace_return_at(trace, i))) {
            return false;
        }
    }
    for (uint32_t k = trace->word_count; k-- > 0 && trace->word[k].call > joint;) {
        if (!add_word(segment, trace, (uintptr_t) trace->word[k].address)) {
            return false;
        }
    }
    return true;
}

/* Keeps the innermost `calls` of the trace, which lead to the next one. */
static void keep(struct lmm_segment *segment, const struct lmm_trace *trace, uint32_t calls)
{
    uint32_t inner = trace->count - 1;
    uint32_t joint = inner - calls;

    segment->pc = 0; /* no call's, if it is not kept */
    segment->sp = trace->sp[inner];
    segment->words = 0;
    if (!add_words(segment, trace, joint)) {
        return;
    }
    segment->bp = trace->bp[inner];
    segment->needs_bp = lmm_trace_needs_bp(trace, inner);
    segment->hash =
        calls == 0 ? 0 : (trace->hash[inner] - trace->hash[joint]) * lmm_trace_inverse[joint + 1];
    segment->calls = (uint8_t) calls;
    segment->joint = (uint8_t) joint;
    segment->joint_pc = trace->pc[joint];
    segment->joint_at = (uint32_t) (trace->sp[joint] - segment->sp);
    segment->joint_bp = trace->bp[joint];
    segment->knows_bp = lmm_trace_needs_bp(trace, joint);
    segment->class = LMM_SITE_NONE;
    segment->pc = trace->pc[inner];
}

/* Where the next segment of a set is put. */
static struct lmm_segment *make_room(struct lmm_recall *recall, struct lmm_trace *trace,
                                     uint32_t set)
{
    if (!is_in_use(trace, set)) {
        for (size_t way = 0; way < LMM_RECALL_WAYS; way++) {
            recall->segment[set][way].pc = 0;
        }
        recall->oldest[set] = 0;
        trace->recall_sets[set / 64] |= set_bit(set);
    }
    recall->oldest[set] = (recall->oldest[set] + 1) % LMM_RECALL_WAYS;
    return &recall->segment[set][recall->oldest[set]];
}

/* Whether the innermost frame of the trace is as long as the last one with its pc; notes its length. */
static inline bool has_usual_frame(struct lmm_recall *recall, const struct lmm_trace *trace)
{
    uint32_t inner = trace->count - 1;
    uintptr_t pc = trace->pc[inner];
    struct lmm_recall_frame *frame = frame_of(recall, pc);
    uintptr_t bytes =
        inner == trace->first ? 0 : lmm_trace_return_at(trace, inner - 1) - trace->sp[inner];

    if (LMM_LIKELY(frame->pc == pc && frame->bytes == bytes)) {
        return true;
    }
    *frame = (struct lmm_recall_frame) {pc, bytes};
    return false;
}

/* Whether the caller was the last one that the set missed, too. Others are not kept: they would not be found
 * when they come again. */
static inline bool is_worth_keeping(struct lmm_recall *recall, uint64_t mixed)
{
    uint32_t *missed = &recall->missed[set_of(mixed)];
    bool is_again = *missed == (uint32_t) (mixed >> 32);

    *missed = (uint32_t) (mixed >> 32);
    return is_again;
}

/* Keeps the innermost `calls` of the trace if that is worth it. place: the segment of the caller that led to
 * nothing; NULL: there was none. */
static inline void consider(struct lmm_recall *recall, struct lmm_trace *trace, uint32_t calls,
                            uint64_t mixed, struct lmm_segment *place)
{
    if (calls >= trace->count || calls > LMM_RECALL_WORDS) {
        return;
    }
    if (place != NULL) {
        keep(place, trace, calls);
    } else if (has_usual_frame(recall, trace) && is_worth_keeping(recall, mixed)) {
        keep(make_room(recall, trace, set_of(mixed)), trace, calls);
    }
}

/* As lmm_recall_site(), where nothing is kept that leads to a site. mixed, place: of a caller whose segment
 * may be kept; recall: NULL: it may not. */
static LMM_NOINLINE uint32_t walk(struct lmm_recall *recall, struct lmm_trace *trace,
                                  struct lmm_family *family, const struct lmm_caller *caller,
                                  uint32_t frames, uint64_t mixed, struct lmm_segment *place)
{
    int saved_errno = errno;
    uint32_t calls = lmm_unwind(trace, caller, frames);

    if (recall != NULL) {
        consider(recall, trace, calls, mixed, place);
    }
    uint32_t site = lmm_depot_site(family, trace);
    errno = saved_errno;
    return site;
}

uint32_t lmm_recall_find_caller(struct lmm_recall *recall, const struct lmm_family *family,
                                uintptr_t pc)
{
    uint32_t forgotten = lmm_load_relaxed(&lmm_code_forgotten);
    uint32_t site = lmm_depot_known_caller(family, pc);

    if (recall != NULL && site != LMM_SITE_NONE) {
        if (!recall->has_callers || recall->callers_forgotten != forgotten) {
            memset(recall->caller, 0, sizeof(recall->caller));
            recall->has_callers = true;
            recall->callers_forgotten = forgotten;
        }
        recall->caller[lmm_recall_caller_place(family->index, pc)] =
            (struct lmm_recall_caller) {pc, family->index, site};
    }
    return site;
}

uint32_t lmm_recall_site(struct lmm_recall *recall, struct lmm_trace *trace,
                         struct lmm_family *family, const struct lmm_caller *caller,
                         uint32_t frames)
{
    if (LMM_UNLIKELY(recall == NULL || !lmm_trace_is_usual(trace, caller->pc, caller->sp))) {
        return walk(NULL, trace, family, caller, frames, 0, NULL);
    }
    uint64_t mixed = mix(recall, trace, caller);
    uint32_t set = set_of(mixed);
    struct lmm_segment *segment =
        LMM_LIKELY(is_in_use(trace, set)) ? find(recall, set, caller) : NULL;
    if (LMM_LIKELY(segment != NULL && leads_on(segment, trace, frames))) {
        uint32_t site = site_of(segment, trace, family, frames);
        if (LMM_LIKELY(site != LMM_SITE_NONE)) {
            return site;
        }
    }
    return walk(recall, trace, family, caller, frames, mixed, segment);
}
