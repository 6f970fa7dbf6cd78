/* SPDX-License-Identifier: MIT */
/* own_build: which build of this program runs: its build-id, in the note that the linker made. */
#ifndef LMM_PROGRAM_OWN_BUILD_H
#define LMM_PROGRAM_OWN_BUILD_H

#include <stddef.h>

enum {
    LMM_OWN_BUILD_BYTES = 64, /* of a name, with its NUL */
};

/*
 * Writes a name that another build of this program does not have, and a copy of its file has: the build-id in
 * hexadecimal; "none": it was linked without one, or the id is longer than is usual.
 */
void lmm_own_build(char ret_name[LMM_OWN_BUILD_BYTES]);

#endif
