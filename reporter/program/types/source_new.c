/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_new.h"

#include "reporter/program/types/source_types.h"

enum {
    TYPE_TOKENS_MAX = 128,
};

/* Skips [n] after a type; *ret_is_array: it is more than one. */
static uint32_t skip_numbers(const struct lmm_tokens *tokens, uint32_t at, uint32_t to,
                             bool *ret_is_array)
{
    while (at < to && lmm_token_is(tokens, at, "[")) {
        uint32_t end = lmm_token_after(tokens, at);

        *ret_is_array |= !lmm_source_is_one(tokens, (struct lmm_source_range) {at + 1, end - 1});
        at = end;
    }
    return at;
}

/* Reads a type with its stars and numbers; returns the index after it, or NONE. */
static uint32_t read_type(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                          struct lmm_source_new *ret_new)
{
    uint32_t stars = 0;
    uint32_t words_end = lmm_source_type_read(tokens, from, to);

    *ret_new = (struct lmm_source_new) {.is_array = false};
    if (words_end == LMM_TOKEN_NONE) {
        return LMM_TOKEN_NONE;
    }
    uint32_t end = lmm_source_stars_read(tokens, words_end, to, &stars);

    end = skip_numbers(tokens, end, to, &ret_new->is_array);
    return lmm_source_type_text(tokens, from, words_end, stars, ret_new->text,
                                sizeof(ret_new->text))
               ? end
               : LMM_TOKEN_NONE;
}

/* Tells whether (...) after `new` leaves the place to LMM: (std::nothrow), (std::align_val_t(64)). */
static bool is_harmless(const struct lmm_tokens *tokens, uint32_t open, uint32_t close)
{
    for (uint32_t i = open; i < close; i++) {
        if (lmm_token_is_any(tokens, i, (const char *const[]) {"nothrow", "align_val_t", NULL})) {
            return true;
        }
    }
    return false;
}

bool lmm_source_new_read(const struct lmm_tokens *tokens, uint32_t at,
                         struct lmm_source_new *ret_new, uint32_t *ret_end)
{
    uint32_t from = at + 1;
    uint32_t to = tokens->count - from < TYPE_TOKENS_MAX ? tokens->count : from + TYPE_TOKENS_MAX;

    if (lmm_token_is(tokens, from, "(")) {
        uint32_t after = lmm_token_after(tokens, from);

        if (lmm_source_type_read(tokens, after, to) == LMM_TOKEN_NONE) {
            *ret_end = after;
            return after < to && !lmm_token_is(tokens, after, "(") &&
                   read_type(tokens, from + 1, after - 1, ret_new) == after - 1;
        }
        if (!is_harmless(tokens, from, after)) {
            return false;
        }
        from = after;
    }
    uint32_t end = read_type(tokens, from, to, ret_new);

    if (end == LMM_TOKEN_NONE) {
        return false;
    }
    *ret_end = lmm_token_is_any(tokens, end, (const char *const[]) {"(", "{", NULL})
                   ? lmm_token_after(tokens, end)
                   : end;
    return true;
}

bool lmm_source_template_read(const struct lmm_tokens *tokens, uint32_t at,
                              struct lmm_source_new *ret_new, uint32_t *ret_end)
{
    uint32_t room = tokens->count - at < TYPE_TOKENS_MAX ? tokens->count : at + TYPE_TOKENS_MAX;
    uint32_t end = lmm_source_angles_read(tokens, at + 1, room);

    if (end == LMM_TOKEN_NONE || lmm_token_at(tokens, end)->match == LMM_TOKEN_NONE ||
        !lmm_token_is(tokens, end, "(")) {
        return false;
    }
    uint32_t type_end = read_type(tokens, at + 2, end - 1, ret_new);

    if (type_end == LMM_TOKEN_NONE ||
        (type_end != end - 1 && !lmm_token_is(tokens, type_end, ","))) {
        return false;
    }
    const struct lmm_token *name = lmm_token_at(tokens, at);
    bool is_shared = lmm_source_name_has(name, "_shared");

    *ret_end = lmm_token_after(tokens, end);
    ret_new->has_more = is_shared; /* the counts of the pointers are in the block, too */
    ret_new->is_array |= *ret_end > end + 2 && !is_shared && !lmm_source_name_has(name, "make_");
    return true;
}

/* Tells whether a name is one that macros have: g_new, ALLOC. */
static bool may_be_macro(const struct lmm_token *name)
{
    for (uint32_t i = 0; i < name->bytes; i++) {
        if (name->text[i] >= 'A' && name->text[i] <= 'Z') {
            return true;
        }
    }
    return lmm_source_name_has(name, "new");
}

static enum lmm_source_sureness sureness_of(const struct lmm_tokens *tokens,
                                            struct lmm_source_range argument,
                                            bool is_first_of_macro)
{
    uint32_t words_end = 0;
    uint32_t stars = 0;

    if (!lmm_source_type_is_whole(tokens, argument.from, argument.to, &words_end, &stars)) {
        return LMM_SOURCE_NO_TYPE;
    }
    if (lmm_source_type_is_sure(tokens, argument.from, words_end)) {
        return LMM_SOURCE_SURE_TYPE;
    }
    if (words_end - argument.from != 1) {
        return LMM_SOURCE_NO_TYPE;
    }
    if (stars > 0 || lmm_source_type_is_likely(tokens, argument.from)) {
        return LMM_SOURCE_LIKELY_TYPE;
    }
    return is_first_of_macro ? LMM_SOURCE_FIRST_NAME : LMM_SOURCE_NO_TYPE;
}

enum lmm_source_sureness lmm_source_argument_find(const struct lmm_tokens *tokens,
                                                  struct lmm_source_call call,
                                                  struct lmm_source_new *ret_new)
{
    struct lmm_source_range arguments[LMM_SOURCE_ARGUMENTS_MAX];
    size_t count = lmm_source_arguments(tokens, call, arguments);
    enum lmm_source_sureness best = LMM_SOURCE_NO_TYPE;
    size_t place = 0;

    for (size_t i = 0; i < count; i++) {
        enum lmm_source_sureness sureness = sureness_of(
            tokens, arguments[i], i == 0 && may_be_macro(lmm_token_at(tokens, call.name)));

        if (sureness > best) {
            best = sureness;
            place = i;
        }
    }
    if (best == LMM_SOURCE_NO_TYPE ||
        read_type(tokens, arguments[place].from, arguments[place].to, ret_new) == LMM_TOKEN_NONE) {
        return LMM_SOURCE_NO_TYPE;
    }
    for (size_t i = place + 1; i < count; i++) {
        ret_new->is_array |= !lmm_source_is_one(tokens, arguments[i]);
    }
    return best;
}
