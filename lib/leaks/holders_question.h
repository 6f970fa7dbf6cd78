/* SPDX-License-Identifier: MIT */
/* holders_question: the question "holders" of another process (docs/ledger-format.md, "Questions"): chain_shapes. */
#ifndef LMM_HOLDERS_QUESTION_H
#define LMM_HOLDERS_QUESTION_H

struct lmm_answer;
struct lmm_saved_registers;

/* Answers "SITE ... , SITE ... , ...", what follows the word: who holds the blocks of the first group of sites, where
 * those of each group count as one site. entry: as in a request of a check. */
void lmm_holders_answer(const char *question, const struct lmm_saved_registers *entry,
                        struct lmm_answer *answer);

#endif
