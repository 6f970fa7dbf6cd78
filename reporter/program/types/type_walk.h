/* SPDX-License-Identifier: MIT */
/*
 * type_walk: from type to type, by DIEs: from a variable to its type, from a pointer to what it points
 * at, from a struct to what is at an offset; and sizes.
 *
 * DIEs are hostile: chains of types may loop, and sizes may be anything. Stateless, except for the
 * lists of unit_index.h.
 */
#ifndef LMM_PROGRAM_TYPE_WALK_H
#define LMM_PROGRAM_TYPE_WALK_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LMM_TYPE_CHAIN_MAX = 64,  /* types of a chain, such as a typedef of a typedef */
    LMM_TYPE_DEPTH_MAX = 16,  /* of structs in structs */
    LMM_TYPE_DIES_MAX = 65536 /* visited for one question about a struct */
};

/* Sets *ret_type to the type of a DIE: of a variable, a parameter, a member, or of a function its
 * result. An abstract origin or specification is looked at, too. Returns false: there is none. */
bool lmm_type_of(const Dwarf_Die *die, Dwarf_Die *ret_type);

/* Sets *ret_type to the first type argument that a function or class itself has. Returns false: it is no
 * instance of a template, or has none. */
bool lmm_type_argument(const Dwarf_Die *generic, Dwarf_Die *ret_type);

/* Sets *ret_type to what a type leads to when typedef, const and volatile are taken off. A struct
 * that is only declared leads to its definition in the unit. Returns false: it leads to void. */
bool lmm_type_strip(const Dwarf_Die *type, Dwarf_Die *ret_type);

/* Sets *ret_target to what a pointer or reference type points at, not stripped; returns false when
 * type is something else, or points at void. */
bool lmm_type_target(const Dwarf_Die *type, Dwarf_Die *ret_target);

/* Returns whether a type is a pointer, also to void. */
bool lmm_type_is_pointer(const Dwarf_Die *type);

/* Returns whether a stripped type is a struct, class or union. */
bool lmm_type_is_record(const Dwarf_Die *type);

/* Returns the path of the file in which a type is defined, which lives as long as the debug information; NULL: unknown. */
const char *lmm_type_file(const Dwarf_Die *type);

/* Returns the size of a type; 0: it is void, incomplete, or its size is not a constant. */
uint64_t lmm_type_bytes(const Dwarf_Die *type);

/* Sets *ret_element to the type of the elements of an array, also of more than one dimension, and *ret_count to their
 * number, 0: it is not known. Returns false for other types. */
bool lmm_type_elements(const Dwarf_Die *type, Dwarf_Die *ret_element, uint64_t *ret_count);

/* Returns the length of a dimension of an array; 0: it is not known. */
uint64_t lmm_type_dimension(const Dwarf_Die *dimension);

/*
 * Steps to the next member or base class of a record: *member is the DIE to go on after, or the record's
 * own at first. Sets *ret_offset to where it lies. Bit-fields, static members and virtual bases are
 * passed over. *budget: counted down; nothing is found after it is used up.
 */
bool lmm_type_next_member(const Dwarf_Die *record, Dwarf_Die *member, uint64_t *ret_offset,
                          int *budget);

/* Sets *record to the struct that it starts with, or whose array: its first member at offset 0. Returns false: there is
 * none. */
bool lmm_type_start(Dwarf_Die *record);

/*
 * Sets *ret_type to the type of the scalar or pointer that starts at an offset in a struct, through
 * structs in it and elements of arrays. Returns false: there is none.
 */
bool lmm_type_at(const Dwarf_Die *type, uint64_t offset, Dwarf_Die *ret_type);

#endif
