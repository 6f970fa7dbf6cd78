/* SPDX-License-Identifier: MIT */
/*
 * top_layout: the layout of the screen of `lmm top`: the lines about the process, the table with as
 * many columns and rows as fit, or the help. It fills a sheet, and does not use the terminal.
 *
 * A small screen loses, in this order: the lines about the process, the line on filter and mark,
 * the headings, all rows except the selected one. Narrow tables lose columns by their rank, but
 * never the name.
 */
#ifndef LMM_PROGRAM_TOP_LAYOUT_H
#define LMM_PROGRAM_TOP_LAYOUT_H

struct lmm_top;
struct lmm_top_sheet;

enum {
    LMM_TOP_LAYOUT_HEAD = 8, /* most lines that are not rows of the table */
};

/* Fills an empty sheet; sets top->shown, and scrolls so that the selected row is shown. */
void lmm_top_lay_out(struct lmm_top *top, struct lmm_top_sheet *sheet);

#endif
