/* SPDX-License-Identifier: MIT */
/*
 * census_question: a census (census.h) that another process asks for, by a line of numbers:
 *
 *     census BYTES ARRAYS FIELDS (BIT BITS KIND)... SITE...
 *
 * BYTES: of an element; ARRAYS: 1 or 0, has_arrays; FIELDS: how many follow, at most LMM_CENSUS_FIELDS_MAX; KIND: enum
 * lmm_census_kind. The answer is "ok BLOCKS ELEMENTS SKIPPED", and for each field a line: zeros, sames, first, least, most;
 * a value of a signed field as the 64-bit number with its bits.
 */
#ifndef LMM_CENSUS_QUESTION_H
#define LMM_CENSUS_QUESTION_H

struct lmm_answer;

/* Answers the question, without its first word. Threads: as lmm_census_run(). */
void lmm_census_answer(const char *question, struct lmm_answer *answer);

#endif
