/* SPDX-License-Identifier: MIT */
/*
 * names: strings of a ledger as C strings, for the libraries that want these. All are allocated, to
 * be freed by the caller; NULL: out of memory. Stateless.
 */
#ifndef LMM_PROGRAM_NAMES_H
#define LMM_PROGRAM_NAMES_H

#include "reporter/core/utf8.h"

/* Returns string as text reports print it: one line of printable UTF-8, a different one for
 * each. */
char *lmm_name_escaped(struct lmm_string string);

/* Returns string as it is. */
char *lmm_name_exact(struct lmm_string string);

/* Returns a site's place as text reports print it: "hr.c:42 (hire)"; without a line "hire
 * (libhr.so)", or the file alone; "(unknown)" without a file. */
char *lmm_name_place(struct lmm_string file, uint32_t line, struct lmm_string function);

#endif
