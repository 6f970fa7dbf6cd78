/* SPDX-License-Identifier: MIT */
/*
 * way_aarch64_operands: operands of instructions of AArch64, as registers, places and values of a way.
 */
#ifndef LMM_PROGRAM_WAY_AARCH64_OPERANDS_H
#define LMM_PROGRAM_WAY_AARCH64_OPERANDS_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/way_memory.h"
#include "reporter/program/types/way_state.h"

/* Returns the number of a general register of 8 bytes, or of any width; or NONE. */
int lmm_way_aarch64_whole_of(unsigned reg);
int lmm_way_aarch64_number_of(unsigned reg);

/* Returns the number of a vector register and sets *ret_bytes to its width; or NONE. */
int lmm_way_aarch64_vector_of(unsigned reg, uint32_t *ret_bytes);

/* Returns whether an operand is the register that is always zero. */
bool lmm_way_aarch64_is_zero(const cs_arm64_op *operand);

/* Whether the operand is one lane of a vector; and one of 64 bits. Capstone 4 and 5 tell it in two ways. */
bool lmm_way_aarch64_is_lane(const cs_arm64_op *operand);
bool lmm_way_aarch64_is_lane_of_64(const cs_arm64_op *operand);

/* Whether the operand of mrs is the register with the address of the thread's variables. */
bool lmm_way_aarch64_is_thread_register(const cs_arm64_op *operand);

struct lmm_way_place lmm_way_aarch64_place_of(const cs_arm64_op *operand);

/* Returns the value of a register of 8 bytes, or of a constant, as it is shifted or extended. */
struct lmm_way_value lmm_way_aarch64_value_of(struct lmm_way *way, const cs_arm64_op *operand);

/* Puts a value into a register. */
void lmm_way_aarch64_assign(struct lmm_way *way, const cs_arm64_op *to, struct lmm_way_value value);

#endif
