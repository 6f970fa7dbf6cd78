/* SPDX-License-Identifier: MIT */
/*
 * way_x86_operands: operands of instructions of x86-64, as registers, places and values of a way.
 */
#ifndef LMM_PROGRAM_WAY_X86_OPERANDS_H
#define LMM_PROGRAM_WAY_X86_OPERANDS_H

#include <capstone/capstone.h>
#include <stdbool.h>

#include "reporter/program/types/way_memory.h"
#include "reporter/program/types/way_state.h"

/* Returns the number of a general register, or of a vector register, of any width; or NONE. */
int lmm_way_x86_number_of(unsigned reg);
int lmm_way_x86_vector_of(unsigned reg);

/* Returns whether an operand is a vector register of 16 bytes. */
bool lmm_way_x86_is_vector(const cs_x86_op *operand);

struct lmm_way_place lmm_way_x86_place_of(const struct lmm_way *way, const cs_x86_op *operand);

/* Returns the value of an operand of 8 bytes, or of a constant. */
struct lmm_way_value lmm_way_x86_value_of(struct lmm_way *way, const cs_x86_op *operand);

/* Puts a value into an operand, or one that is not known. */
void lmm_way_x86_assign(struct lmm_way *way, const cs_x86_op *operand, struct lmm_way_value value);
void lmm_way_x86_spoil(struct lmm_way *way, const cs_x86_op *operand);

#endif
