/* SPDX-License-Identifier: MIT */
/*
 * wrapper: which calls of a stack are not the program's own: those of the C and C++ libraries, of what
 * their headers define, and of functions that only pass malloc on. A block is somebody else's who called
 * these. Stateless; every argument may be NULL, and is then none of it.
 */
#ifndef LMM_PROGRAM_WRAPPER_H
#define LMM_PROGRAM_WRAPPER_H

#include <stdbool.h>

/* Returns whether a module of this name is the C or C++ library, or what comes with them. */
bool lmm_wrapper_is_library(const char *name);

/*
 * Returns whether a mangled name is that of operator new, or of a function of the C++ library, whose
 * templates are part of the program: it is in std or __gnu_cxx. A demangled name would not do, as that of
 * a template starts with what it returns.
 */
bool lmm_wrapper_is_cplusplus(const char *name);

/*
 * Returns whether a C function is called as those are that programs wrap around malloc and its like:
 * xmalloc, g_malloc0, zcalloc, do_xrealloc, my_strdup. A name of more words says what the function is for.
 */
bool lmm_wrapper_is_c(const char *name);

/*
 * Returns whether a source file is a header of the C or C++ library, of another of the system's libraries,
 * or of the compiler. What such a header has inlined (getline of glibc's bits/stdio.h), or what has no
 * linkage name, as of a lambda's type, tells by nothing else that it is not the program's own.
 */
bool lmm_wrapper_is_header(const char *file);

/* Returns whether a function of the C library is one that main, or a thread's own function, is called by. */
bool lmm_wrapper_is_start(const char *name);

#endif
