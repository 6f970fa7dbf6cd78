/* SPDX-License-Identifier: MIT */
/*
 * way_state: what is known on the paths of a way (way.h): what registers and places in the frame
 * hold, and the steps found. Files of a machine (way_x86.c, way_aarch64.c) say here what each
 * instruction does.
 *
 * A register, a half of a vector register, or a word in the frame holds a value:
 *   BLOCK     the result that is followed, and `number` bytes
 *   CONSTANT  a number, perhaps an address
 *   FRAME     an address in the frame: the value of sp or of the frame pointer when the call
 *             returned, and `number` bytes
 *   ORIGIN    the value that a register had, or a word that was loaded, and `number` bytes
 *   NOTHING   anything else
 * With a `scale`, a multiple of it that is not known is added: the index of an array.
 *
 * Invariants, checked by tests/fuzz/way_fuzz.c:
 * I1 A path is followed only while something in it holds a BLOCK.
 * I2 A register that holds a BLOCK has an open step HELD, unless there are too many steps.
 * I3 At most LMM_WAY_INSTRUCTIONS_MAX instructions are decoded for one way.
 */
#ifndef LMM_PROGRAM_WAY_STATE_H
#define LMM_PROGRAM_WAY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/code.h"
#include "reporter/program/types/way_step.h"

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

enum lmm_way_value_kind {
    LMM_WAY_NOTHING,
    LMM_WAY_BLOCK,
    LMM_WAY_CONSTANT,
    LMM_WAY_FRAME,
    LMM_WAY_ORIGIN,
};

struct lmm_way_value {
    uint8_t kind;
    bool is_unknown; /* BLOCK: `number` is not known */
    bool is_address; /* CONSTANT: it was made as an address, or can be one */
    bool is_pointer; /* FRAME: of the frame pointer, else of sp */
    uint16_t origin; /* ORIGIN: index in lmm_way.origins */
    uint16_t scale;  /* CONSTANT, FRAME, ORIGIN: 0: no index is added */
    int64_t number;
};

/* A memory operand. */
struct lmm_way_place {
    int base;  /* register, or NONE */
    int index; /* register, or NONE */
    uint32_t scale;
    int64_t offset;
    bool is_part;      /* the index is a part of its register */
    bool is_elsewhere; /* in another segment, or by other registers */
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
    struct lmm_way_value values[LMM_WAY_VALUES];
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
    uint64_t at; /* 0: free */
    uint32_t visits;
    uint64_t states[LMM_WAY_VISITS];
};

struct lmm_way {
    const struct lmm_code *code;
    const struct lmm_way_machine *machine;
    enum lmm_way_callee (*know)(void *context, uint64_t target);
    void *context;

    /* The instruction that is looked at. */
    struct lmm_way_path *path;
    uint64_t at;
    uint64_t next;

    struct lmm_way_path paths[LMM_WAY_PATHS];
    struct lmm_way_step steps[LMM_WAY_STEPS];
    size_t step_count;
    struct lmm_way_origin origins[LMM_WAY_ORIGINS];
    size_t origin_count;
    struct lmm_way_seen seen[LMM_WAY_SEEN];
};

/* Starts the first path, at the address that a call returns to. way: all zero except the fields
 * above the path. */
void lmm_way_start(struct lmm_way *way, uint64_t address);

/* Makes the nearest path that waits the current one; returns false when there is none. */
bool lmm_way_choose(struct lmm_way *way);

/* Notes that the current path is at an instruction. Returns false, and ends the path, when nothing holds
 * the result any more, or another path came here with the same. */
bool lmm_way_visit(struct lmm_way *way);

/* ---- What values are -------------------------------------------------------------------------- */

struct lmm_way_value lmm_way_constant(int64_t number, bool is_address);

/* Returns a multiple of `scale` that is not known. */
struct lmm_way_value lmm_way_multiple(uint64_t scale);

bool lmm_way_is_same(struct lmm_way_value a, struct lmm_way_value b);

/* Returns a + b, and a - b. */
struct lmm_way_value lmm_way_sum(struct lmm_way_value a, struct lmm_way_value b);
struct lmm_way_value lmm_way_difference(struct lmm_way_value a, struct lmm_way_value b);

/* Returns `a` after its lowest bits were set or cleared by a number: a pointer with a tag, or aligned. */
struct lmm_way_value lmm_way_tagged(struct lmm_way_value a);

/* ---- What an instruction does ----------------------------------------------------------------- */

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

/* Returns the address of a place as a value. */
struct lmm_way_value lmm_way_address(struct lmm_way *way, const struct lmm_way_place *place);

/* Returns the word at a place. */
struct lmm_way_value lmm_way_load(struct lmm_way *way, const struct lmm_way_place *place);

/* Says that the current instruction stores a value of `bytes` bytes. */
void lmm_way_store(struct lmm_way *way, const struct lmm_way_place *place, uint64_t bytes,
                   struct lmm_way_value value);

/* Says that a value is pushed on the stack; returns the value that is popped from it. */
void lmm_way_push(struct lmm_way *way, struct lmm_way_value value);
struct lmm_way_value lmm_way_pop(struct lmm_way *way);

/* Says that the flags compare a value with zero. */
void lmm_way_test(struct lmm_way *way, struct lmm_way_value value);

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
