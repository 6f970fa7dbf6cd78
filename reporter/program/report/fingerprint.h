/* SPDX-License-Identifier: MIT */
/*
 * fingerprint: a number for a stack that stays the same in another run, and in another build: it is
 * made of the functions, file names and lines of the program's own calls up to main. The folders of
 * files, addresses, and calls of libraries and wrappers do not matter.
 */
#ifndef LMM_PROGRAM_FINGERPRINT_H
#define LMM_PROGRAM_FINGERPRINT_H

#include <stdint.h>

struct lmm_model;
struct lmm_model_site;

/* Returns the fingerprint of a site's stack; without a stack, or when no call of it is the program's
 * own, of its place, and of what it allocates. */
uint64_t lmm_fingerprint(const struct lmm_model *model, const struct lmm_model_site *site);

#endif
