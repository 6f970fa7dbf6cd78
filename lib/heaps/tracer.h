/* SPDX-License-Identifier: MIT */
/*
 * tracer: what the drop-in keeps of a heap while it counts at call stacks.
 *
 * The heap's thread alone uses it, without a lock; lmm_heap_init() creates it and thread tells it
 * of a new thread. Not responsible for: what the fields mean together (preload/stacked).
 */
#ifndef LMM_TRACER_H
#define LMM_TRACER_H

#include "lib/ground/base.h"
#include "lib/stacks/recall.h"

enum lmm_tracer_state {
    LMM_TRACER_NEW, /* a new thread must reset the fields below first */
    LMM_TRACER_IDLE,
    LMM_TRACER_BUSY, /* the thread is in preload/stacked.c */
};

struct lmm_tracer {
    enum lmm_tracer_state state;
    const void *last;      /* the block allocated last; NULL after it was freed */
    int64_t pending_bytes; /* allocated less freed, not in the process's sum yet */
    int64_t step_bytes;    /* more than so many, either way, are added to it */
    struct lmm_trace trace;
    struct lmm_recall recall;
};

/* Makes a tracer, in memory of any contents, one that is not ready. */
static inline void lmm_tracer_clear(struct lmm_tracer *tracer)
{
    __builtin_memset(tracer, 0, offsetof(struct lmm_tracer, trace));
    lmm_trace_clear(&tracer->trace);
    lmm_recall_init(&tracer->recall);
}

#endif
