/* SPDX-License-Identifier: MIT */
/* texts: a table of texts, each of which is stored once: names of functions and files. */
#ifndef LMM_PROGRAM_TEXTS_H
#define LMM_PROGRAM_TEXTS_H

#include <stddef.h>

#include "reporter/core/utf8.h"

struct lmm_text;

/* Returns the stored copy of a text, which lives as long as the table and ends with a NUL; .text is NULL when memory ran
 * out. texts: the table, NULL at first. */
struct lmm_string lmm_texts_keep(struct lmm_text **texts, const char *text, size_t bytes);

void lmm_texts_free(struct lmm_text *texts);

#endif
