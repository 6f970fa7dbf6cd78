/* SPDX-License-Identifier: MIT */
/*
 * type_info: what a type is, by its DIE in the debug information: its name as a programmer writes
 * it (type_name.h), its size, and whether blocks of it may be longer; and which type a text names.
 *
 * DIEs are hostile: chains of types may loop, and sizes may be anything. For one thread.
 */
#ifndef LMM_PROGRAM_TYPE_INFO_H
#define LMM_PROGRAM_TYPE_INFO_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_text.h"
#include "reporter/program/types/type_walk.h"

enum lmm_type_kind {
    LMM_TYPE_NONE, /* no type: void, a function, or not known */
    LMM_TYPE_BYTE, /* char and its signs, bool, uint8_t and similar: any block may be an array of these */
    LMM_TYPE_SCALAR,  /* other numbers and enums */
    LMM_TYPE_POINTER, /* also a reference */
    LMM_TYPE_RECORD,  /* struct, class, union; also an array of a fixed length */
};

enum {
    LMM_TYPE_STARTS_MAX = 256, /* bytes with the NUL */
};

/* A type, ready to be kept: it points at nothing. */
struct lmm_type_info {
    char name[LMM_TYPE_NAME_MAX];
    enum lmm_type_kind kind;
    uint64_t bytes;       /* sizeof; 0: it is incomplete */
    uint64_t tail_offset; /* a struct whose last member is an array without a length, or of 0 or 1:
                             where that array is */
    uint64_t tail_bytes;  /* and the size of its elements; 0: there is none */
    /* Of a pointer to a struct that starts with such a pointer, as a node to the next one: the size of the
     * struct; else 0. */
    uint64_t link_bytes;
    char file[LMM_TYPE_NAME_MAX]; /* where it is defined, a whole path; empty: unknown */
    uint32_t line;
    /* The names of the structs and base classes that it starts with, a bar before each and one at the end: "|PyVarObject|PyObject|";
     * those for which there is no room are left out. */
    char starts[LMM_TYPE_STARTS_MAX];
    bool is_cplusplus; /* or Rust: of a unit in one of these languages */
    bool is_base; /* larger structs may start with it (bases.h): not set by lmm_type_info_of() */
    bool is_polymorphic; /* it has virtual functions */
    /* The tail is no member: a class template without members whose base is a header, of no template, is one for
     * elements of its argument: QTypedArrayData<T>. */
    bool is_typed_header;
};

/* Sets *ret_info to what a type is; returns false when it is void, or not known. */
bool lmm_type_info_of(const Dwarf_Die *type, struct lmm_type_info *ret_info);

/* Returns whether a struct starts with a member, or a base class, of the type that is named
 * `name`, at offset 0 at any depth. */
bool lmm_type_starts_with(const Dwarf_Die *type, const char *name);

/* Returns whether a struct, or what it starts with, starts with one of this name. */
bool lmm_type_info_starts_with(const struct lmm_type_info *info, const char *name);

/* Forgets the lists of a file's units; call it before the Dwarf is closed. */
void lmm_type_forget(Dwarf *dwarf);

#endif
