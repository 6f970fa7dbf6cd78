/* SPDX-License-Identifier: MIT */
/* die_ranges: which DIE of a file's DWARF an address belongs to: the address ranges of units, or of
 * functions, sorted. A look-up is a binary search. */
#ifndef LMM_PROGRAM_DIE_RANGES_H
#define LMM_PROGRAM_DIE_RANGES_H

#include <elfutils/libdw.h>
#include <stddef.h>

struct lmm_die_range {
    Dwarf_Addr low;
    Dwarf_Addr high; /* one past the last */
    Dwarf_Die die;
    size_t unit; /* the caller's */
};

/* All zero: empty. */
struct lmm_die_ranges {
    struct lmm_die_range *items; /* by their low ends, after lmm_die_ranges_sort() */
    size_t count;
    size_t dropped; /* ranges that do not start in code */
};

/* Adds the sections of an ELF file that have code, sorted; `bias` is added to their addresses. */
void lmm_die_ranges_add_code(struct lmm_die_ranges *code, Elf *elf, Dwarf_Addr bias);

/*
 * Adds the ranges of a DIE, as far as they start in `code` (empty: all do), until memory runs out;
 * addresses in the others are not found. A linker that drops a function (--gc-sections) leaves its
 * DWARF, with an address outside of all code, such as 0; the function may be longer than the
 * distance from there to real code.
 */
void lmm_die_ranges_add(struct lmm_die_ranges *ranges, const struct lmm_die_ranges *code,
                        Dwarf_Die *die, size_t unit);

void lmm_die_ranges_sort(struct lmm_die_ranges *ranges);

/* Returns the last range that starts at or before address, if address is in it, or NULL. */
const struct lmm_die_range *lmm_die_ranges_find(const struct lmm_die_ranges *ranges,
                                                Dwarf_Addr address);

void lmm_die_ranges_free(struct lmm_die_ranges *ranges);

#endif
