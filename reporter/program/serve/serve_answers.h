/* SPDX-License-Identifier: MIT */
/* serve_answers: which answer each request gets (docs/http-api.md): the handler of serve_http.h. */
#ifndef LMM_PROGRAM_SERVE_ANSWERS_H
#define LMM_PROGRAM_SERVE_ANSWERS_H

#include <stdbool.h>

struct lmm_answer;
struct lmm_asker;
struct lmm_past;
struct lmm_http_request;
struct lmm_observer;
struct lmm_server_options; /* serve_options.h */

struct lmm_answers {
    struct lmm_observer *observer;
    struct lmm_asker *asker;
    struct lmm_past *past; /* NULL: none */
};

/* wake: an eventfd, to which is added when lmm_answers_take() has something. False after a message on stderr. */
bool lmm_answers_init(struct lmm_answers *answers, int wake,
                      const struct lmm_server_options *options);

/* Ends all event streams and stops reading: before HTTP is closed. lmm_answers_free() is for after that. */
void lmm_answers_end(struct lmm_answers *answers);
void lmm_answers_free(struct lmm_answers *answers);

/* Whether other threads still work; then nothing of the answers may be freed. */
bool lmm_answers_are_busy(const struct lmm_answers *answers);

/* Takes the results of what other threads did. Returns whether requests that wait should be looked at. */
bool lmm_answers_take(struct lmm_answers *answers);

/* The functions of struct lmm_http_handler; context: the answers. */
struct lmm_answer *lmm_answers_answer(void *context, struct lmm_http_request *request,
                                      bool *ret_wait);
bool lmm_answers_is_asset(void *context, const char *path);
void lmm_answers_forget(void *context, void *pending);

#endif
