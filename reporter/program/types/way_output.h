/* SPDX-License-Identifier: MIT */
/*
 * way_output: where a way starts when a function gives the block not as its result, but stores it
 * where an argument points, as posix_memalign() does.
 */
#ifndef LMM_PROGRAM_WAY_OUTPUT_H
#define LMM_PROGRAM_WAY_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/way_decoder.h"
#include "reporter/program/types/way_state.h"

/*
 * Starts the way at the place where argument number `argument` of the call that returns to
 * `address` points: adds the step STORED of that place, and follows it if it is in the frame.
 * Returns false when it is not known what the argument was.
 */
bool lmm_way_output_start(struct lmm_way *way, uint64_t address, uint32_t argument,
                          struct lmm_way_decoder *decoder);

#endif
