/* SPDX-License-Identifier: MIT */
/*
 * way_decoder: Capstone for the machine of a way's code.
 */
#ifndef LMM_PROGRAM_WAY_DECODER_H
#define LMM_PROGRAM_WAY_DECODER_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/way_state.h"

struct lmm_way_decoder {
    enum lmm_machine machine;
    csh handle;
    cs_insn *insn;
};

/* Returns the registers of a machine, or NULL when its code cannot be decoded. */
const struct lmm_way_machine *lmm_way_decoder_machine(enum lmm_machine machine);

/* Opens a decoder; returns false when memory ran out, or after one line on stderr. To be closed. */
bool lmm_way_decoder_open(enum lmm_machine machine, struct lmm_way_decoder *ret_decoder);

void lmm_way_decoder_close(struct lmm_way_decoder *decoder);

/* Does the instruction at the current path's address. Returns false when it cannot be decoded:
 * then the path ends. */
bool lmm_way_decoder_step(struct lmm_way_decoder *decoder, struct lmm_way *way);

#endif
