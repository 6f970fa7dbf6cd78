/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/choice.h"

#include <stddef.h>

#include "reporter/core/model.h"

/* Returns the outer one, unless only the inner one has a line: _start has none. */
static const struct lmm_model_call *outer_of(const struct lmm_model_call *inner,
                                             const struct lmm_model_call *outer)
{
    return inner == NULL || inner->line == 0 || outer->line != 0 ? outer : inner;
}

void lmm_choice_look(struct lmm_choice *choice, const struct lmm_model_call *call)
{
    if (!call->is_wrapper) {
        choice->own = call->line != 0 && choice->own == NULL ? call : choice->own;
        choice->plain = choice->plain == NULL ? call : choice->plain;
    } else if (!call->is_new && !call->is_standard) {
        choice->wrapper = outer_of(choice->wrapper, call);
    } else if (!call->is_new) {
        choice->standard = outer_of(choice->standard, call);
    }
}

const struct lmm_model_call *lmm_choice_best(const struct lmm_choice *choice)
{
    if (choice->own != NULL || choice->plain != NULL) {
        return choice->own != NULL ? choice->own : choice->plain;
    }
    return choice->wrapper != NULL ? choice->wrapper : choice->standard;
}
