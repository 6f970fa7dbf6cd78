/* SPDX-License-Identifier: MIT */
/*
 * unit_index: what a unit of debug information declares outside of functions: its types and variables by
 * name, its typedefs by what they name, and the namespaces and classes around each DIE.
 *
 * A unit is listed in one pass over its outer DIEs at the first question about it, and the list is
 * kept until lmm_unit_index_forget(). Units that a unit imports (dwz's partial units) are listed
 * likewise, and belong to it. For one thread.
 *
 * DIEs are hostile: the work in a unit is bounded.
 */
#ifndef LMM_PROGRAM_UNIT_INDEX_H
#define LMM_PROGRAM_UNIT_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

struct lmm_unit_index;

/* What pointer types are listed as: a name that no DIE has. */
extern const char *const lmm_unit_index_pointers;

/* Returns the index of the unit that a DIE is in; NULL: memory ran out. */
struct lmm_unit_index *lmm_unit_index_of(const Dwarf_Die *die);

/* Returns whether the unit is one of C++ or Rust. */
bool lmm_unit_index_is_cplusplus(const struct lmm_unit_index *index);

/*
 * Calls visit() for each type and variable whose own name, up to a '<', is `name`, in the order of
 * the unit; then for those of imported units. Ends when visit() returns true, and returns that.
 */
bool lmm_unit_index_find(struct lmm_unit_index *index, const char *name,
                         bool (*visit)(void *context, const Dwarf_Die *die), void *context);

/* Sets *ret_typedef to the first typedef in the unit of a type whose target is that type itself.
 * One in another unit counts when that unit is listed, as with type units. */
bool lmm_unit_index_typedef(const Dwarf_Die *type, Dwarf_Die *ret_typedef);

/* Sets *ret_parent to the innermost namespace, class or struct around a DIE, or around the declaration that
 * it is an instance of; returns false when there is none. */
bool lmm_unit_index_parent(const Dwarf_Die *die, Dwarf_Die *ret_parent);

/* Forgets the units of a Dwarf, and of the file that it shares with others (dwz). */
void lmm_unit_index_forget(Dwarf *dwarf);

#endif
