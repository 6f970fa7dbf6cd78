/* SPDX-License-Identifier: MIT */
/*
 * page_figures: the figures of a page's document (docs/page.schema.json) by row: those of each site and
 * family of one model. A live page takes the figures of each reading and sends those that changed.
 *
 * Invariants (checked by tests/unit/reporter/test_page_data.c):
 *   I1  the sums of the columns of sites are the model's totals; those of leak classes are the check's
 *       without what is suppressed
 */
#ifndef LMM_PROGRAM_PAGE_FIGURES_H
#define LMM_PROGRAM_PAGE_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_page_tables;
struct lmm_spots;

/* The columns of sites. */
enum lmm_page_column {
    LMM_PAGE_LIVE_BYTES,
    LMM_PAGE_LIVE_BLOCKS,
    LMM_PAGE_PEAK_BYTES,
    LMM_PAGE_PEAK_BLOCKS,
    LMM_PAGE_ALLOCATED_BYTES,
    LMM_PAGE_ALLOCATIONS,
    LMM_PAGE_BEFORE, /* of these and the columns before, a difference has those of the earlier moment */
    LMM_PAGE_FREES = LMM_PAGE_BEFORE,
    LMM_PAGE_TEMPORARIES,
    LMM_PAGE_SMALLEST_BYTES,
    LMM_PAGE_LARGEST_BYTES,
    LMM_PAGE_DEFINITE_BYTES,
    LMM_PAGE_DEFINITE_BLOCKS,
    LMM_PAGE_INDIRECT_BYTES,
    LMM_PAGE_INDIRECT_BLOCKS,
    LMM_PAGE_POSSIBLE_BYTES,
    LMM_PAGE_POSSIBLE_BLOCKS,
    LMM_PAGE_REACHABLE_BYTES,
    LMM_PAGE_REACHABLE_BLOCKS,
    LMM_PAGE_COLUMNS,
};

/* The columns of families. */
enum lmm_page_family_column {
    LMM_PAGE_FAMILY_LIVE_BYTES,
    LMM_PAGE_FAMILY_LIVE_BLOCKS,
    LMM_PAGE_FAMILY_PEAK_BYTES,
    LMM_PAGE_FAMILY_ALLOCATIONS,
    LMM_PAGE_FAMILY_FREES,
    LMM_PAGE_FAMILY_COMMITTED_BYTES,
    LMM_PAGE_FAMILY_PAGES,
    LMM_PAGE_FAMILY_COLUMNS,
};

/* Row `row` of a column is of[column][row]. */
struct lmm_page_figures {
    uint64_t *of[LMM_PAGE_COLUMNS];
    size_t site_count; /* rows that the tables had; later ones have only zeros, here and below */
    uint64_t *family[LMM_PAGE_FAMILY_COLUMNS];
    size_t family_count;
};

/*
 * Makes the figures of the model that the tables read last, to be freed with lmm_page_figures_free().
 * spots: of the same model, for the classes of its last leak check without what is suppressed; NULL:
 * the check's own. Returns false when memory ran out.
 */
bool lmm_page_figures_make(const struct lmm_page_tables *tables, const struct lmm_model *model,
                           const struct lmm_spots *spots, struct lmm_page_figures *ret_figures);

/* Return the figure of a row. figures may be all zero. */
uint64_t lmm_page_figure(const struct lmm_page_figures *figures, enum lmm_page_column column,
                         size_t row);
uint64_t lmm_page_family_figure(const struct lmm_page_figures *figures,
                                enum lmm_page_family_column column, size_t row);

/* Return the keys of columns in the document: "live_bytes". */
const char *lmm_page_column_key(enum lmm_page_column column);
const char *lmm_page_family_column_key(enum lmm_page_family_column column);

/* *figures may be all zero. */
void lmm_page_figures_free(struct lmm_page_figures *figures);

#endif
