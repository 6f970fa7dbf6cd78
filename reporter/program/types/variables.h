/* SPDX-License-Identifier: MIT */
/*
 * variables: the variables and parameters of the functions around an address, and where they lie
 * at each address: in a register, at a distance from the call frame's address (CFA), at a fixed
 * address, or at a fixed place in the block of each thread. Other locations (values computed from several registers) are left out.
 *
 * Locations are hostile: lists may be of any length, and expressions anything. For one thread.
 */
#ifndef LMM_PROGRAM_VARIABLES_H
#define LMM_PROGRAM_VARIABLES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/code.h"
#include "reporter/program/types/variable_place.h"

/* Where a variable lies from address `low` up to before `high`. */
struct lmm_variable_place {
    Dwarf_Die variable; /* a DIE with a type: DW_TAG_variable or DW_TAG_formal_parameter */
    uint64_t
        low; /* one of the scope's ranges, if it has but one place; 0 and UINT64_MAX: everywhere */
    uint64_t high;
    enum lmm_place_kind kind;
    int reg;
    int64_t offset;
    uint32_t depth; /* of the scope, 0: the function's own */
};

struct lmm_variables {
    struct lmm_variable_place *items; /* the innermost scopes' first */
    size_t count;
};

/*
 * Lists the places of all variables of the scopes, the outermost first: a function, the functions
 * inlined into it, and lexical blocks (symbol_file.h gives them), and of the blocks and inlined functions in
 * them that overlap [low, high): a variable's block often starts after the call. Only places that cover or start in
 * [low, high) are listed. Memory of the frame is LMM_PLACE_FRAME where the Dwarf's own file has the
 * call frame information that tells the CFA, else LMM_PLACE_MEMORY. Returns false when memory ran out. To be
 * freed with lmm_variables_free().
 */
bool lmm_variables_list(const Dwarf_Die *scopes, size_t scope_count, uint64_t low, uint64_t high,
                        struct lmm_variables *ret_variables);

void lmm_variables_free(struct lmm_variables *variables);

/*
 * Turns the memory operand [reg + offset] at an address into a distance from the CFA, by the call frame
 * information `cfi`, NULL: none, or that of the Dwarf's own file. Returns false: it is not known, or the operand is not in
 * the frame.
 */
bool lmm_variables_frame_offset(Dwarf *dwarf, Dwarf_CFI *cfi, uint64_t address, int reg,
                                int64_t offset, int64_t *ret_offset);

/*
 * Sets *ret_variable to the global variable, or static one outside of functions, that starts at, or spans,
 * an address, and *ret_offset to the distance from its start. Cost: the first call in a file lists
 * them all. A function's static variables are in lmm_variables_list() of that function.
 */
bool lmm_variables_at(Dwarf *dwarf, uint64_t address, Dwarf_Die *ret_variable,
                      uint64_t *ret_offset);

/* Does so for a place in the block that each thread has for the file. There is none where the
 * variables of one place differ in their types: the linker left one of them out. */
bool lmm_variables_of_thread(Dwarf *dwarf, uint64_t place, Dwarf_Die *ret_variable,
                             uint64_t *ret_offset);

/*
 * Sets *ret_variable to the variable that a name stands for in the scopes, the innermost first, or
 * in the unit. Where there are several of that name and of different types, it is
 * not known which one it is, and there is none.
 */
bool lmm_variables_by_name(const Dwarf_Die *scopes, size_t scope_count, const char *name,
                           Dwarf_Die *ret_variable);

/* Forgets the lists of a file; call it before the Dwarf is closed. */
void lmm_variables_forget(Dwarf *dwarf);

#endif
