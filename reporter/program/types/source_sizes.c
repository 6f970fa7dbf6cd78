/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_sizes.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "reporter/program/types/source_types.h"

bool lmm_source_name_has(const struct lmm_token *name, const char *text)
{
    size_t bytes = strlen(text);

    for (size_t i = 0; i + bytes <= name->bytes; i++) {
        if (strncasecmp(name->text + i, text, bytes) == 0) {
            return true;
        }
    }
    return false;
}

size_t lmm_source_arguments(const struct lmm_tokens *tokens, struct lmm_source_call call,
                            struct lmm_source_range ret_arguments[LMM_SOURCE_ARGUMENTS_MAX])
{
    uint32_t close = lmm_token_at(tokens, call.open)->match;
    uint32_t start = call.open + 1;
    size_t count = 0;

    for (uint32_t i = start; i <= close && count < LMM_SOURCE_ARGUMENTS_MAX;
         i = lmm_token_after(tokens, i)) {
        if (i == close || lmm_token_is(tokens, i, ",")) {
            if (i > start) {
                ret_arguments[count++] = (struct lmm_source_range) {start, i};
            }
            start = i + 1;
        }
    }
    return count;
}

/* Tells whether a name contains a text whose first letter is no end of a word: not GenericAlloc for calloc. */
static bool has_start(const struct lmm_token *name, const char *text)
{
    size_t bytes = strlen(text);

    for (size_t i = 0; i + bytes <= name->bytes; i++) {
        if (strncasecmp(name->text + i, text, bytes) == 0 &&
            !(islower((unsigned char) name->text[i]) &&
              isupper((unsigned char) name->text[i + 1]))) {
            return true;
        }
    }
    return false;
}

/* Tells whether one of the arguments of such a call is a number of things: calloc and its like. */
static bool has_number(const struct lmm_token *name)
{
    return has_start(name, "calloc") || lmm_source_name_has(name, "array") ||
           has_start(name, "nalloc") || has_start(name, "nmalloc") ||
           (name->bytes > 2 && memcmp(name->text + name->bytes - 2, "_n", 2) == 0);
}

/* Tells whether an argument is an alignment, whose sizeof says nothing. */
static bool is_alignment(const struct lmm_token *name, size_t argument)
{
    if (lmm_source_name_has(name, "posix_memalign")) {
        return argument < 2;
    }
    if (lmm_source_name_has(name, "mm_malloc")) {
        return argument == 1;
    }
    return argument == 0 &&
           (lmm_source_name_has(name, "memalign") || lmm_source_name_has(name, "aligned_alloc"));
}

bool lmm_source_is_one(const struct lmm_tokens *tokens, struct lmm_source_range range)
{
    static const char *const ones[] = {"1", "1u", "1U", "1ul", "1UL", "1l", "1L", NULL};

    return range.to == range.from + 1 && lmm_token_is_any(tokens, range.from, ones);
}

/* Skips what may follow an expression: ->x, .x, [i], (...). */
static uint32_t skip_postfix(const struct lmm_tokens *tokens, uint32_t at, uint32_t to)
{
    while (at < to) {
        if (lmm_token_is(tokens, at, "->") || lmm_token_is(tokens, at, ".") ||
            lmm_token_is(tokens, at, "::")) {
            at += 2;
        } else if (lmm_token_is(tokens, at, "[") || lmm_token_is(tokens, at, "(")) {
            at = lmm_token_after(tokens, at);
        } else {
            break;
        }
    }
    return at < to ? at : to;
}

static bool read_expression(const struct lmm_tokens *tokens, struct lmm_source_range operand,
                            struct lmm_source_size *ret_size)
{
    static const char *const none[] = {"{", ";", "&", "<", "?", NULL};

    if (lmm_token_is(tokens, operand.from, ".")) {
        return false; /* sizeof...(pack) */
    }
    for (uint32_t i = operand.from; i < operand.to; i++) {
        if (lmm_token_at(tokens, i)->kind == LMM_TOKEN_STRING ||
            lmm_token_is_any(tokens, i, none)) {
            return false;
        }
    }
    ret_size->is_expression = true;
    return lmm_source_expression_text(tokens, operand.from, operand.to, ret_size->text,
                                      sizeof(ret_size->text));
}

/* Tells whether [n] after a name and stars makes an array of a type, and not an element. */
static bool is_array_type(const struct lmm_tokens *tokens, struct lmm_source_range operand,
                          uint32_t words_end, uint32_t stars_end)
{
    uint32_t at = stars_end;

    while (at < operand.to && lmm_token_is(tokens, at, "[")) {
        at = lmm_token_after(tokens, at);
    }
    return at == operand.to && at > stars_end &&
           (lmm_source_type_is_sure(tokens, operand.from, words_end) || stars_end > words_end ||
            (lmm_source_type_is_likely(tokens, words_end - 1) &&
             !lmm_token_is(tokens, stars_end + 1, "0")));
}

