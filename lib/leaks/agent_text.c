/* SPDX-License-Identifier: MIT */
#include "lib/leaks/agent_text.h"

#include "lib/ground/short_text.h"

#include <string.h>

/* ---- Answers --------------------------------------------------------------------------------- */

void lmm_answer_put_text(struct lmm_answer *answer, const char *text)
{
    size_t room = sizeof(answer->line) - answer->length;
    size_t bytes = strnlen(text, room);

    memcpy(answer->line + answer->length, text, bytes);
    answer->length += bytes;
}

void lmm_answer_put_number(struct lmm_answer *answer, uint64_t number)
{
    char word[24];
    struct lmm_short_text text = lmm_short_text_begin(word, sizeof(word));

    lmm_short_text_put(&text, " ");
    lmm_short_text_put_number(&text, number);
    lmm_answer_put_text(answer, word);
}

void lmm_answer_put_error(struct lmm_answer *answer, uint64_t error, const char *reason)
{
    answer->length = 0;
    lmm_answer_put_text(answer, "error");
    lmm_answer_put_number(answer, error);
    lmm_answer_put_text(answer, " ");
    lmm_answer_put_text(answer, reason);
}

/* ---- Questions ------------------------------------------------------------------------------- */

bool lmm_question_take_word(const char **question, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(*question, word, length) != 0 ||
        ((*question)[length] != '\0' && (*question)[length] != ' ')) {
        return false;
    }
    *question += length;
    *question += **question == ' ';
    return true;
}

bool lmm_question_take_number(const char **question, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = *question;

    while (*at >= '0' && *at <= '9' && number <= UINT32_MAX) {
        number = number * 10 + (uint64_t) (*at++ - '0');
    }
    if (at == *question || (*at != '\0' && *at != ' ')) {
        return false;
    }
    *question = at + (*at == ' ');
    *ret_number = number;
    return true;
}

bool lmm_question_take_groups(const char **question, struct lmm_site_groups *groups,
                              uint32_t *ret_first)
{
    uint32_t first = LMM_SITE_NONE; /* of this group */
    uint64_t site;

    *ret_first = LMM_SITE_NONE;
    while (**question != '\0') {
        if (lmm_question_take_word(question, ",")) {
            first = LMM_SITE_NONE;
            continue;
        }
        if (!lmm_question_take_number(question, &site) || site >= LMM_SITE_NONE) {
            return false;
        }
        first = first == LMM_SITE_NONE ? (uint32_t) site : first;
        *ret_first = *ret_first == LMM_SITE_NONE ? first : *ret_first;
        groups->of[site] = first + 1;
    }
    return true;
}
