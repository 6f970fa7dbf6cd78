/* SPDX-License-Identifier: MIT */
/* rust_constant: constants in Rust's v0 names, the arguments of generic functions. */
#ifndef LMM_PROGRAM_RUST_CONSTANT_H
#define LMM_PROGRAM_RUST_CONSTANT_H

#include <stdbool.h>

struct lmm_rust_parser;

/* Reads a constant and puts it; is_value: it is a part of another constant or of a type, so it
 * needs no braces. */
void lmm_rust_read_constant(struct lmm_rust_parser *parser, bool is_value);

#endif
