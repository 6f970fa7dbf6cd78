/* SPDX-License-Identifier: MIT */
/* names: copies of a ledger's strings as C strings, for libraries that need these. The caller frees
 * them; NULL: out of memory. Stateless. */
#ifndef LMM_PROGRAM_NAMES_H
#define LMM_PROGRAM_NAMES_H

#include "reporter/core/utf8.h"

/* Returns string as text reports print it: printable UTF-8 on one line; different strings stay
 * different. */
char *lmm_name_escaped(struct lmm_string string);

/* Returns string unchanged. */
char *lmm_name_exact(struct lmm_string string);

/* Returns a site's place as text reports print it: "hr.c:42 (hire)"; without a line "hire
 * (libhr.so)", or only the file; "(unknown)" without a file. */
char *lmm_name_place(struct lmm_string file, uint32_t line, struct lmm_string function);

#endif
