/* SPDX-License-Identifier: MIT */
/*
 * top_type_lines: the sites of a reading by type, so that the lines that allocate a type are found without a look at
 * all other sites.
 */
#ifndef LMM_PROGRAM_TOP_TYPE_LINES_H
#define LMM_PROGRAM_TOP_TYPE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_site;
struct lmm_places;

/* All zero: of no reading. */
struct lmm_top_type_lines {
    uint32_t *first;      /* by type: where its sites start in `sites`; one more at the end */
    uint32_t *sites;      /* indexes in model->sites, by type */
    uint64_t *line_bytes; /* by line: all 0 between two calls */
};

/* The lines that allocate a type. */
struct lmm_top_lines {
    size_t count;                         /* of those with live blocks */
    const struct lmm_model_site *largest; /* one of the sites of that with most live bytes */
};

/* Makes it anew for a model, whose sites have these places. False when memory ran out. */
bool lmm_top_type_lines_make(struct lmm_top_type_lines *by_type, const struct lmm_model *model,
                             const struct lmm_places *lines, const struct lmm_places *types);

void lmm_top_type_lines_free(struct lmm_top_type_lines *by_type);

/* Returns the lines of the type of a site; the other arguments as above. Cost: the sites of the type. */
struct lmm_top_lines lmm_top_type_lines_of(const struct lmm_top_type_lines *by_type,
                                           const struct lmm_model *model,
                                           const struct lmm_places *lines,
                                           const struct lmm_places *types,
                                           const struct lmm_model_site *site);

#endif
