/* SPDX-License-Identifier: MIT */
/* serve_cells: how full pages are (docs/http-api.md, "Pages"): whose pages a request asks for, and the document lmm-pages. Stateless. */
#ifndef LMM_PROGRAM_SERVE_CELLS_H
#define LMM_PROGRAM_SERVE_CELLS_H

#include <stdbool.h>

struct lmm_answer;
struct lmm_ask; /* serve_route.h */
struct lmm_cells;
struct lmm_live_page;
struct lmm_question_text;

/* Sets what to ask the process for: the families of the row, of a type or line those in which it has live blocks; false: there is no such
 * row, or memory ran out. families: none of a row without live blocks, and of no row, which means all families. */
bool lmm_serve_cells_question(const struct lmm_live_page *page, const struct lmm_ask *ask,
                              struct lmm_question_text *text);

/* Returns the document; NULL: out of memory. id: of the process. cells: NULL: there are none. */
struct lmm_answer *lmm_serve_cells(const struct lmm_live_page *page, const char *id,
                                   const struct lmm_cells *cells);

#endif
