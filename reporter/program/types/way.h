/* SPDX-License-Identifier: MIT */
/*
 * way: the way of a call's result through the instructions after the call: in which registers it
 * lies, where it is stored, which functions get it, and whether it is returned. Instructions are
 * decoded by Capstone.
 *
 * The value followed is what the register for results holds when a call returns (rax, x0), or what the
 * callee stored where one of its arguments pointed, as posix_memalign() does. Copies of it are followed through moves, spills to the stack and reloads, and so is a pointer to the
 * inside of the block (the result and a constant, or the result and a register). Where a test for
 * zero branches, only the side on which the result is not zero is followed; of other conditional
 * branches both sides are, within a bound. The way goes on after calls, in registers that a callee keeps and in the
 * stack. A value that might have been overwritten is not followed further: a step is certain, a
 * missing step is not.
 *
 * Code is hostile: it may be cut, overlap, loop or be data. The work is bounded.
 *
 * A follower is the room that this needs, and Capstone's, which takes longer to open than a way to follow. One serves
 * any number of ways, of one thread at a time; a way does not depend on those before.
 *
 * Not responsible for what a register or a place in memory means (variables.h).
 */
#ifndef LMM_PROGRAM_WAY_H
#define LMM_PROGRAM_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/code.h"
#include "reporter/program/types/way_step.h"

enum {
    LMM_WAY_RESULT = -1, /* the callee returns the block */
    LMM_WAY_LOST = -2,   /* it is not known how the callee gives the block: there are no steps */
};

struct lmm_way_follower;

/* Returns a follower, to be freed with lmm_way_follower_free(); NULL: out of memory. */
struct lmm_way_follower *lmm_way_follower_new(void);

/* follower may be NULL. */
void lmm_way_follower_free(struct lmm_way_follower *follower);

/*
 * Follows the block that the call that returns to `address` gives. ret_steps: room for
 * LMM_WAY_STEPS_MAX.
 * output: the number of the argument, from 0 on, that points at where the callee stores the block,
 * or LMM_WAY_RESULT, or LMM_WAY_LOST.
 * code: of one function, if its bounds are known, else of the section. A jump out of it is taken
 * for a call whose result the function returns.
 * know: tells what is known about the function at `target`, or, with is_loaded, of which the word at
 * `target` has the address; called with `context`; NULL: nothing.
 * Returns the number of steps; the first says that the register for results holds the value, or
 * that the call stored it. 0: there is no code at `address`, it cannot be decoded, or it is not known where
 * the argument pointed.
 */
size_t lmm_way_follow(struct lmm_way_follower *follower, const struct lmm_code *code,
                      uint64_t address, int output,
                      enum lmm_way_callee (*know)(void *context, uint64_t target, bool is_loaded),
                      void *context, struct lmm_way_step ret_steps[LMM_WAY_STEPS_MAX]);

/* Returns whether the function that makes the call returns the block itself. The parameters are those of
 * lmm_way_follow(), which takes several times as long, as it also reads the code before the call. */
bool lmm_way_returns(struct lmm_way_follower *follower, const struct lmm_code *code,
                     uint64_t address, int output,
                     enum lmm_way_callee (*know)(void *context, uint64_t target, bool is_loaded),
                     void *context);

#endif
