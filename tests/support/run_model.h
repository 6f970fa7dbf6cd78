/* SPDX-License-Identifier: MIT */
/* made: a model of malloc's books with call stacks and their names, made by hand. */
#ifndef LMM_TESTS_RUN_MADE_H
#define LMM_TESTS_RUN_MADE_H

struct lmm_model;

/* Makes the model anew; it is the same in each call. */
struct lmm_model *made_model(void);

#endif
