/* SPDX-License-Identifier: MIT */
/* cells_question: the question for how full pages are (page_cells), as text (docs/ledger-format.md, "Questions"). */
#ifndef LMM_CELLS_QUESTION_H
#define LMM_CELLS_QUESTION_H

struct lmm_answer;

/*
 * "cells [FAMILY ...]": pages of these families; of all, if there are none. "ok FOLD PAGES LEFT_OUT", and a line for each
 * cell: the family, how many pages it stands for, their slots, those that are live.
 */
void lmm_cells_answer(const char *question, struct lmm_answer *answer);

#endif
