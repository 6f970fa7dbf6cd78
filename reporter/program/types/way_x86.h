/* SPDX-License-Identifier: MIT */
/*
 * way_x86: what instructions of x86-64 do on the paths of a way (way_state.h). An instruction that
 * is not known here overwrites the registers that Capstone names, and its memory operands.
 */
#ifndef LMM_PROGRAM_WAY_X86_H
#define LMM_PROGRAM_WAY_X86_H

#include <capstone/capstone.h>

#include "reporter/program/types/way_state.h"

/* The registers of the System V ABI. */
extern const struct lmm_way_machine lmm_way_x86;

/* Does an instruction that Capstone's `handle` decoded, with its details. */
void lmm_way_x86_step(struct lmm_way *way, csh handle, const cs_insn *insn);

#endif
