/* SPDX-License-Identifier: MIT */
/*
 * way_step: what a step of a way (way.h) says. Stateless.
 */
#ifndef LMM_PROGRAM_WAY_STEP_H
#define LMM_PROGRAM_WAY_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_WAY_STEPS_MAX = 96,         /* of one way */
    LMM_WAY_INSTRUCTIONS_MAX = 400, /* decoded for one way */
    LMM_WAY_LOADS_MAX = 4,          /* of one origin */
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
    LMM_WAY_CALLEE_THREAD,        /* it is __tls_get_addr() */
    LMM_WAY_CALLEE_ENDS,          /* it does not return: abort, __assert_fail, DW_AT_noreturn */
};

/*
 * Where a place in memory lies, as the code found it: the pointer in `reg`, or a fixed address, the
 * words that were loaded from there one after the other, and a distance from the last one. So
 * `p->list->next` for a p in rbx is rbx, a load at list's offset, and next's offset; for a p in the
 * frame of code without optimisation it is rbp, a load at p's offset from it, a load, and an offset.
 */
struct lmm_way_origin {
    int reg; /* where the first pointer is, or NONE: the first offset is an address, or THREAD, or
                DYNAMIC: the first offset is the address of a word for thread_words.h */
    uint64_t at;    /* the instruction before which `reg` holds it */
    bool is_before; /* `reg` got it before the call */
    bool is_result; /* another call returned it, to `at` */
    uint32_t load_count;
    struct {
        int64_t offset; /* of the word, from the pointer before it */
        uint32_t scale; /* of an index that is not known, as of an array's element; 0: none */
    } loads[LMM_WAY_LOADS_MAX];
    int64_t offset; /* of the place, from what was loaded last */
    uint32_t scale; /* as in `loads` */
};

/* A step of the way. Steps are in order: the nearest first. */
struct lmm_way_step {
    enum lmm_way_kind kind;
    uint32_t distance; /* instructions since the call */
    bool is_inside;    /* the value is a pointer to the inside of the block: `added` bytes after the
                          result */
    bool is_unknown;   /* is_inside, and `added` is not known */
    int64_t added;

    /* HELD: the address of the first instruction that finds the value in the register, and the
     * first one, after that, at which it is no longer known to be there. Else the address of the
     * instruction that does this, and the address after it. */
    uint64_t from;
    uint64_t to;

    /* From this address on the step holds only on one side of a branch other than a test of the result for
     * zero; 0: it always does. */
    uint64_t sure_to;

    /* HELD: `reg` is the register. STORED: the memory operand: [reg + index * scale + offset], with
     * NONE for a register that is not there, or THREAD. Without a base register `offset` is the address
     * itself, as in [rip + x], and after adrp. The scale is the size of an array's element, or a
     * part of it; 0 without an index. */
    int reg;
    int index;
    uint32_t scale;
    int64_t offset; /* FILLED: bytes from the block's start */

    bool has_origin; /* STORED: `origin` says where the memory operand lies */
    bool has_before; /* and `before`, too, traced back through the code before the call */
    struct lmm_way_origin origin;
    struct lmm_way_origin before;

    uint32_t argument; /* PASSED: its number, from 0 on, of those in integer registers */
    uint64_t target;   /* PASSED: the address of the function, 0: unknown; FILLED: the constant */
    bool is_loaded; /* PASSED, FILLED: `target` is the address of a word, such as one of the global
                          offset table, that holds the address of the function, or the constant */
    int64_t target_added; /* FILLED and is_loaded: what is added to the constant; else 0 */
};

#endif