/* Takes brackets and typeof(...) around an operand off. */
static struct lmm_source_range unwrap(const struct lmm_tokens *tokens,
                                      struct lmm_source_range operand)
{
    static const char *const typeofs[] = {"typeof", "__typeof__", "__typeof", "decltype", NULL};

    for (;;) {
        uint32_t open = operand.from + lmm_token_is_any(tokens, operand.from, typeofs);

        if (!lmm_token_is(tokens, open, "(") || lmm_token_after(tokens, open) != operand.to) {
            return operand;
        }
        operand = (struct lmm_source_range) {open + 1, operand.to - 1};
    }
}

/* Reads what stands in the brackets of sizeof(...). */
static bool read_operand(const struct lmm_tokens *tokens, struct lmm_source_range operand,
                         struct lmm_source_size *ret_size)
{
    operand = unwrap(tokens, operand);
    uint32_t stars = 0;
    uint32_t words_end = lmm_source_type_read(tokens, operand.from, operand.to);

    if (words_end == LMM_TOKEN_NONE) {
        return read_expression(tokens, operand, ret_size);
    }
    uint32_t stars_end = lmm_source_stars_read(tokens, words_end, operand.to, &stars);

    ret_size->is_array = is_array_type(tokens, operand, words_end, stars_end);
    if (ret_size->is_array || stars_end == operand.to) {
        return lmm_source_type_text(tokens, operand.from, words_end, stars, ret_size->text,
                                    sizeof(ret_size->text));
    }
    return !lmm_source_type_is_sure(tokens, operand.from, words_end) &&
           read_expression(tokens, operand, ret_size);
}

/* Reads `sizeof` at a token; *ret_end: the index after it and what it is applied to. */
static bool read_sizeof(const struct lmm_tokens *tokens, uint32_t at, uint32_t to,
                        struct lmm_source_size *ret_size, uint32_t *ret_end)
{
    uint32_t from = at + 1;
    uint32_t end = from;

    while (end < to && lmm_token_is(tokens, end, "*")) {
        end++;
    }
    if (lmm_token_is(tokens, end, "(")) {
        end = lmm_token_after(tokens, end);
    } else {
        end++;
    }
    *ret_end = skip_postfix(tokens, end, to);
    if (*ret_end == end && end > from && lmm_token_is(tokens, from, "(")) {
        return read_operand(tokens, (struct lmm_source_range) {from + 1, end - 1}, ret_size);
    }
    if (*ret_end == from + 1) {
        return lmm_token_at(tokens, from)->kind == LMM_TOKEN_WORD &&
               read_operand(tokens, (struct lmm_source_range) {from, *ret_end}, ret_size);
    }
    return read_expression(tokens, (struct lmm_source_range) {from, *ret_end}, ret_size);
}

/* Narrows a range to the operands of signs that split it, around a part of it. */
static struct lmm_source_range narrow(const struct lmm_tokens *tokens,
                                      struct lmm_source_range level, struct lmm_source_range part,
                                      const char *const signs[])
{
    for (uint32_t i = level.from; i < level.to;) {
        if (i == part.from) {
            i = part.to;
            continue;
        }
        if (lmm_token_is_any(tokens, i, signs)) {
            if (i >= part.to) {
                level.to = i;
                break;
            }
            level.from = i + 1;
        }
        i = lmm_token_after(tokens, i);
    }
    return level;
}

static bool has_sign(const struct lmm_tokens *tokens, struct lmm_source_range range,
                     struct lmm_source_range part, const char *const signs[])
{
    for (uint32_t i = range.from; i < range.to; i = lmm_token_after(tokens, i)) {
        if ((i < part.from || i >= part.to) && lmm_token_is_any(tokens, i, signs)) {
            return true;
        }
    }
    return false;
}

/* Tells whether a part of a product is multiplied by something else than 1. */
static bool is_multiplied(const struct lmm_tokens *tokens, struct lmm_source_range term,
                          struct lmm_source_range part)
{
    static const char *const products[] = {"*", "<<", NULL};

    if (!has_sign(tokens, term, part, products)) {
        return false;
    }
    for (uint32_t i = term.from; i < term.to; i = lmm_token_after(tokens, i)) {
        if ((i < part.from || i >= part.to) && !lmm_token_is(tokens, i, "*") &&
            !lmm_source_is_one(tokens, (struct lmm_source_range) {i, i + 1})) {
            return true;
        }
    }
    return false;
}

bool lmm_source_size_place(const struct lmm_tokens *tokens, struct lmm_source_range expression,
                           struct lmm_source_range part, struct lmm_source_size *size)
{
    static const char *const splits[] = {",", "?", ":", NULL};
    static const char *const sums[] = {"+", "-", "&", "|", "<", ">", "==", NULL};
    static const char *const refused[] = {
        "/", "%", "<", ">", "==", "!=", "<=", ">=", "&&", "||", NULL};

