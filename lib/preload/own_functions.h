/* SPDX-License-Identifier: MIT */
/*
 * own_functions: functions of the program by their names, from the symbol table of its file, because a
 * program that is not linked with -rdynamic does not export them.
 *
 * The file is read only when its headers are those that are mapped, so no address of another file is taken. A program without a symbol table (stripped) has none of them.
 *
 * Owns nothing. Locks: none. Does not allocate. Costs a read of the names in the symbol table. Not
 * responsible for: what is exported (weak references find it), libraries.
 */
#ifndef LMM_OWN_FUNCTIONS_H
#define LMM_OWN_FUNCTIONS_H

#include "lib/ground/base.h"

enum { LMM_OWN_FUNCTIONS_MAX = 4 };

/*
 * Sets ret_addresses[i] to the address of the function names[i] that the program defines for all of its
 * files, also a hidden one; 0: there is none, or it cannot be known. All names start with prefix; count is
 * at most LMM_OWN_FUNCTIONS_MAX.
 */
void lmm_own_functions_find(const char *prefix, const char *const names[], size_t count,
                            uintptr_t ret_addresses[]);

#endif
