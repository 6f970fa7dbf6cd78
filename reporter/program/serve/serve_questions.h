/* SPDX-License-Identifier: MIT */
/* serve_questions: the requests of docs/http-api.md that ask the process: marks, leak checks, how full pages are, and who holds blocks. A request waits while the process works on its question. */
#ifndef LMM_PROGRAM_SERVE_QUESTIONS_H
#define LMM_PROGRAM_SERVE_QUESTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_answer;
struct lmm_asker;
struct lmm_http_request;
struct lmm_observed;

/*
 * Asks the process, or looks whether it has answered. To ask about a row, its page is loaded. Returns an answer: an error, or that of a mark or about a row. NULL: the process works on it (*ret_wait), or
 * it has made a leak check before *ret_checked_ns (CLOCK_REALTIME; else 0), and the caller answers with a reading since then; else memory ran out.
 */
struct lmm_answer *lmm_serve_question(struct lmm_asker *asker, struct lmm_http_request *request,
                                      struct lmm_observed *observed, bool *ret_wait,
                                      uint64_t *ret_checked_ns);

/* Frees what a request has pending. */
void lmm_serve_question_forget(void *pending);

#endif
