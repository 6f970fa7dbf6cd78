/* SPDX-License-Identifier: MIT */
/*
 * agent_text: the texts of questions and answers (docs/ledger-format.md, "Questions"). libc's functions for it need
 * variables that the agent's thread does not have.
 *
 * Stateless. A question is hostile: any text, ended by a NUL.
 */
#ifndef LMM_AGENT_TEXT_H
#define LMM_AGENT_TEXT_H

#include "lib/ground/base.h"
#include "lib/leaks/site_groups.h"

enum {
    LMM_ANSWER_MAX =
        8192, /* bytes; a chain, or a census of many fields, needs most; older readers take no more */
    LMM_LONG_ANSWER_MAX = 64 << 10, /* of the question "cells" */
};

struct lmm_answer {
    char line[LMM_LONG_ANSWER_MAX];
    size_t length; /* 0 at first */
};

/* Appends a text, as far as there is room. */
void lmm_answer_put_text(struct lmm_answer *answer, const char *text);

/* Appends a blank and a number. */
void lmm_answer_put_number(struct lmm_answer *answer, uint64_t number);

/* Makes it "error", an errno and the reason, whatever it was before. */
void lmm_answer_put_error(struct lmm_answer *answer, uint64_t error, const char *reason);

/* Takes the next word of a question, if it is that one. */
bool lmm_question_take_word(const char **question, const char *word);

/* Takes all that follows: groups of sites, numbers with the word "," between groups. groups: all zero.
 * *ret_first: the first site; LMM_SITE_NONE: there is none. */
bool lmm_question_take_groups(const char **question, struct lmm_site_groups *groups,
                              uint32_t *ret_first);

/* Takes the next word, if it is a number; of more than 32 bits only if it has at most one digit more than such numbers. */
bool lmm_question_take_number(const char **question, uint64_t *ret_number);

#endif
