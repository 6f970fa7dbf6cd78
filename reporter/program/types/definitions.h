/* SPDX-License-Identifier: MIT */
/*
 * definitions: where the units of a file define structs that other units only declare: clang describes a class
 * with a constructor only in the unit that has the constructor's code, and C has handles.
 *
 * A struct is known by its name and the namespaces around it. Those in other structs, in functions and in
 * namespaces without a name are left out, and so are names that stand for structs of different sizes.
 *
 * The units are read in one pass, at the first question about a file, and the list is kept until
 * lmm_definitions_forget(). DIEs are hostile: the work is bounded. For one thread.
 */
#ifndef LMM_PROGRAM_DEFINITIONS_H
#define LMM_PROGRAM_DEFINITIONS_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/* Sets *ret_die to the definition of a struct, class or union that a DIE declares. Returns false: there is
 * none, or which one it is is not known. */
bool lmm_definitions_find(const Dwarf_Die *declaration, Dwarf_Die *ret_die);

/* Forgets the list of a file. */
void lmm_definitions_forget(Dwarf *dwarf);

#endif
