/* SPDX-License-Identifier: MIT */
/* source_facts: what the source says about a result (statement.h), as types of the debug
 * information. */
#ifndef LMM_PROGRAM_SOURCE_FACTS_H
#define LMM_PROGRAM_SOURCE_FACTS_H

struct lmm_finding;

/* Adds what the statements of the call say, and of the calls that were inlined around it, the innermost first, until
 * one names a type. Scopes are set. */
void lmm_source_facts_find(struct lmm_finding *finding);

#endif
