/* SPDX-License-Identifier: MIT */
/*
 * type_name: the name of a type as a programmer writes it.
 *
 * A struct that has a typedef of its own in its unit has the typedef's name ("robj" for
 * `typedef struct redisObject {...} robj`), and so have unions and enums; else it is "struct node",
 * "union value", "enum kind". A class of C++, and a struct of C++ or Rust, has its whole name
 * ("hr::Employee", "alloc::string::String"). A typedef of anything else stands for its target: sds,
 * which is `char *`, is "char *". `const` and `volatile` are left out. A pointer is "struct node *",
 * an array "char[16]", a pointer to a function "void (*)()". A type without a name is named by its
 * line: "struct (parser.c:88)". Numbers of C have their usual names: "unsigned long".
 */
#ifndef LMM_PROGRAM_TYPE_NAME_H
#define LMM_PROGRAM_TYPE_NAME_H

#include <elfutils/libdw.h>
#include <stdbool.h>

enum {
    LMM_TYPE_NAME_MAX = 512, /* bytes with the NUL; a longer name ends in "..." */
};

/* Writes the name of a type; "void" if it is none. */
void lmm_type_name(const Dwarf_Die *type, char ret_name[LMM_TYPE_NAME_MAX]);

/* Writes the name of a struct, typedef, function or variable with the namespaces and classes around
 * it: "hr::Employee". */
void lmm_type_whole_name(const Dwarf_Die *die, char ret_name[LMM_TYPE_NAME_MAX]);

/* Returns whether a whole name is that of a type of the C++ or Rust library: "std::pair<...>". */
bool lmm_type_name_is_standard(const char *name);

/* Returns gcc's name of a number type ("long unsigned int") for the usual one ("unsigned long"),
 * and the other way round; NULL: it has no other name. */
const char *lmm_type_compiler_name(const char *usual);
const char *lmm_type_usual_name(const char *compiler);

#endif
