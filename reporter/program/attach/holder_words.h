/* SPDX-License-Identifier: MIT */
/* holder_words: what answers about holders have in common: figures, and the places and types of sites. */
#ifndef LMM_PROGRAM_HOLDER_WORDS_H
#define LMM_PROGRAM_HOLDER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_site;
struct lmm_sink;

/* Takes the next figure of an answer. */
bool lmm_holder_take_figure(const char **text, uint64_t *ret_figure);

/* Returns the site with this id; NULL: none. */
const struct lmm_model_site *lmm_holder_find_site(const struct lmm_model *model, uint64_t id);

/* Puts "dict.c:146 (_dictInsert)  #12", or "(unknown)". */
void lmm_holder_put_place(struct lmm_sink *sink, const struct lmm_model *model, uint64_t id);

/* Puts " of struct session", if the type of the site's blocks is known. */
void lmm_holder_put_type(struct lmm_sink *sink, const struct lmm_model *model, uint64_t id);

#endif
