/* SPDX-License-Identifier: MIT */
/*
 * way: the way of a call's result through the instructions after the call: in which registers it
 * lies, where it is stored, which functions get it, and whether it is returned. Instructions are
 * decoded by Capstone.
 *
 * The value followed is what the register for results holds when a call returns (rax, x0). Copies
 * of it are followed through moves, spills to the stack and reloads, and so is a pointer to the
 * inside of the block (the result and a constant, or the result and a register). Where a test for
 * zero branches, only the side on which the result is not zero is followed; of other conditional
 * branches both sides are, within a bound. The way goes on after calls, in registers that a callee keeps and in the
 * stack. A value that might have been overwritten is not followed further: a step is certain, a
 * missing step is not.
 *
 * Code is hostile: it may be cut, overlap, loop or be data. The work is bounded.
 *
 * Stateless. Not responsible for what a register or a place in memory means (variables.h).
 */
#ifndef LMM_PROGRAM_WAY_H
#define LMM_PROGRAM_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/code.h"

enum {
    LMM_WAY_STEPS_MAX = 96,         /* of one way */
    LMM_WAY_INSTRUCTIONS_MAX = 400, /* decoded for one way */
};

enum lmm_way_kind {
    LMM_WAY_HELD,     /* a register holds the value */
    LMM_WAY_STORED,   /* the value is stored in memory */
    LMM_WAY_PASSED,   /* the value is an argument of a call */
    LMM_WAY_RETURNED, /* the value is the function's result; also by a jump to a function that
                         returns its first argument (memset, memcpy) */
    LMM_WAY_FILLED,   /* a constant address is stored in the block: a table of virtual functions */
};

/* What the caller of lmm_way_follow() knows about a function that is called on the way. */
enum lmm_way_callee {
    LMM_WAY_CALLEE_ANY,           /* nothing */
    LMM_WAY_CALLEE_RETURNS_FIRST, /* its result is its first argument: memset, strcpy */
    LMM_WAY_CALLEE_ENDS,          /* it does not return: abort, __assert_fail, DW_AT_noreturn */
};

/* A step of the way. Steps are in the order in which they were found: the nearest first. */
struct lmm_way_step {
    enum lmm_way_kind kind;
    bool is_inside;  /* the value is a pointer to the inside of the block: `added` bytes after the
                        result */
    bool is_unknown; /* is_inside, and `added` is not known */
    int64_t added;
    uint64_t from; /* HELD: the address of the first instruction that finds the value in the
                      register; else the address of the instruction that does this */
    uint64_t to;   /* HELD: the first address at which it is no longer known to be there, at least
                      `from` + 1; else the address after the instruction */
    uint32_t distance; /* instructions since the call */
    int reg;   /* HELD: the register; STORED: the base register of the memory operand, or NONE */
    int index; /* STORED: the index register, or NONE */
    uint32_t scale;  /* STORED: of the index: bytes of an array's element */
    int64_t offset;  /* STORED: the displacement; without a base the address itself, as in
                       [rip + x] and adrp; FILLED: bytes after the block's start */
    uint64_t target; /* PASSED: the address of the function, 0: unknown; FILLED: the constant */
    bool is_loaded;  /* `target` is the address of a word, such as one of the global offset table,
                       that holds the address meant. PASSED: the function's; FILLED: the constant is
                       that address and `target_added`; STORED (reg is NONE): the value is stored at that
                       address and `offset` */
    int64_t target_added; /* FILLED and is_loaded: what is added; else 0 */
    uint32_t argument;    /* PASSED: its number, from 0 on, of those in integer registers */
};

/*
 * Follows the result of the call that returns to `address`. ret_steps: room for LMM_WAY_STEPS_MAX.
 * code: of one function, if its bounds are known, else of the section. A jump out of it is taken
 * for a call whose result the function returns.
 * know: tells what is known about the function at `target`; called with `context`; NULL: nothing.
 * Returns the number of steps; the first says that the register for results holds the value. 0:
 * there is no code at `address`, or it cannot be decoded.
 */
size_t lmm_way_follow(const struct lmm_code *code, uint64_t address,
                      enum lmm_way_callee (*know)(void *context, uint64_t target), void *context,
                      struct lmm_way_step ret_steps[LMM_WAY_STEPS_MAX]);

#endif
