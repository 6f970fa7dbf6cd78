/* SPDX-License-Identifier: MIT */
/*
 * page_put: writes the tables and figures of a page as JSON, as docs/page.schema.json has them: whole, or only
 * the rows from some counts on, for a live page. Stateless.
 *
 * Each function adds one value, whose key it knows.
 */
#ifndef LMM_PROGRAM_PAGE_PUT_H
#define LMM_PROGRAM_PAGE_PUT_H

#include <stddef.h>

#include "reporter/core/json_writer.h"

struct lmm_page_counts;
struct lmm_page_figures;
struct lmm_page_tables;

/* "strings", "types", "lines", "calls" and "frames". from: 0: all rows. */
void lmm_page_put_strings(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from);
void lmm_page_put_types(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from);
void lmm_page_put_lines(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from);
void lmm_page_put_calls(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from);
void lmm_page_put_frames(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from);

/* The columns that say what rows of sites and families are, from that one on, into the object that is open. */
void lmm_page_put_site_names(struct lmm_json *json, const struct lmm_page_tables *tables,
                             size_t from);
void lmm_page_put_family_names(struct lmm_json *json, const struct lmm_page_tables *tables,
                               size_t from);

/* "sites" and "families" with their figures. before: of the earlier moment of a difference; NULL: it is none. Columns
 * of zeros are left out. */
void lmm_page_put_sites(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from,
                        const struct lmm_page_figures *figures,
                        const struct lmm_page_figures *before);
void lmm_page_put_families(struct lmm_json *json, const struct lmm_page_tables *tables, size_t from,
                           const struct lmm_page_figures *figures);

#endif
