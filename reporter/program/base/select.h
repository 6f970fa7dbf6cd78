/* SPDX-License-Identifier: MIT */
/*
 * select: which rows of a model are shown, and in which order: --family, --type, --sort and --top.
 *
 * --family removes the other families and their sites; the totals are then those of the remaining
 * families. --type removes the sites of other types, and of those that are not known; the totals, and the families,
 * are still those of all. --top hides the rows after the first N; the totals still include them.
 */
#ifndef LMM_PROGRAM_SELECT_H
#define LMM_PROGRAM_SELECT_H

#include <argp.h>
#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_model;
struct lmm_model_type;
struct lmm_select_key;

struct lmm_select {
    char **patterns; /* of fnmatch(3), ended by NULL; of families to show. NULL: all */
    char **types;    /* likewise, of types to show */
    const struct lmm_select_key *key; /* NULL: the order of the model */
    size_t top;                       /* 0: all */
};

/* Parsers for `children` of a subcommand's own parser: of --type, of --family and --type, and of all
 * options. Their input is a struct lmm_select *, all zero at the start. */
extern const struct argp lmm_type_argp;
extern const struct argp lmm_family_argp;
extern const struct argp lmm_select_argp;

/* Returns the keys of --sort, as lmm_option_word does. */
const char *lmm_select_word(size_t index);

/* Returns whether a family's name, which ends with a NUL as all strings of a ledger do, matches any
 * of the patterns (as above). */
bool lmm_select_matches(char *const *patterns, struct lmm_string name);

/* Returns whether a type is known and matches any of the patterns (NULL: all types, known or not): by
 * its name, or that of the element of an array, with or without "struct " and the like, or the namespaces around it. */
bool lmm_select_matches_type(char *const *patterns, const struct lmm_model_type *type);

/* Applies --family and --type to a model whose sites have their types, and --sort and --top to one whose sites may be merged (merge.h). */
void lmm_select_filter(const struct lmm_select *select, struct lmm_model *model);
void lmm_select_filter_types(const struct lmm_select *select, struct lmm_model *model);
void lmm_select_order(const struct lmm_select *select, struct lmm_model *model);

/* Frees what the parser allocated. */
void lmm_select_free(struct lmm_select *select);

#endif
