/* SPDX-License-Identifier: MIT */
#include "lib/stacks/segment.h"

#include "lib/stacks/stack_check.h"

enum {
    WORD = sizeof(uintptr_t),
    WORDS_MASK = (1 << 5) - 1,
};

/* Words of the stack that a segment is to have, in the order of their addresses. */
struct words {
    uint32_t count;
    uintptr_t address[LMM_SEGMENT_WORDS];
};

/* False: there is no room. */
static bool add_word(struct words *words, uintptr_t address)
{
    uint32_t place = words->count;

    if (place == LMM_SEGMENT_WORDS) {
        return false;
    }
    for (; place > 0 && words->address[place - 1] > address; place--) {
        words->address[place] = words->address[place - 1];
    }
    words->address[place] = address;
    words->count++;
    return true;
}

/* The same for all words that a walk read from the innermost call of the trace to the call `joint`. */
static bool add_words(struct words *words, const struct lmm_trace *trace, uint32_t joint)
{
    for (uint32_t i = trace->count - 1; i-- > joint;) {
        if (!add_word(words, lmm_trace_return_at(trace, i))) {
            return false;
        }
    }
    for (uint32_t k = trace->word_count; k-- > 0 && trace->word[k].call > joint;) {
        if (!add_word(words, (uintptr_t) trace->word[k].address)) {
            return false;
        }
    }
    return true;
}

/* Whether each word lies where a segment can tell, and the highest is the joint's return address, if that is not
 * found in another way. */
static bool can_be_told(const struct words *words, const struct lmm_trace *trace, uint32_t joint)
{
    uintptr_t sp = trace->sp[trace->count - 1];
    uint32_t count = words->count;
    bool can = true;

    if (count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        can = can && words->address[i] % WORD == sp % WORD;
    }
    return can && words->address[0] >= sp && words->address[count - 1] < trace->end &&
           (words->address[count - 1] - sp) / WORD <= UINT16_MAX &&
           (!LMM_CFI_RETURN_VARIES ||
            words->address[count - 1] == lmm_trace_return_at(trace, joint));
}

/* False: two words are too far apart for steps. */
static bool set_steps(struct lmm_segment *segment, const struct words *words, uintptr_t sp)
{
    uintptr_t below = sp;

    for (uint32_t i = 0; i < words->count; i++) {
        uintptr_t step = (words->address[i] - below) / WORD;
        if (step > UINT8_MAX) {
            return false;
        }
        segment->step[i] = (uint8_t) step;
        below = words->address[i];
    }
    return true;
}

bool lmm_segment_set_words(struct lmm_segment *segment, const struct lmm_trace *trace,
                           uint32_t joint)
{
    struct words words = {.count = 0};
    uintptr_t sp = trace->sp[trace->count - 1];

    if (!add_words(&words, trace, joint) || !can_be_told(&words, trace, joint)) {
        return false;
    }
    segment->words = words.count & WORDS_MASK;
    segment->is_far = !set_steps(segment, &words, sp);
    if (segment->is_far && words.count > LMM_SEGMENT_FAR_WORDS) {
        return false;
    }
    for (uint32_t i = 0; segment->is_far && i < words.count; i++) {
        segment->at[i] = (uint16_t) ((words.address[i] - sp) / WORD);
    }
    return true;
}
