/* SPDX-License-Identifier: MIT */
/*
 * type_die: the debug information of a site's type (struct lmm_model_type), which has its fields. It is looked for
 * in the units of the functions that are on the site's stack; a type that the program registered in all units of
 * its own file.
 *
 * A type is found by its name and its size, so types without a name are not found.
 */
#ifndef LMM_PROGRAM_TYPE_DIE_H
#define LMM_PROGRAM_TYPE_DIE_H

#include <elfutils/libdw.h>
#include <stdbool.h>

struct lmm_model;
struct lmm_model_site;
struct lmm_model_type;
struct lmm_symbols;
struct lmm_type_dies;

/* Returns a searcher, to be freed with lmm_type_dies_free() before symbols, which named the sites and may be NULL for
 * programs without stacks; NULL: out of memory. */
struct lmm_type_dies *lmm_type_dies_new(struct lmm_symbols *symbols);

/* Sets *ret_die to what a site's type is an array of, or is; it lives as long as the searcher. Returns false: it was
 * not found. */
bool lmm_type_dies_find(struct lmm_type_dies *dies, const struct lmm_model *model,
                        const struct lmm_model_site *site, const struct lmm_model_type *type,
                        Dwarf_Die *ret_die);

/* dies may be NULL. */
void lmm_type_dies_free(struct lmm_type_dies *dies);

#endif
