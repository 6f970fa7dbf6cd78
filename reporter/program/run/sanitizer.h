/* SPDX-License-Identifier: MIT */
/* sanitizer: whether a program is built with a sanitizer that brings a malloc of its own: under LMM it
 * would refuse to run, or miss what it looks for. Stateless. */
#ifndef LMM_PROGRAM_SANITIZER_H
#define LMM_PROGRAM_SANITIZER_H

/* Returns the reason why an ELF file does not run on LMM, "it is built with AddressSanitizer, ...";
 * NULL: it has no such sanitizer, or is no ELF file. file: an open descriptor. */
const char *lmm_sanitizer_of(int file);

#endif
