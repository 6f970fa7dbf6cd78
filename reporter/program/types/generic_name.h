/* SPDX-License-Identifier: MIT */
/*
 * generic_name: the parts of a function's readable name: of C++ as its demanglers print it, and of
 * Rust as rust_name.h does.
 *
 * A name is hostile: it may be any text. Stateless.
 */
#ifndef LMM_PROGRAM_GENERIC_NAME_H
#define LMM_PROGRAM_GENERIC_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LMM_GENERIC_PATH_MAX = 128, /* bytes with the NUL; of a path without arguments */
};

/* A part of a name; it points into the name. */
struct lmm_name_part {
    const char *bytes;
    size_t count;
};

struct lmm_generic_name {
    char path[LMM_GENERIC_PATH_MAX];     /* without generic arguments: "std::allocator::allocate" */
    struct lmm_name_part argument;       /* the first generic one of the function; empty: none */
    struct lmm_name_part class_argument; /* of what it is in */
    struct lmm_name_part class_name; /* all before the last "::", with arguments; may be empty */
    bool has_parameters;             /* a list in parentheses, as C++ has */
};

/* Takes a name apart; returns false when it is not understood. */
bool lmm_generic_name_parse(const char *name, struct lmm_generic_name *ret_parts);

/* Adds a component, up to a '<' or to a tag of its ABI ("allocate[abi:v15000]"), to a path; the blocks of `impl` of Rust are left out. Returns false
 * when it is too long. */
bool lmm_generic_path_add(char path[LMM_GENERIC_PATH_MAX], const char *component, size_t bytes);

#endif
