/* SPDX-License-Identifier: MIT */
/* run_model: a hand-made model of a program on the drop-in, with call stacks and their names. */
#ifndef LMM_TESTS_RUN_MADE_H
#define LMM_TESTS_RUN_MADE_H

struct lmm_model;

/* Makes the model; each call makes the same one. */
struct lmm_model *made_model(void);

/* The same with a leak check at exit, which found blocks of each class. */
struct lmm_model *made_model_with_losses(void);

#endif
