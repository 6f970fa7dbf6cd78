/* SPDX-License-Identifier: MIT */
/*
 * type_info: what a type is, by its DIE in the debug information: its name as a programmer writes
 * it, its size, and whether blocks of it may be longer.
 *
 * Names: a struct that has a typedef of its own in its unit has the typedef's name ("robj" for
 * `typedef struct redisObject {...} robj`); else "struct node", "union value", "enum kind"; a class
 * of C++ and a struct of C++ or Rust has its whole name ("hr::Employee", "alloc::string::String").
 * A typedef of anything else stands for its target: sds, which is `char *`, is "char *".
 * `const` and `volatile` are left out. A pointer is "struct node *", an array "char[16]", a pointer to a function "void (*)()".
 * A type without a name is named by its line: "struct (parser.c:88)".
 *
 * DIEs are hostile: chains of types may loop, and sizes may be anything.
 */
#ifndef LMM_PROGRAM_TYPE_INFO_H
#define LMM_PROGRAM_TYPE_INFO_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LMM_TYPE_NAME_MAX = 512, /* bytes with the NUL; a longer name ends in "..." */
};

enum lmm_type_kind {
    LMM_TYPE_NONE, /* no type: void, a function, or not known */
    LMM_TYPE_BYTE, /* char and its signs, bool, uint8_t and similar: any block may be an array of these */
    LMM_TYPE_SCALAR,  /* other numbers and enums */
    LMM_TYPE_POINTER, /* also a reference */
    LMM_TYPE_RECORD,  /* struct, class, union; also an array of a fixed length */
};

/* A type, ready to be kept: it points at nothing. */
struct lmm_type_info {
    char name[LMM_TYPE_NAME_MAX];
    enum lmm_type_kind kind;
    uint64_t bytes; /* sizeof; 0: it is incomplete */
    uint64_t
        tail_offset; /* a struct whose last member is an array without a length, or of 0 or 1: where that array is */
    uint64_t tail_bytes;          /* and the size of its elements; 0: there is none */
    char file[LMM_TYPE_NAME_MAX]; /* where it is defined, a whole path; empty: unknown */
    uint32_t line;
    bool is_cplusplus;   /* or Rust: of a unit in one of these languages */
    bool is_polymorphic; /* it has virtual functions */
};

/* Sets *ret_info to what a type is; returns false when it is void, or not known. */
bool lmm_type_info_of(const Dwarf_Die *type, struct lmm_type_info *ret_info);

/* Sets *ret_type to the type of a DIE: of a variable, a parameter, a member, or of a function its
 * result. An abstract origin or specification is looked at, too. Returns false: there is none. */
bool lmm_type_of(const Dwarf_Die *die, Dwarf_Die *ret_type);

/* Sets *ret_type to what a type leads to when typedef, const and volatile are taken off. */
bool lmm_type_strip(const Dwarf_Die *type, Dwarf_Die *ret_type);

/* Sets *ret_target to what a pointer or reference type points at, not stripped; returns false when
 * type is something else, or points at void. */
bool lmm_type_target(const Dwarf_Die *type, Dwarf_Die *ret_target);

/* Returns whether a type is a pointer, also to void. */
bool lmm_type_is_pointer(const Dwarf_Die *type);

/*
 * Sets *ret_type to the type of the scalar or pointer at an offset in a struct, through structs in
 * it and elements of arrays. Returns false: there is none.
 */
bool lmm_type_at(const Dwarf_Die *type, uint64_t offset, Dwarf_Die *ret_type);

/* Returns whether a struct starts with a member, or a base class, of the type that is named
 * `name`, at offset 0 at any depth. */
bool lmm_type_starts_with(const Dwarf_Die *type, const char *name);

/* Sets *ret_type to the type that `text` names in the unit of a DIE: "struct node", "node_t",
 * "unsigned long", "struct node *", "hr::Employee". Returns false: there is none. Cost: the first
 * call in a unit lists its types. */
bool lmm_type_by_text(const Dwarf_Die *in_unit, const char *text, Dwarf_Die *ret_type);

/* Forgets the lists of a file's units; call it before the Dwarf is closed. */
void lmm_type_forget(Dwarf *dwarf);

#endif
