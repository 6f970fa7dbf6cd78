/* SPDX-License-Identifier: MIT */
/* object_facts: the class of a result that becomes an object of C++, by its constructor, or by the table of
 * virtual functions that is stored in it. */
#ifndef LMM_PROGRAM_OBJECT_FACTS_H
#define LMM_PROGRAM_OBJECT_FACTS_H

#include <stdbool.h>

struct lmm_finding;
struct lmm_way_step;

/* Adds the class by an inlined constructor, or else by a table. Scopes and steps are set. */
void lmm_object_facts_find(struct lmm_finding *finding);

/* Adds the class by a constructor that is called with the result; returns whether the function is a
 * constructor. */
bool lmm_object_facts_passed(struct lmm_finding *finding, const struct lmm_way_step *step);

#endif