    for (;;) {
        uint32_t open = lmm_token_enclosing(tokens, part.from, expression.from);
        struct lmm_source_range level = expression;

        if (open != LMM_TOKEN_NONE) {
            level = (struct lmm_source_range) {open + 1, lmm_token_at(tokens, open)->match};
        }
        level = narrow(tokens, level, part, splits);
        struct lmm_source_range term = narrow(tokens, level, part, sums);

        if (has_sign(tokens, term, part, refused) || has_sign(tokens, level, part, refused + 2)) {
            return false;
        }
        size->is_array |= is_multiplied(tokens, term, part);
        size->has_more |= term.from != level.from || term.to != level.to;
        if (open == LMM_TOKEN_NONE) {
            return true;
        }
        part = (struct lmm_source_range) {open, level.to + 1};
        part.to = lmm_token_after(tokens, open);
        if (open > expression.from && lmm_token_at(tokens, open - 1)->kind == LMM_TOKEN_WORD) {
            part.from--;
            size->has_more = true;
        }
    }
}

/* Adds a size; one with the same text is that one again. */
static size_t add(struct lmm_source_size sizes[LMM_SOURCE_SIZES_MAX], size_t count,
                  const struct lmm_source_size *size)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sizes[i].text, size->text) == 0) {
            sizes[i].is_array = true;
            return count;
        }
    }
    if (count < LMM_SOURCE_SIZES_MAX) {
        sizes[count++] = *size;
    }
    return count;
}

static size_t find_in(const struct lmm_tokens *tokens, struct lmm_source_range argument,
                      struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX])
{
    bool is_choice = false;
    size_t count = 0;

    for (uint32_t i = argument.from; i < argument.to;) {
        struct lmm_source_size size = {.is_expression = false};
        uint32_t end = i + 1;

        if (lmm_token_is(tokens, i, "sizeof") && read_sizeof(tokens, i, argument.to, &size, &end) &&
            lmm_source_size_place(tokens, argument, (struct lmm_source_range) {i, end}, &size)) {
            count = add(ret_sizes, count, &size);
        }
        is_choice |= lmm_token_is(tokens, i, "?");
        i = end > i ? end : i + 1;
    }
    return is_choice && count > 1 ? 0 : count;
}

/* Keeps the headers of a sum, `sizeof(T)` in `sizeof(T) + n * sizeof(U)`. */
static size_t keep_headers(struct lmm_source_size sizes[LMM_SOURCE_SIZES_MAX], size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!sizes[i].is_array) {
            sizes[kept++] = sizes[i];
        }
    }
    return kept == 0 ? count : kept;
}

size_t lmm_source_sizes_in(const struct lmm_tokens *tokens, struct lmm_source_range expression,
                           struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX])
{
    size_t count = find_in(tokens, expression, ret_sizes);

    return keep_headers(ret_sizes, count);
}

/* Tells whether another argument than this one is a number of things. */
static bool is_counted(const struct lmm_tokens *tokens, struct lmm_source_call call,
                       const struct lmm_source_range *arguments, size_t count, size_t argument)
{
    const struct lmm_token *name = lmm_token_at(tokens, call.name);
    size_t first = lmm_source_name_has(name, "realloc") ? 1 : 0;

    for (size_t i = first; i < count && has_number(name); i++) {
        if (i != argument && !lmm_source_is_one(tokens, arguments[i])) {
            return true;
        }
    }
    return false;
}

size_t lmm_source_sizes_find(const struct lmm_tokens *tokens, struct lmm_source_call call,
                             struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX])
{
    struct lmm_source_range arguments[LMM_SOURCE_ARGUMENTS_MAX];
    size_t argument_count = lmm_source_arguments(tokens, call, arguments);
    size_t count = 0;

    for (size_t i = 0; i < argument_count; i++) {
        struct lmm_source_size sizes[LMM_SOURCE_SIZES_MAX];
        size_t found = 0;

        if (!is_alignment(lmm_token_at(tokens, call.name), i)) {
            found = lmm_source_sizes_in(tokens, arguments[i], sizes);
        }
        if (found > 0 && count > 0) {
            return 0;
        }
        for (size_t k = 0; k < found; k++) {
            ret_sizes[k] = sizes[k];
            ret_sizes[k].is_array |= is_counted(tokens, call, arguments, argument_count, i);
        }
        count += found;
    }
    return count;
}

bool lmm_source_call_is_array(const struct lmm_tokens *tokens, struct lmm_source_call call)
{
    static const char *const products[] = {"*", "<<", NULL};
    struct lmm_source_range arguments[LMM_SOURCE_ARGUMENTS_MAX];
    size_t count = lmm_source_arguments(tokens, call, arguments);
    size_t ones = 0;

    if (count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ones += lmm_source_is_one(tokens, arguments[i]);
    }
    return (has_number(lmm_token_at(tokens, call.name)) && count > 1 && ones == 0) ||
           has_sign(tokens, arguments[count - 1], (struct lmm_source_range) {0, 0}, products);
}
