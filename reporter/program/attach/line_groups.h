/* SPDX-License-Identifier: MIT */
/*
 * line_groups: questions to a process in which the sites of one line of the source count as one. A site of the
 * drop-in is a call stack and a size class; the process does not know lines.
 *
 * Groups must not be used after their model.
 */
#ifndef LMM_PROGRAM_LINE_GROUPS_H
#define LMM_PROGRAM_LINE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/attach/ask.h"
#include "reporter/program/report/places.h"

struct lmm_line_groups {
    const struct lmm_model *model;
    struct lmm_places lines;
    uint32_t *order; /* indexes in model->sites: by line, the lines by their first site */
};

/* Makes the groups of a model whose sites are named, to be freed with lmm_line_groups_free(). False when memory
 * ran out. */
bool lmm_line_groups_make(const struct lmm_model *model, struct lmm_line_groups *ret_groups);
void lmm_line_groups_free(struct lmm_line_groups *groups);

/*
 * Writes a question: the word, then groups of sites with "," between them: first the `count` sites `asked`, then those
 * of each line that has several sites with live blocks, without the asked ones. Where the room ends, the sites of
 * the lines with the smallest sites are left out, each of which then counts alone. Returns how many of the asked
 * ones it has.
 */
size_t lmm_line_groups_write(const struct lmm_line_groups *groups, const char *word,
                             const uint32_t *asked, size_t count,
                             char text[LMM_LONG_QUESTION_BYTES]);

/* Returns the live blocks of the line of a site. Cost: the number of sites. */
struct lmm_model_amount lmm_line_groups_live(const struct lmm_line_groups *groups, uint64_t site);

#endif
