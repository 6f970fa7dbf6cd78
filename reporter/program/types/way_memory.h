/* SPDX-License-Identifier: MIT */
/*
 * way_memory: what instructions load and store on the current path of a way (way_state.h).
 */
#ifndef LMM_PROGRAM_WAY_MEMORY_H
#define LMM_PROGRAM_WAY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/way_state.h"

/* A memory operand. */
struct lmm_way_place {
    int base;  /* register, or NONE */
    int index; /* register, or NONE */
    uint32_t scale;
    int64_t offset;
    bool is_thread;    /* it is added to the thread pointer */
    bool is_part;      /* the index is a part of its register */
    bool is_elsewhere; /* in another segment, or by other registers */
};

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

/* Forgets the words of the frame that [frame, frame + bytes) overlaps. */
void lmm_way_forget(struct lmm_way_path *path, struct lmm_way_value frame, uint64_t bytes);

/* Returns whether a value was loaded from a word at a fixed address. */
bool lmm_way_is_loaded(const struct lmm_way *way, struct lmm_way_value value);

/* Returns the address of a variable of the thread, by the address of a word for thread_words.h. */
struct lmm_way_value lmm_way_dynamic_value(struct lmm_way *way, uint64_t word);

/* Returns a + b, where one may be the thread pointer, and the other the distance from it that a word of the
 * global offset table has. */
struct lmm_way_value lmm_way_total(struct lmm_way *way, struct lmm_way_value a,
                                   struct lmm_way_value b);

/* Writes what a constant address is, or where it is loaded from, into a step. */
void lmm_way_put_target(const struct lmm_way *way, struct lmm_way_value value,
                        struct lmm_way_step *step);

/* Puts the origin of a register before one that starts at the register. Returns false when it is too long. */
bool lmm_way_origin_put_first(struct lmm_way_origin *origin, const struct lmm_way_origin *first);

/* Sets *ret_origin to the origin of an address. Returns false when that is not known. */
bool lmm_way_origin_of(const struct lmm_way *way, struct lmm_way_value address,
                       struct lmm_way_origin *ret_origin);

#endif
