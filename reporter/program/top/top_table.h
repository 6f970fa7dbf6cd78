/* SPDX-License-Identifier: MIT */
/* top_table: the columns of the tables of `lmm top`: which columns fit, and the text of each cell.
 * The name is the last column and takes the rest of the line. */
#ifndef LMM_PROGRAM_TOP_TABLE_H
#define LMM_PROGRAM_TOP_TABLE_H

#include <stdbool.h>

struct lmm_top;
struct lmm_top_row;
struct lmm_top_sheet;

/* Each appends to the current line. */
void lmm_top_table_heading(struct lmm_top_sheet *sheet, const struct lmm_top *top);
void lmm_top_table_row(struct lmm_top_sheet *sheet, const struct lmm_top *top,
                       const struct lmm_top_row *row, bool selected);

#endif
