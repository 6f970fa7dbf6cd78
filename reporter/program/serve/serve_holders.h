/* SPDX-License-Identifier: MIT */
/* serve_holders: who holds the blocks of a row (docs/http-api.md, "Holders"): which sites a request asks about, and the document lmm-holders. Stateless. */
#ifndef LMM_PROGRAM_SERVE_HOLDERS_H
#define LMM_PROGRAM_SERVE_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_answer;
struct lmm_ask; /* serve_route.h */
struct lmm_live_page;
struct lmm_question_result;
struct lmm_question_text;

/* Reads the body of a request: sets the row of *ask, and *ret_retained: whether what it retains is asked for, too. False: the body is not
 * one. */
bool lmm_serve_holders_read(const char *body, struct lmm_ask *ask, bool *ret_retained);

/* Sets what to ask the process for, to be freed with lmm_question_text_free(): the sites of the row that have live blocks. False: there is no such row, or memory
 * ran out. No question: there are no such sites. */
bool lmm_serve_holders_question(const struct lmm_live_page *page, const struct lmm_ask *ask,
                                bool retained, struct lmm_question_text *text);

/* Returns the document; NULL: out of memory. id: of the process. result: NULL: nothing was asked. */
struct lmm_answer *lmm_serve_holders(const struct lmm_live_page *page, const struct lmm_ask *ask,
                                     const char *id, const struct lmm_question_result *result);

#endif
