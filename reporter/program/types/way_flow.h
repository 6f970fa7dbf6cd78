/* SPDX-License-Identifier: MIT */
/*
 * way_flow: the paths of a way (way_state.h): where they start, branch, meet and end, and what calls
 * do.
 *
 * Invariants, checked by tests/fuzz/way_fuzz.c:
 * I1 A path is followed only while something in it holds a BLOCK.
 * I2 At most LMM_WAY_INSTRUCTIONS_MAX instructions are decoded for one way.
 */
#ifndef LMM_PROGRAM_WAY_FLOW_H
#define LMM_PROGRAM_WAY_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/way_state.h"

/* Starts the first path, at the address that a call returns to. way: what is set are the fields from code to context;
 * the rest is zero, or left from another way. */
void lmm_way_start(struct lmm_way *way, uint64_t address);

/* Makes the nearest path that waits the current one; returns false when there is none. */
bool lmm_way_choose(struct lmm_way *way);

/* Notes that the current path is at an instruction. Returns false, and ends the path, when nothing holds
 * the result any more, or another path came here with the same. */
bool lmm_way_visit(struct lmm_way *way);

/* Says that the function at an address is called. */
void lmm_way_call(struct lmm_way *way, struct lmm_way_value callee);

/* Says that the path goes on elsewhere, and nowhere else. */
void lmm_way_jump(struct lmm_way *way, uint64_t target);

/* Says that the path goes on at an address that is loaded: a function's, or nobody knows where. */
void lmm_way_jump_loaded(struct lmm_way *way, struct lmm_way_value target);

enum lmm_way_condition {
    LMM_WAY_SOMETIMES, /* by a condition that is not known */
    LMM_WAY_ZERO,      /* when the result is zero */
    LMM_WAY_NOT_ZERO,
};

/* Says that the path goes on elsewhere in some cases. */
void lmm_way_branch(struct lmm_way *way, uint64_t target, enum lmm_way_condition condition);

void lmm_way_return(struct lmm_way *way);

/* Says that the path does not go on in a way that is known. */
void lmm_way_end(struct lmm_way *way);

/* Ends all paths where they are. */
void lmm_way_stop(struct lmm_way *way);

#endif
