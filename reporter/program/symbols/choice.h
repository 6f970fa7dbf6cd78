/* SPDX-License-Identifier: MIT */
/* choice: which call of a stack names its site (lmm_symbols_name_sites() has the rule). Stateless. */
#ifndef LMM_PROGRAM_CHOICE_H
#define LMM_PROGRAM_CHOICE_H

struct lmm_model_call;

/* The calls of a stack that may name it; all NULL before the first. */
struct lmm_choice {
    const struct lmm_model_call *own;      /* innermost: no wrapper, and it has a line */
    const struct lmm_model_call *plain;    /* innermost: no wrapper */
    const struct lmm_model_call *wrapper;  /* outermost: a wrapper that is not of a language */
    const struct lmm_model_call *standard; /* outermost: of a language, compiled into the program */
};

/* Looks at the next outer call. Once choice->own is set, no other call matters. */
void lmm_choice_look(struct lmm_choice *choice, const struct lmm_model_call *call);

/* Returns the best call, or NULL. */
const struct lmm_model_call *lmm_choice_best(const struct lmm_choice *choice);

#endif
