/* SPDX-License-Identifier: MIT */
/*
 * wrapper: which calls of a stack are wrappers: calls in the C and C++ libraries, in functions that
 * their headers define, and in functions like xmalloc. A block that a wrapper allocates belongs to
 * the wrapper's caller. Stateless; every argument may be NULL, and the result is then false.
 */
#ifndef LMM_PROGRAM_WRAPPER_H
#define LMM_PROGRAM_WRAPPER_H

#include <stdbool.h>

/* Returns whether a module of this name is the C or C++ library, the loader, or the drop-in. */
bool lmm_wrapper_is_library(const char *name);

/*
 * Returns whether a mangled name is that of operator new, or of a function in std or __gnu_cxx,
 * whose templates are compiled into the program. Demangled names do not work: that of a template
 * starts with its return type.
 */
bool lmm_wrapper_is_cplusplus(const char *name);

/*
 * Returns whether a C function has a name as programs give it to wrappers of malloc and similar
 * functions: xmalloc, g_malloc0, zcalloc, do_xrealloc, my_strdup. A longer name says what the block
 * is for.
 */
bool lmm_wrapper_is_c(const char *name);

/*
 * Returns whether a source file is a header of the C or C++ library, of another system library, or
 * of the compiler. This is the only sign that an inlined function of such a header (getline in
 * glibc's bits/stdio.h), or one without a linkage name (of a lambda's type), is not part of the
 * program.
 */
bool lmm_wrapper_is_header(const char *file);

/* Returns whether a function of the C library calls main, or the start function of a thread. */
bool lmm_wrapper_is_start(const char *name);

#endif
