/* SPDX-License-Identifier: MIT */
/* glob: patterns in which a star stands for any characters, and LMM_GLOB_ONE for one. Stateless. */
#ifndef LMM_PROGRAM_GLOB_H
#define LMM_PROGRAM_GLOB_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

enum { LMM_GLOB_ONE = 1 }; /* a byte that no name has */

/* Returns whether the pattern matches all of text; an empty text never matches. Cost: at worst the
 * product of their lengths. */
bool lmm_glob_fits(const char *pattern, struct lmm_string text);

#endif
