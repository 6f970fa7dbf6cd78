/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_variables.h"

#include <string.h>

#include "reporter/program/types/source_context.h"

enum {
    DEPTH_MAX = 3,        /* variables that are made of each other */
    TOKENS_MAX = 1 << 18, /* looked at for one call */
};

struct search {
    const struct lmm_tokens *tokens;
    uint32_t open; /* the first bracket of the function's body */
    uint32_t call;
    int *budget; /* tokens */
};

/* Sizes that something is made of; is_bad: it is not known which. */
struct sizes {
    struct lmm_source_size items[LMM_SOURCE_SIZES_MAX];
    size_t count;
    bool is_bad;
};

static bool is_word(const struct lmm_tokens *tokens, uint32_t at)
{
    return lmm_token_at(tokens, at)->kind == LMM_TOKEN_WORD;
}

static bool is_same_word(const struct lmm_tokens *tokens, uint32_t a, uint32_t b)
{
    const struct lmm_token *left = lmm_token_at(tokens, a);
    const struct lmm_token *right = lmm_token_at(tokens, b);

    return left->kind == LMM_TOKEN_WORD && right->kind == LMM_TOKEN_WORD &&
           left->bytes == right->bytes && memcmp(left->text, right->text, left->bytes) == 0;
}

static bool has_word(const struct lmm_tokens *tokens, struct lmm_source_range range, uint32_t word)
{
    for (uint32_t i = range.from; i < range.to; i++) {
        if (is_same_word(tokens, i, word)) {
            return true;
        }
    }
    return false;
}

static bool has_sizeof(const struct lmm_tokens *tokens, struct lmm_source_range range)
{
    for (uint32_t i = range.from; i < range.to; i++) {
        if (lmm_token_is(tokens, i, "sizeof")) {
            return true;
        }
    }
    return false;
}

/* Returns whether a bracket opens the body of a function: f(...) { */
static bool opens_body(const struct lmm_tokens *tokens, uint32_t open)
{
    static const char *const others[] = {"if", "while", "for", "switch", NULL};

    if (!lmm_token_is(tokens, open, "{") || open < 2 || !lmm_token_is(tokens, open - 1, ")")) {
        return false;
    }
    uint32_t match = lmm_token_at(tokens, open - 1)->match;

    return match != LMM_TOKEN_NONE && match > 0 && match < open && is_word(tokens, match - 1) &&
           !lmm_token_is_any(tokens, match - 1, others);
}

/* Returns the first bracket of the body of the function around a token, or NONE. */
static uint32_t body_around(const struct lmm_tokens *tokens, uint32_t at)
{
    uint32_t open = lmm_token_enclosing(tokens, at, 0);

    while (open != LMM_TOKEN_NONE && !opens_body(tokens, open)) {
        open = lmm_token_enclosing(tokens, open, 0);
    }
    return open;
}

/* Returns whether a word stands for the value of a variable, and not for its address, a member or a function. */
static bool is_variable(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const before[] = {".", "->", "::", "&", NULL};
    static const char *const after[] = {"(", ".", "->", "::", "[", NULL};

    return is_word(tokens, at) && !lmm_token_is_any(tokens, at - 1, before) &&
           !lmm_token_is_any(tokens, at + 1, after);
}

/* Returns whether a word is assigned to, also at its declaration; not through a pointer. */
static bool is_assigned(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const signs[] = {"=", "+=", "-=", "*=", "/=", "&=", "|=", NULL};

    return is_variable(tokens, at) && !lmm_token_is(tokens, at - 1, "*") &&
           lmm_token_is_any(tokens, at + 1, signs);
}

/* Returns what is assigned to a word. */
static struct lmm_source_range value_of(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const ends[] = {";", ",", ")", "}", NULL};
    struct lmm_source_range range = {at + 2, at + 2};

    while (range.to < tokens->count && !lmm_token_is_any(tokens, range.to, ends)) {
        range.to = lmm_token_after(tokens, range.to);
    }
    return range;
}

/* Returns whether an assignment is done whenever the call is made after it. */
static bool is_always_done(const struct search *search, uint32_t at)
{
    static const char *const heads[] = {"if",     "else", "for",     "while", "do",
                                        "switch", "case", "default", NULL};
    uint32_t open = lmm_token_enclosing(search->tokens, at, search->open);

    while (open != LMM_TOKEN_NONE && !lmm_token_is(search->tokens, open, "{")) {
        open = lmm_token_enclosing(search->tokens, open, search->open);
    }
    return open != LMM_TOKEN_NONE && lmm_token_at(search->tokens, open)->match > search->call &&
           !lmm_token_is_any(search->tokens, lmm_source_statement_start(search->tokens, at), heads);
}

static void add(struct sizes *sizes, const struct lmm_source_size *size)
{
    for (size_t i = 0; i < sizes->count; i++) {
        if (strcmp(sizes->items[i].text, size->text) == 0) {
            sizes->items[i].is_array |= size->is_array;
            sizes->items[i].has_more |= size->has_more;
            return;
        }
    }
    if (sizes->count == LMM_SOURCE_SIZES_MAX) {
        sizes->is_bad = true;
        return;
    }
    sizes->items[sizes->count++] = *size;
}

