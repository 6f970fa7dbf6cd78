/* SPDX-License-Identifier: MIT */
/*
 * unit_list: what one unit of debug information declares outside of functions, as lists in the order
 * of the section, made in one pass. Only unit_index.c uses it.
 *
 * Every DIE lies inside of its parent in the section, so the list of namespaces and classes tells
 * what encloses a DIE by one binary search.
 */
#ifndef LMM_PROGRAM_UNIT_LIST_H
#define LMM_PROGRAM_UNIT_LIST_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LMM_UNIT_OUTSIDE UINT32_MAX /* of all scopes */

/* A namespace; in C++, Rust and units of an unknown language also a class. */
struct lmm_unit_scope {
    Dwarf_Die die;
    uintptr_t end;   /* where the next DIE after it starts; 0: where its parent ends */
    uint32_t parent; /* another scope, or LMM_UNIT_OUTSIDE */
};

/* A type or variable. */
struct lmm_unit_named {
    Dwarf_Die die;
    uint32_t hash; /* lmm_unit_list_hash() of its name */
};

struct lmm_unit_target {
    uintptr_t address; /* of the DIE that a typedef names */
    uint32_t named;    /* the typedef, in the list of names */
};

/* All zero: empty. */
struct lmm_unit_list {
    Dwarf_CU *unit;
    bool is_cplusplus; /* or Rust */
    bool has_language;
    int budget; /* of DIEs, while it is made */
    struct lmm_unit_scope *scopes;
    size_t scope_count;
    struct lmm_unit_named *named;
    size_t named_count;
    struct lmm_unit_target *targets; /* by address, then in the order of the unit */
    size_t target_count;
    struct lmm_unit_target *foreign; /* those in other units, in the order of the unit */
    size_t foreign_count;
    Dwarf_Die *imports; /* DIEs in units that belong to this one: imported, and of its types */
    size_t import_count;
};

/* What pointer types are listed as: a name that no DIE has. */
extern const char lmm_unit_list_pointers[];

/* Lists the unit of a DIE, until memory runs out. */
void lmm_unit_list_read(struct lmm_unit_list *list, const Dwarf_Die *in_unit);

void lmm_unit_list_free(struct lmm_unit_list *list);

/* Returns the hash of a name up to a '<'. */
uint32_t lmm_unit_list_hash(const char *name);

/* Sets *ret_die to the DIE that an attribute of a DIE, which may be ret_die, refers to; returns
 * false, and changes nothing, when there is none. */
bool lmm_unit_list_reference(Dwarf_Die *die, unsigned attribute, Dwarf_Die *ret_die);

#endif
