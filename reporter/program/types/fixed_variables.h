/* SPDX-License-Identifier: MIT */
/* fixed_variables: the variables of a file that lie at fixed addresses, or at fixed places of the block of each thread,
 * and are outside of functions, by address. Only variables.c uses it. */
#ifndef LMM_PROGRAM_FIXED_VARIABLES_H
#define LMM_PROGRAM_FIXED_VARIABLES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/variable_place.h"

struct lmm_fixed_variable {
    uint64_t address;
    Dwarf_Die die;
};

/* All zero: not listed. */
struct lmm_fixed_variables {
    struct lmm_fixed_variable *items; /* by address */
    size_t count;
};

/* Lists those of all units of a file whose place is of this kind, FIXED or THREAD, until memory runs out. */
void lmm_fixed_variables_read(struct lmm_fixed_variables *variables, Dwarf *dwarf,
                              enum lmm_place_kind kind);

/* Returns the variable that starts at, or spans, an address, or NULL. */
const struct lmm_fixed_variable *
lmm_fixed_variables_find(const struct lmm_fixed_variables *variables, uint64_t address);

void lmm_fixed_variables_free(struct lmm_fixed_variables *variables);

#endif
