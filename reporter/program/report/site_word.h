/* SPDX-License-Identifier: MIT */
/*
 * site_word: how a user names a site: FILE:LINE, a function, #ID as reports print it, or 0xADDRESS
 * of code. Stateless.
 *
 * FILE is the whole path or its last components; a function is its whole name, the name without
 * its arguments, or its last component ("hire" of "hr::hire(int)"). #ID is the line that has the
 * site of this id. 0xADDRESS is the return address of a call, or the byte before it, in the
 * process: all stacks through it.
 */
#ifndef LMM_PROGRAM_SITE_WORD_H
#define LMM_PROGRAM_SITE_WORD_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_model;

/* Removes the sites that a word does not name from a model whose sites are named and not merged.
 * Returns how many stay; SIZE_MAX: out of memory. */
size_t lmm_site_word_keep(const char *word, struct lmm_model *model);

/* As above, with a message on stderr when no site stays, which names one that is spelled like it. */
bool lmm_site_word_apply(const char *word, struct lmm_model *model);

#endif
