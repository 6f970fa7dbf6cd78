/* SPDX-License-Identifier: MIT */
/*
 * way_aarch64: what instructions of AArch64 do on the paths of a way (way_state.h). An instruction that
 * is not known here overwrites the registers that Capstone names, and its memory operands; a word
 * that Capstone 4 cannot decode (it is older than atomics of Armv8.1) those that it may name.
 */
#ifndef LMM_PROGRAM_WAY_AARCH64_H
#define LMM_PROGRAM_WAY_AARCH64_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/way_state.h"

/* The registers of the procedure call standard. */
extern const struct lmm_way_machine lmm_way_aarch64;

/* Does an instruction that Capstone's `handle` decoded, with its details. */
void lmm_way_aarch64_step(struct lmm_way *way, csh handle, const cs_insn *insn);

/* Does an instruction that cannot be decoded; returns its bytes, or 0 when the path ends there. */
size_t lmm_way_aarch64_skip(struct lmm_way *way, const uint8_t *bytes, size_t count);

#endif
