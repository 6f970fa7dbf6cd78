/* SPDX-License-Identifier: MIT */
/*
 * select: which rows of a model are shown, and in which order: --family, --sort and --top, for all
 * subcommands that have them.
 *
 * --family takes families out, and their sites with them; the total is then that of the families that
 * are left. --top hides rows behind the first so many; these stay in the total.
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_SELECT_H
#define LMM_PROGRAM_SELECT_H

#include <argp.h>
#include <stddef.h>

struct lmm_model;
struct lmm_select_key;

struct lmm_select {
    const char **patterns; /* as fnmatch(3) has them; a family is shown that fits any */
    size_t pattern_count;
    const struct lmm_select_key *key; /* NULL: the model's own order */
    size_t top;                       /* 0: all */
};

/* The options' parser, for `children` of a subcommand's own; its input is a struct lmm_select *, which
 * is all zero at the start. */
extern const struct argp lmm_select_argp;

/* Applies select to the model. */
void lmm_select_apply(const struct lmm_select *select, struct lmm_model *model);

/* Frees what the parser allocated. */
void lmm_select_free(struct lmm_select *select);

#endif
