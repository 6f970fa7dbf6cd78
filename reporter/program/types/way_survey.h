/* SPDX-License-Identifier: MIT */
/*
 * way_survey: what registers hold at a call. The code from its start to the call is followed once;
 * what a register holds is known only where all code that may lead there agrees, so registers that
 * a loop writes are not known in it. Code with a table of jumps says what the few instructions
 * before the call do, and no more.
 */
#ifndef LMM_PROGRAM_WAY_SURVEY_H
#define LMM_PROGRAM_WAY_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/way_decoder.h"
#include "reporter/program/types/way_state.h"

enum lmm_way_survey_end {
    LMM_WAY_SURVEY_TO_CALL,   /* arguments are in their registers */
    LMM_WAY_SURVEY_PAST_CALL, /* the callee has returned */
};

struct lmm_way_survey;

/* Looks at the code of `way` up to the call that returns to `address`. Returns NULL when what
 * registers hold there is not known, or memory ran out. To be closed. */
struct lmm_way_survey *lmm_way_survey_open(const struct lmm_way *way, uint64_t address,
                                           enum lmm_way_survey_end end,
                                           struct lmm_way_decoder *decoder);

void lmm_way_survey_close(struct lmm_way_survey *survey);

/* Returns what is known there: that of the current path. The survey owns it. */
struct lmm_way *lmm_way_survey_way(struct lmm_way_survey *survey);

/* Returns the address of the call instruction. */
uint64_t lmm_way_survey_call(const struct lmm_way_survey *survey);

/* Sets *ret_origin to an origin that starts at a word of the frame, with the origin of the value that was
 * stored there in its place. Returns false when that is not known. */
bool lmm_way_survey_spilled(struct lmm_way_survey *survey, const struct lmm_way_origin *origin,
                            struct lmm_way_origin *ret_origin);

/* Returns whether no instruction in [from, the call) writes a register. */
bool lmm_way_survey_keeps(const struct lmm_way_survey *survey, int reg, uint64_t from);

#endif
