/* SPDX-License-Identifier: MIT */
/*
 * expression: the type of a simple expression of C in the source of a function, by the debug
 * information: variables, `->`, `.`, `[...]`, `*` and parentheses; nothing is computed. Stateless.
 */
#ifndef LMM_PROGRAM_EXPRESSION_H
#define LMM_PROGRAM_EXPRESSION_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

/* Sets *ret_type to the type of what the text yields in the scopes (symbol_file.h); returns false
 * when the text is not understood, or a name in it is not known. */
bool lmm_expression_type(const Dwarf_Die *scopes, size_t scope_count, const char *text,
                         Dwarf_Die *ret_type);

#endif
