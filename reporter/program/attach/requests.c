/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/requests.h"

#include <assert.h>
#include <lmm/ledger.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/attach/ask.h"

bool lmm_request_mark(const char *path, const struct lmm_snapshot *snapshot, const char *text,
                      size_t *ret_number, struct lmm_reason *ret_reason)
{
    char question[LMM_QUESTION_BYTES];
    char answer[LMM_ANSWER_BYTES];

    assert(strlen(text) <= LMM_MARK_TEXT_BYTES);
    snprintf(question, sizeof(question), "mark %s", text);
    if (!lmm_ask_try(path, snapshot, question, answer, ret_reason)) {
        return false;
    }
    *ret_number = strtoul(answer, NULL, 10);
    return true;
}

bool lmm_request_check(const char *path, const struct lmm_snapshot *snapshot,
                       const struct lmm_check_request *request, struct lmm_reason *ret_reason)
{
    char question[LMM_QUESTION_BYTES];
    char answer[LMM_ANSWER_BYTES];

    int length = snprintf(question, sizeof(question), "check %d %zu %d",
                          request->unaligned ? LMM_LEDGER_CHECK_UNALIGNED : 0, request->mark,
                          request->wants_old);

    if (request->confirm_ms != 0) { /* an older LMM in the process does not know it */
        snprintf(question + length, sizeof(question) - (size_t) length, " %zu",
                 request->confirm_ms);
    }
    return lmm_ask_try(path, snapshot, question, answer, ret_reason);
}

bool lmm_request_pages(const char *path, const struct lmm_snapshot *snapshot,
                       struct lmm_reason *ret_reason)
{
    char answer[LMM_ANSWER_BYTES];

    return lmm_ask_try(path, snapshot, "pages", answer, ret_reason);
}
