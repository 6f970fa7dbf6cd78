/* SPDX-License-Identifier: MIT */
/*
 * origin_facts: the type of the place that a result is stored to, where the code reaches it through
 * pointers that it loads: `p->list->next = malloc(...)`, in code without optimisation also `p->next`
 * (way_step.h: origins). The first pointer may be a variable's, or what an earlier call of the
 * function returned: then it is what that call's own evidence, or its declaration, says.
 */
#ifndef LMM_PROGRAM_ORIGIN_FACTS_H
#define LMM_PROGRAM_ORIGIN_FACTS_H

struct lmm_finding;
struct lmm_way_step;

/* Adds what the origins of a STORED step say, and whether it is to where a parameter points. The finding's scopes and variables are set. */
void lmm_origin_facts_find(struct lmm_finding *finding, const struct lmm_way_step *step);

#endif
