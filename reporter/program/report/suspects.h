/* SPDX-License-Identifier: MIT */
/*
 * suspects: functions that name many stacks and are called from many functions: probably wrappers
 * that LMM does not know, so that their rows say little. A guess: a user decides, with --wrapper.
 */
#ifndef LMM_PROGRAM_SUSPECTS_H
#define LMM_PROGRAM_SUSPECTS_H

#include <stddef.h>

struct lmm_model;
struct lmm_spot;
struct lmm_spots;

struct lmm_suspect {
    const struct lmm_spot *spot;
    size_t callers; /* different functions that call it, as far as they were counted */
};

enum {
    LMM_SUSPECTS_MAX = 10,
};

/* Finds the functions with at least a tenth of the stacks of the process, from at least 8 callers,
 * those with most stacks first. Returns their number, at most LMM_SUSPECTS_MAX. Cost: a few hundred
 * stacks of each are looked at. */
size_t lmm_suspects_find(const struct lmm_spots *spots,
                         struct lmm_suspect ret_suspects[LMM_SUSPECTS_MAX]);

#endif
