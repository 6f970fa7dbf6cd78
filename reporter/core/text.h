/* SPDX-License-Identifier: MIT */
/*
 * text: the reports for people. It formats the figures that the model defines and computes none
 * itself. The calls of a site's stack are printed below its row if model.shown_calls is not 0.
 *
 * Every name and path is escaped: a backslash is doubled; control characters, characters that
 * reorder a line, and bytes that are not UTF-8 are printed as \xNN, byte by byte. So a row is
 * always one line.
 *
 * Locks: none. Nothing here allocates.
 */
#ifndef LMM_REPORTER_TEXT_H
#define LMM_REPORTER_TEXT_H

#include "reporter/core/text_page.h"

/*
 * Prints the usage report: families, their pages, the top rows of sites, the totals, and last a line that
 * starts with "SUMMARY:". style may be NULL: no colour, the usual number of sites.
 * Returns 0, or -errno of the first write that failed.
 */
int lmm_text_usage(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_text_style *style);

/*
 * Prints the leak report: by the last leak check, one line "leak: ..." for each site and class, of
 * blocks that are definitely or possibly lost, and a line "SUMMARY:" last; nothing when none is. If
 * there is no check, each site with live blocks has a line "leak: ..."; if the check failed, or if
 * all_leaks is set, a line "live: ...". style: as above; all sites are shown.
 * Returns 0, or -errno of the first write that failed.
 */
int lmm_text_leaks(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_text_style *style);

#endif
