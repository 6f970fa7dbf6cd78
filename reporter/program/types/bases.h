/* SPDX-License-Identifier: MIT */
/*
 * bases: which structs of C other structs of a file start with, so that a pointer to one may point
 * at a larger struct. Those that a function defines for itself are left out.
 *
 * The units of the file are read at the first question; in a file with too many of them, and in
 * languages with classes, every struct counts as a base.
 */
#ifndef LMM_PROGRAM_BASES_H
#define LMM_PROGRAM_BASES_H

#include <elfutils/libdw.h>
#include <stdbool.h>

struct lmm_bases;

/* Returns an empty list, to be freed with lmm_bases_free(); NULL: out of memory. */
struct lmm_bases *lmm_bases_new(void);

/* bases may be NULL. */
void lmm_bases_free(struct lmm_bases *bases);

/* Returns whether a struct of a unit in C is one that others in the same file start with; always
 * true when that is not known. type: may be a typedef. */
bool lmm_bases_has(struct lmm_bases *bases, Dwarf *dwarf, const Dwarf_Die *type);

#endif
