/* SPDX-License-Identifier: MIT */
/*
 * suppress_frames: whether one of Valgrind's suppressions fits a stack. Its lines fit the innermost
 * calls one after the other; "..." fits any number of calls, and calls after the last line do not
 * matter.
 *
 * Two things differ from Valgrind, so that its files mean the same here. The first line may name
 * malloc, operator new or a relative, which LMM's stacks do not have. A call that was inlined may
 * be missing from the lines, because Valgrind leaves these out unless it is told to read them.
 * Functions of C++ match by their symbols, as Valgrind writes them, and by their names.
 */
#ifndef LMM_PROGRAM_SUPPRESS_FRAMES_H
#define LMM_PROGRAM_SUPPRESS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/model.h"

struct lmm_suppression;
struct lmm_suppression_frame;
struct lmm_suppressions;

/* A call of a stack, and the path of its module. */
struct lmm_framed_call {
    struct lmm_model_call call;
    struct lmm_string module;
};

/* Returns whether a line fits a call. */
bool lmm_suppress_frame_fits(const struct lmm_suppression_frame *frame,
                             const struct lmm_framed_call *call);

/* Returns, by the index of each suppression of scope FRAMES, the glob of a line that few others have;
 * NULL for others, and where each line fits every text. To be freed. NULL: out of memory. */
const char **lmm_suppress_frames_anchors(const struct lmm_suppressions *suppressions);

/* Returns whether the suppression, of scope FRAMES, fits the calls, the innermost first. Cost: at
 * worst the product of their numbers, times that of lmm_glob_fits(). */
bool lmm_suppress_frames_fit(const struct lmm_suppression *suppression,
                             const struct lmm_framed_call *calls, size_t count);

#endif
