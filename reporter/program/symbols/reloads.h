/* SPDX-License-Identifier: MIT */
/*
 * reloads: stacks that differ only by the addresses at which a file was loaded. A plugin that is
 * loaded again elsewhere is another module with other frames, but the same calls.
 */
#ifndef LMM_PROGRAM_RELOADS_H
#define LMM_PROGRAM_RELOADS_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_model;

/*
 * Gives the sites of equal stacks one stack, that with the lowest number. Two frames are equal if
 * their callers are, they are at one offset in one file, and both or neither were found by a guess.
 * files: by module, a number for its file. Returns false when memory ran out; the sites are then as
 * they were. Cost: linear in the frames.
 */
bool lmm_reloads_merge(struct lmm_model *model, const uint32_t *files);

#endif
