/* SPDX-License-Identifier: MIT */
/* shapes: models of programs with a given shape of call stacks and names, to see how reports show them. */
#ifndef LMM_TESTS_SHAPES_H
#define LMM_TESTS_SHAPES_H

struct lmm_model;

/* Return models of a program on the drop-in; each call makes the same one, in place of the one before. */
struct lmm_model *shape_templates(void); /* C++ names of hundreds of columns */
struct lmm_model *shape_recursion(
    void); /* a function that calls itself, in one line or two, and two that call each other */
struct lmm_model *shape_many(void);    /* 60 lines, each with 5 stacks */
struct lmm_model *shape_hostile(void); /* names that are wide, long, or no text at all */

#endif
