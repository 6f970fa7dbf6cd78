/* SPDX-License-Identifier: MIT */
/* run_model: a hand-made model of a program on the drop-in, with call stacks and their names. */
#ifndef LMM_TESTS_RUN_MADE_H
#define LMM_TESTS_RUN_MADE_H

struct lmm_model;

/* Makes the model; each call makes the same one. */
struct lmm_model *made_model(void);

/* Gives its sites types: most of copy(), and load(), allocate a struct field, work() an array of
 * char; one module has no debug information, and of one site the type is a guess. */
void made_model_set_types(struct lmm_model *model);

/* The same with a leak check at exit, which found blocks of each class. */
struct lmm_model *made_model_with_losses(void);

#endif
