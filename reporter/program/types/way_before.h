/* SPDX-License-Identifier: MIT */
/*
 * way_before: what registers that a callee keeps held at a call: a pointer that the result is stored
 * through, or a constant that is stored in the block (way_survey.h).
 */
#ifndef LMM_PROGRAM_WAY_BEFORE_H
#define LMM_PROGRAM_WAY_BEFORE_H

#include <stdint.h>

#include "reporter/program/types/way_decoder.h"
#include "reporter/program/types/way_state.h"

/*
 * Completes the steps of a way, which starts at `address`, by what is known before the call: sets
 * `before` of those STORED, and the constants of those FILLED that have a register in `reg`, which
 * becomes NONE. Others stay as they are.
 * Cost: nothing when no step needs it, or the result is where compilers keep variables.
 */
void lmm_way_before(struct lmm_way *way, uint64_t address, struct lmm_way_decoder *decoder);

#endif
