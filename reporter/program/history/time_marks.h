/* SPDX-License-Identifier: MIT */
/*
 * time_marks: moments of a process that have a name: forks, leak checks, its end; a bounded number, in
 * the order of time. Part of a timeline (timeline.h), which has functions of its own for them.
 *
 * Invariants (checked by lmm_time_marks_are_valid()):
 *   I1  there are at most LMM_TIMELINE_MARKS, and their times never fall
 *   I2  a text has at most LMM_TIMELINE_TEXT_MAX bytes
 */
#ifndef LMM_PROGRAM_TIME_MARKS_H
#define LMM_PROGRAM_TIME_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_TIMELINE_MARKS = 256,
    LMM_TIMELINE_TEXT_MAX = 255, /* bytes of a mark's text; longer ones are cut */
};

enum lmm_timeline_mark_kind {
    LMM_TIMELINE_PEAK,
    LMM_TIMELINE_FORK, /* processes that this one started */
    LMM_TIMELINE_EXIT,
    LMM_TIMELINE_EXEC,
    LMM_TIMELINE_MARK, /* lmm_mark(), lmm mark */
    LMM_TIMELINE_LEAK_CHECK,
    LMM_TIMELINE_KINDS,
};

struct lmm_timeline_mark {
    uint64_t time_ns; /* since the process started */
    enum lmm_timeline_mark_kind kind;
    uint64_t count; /* FORK: processes that were started, from time_ns on; of other kinds 1 */
    char *
        text; /* ends with a NUL; may be empty; from the observed process, so it may hold anything */
};

/* All zero at first. */
struct lmm_time_marks {
    struct lmm_timeline_mark *items; /* room for LMM_TIMELINE_MARKS; NULL: none yet */
    size_t count;
    uint64_t left_out;
};

/* Adds a mark, as lmm_timeline_mark() says. */
bool lmm_time_marks_add(struct lmm_time_marks *marks, const struct lmm_timeline_mark *mark);

/* Checks I1 and I2. */
bool lmm_time_marks_are_valid(const struct lmm_time_marks *marks);

void lmm_time_marks_free(struct lmm_time_marks *marks);

#endif
