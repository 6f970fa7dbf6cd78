/* SPDX-License-Identifier: MIT */
/* sanitizer: whether a program brings an allocator by its own file: a sanitizer's malloc, so that under
 * LMM it would refuse to run, or miss what it looks for; or liblmm. Stateless. */
#ifndef LMM_PROGRAM_SANITIZER_H
#define LMM_PROGRAM_SANITIZER_H

#include <stdbool.h>

/* Returns the reason why an ELF file does not run on LMM, "it is built with AddressSanitizer, ...";
 * NULL: it has no such sanitizer, or is no ELF file. file: an open descriptor. */
const char *lmm_sanitizer_of(int file);

/* Whether liblmm is linked into an ELF file statically. */
bool lmm_sanitizer_has_lmm(int file);

#endif
