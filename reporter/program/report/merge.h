/* SPDX-License-Identifier: MIT */
/*
 * merge: replaces the sites of a model by rows, one for each place (places.h), so that every
 * renderer shows a row for each line of the source, or for what the user chose with --by.
 *
 * A row has the sums of its sites, the id of the first of them, and, as parts, one row for each of
 * their stacks. Its stack is that of its first part. Rows with stacks have the family "malloc",
 * because the size classes of malloc say nothing about a line; the other rows have the family of
 * their sites, or "(several)". A row has the type of its sites if they have one (site_type.h). Rows
 * by type are named by it; those of unknown types by the reason, one for each module that lacks
 * debug information; and they count their lines.
 *
 * Invariants (checked by tests/unit/reporter/test_merge.c):
 *   I1  the rows together have the counts of the sites; so have a row's parts those of the row
 *   I2  rows are in the order of model.h, I4; parts by live bytes, then allocations, largest first
 */
#ifndef LMM_PROGRAM_MERGE_H
#define LMM_PROGRAM_MERGE_H

#include <stdbool.h>

#include "reporter/program/report/places.h"

struct lmm_model_lines;
struct lmm_model_page_use;
struct lmm_model_type;
struct lmm_numbers;

/* The memory of the rows. */
struct lmm_merge {
    struct lmm_model_site *rows;
    struct lmm_model_site *parts;
    struct lmm_model_type *types; /* these three: of rows by type; NULL: there are none */
    struct lmm_model_lines *lines;
    struct lmm_model_page_use *page_uses; /* sums of several sites */
    size_t page_use_count;
    char **reasons; /* why a row has no type; NULL: it has one */
    size_t reason_count;
};

/*
 * Makes rows the sites of the model, which was named and is not sorted by the user. ids: gives a
 * place the same id in all readings of one process, also when a lower id turns up later; NULL: the
 * lowest id. ret_merge is to be freed with lmm_merge_free() when the model is not used any more.
 * Returns false when memory ran out: then the model is unchanged. LMM_BY_SITE changes nothing.
 */
bool lmm_merge_sites(struct lmm_model *model, enum lmm_by by, struct lmm_numbers *ids,
                     struct lmm_merge *ret_merge);

/* *merge may be all zero. */
void lmm_merge_free(struct lmm_merge *merge);

#endif
