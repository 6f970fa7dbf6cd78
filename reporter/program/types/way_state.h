/* SPDX-License-Identifier: MIT */
/*
 * way_state: what is known on the paths of a way (way.h): what registers and places in the frame
 * hold, and the steps found. Files of a machine (way_x86.c, way_aarch64.c) say what each instruction
 * does, by the functions here, in way_memory.h and in way_flow.h.
 *
 * Invariant: I1 A register that holds a BLOCK has an open step HELD, unless there are too many steps.
 */
#ifndef LMM_PROGRAM_WAY_STATE_H
#define LMM_PROGRAM_WAY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/code.h"
#include "reporter/program/types/way_step.h"
#include "reporter/program/types/way_value.h"

enum {
    LMM_WAY_REGISTERS = 32,
    LMM_WAY_LANES = 64, /* halves of vector registers, each of 8 bytes */
    LMM_WAY_VALUES = LMM_WAY_REGISTERS + LMM_WAY_LANES,
    LMM_WAY_SLOTS = 24, /* words in the frame */
    LMM_WAY_PATHS = 16, /* that are waiting at one time */
    LMM_WAY_STEPS = 2 * LMM_WAY_STEPS_MAX,
    LMM_WAY_ORIGINS = 128,
    LMM_WAY_SEEN = 1024, /* a power of two, more than twice the instructions */
    LMM_WAY_VISITS = 3,  /* of one address */
    LMM_WAY_WORD = 8,
};

struct lmm_way_slot {
    int64_t offset;
    bool is_pointer;            /* from the frame pointer, else from sp */
    struct lmm_way_value value; /* NOTHING: the slot is free */
};

struct lmm_way_path {
    uint64_t at;       /* the next instruction */
    uint32_t distance; /* instructions since the call */
    bool is_waiting;   /* this path is to be followed */
    bool tests_zero;   /* the flags say whether the result is zero */
    bool is_forked;    /* it took one side of a branch by a condition that is not known */
    struct lmm_way_value values[LMM_WAY_VALUES];
    uint32_t untouched; /* bits of the registers that have not been written since the call */
    int held[LMM_WAY_REGISTERS]; /* index of the open step, or -1 */
    struct lmm_way_slot slots[LMM_WAY_SLOTS];
};

struct lmm_way_machine {
    int result;          /* the register for results */
    int stack;           /* sp */
    int frame_pointer;   /* rbp, x29 */
    bool is_frame_above; /* words of the frame may lie after where the frame pointer points */
    uint32_t kept;       /* bits of the registers that a callee keeps */
    const int *arguments;
    uint32_t argument_count;
};

struct lmm_way_seen {
    uint64_t at;
    uint32_t number; /* of the way; of another one than this: free */
    uint32_t visits;
    uint64_t states[LMM_WAY_VISITS];
};

struct lmm_way {
    uint32_t number; /* from 1 on: how many ways were followed in this memory */
    const struct lmm_code *code;
    const struct lmm_way_machine *machine;
    enum lmm_way_callee (*know)(void *context, uint64_t target, bool is_loaded);
    void *context;

    /* The instruction that is looked at. */
    struct lmm_way_path *path;
    uint64_t at;
    uint64_t next;

    uint32_t written; /* bits of the registers that it writes */

    /* Where control goes after it, when code before the call is looked at (way_before.c). */
    bool is_survey;
    bool has_jump;
    bool is_ended; /* the next instruction does not follow */
    bool is_lost;  /* it jumps to an address that is not known */
    uint64_t jump;

    struct lmm_way_path paths[LMM_WAY_PATHS];
    struct lmm_way_step steps[LMM_WAY_STEPS];
    size_t step_count;
    struct lmm_way_origin origins[LMM_WAY_ORIGINS];
    size_t origin_count;
    struct lmm_way_seen seen[LMM_WAY_SEEN];
};

/* Returns a value whose origin is kept in `way`; NOTHING when there are too many of them. */
struct lmm_way_value lmm_way_origin_value(struct lmm_way *way, const struct lmm_way_origin *origin);

/* Returns the value of the thread pointer. */
struct lmm_way_value lmm_way_thread_value(struct lmm_way *way);

/* ---- Steps ------------------------------------------------------------------------------------ */

/* Starts a step of the current instruction about a value; returns NULL when there are too many. */
struct lmm_way_step *lmm_way_new_step(struct lmm_way *way, enum lmm_way_kind kind,
                                      struct lmm_way_value block);

/* Starts and ends the steps HELD of all registers that hold the result. */
void lmm_way_open_all(struct lmm_way *way, struct lmm_way_path *path, uint64_t from);
void lmm_way_close_all(struct lmm_way *way, struct lmm_way_path *path, uint64_t to);

/* Says that the path goes on from here, the next instruction, only in some cases. */
void lmm_way_fork(struct lmm_way *way, struct lmm_way_path *path);

/* ---- Registers -------------------------------------------------------------------------------- */

/* Returns what a register holds; where that is not known, its ORIGIN is the register itself. */
struct lmm_way_value lmm_way_get(struct lmm_way *way, int reg);

/* Says that the current instruction puts a value into a register. */
void lmm_way_set(struct lmm_way *way, int reg, struct lmm_way_value value);

/* The same for half `lane` of a vector register. */
struct lmm_way_value lmm_way_get_lane(const struct lmm_way *way, unsigned vector, unsigned lane);
void lmm_way_set_lane(struct lmm_way *way, unsigned vector, unsigned lane,
                      struct lmm_way_value value);

/* Says that the current instruction overwrites a register, or a whole vector register. */
void lmm_way_clear(struct lmm_way *way, int reg);
void lmm_way_clear_vector(struct lmm_way *way, unsigned vector);

/* Says that the flags compare a value with zero. */
void lmm_way_test(struct lmm_way *way, struct lmm_way_value value);

#endif
