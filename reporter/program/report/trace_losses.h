/* SPDX-License-Identifier: MIT */
/*
 * trace_losses: the blocks of the last leak check, added to the traces of the sites that allocated
 * them, or counted in the suppression that they match.
 *
 * A definitely lost block takes what hangs on it with it: indirectly lost blocks count in the `lost`
 * of the trace of their leader, and, by themselves, in the `indirect` of their own. If the leader is
 * suppressed, they are, too.
 *
 * Invariant (tests/unit/reporter/test_spots.c): the blocks of all traces, of *rest and *suppressed
 * are those of the check.
 */
#ifndef LMM_PROGRAM_TRACE_LOSSES_H
#define LMM_PROGRAM_TRACE_LOSSES_H

#include <stdbool.h>

struct lmm_model;
struct lmm_model_amount;
struct lmm_suppressor;
struct lmm_tally;
struct lmm_trace;

/*
 * Adds them. traces: one for each site of the model, in the order of its sites. suppressor: NULL:
 * nothing is suppressed. *rest: the sum of what has no site in the model; *suppressed: of what a
 * suppression matches, or the program told LMM to ignore; both are added to. False: out of memory.
 */
bool lmm_trace_losses_add(const struct lmm_model *model, struct lmm_suppressor *suppressor,
                          struct lmm_trace *traces, struct lmm_tally *rest,
                          struct lmm_model_amount *suppressed);

#endif
