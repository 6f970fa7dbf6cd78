/* SPDX-License-Identifier: MIT */
/*
 * variable_place: where an expression of the debug information says that a variable lies. Only
 * places of one step are understood: a register, memory at a distance from one, a fixed address, or a
 * value that is a register and a constant.
 *
 * Expressions are hostile: they may be anything. Stateless.
 */
#ifndef LMM_PROGRAM_VARIABLE_PLACE_H
#define LMM_PROGRAM_VARIABLE_PLACE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lmm_place_kind {
    LMM_PLACE_REGISTER, /* in register `reg` */
    LMM_PLACE_FRAME,    /* in memory, `offset` bytes from the CFA */
    LMM_PLACE_FIXED,    /* in memory at address `offset` */
    LMM_PLACE_THREAD, /* in memory, `offset` bytes from the start of the file's block in a thread */
    LMM_PLACE_VALUE,  /* its value is register `reg` and `offset`; it lies nowhere */
    LMM_PLACE_MEMORY, /* in memory, `offset` bytes from where register `reg` points: that of a
                           frame whose CFA is not known */
};

struct lmm_place {
    enum lmm_place_kind kind;
    int reg; /* by DWARF's number; REGISTER, VALUE and MEMORY */
    int64_t offset;
};

/* Sets *ret_base to where the frame of a function starts at an address: FRAME or MEMORY. Returns
 * false when it is not known. */
bool lmm_place_frame_base(const Dwarf_Die *function, uint64_t address, struct lmm_place *ret_base);

/* Sets *ret_place to what an expression, that of a location attribute, says; base: NULL: not
 * known. Returns false for other expressions. */
bool lmm_place_of(Dwarf_Attribute *location, const Dwarf_Op *operations, size_t count,
                  const struct lmm_place *base, struct lmm_place *ret_place);

/* Sets *ret_register and *ret_offset to the sum that the call frame's address is at an address;
 * returns false when it is something else, or not known. cfi may be NULL. */
bool lmm_place_cfa(Dwarf_CFI *cfi, uint64_t address, int *ret_register, int64_t *ret_offset);

#endif
