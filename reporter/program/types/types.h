/* SPDX-License-Identifier: MIT */
/*
 * types: the types of the blocks of a program that did not register them, by its debug information.
 *
 * A site's stack is walked from the call that allocated outwards (site_walk.h), and each frame has facts (facts.h). What
 * the frames say is decided with the sizes of all sites that have these frames (decide.h), so one line has one type,
 * however many stacks lead to it.
 */
#ifndef LMM_PROGRAM_TYPES_H
#define LMM_PROGRAM_TYPES_H

#include <stdbool.h>

struct lmm_model;
struct lmm_symbols;

/*
 * Names the sites of a model, as lmm_symbols_apply() does, and sets the types of those with stacks. They
 * live as long as *symbols. Returns false when memory ran out.
 */
bool lmm_types_apply(struct lmm_symbols **symbols, unsigned flags, struct lmm_model *model);

/* Sets the types of a model that lmm_symbols_name_sites() named with symbols. */
bool lmm_types_find(struct lmm_symbols *symbols, struct lmm_model *model);

#endif
