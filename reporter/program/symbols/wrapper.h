/* SPDX-License-Identifier: MIT */
/*
 * wrapper: which calls of a stack are wrappers: calls in the C, C++ and Rust libraries, in functions
 * that their headers define, in functions like xmalloc, and in those of wrapper_table.h. A block
 * that a wrapper allocates belongs to the wrapper's caller. (What the user adds is in
 * wrapper_list.h.) Stateless; every argument may be NULL, and the result is then false.
 */
#ifndef LMM_PROGRAM_WRAPPER_H
#define LMM_PROGRAM_WRAPPER_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

/*
 * Returns whether a file's name is that of a library, one of `starts`, which end with NULL, and after
 * it only a version: dots, digits and ".so". A "*" at the end of a start stands for a machine:
 * "ld-linux*" is "ld-linux-x86-64.so.2", and not "ld-linux-tool".
 */
bool lmm_wrapper_is_file_of(struct lmm_string name, const char *const *starts);

/* Returns whether a module of this name is the C or C++ library, the loader, or the drop-in: only
 * names as these have ("libc.so.6", "libc-2.31.so"), not all that start like them. */
bool lmm_wrapper_is_library(struct lmm_string name);

/*
 * Returns whether a mangled name is that of operator new, or of a function in std or __gnu_cxx,
 * whose templates are compiled into the program. Demangled names do not work: that of a template
 * starts with its return type.
 */
bool lmm_wrapper_is_cplusplus(const char *name);

/*
 * Returns the last component of a readable name, of "os::malloc(unsigned long)" and of
 * "int* hr::malloc<int>(int)" "malloc". A name of C is its own.
 */
struct lmm_string lmm_wrapper_component(struct lmm_string name);

/*
 * Returns whether a component is in the table (wrapper_table.h), or a name as programs give it to
 * wrappers of malloc and similar functions: xmalloc, g_malloc0, zcalloc, do_xrealloc, my_strdup,
 * palloc. A longer name says what the block is for.
 */
bool lmm_wrapper_is_named(struct lmm_string component);

/* Returns whether a component is operator new, which never names a site. */
bool lmm_wrapper_is_new(struct lmm_string component);

/* Returns whether a source file is a header of the C++ library, or a part of Rust's library. */
bool lmm_wrapper_is_standard_file(const char *file);

/*
 * Returns whether a source file is one of these, or a header of the C library, of another system
 * library, or of the compiler. This is the only sign that an inlined function of such a header (getline in
 * glibc's bits/stdio.h), or one without a linkage name (of a lambda's type), is not part of the
 * program.
 */
bool lmm_wrapper_is_header(const char *file);

/* Returns whether a function of the C library calls main, or the start function of a thread. */
bool lmm_wrapper_is_start(const char *name);

#endif
