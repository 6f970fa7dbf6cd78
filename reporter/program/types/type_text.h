/* SPDX-License-Identifier: MIT */
/* type_text: which type a text names, as a source writes it. For one thread. */
#ifndef LMM_PROGRAM_TYPE_TEXT_H
#define LMM_PROGRAM_TYPE_TEXT_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/*
 * Sets *ret_type to the type that `text` names in the unit of a DIE: "struct node", "node_t",
 * "unsigned long", "struct node *", "hr::Employee". A name without its namespaces is found when
 * only one type in the unit ends in it. Returns false: there is none; also of a pointer, when the
 * unit has no pointer to that type. Cost: the first call in a unit lists its types.
 */
bool lmm_type_by_text(const Dwarf_Die *in_unit, const char *text, Dwarf_Die *ret_type);

#endif