/* Returns whether a word is the name of a call that gets a sizeof. */
static bool has_sizeof_in_call(const struct lmm_tokens *tokens, uint32_t at)
{
    const struct lmm_source_range arguments = {at + 1, lmm_token_after(tokens, at + 1)};

    return is_word(tokens, at) && lmm_token_is(tokens, at + 1, "(") &&
           !lmm_token_is(tokens, at, "sizeof") && has_sizeof(tokens, arguments);
}

static struct sizes sizes_of_variables(const struct search *search, struct lmm_source_range range,
                                       int depth);

/* Returns what an expression is made of. */
static struct sizes sizes_of(const struct search *search, struct lmm_source_range range, int depth)
{
    static const char *const others[] = {"?", "{", NULL}; /* a condition, the members of a struct */
    struct sizes sizes = {.count = 0};

    if (!has_sizeof(search->tokens, range)) {
        return sizes_of_variables(search, range, depth);
    }
    for (uint32_t i = range.from; i < range.to; i++) {
        sizes.is_bad |=
            lmm_token_is_any(search->tokens, i, others) || has_sizeof_in_call(search->tokens, i);
    }
    sizes.count = sizes.is_bad ? 0 : lmm_source_sizes_in(search->tokens, range, sizes.items);
    sizes.is_bad |= sizes.count == 0;
    return sizes;
}

/* Returns what a variable is made of at the call. */
static struct sizes sizes_of_variable(const struct search *search, uint32_t word, int depth)
{
    const struct lmm_tokens *tokens = search->tokens;
    struct sizes sizes = {.count = 0};
    bool lacks_size = false;
    bool has_more = false;
    bool is_done = false;
    size_t texts = 0;

    for (uint32_t i = search->call; i > search->open + 1 && !is_done;) {
        i--;
        sizes.is_bad |= --*search->budget < 0;
        if (sizes.is_bad) {
            break;
        }
        if (!is_same_word(tokens, i, word) || !is_assigned(tokens, i)) {
            continue;
        }
        struct lmm_source_range value = value_of(tokens, i);
        struct search before = {tokens, search->open, i, search->budget};
        struct sizes found = sizes_of(&before, value, depth);

        if (!lmm_token_is(tokens, i + 1, "=")) {
            has_more = true;
            sizes.is_bad |= found.count > 0 || found.is_bad;
            continue;
        }
        is_done = is_always_done(search, i);
        lacks_size |= found.count == 0;
        sizes.is_bad |= found.is_bad;
        texts += found.count > 0;
        for (size_t k = 0; k < found.count; k++) {
            add(&sizes, &found.items[k]);
        }
    }
    uint32_t parameters = lmm_token_at(tokens, search->open - 1)->match;

    lacks_size |=
        !is_done && has_word(tokens, (struct lmm_source_range) {parameters, search->open}, word);
    sizes.is_bad |= sizes.count > 0 && lacks_size;
    for (size_t k = 0; k < sizes.count; k++) {
        sizes.items[k].has_more |= has_more;
        sizes.items[k].is_choice |= texts > 1 && sizes.count > 1;
    }
    return sizes;
}

static struct sizes sizes_of_variables(const struct search *search, struct lmm_source_range range,
                                       int depth)
{
    struct sizes sizes = {.count = 0};
    size_t made = 0;

    for (uint32_t i = range.from; i < range.to && depth < DEPTH_MAX && !sizes.is_bad; i++) {
        if (!is_variable(search->tokens, i)) {
            continue;
        }
        struct lmm_source_size use = {.is_expression = false};
        struct sizes found = sizes_of_variable(search, i, depth + 1);

        sizes.is_bad |= found.is_bad;
        if (found.count > 0) {
            made++;
            sizes.is_bad |= !lmm_source_size_place(search->tokens, range,
                                                   (struct lmm_source_range) {i, i + 1}, &use);
        }
        for (size_t k = 0; k < found.count; k++) {
            found.items[k].is_array |= use.is_array;
            found.items[k].has_more |= use.has_more;
            add(&sizes, &found.items[k]);
        }
    }
    sizes.is_bad |= made > 1;
    return sizes;
}

size_t lmm_source_variables_find(const struct lmm_tokens *tokens, struct lmm_source_call call,
                                 struct lmm_source_size ret_sizes[LMM_SOURCE_SIZES_MAX])
{
    struct lmm_source_range arguments[LMM_SOURCE_ARGUMENTS_MAX];
    size_t argument_count = lmm_source_arguments(tokens, call, arguments);
    int budget = TOKENS_MAX;
    const struct search search = {tokens, body_around(tokens, call.name), call.name, &budget};
    size_t first = lmm_source_name_has(lmm_token_at(tokens, call.name), "realloc") ? 1 : 0;
    struct sizes sizes = {.count = 0};

    if (search.open == LMM_TOKEN_NONE ||
        has_sizeof(tokens,
                   (struct lmm_source_range) {call.open, lmm_token_after(tokens, call.open)})) {
        return 0;
    }
    for (size_t i = first; i < argument_count; i++) {
        struct sizes found = sizes_of_variables(&search, arguments[i], 0);

        if (found.is_bad || (found.count > 0 && sizes.count > 0)) {
            return 0;
        }
        sizes = found.count > 0 ? found : sizes;
    }
    memcpy(ret_sizes, sizes.items, sizes.count * sizeof(sizes.items[0]));
    return sizes.count;
}
