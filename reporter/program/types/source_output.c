/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_output.h"

#include <string.h>

#include "reporter/program/types/source_context.h"
#include "reporter/program/types/source_types.h"

enum {
    STEPS_MAX = 16, /* casts and brackets around an address */
};

/* Returns the opening bracket of static_cast<T>( ... ) that starts at a token, or NONE. */
static uint32_t named_cast_at(const struct lmm_tokens *tokens, struct lmm_source_range range)
{
    const struct lmm_token *name = lmm_token_at(tokens, range.from);
    bool is_cast = name->kind == LMM_TOKEN_WORD && name->bytes > 5 &&
                   memcmp(name->text + name->bytes - 5, "_cast", 5) == 0 &&
                   lmm_token_is(tokens, range.from + 1, "<");

    return is_cast ? lmm_source_angles_read(tokens, range.from + 1, range.to) : LMM_TOKEN_NONE;
}

/* Takes a cast, or the brackets around all of it, off an expression; false: it has none. */
static bool strip(const struct lmm_tokens *tokens, struct lmm_source_range *range)
{
    uint32_t named = named_cast_at(tokens, *range);
    uint32_t open = named == LMM_TOKEN_NONE ? range->from : named;
    uint32_t end = lmm_token_after(tokens, open);
    uint32_t words_end = 0;
    uint32_t stars = 0;

    if (!lmm_token_is(tokens, open, "(") || end > range->to || end < open + 2) {
        return false;
    }
    if (end == range->to) {
        *range = (struct lmm_source_range) {open + 1, end - 1};
        return true;
    }
    if (open != range->from ||
        !lmm_source_type_is_whole(tokens, open + 1, end - 1, &words_end, &stars) || stars == 0) {
        return false;
    }
    range->from = end;
    return true;
}

bool lmm_source_output_find(const struct lmm_tokens *tokens, struct lmm_source_call call,
                            uint32_t number, char ret_text[LMM_SOURCE_TEXT_MAX])
{
    struct lmm_source_range arguments[LMM_SOURCE_ARGUMENTS_MAX];

    if (number >= lmm_source_arguments(tokens, call, arguments)) {
        return false;
    }
    struct lmm_source_range range = arguments[number];

    for (int i = 0; i < STEPS_MAX && strip(tokens, &range); i++) {
    }
    bool is_address = lmm_token_is(tokens, range.from, "&");

    range.from += is_address;
    for (int i = 0; is_address && i < STEPS_MAX && lmm_token_after(tokens, range.from) == range.to;
         i++) {
        if (!strip(tokens, &range)) {
            break;
        }
    }
    ret_text[0] = '*';
    return lmm_source_place_is(tokens, range) &&
           lmm_source_expression_text(tokens, range.from, range.to, ret_text + !is_address,
                                      LMM_SOURCE_TEXT_MAX - 1);
}
