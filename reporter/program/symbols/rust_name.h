/* SPDX-License-Identifier: MIT */
/*
 * rust_name: the names of Rust functions: those of the v0 scheme ("_R..."), and those of the older
 * scheme, which look like C++ names with a hash as their last part ("_ZN...17h0123456789abcdefE").
 * libstdc++'s demangler knows neither.
 *
 * A name may be hostile: the work, the depth and the result are bounded. Stateless.
 */
#ifndef LMM_PROGRAM_RUST_NAME_H
#define LMM_PROGRAM_RUST_NAME_H

#include <stdbool.h>

/* Returns the readable form of a mangled name, without the hashes of crates, to be freed; NULL: it
 * is not a Rust name, or memory ran out. */
char *lmm_rust_name_demangle(const char *name);

/*
 * Returns whether a mangled name is that of a function of Rust's standard library (alloc, core, std
 * and their parts), whose generic functions are compiled into the program. A function that the
 * program defines for a trait or a type of that library is the program's.
 */
bool lmm_rust_name_is_standard(const char *name);

#endif
