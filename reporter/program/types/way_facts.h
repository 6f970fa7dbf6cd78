/* SPDX-License-Identifier: MIT */
/* way_facts: the types of the variables, fields, parameters and functions that a result meets on its
 * way (way.h). */
#ifndef LMM_PROGRAM_WAY_FACTS_H
#define LMM_PROGRAM_WAY_FACTS_H

struct lmm_finding;

/* Adds what the steps of a finding say. Its scopes and variables are set. */
void lmm_way_facts_find(struct lmm_finding *finding);

#endif
