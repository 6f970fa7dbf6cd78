/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_context.h"

#include <string.h>

#include "reporter/program/types/source_types.h"

enum {
    STEPS_MAX = 32,
    ANGLES_MAX = 64, /* tokens of <...> in a named cast */
};

static const char *const heads[] = {"if", "while", "for", "switch", NULL};
static const char *const before_values[] = {"return", "co_return", "else", "do", "case", NULL};

/* The way from an expression to the outside. */
struct climb {
    const struct lmm_tokens *tokens;
    struct lmm_source_range part;
    struct lmm_source_use *uses;
    size_t count;
};

static bool is_word(const struct lmm_tokens *tokens, uint32_t at)
{
    return lmm_token_at(tokens, at)->kind == LMM_TOKEN_WORD;
}

/* Returns the partner of a closing bracket, or NONE. */
static uint32_t partner_before(const struct lmm_tokens *tokens, uint32_t at)
{
    uint32_t match = lmm_token_at(tokens, at)->match;

    return match != LMM_TOKEN_NONE && match < at ? match : LMM_TOKEN_NONE;
}

/* Returns where the innermost list or statement around a token starts. */
static uint32_t start_before(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const borders[] = {";", "{", "}", "(", "[", ")", "]", NULL};

    while (at > 0) {
        uint32_t match = partner_before(tokens, at - 1);

        if (match != LMM_TOKEN_NONE && !lmm_token_is(tokens, at - 1, "}")) {
            at = match;
        } else if (lmm_token_is_any(tokens, at - 1, borders)) {
            return at;
        } else {
            at--;
        }
    }
    return 0;
}

uint32_t lmm_source_statement_start(const struct lmm_tokens *tokens, uint32_t at)
{
    uint32_t start = start_before(tokens, at);

    while (start > 0 &&
           lmm_token_is_any(tokens, start - 1, (const char *const[]) {"(", "[", NULL})) {
        start = start_before(tokens, start - 1);
    }
    return start;
}

uint32_t lmm_source_statement_end(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const borders[] = {";", "{", "}", NULL};

    while (at < tokens->count && !lmm_token_is_any(tokens, at, borders)) {
        at = lmm_token_after(tokens, at);
    }
    return at < tokens->count ? at : tokens->count - 1;
}

static char *new_use(struct climb *climb, enum lmm_source_use_kind kind)
{
    if (climb->count == LMM_SOURCE_USES_MAX) {
        return NULL;
    }
    climb->uses[climb->count].kind = kind;
    climb->uses[climb->count].text[0] = '\0';
    return climb->uses[climb->count].text;
}

/* Adds a use whose text is a type with its last star taken off. */
static void add_type(struct climb *climb, enum lmm_source_use_kind kind,
                     struct lmm_source_range words, uint32_t stars)
{
    char *text = stars == 0 ? NULL : new_use(climb, kind);

    climb->count += text != NULL && lmm_source_type_text(climb->tokens, words.from, words.to,
                                                         stars - 1, text, LMM_SOURCE_TEXT_MAX);
}

bool lmm_source_place_is(const struct lmm_tokens *tokens, struct lmm_source_range range)
{
    uint32_t at = range.from;

    while (at < range.to && lmm_token_is(tokens, at, "*")) {
        at++;
    }
    if (at == range.to || !(is_word(tokens, at) || lmm_token_is(tokens, at, "("))) {
        return false;
    }
    for (at = lmm_token_after(tokens, at); at < range.to;) {
        bool is_member =
            lmm_token_is_any(tokens, at, (const char *const[]) {"->", ".", "::", NULL});

        if (!is_member && !lmm_token_is(tokens, at, "[") && !lmm_token_is(tokens, at, "(")) {
            return false;
        }
        at = is_member ? at + 2 : lmm_token_after(tokens, at);
    }
    return at == range.to && (at == range.from + 1 || !lmm_token_is(tokens, at - 1, ")") ||
                              lmm_token_is(tokens, range.from, "("));
}

static void add_place(struct climb *climb, struct lmm_source_range range)
{
    char *text =
        lmm_source_place_is(climb->tokens, range) ? new_use(climb, LMM_SOURCE_ASSIGNED) : NULL;

    climb->count += text != NULL && lmm_source_expression_text(climb->tokens, range.from, range.to,
                                                               text, LMM_SOURCE_TEXT_MAX);
}

/* Skips what may stand before an assignment in its statement: else, if (...), case x:, a label. */
static uint32_t skip_heads(const struct lmm_tokens *tokens, uint32_t at, uint32_t to)
{
    static const char *const typeofs[] = {"typeof", "__typeof__", "__typeof", "decltype", NULL};

    for (;;) {
        uint32_t next = at;

        if (lmm_token_is(tokens, at, "else") || lmm_token_is(tokens, at, "do")) {
            next = at + 1;
        } else if (lmm_token_is(tokens, at, "[") ||
                   (is_word(tokens, at) && lmm_token_is(tokens, at + 1, ":"))) {
            next = lmm_token_is(tokens, at, "[") ? lmm_token_after(tokens, at) : at + 2;
        } else if (lmm_token_is(tokens, at, "case")) {
            while (next < to && !lmm_token_is(tokens, next, ":")) {
                next++;
            }
            next++;
        } else if (is_word(tokens, at) && lmm_token_is(tokens, at + 1, "(") &&
                   !lmm_token_is_any(tokens, at, typeofs)) {
            uint32_t end = lmm_token_after(tokens, at + 1);

            next = lmm_token_is_any(tokens, at, heads) || is_word(tokens, end) ? end : at;
        }
        if (next == at || next >= to) {
            return at;
        }
        at = next;
    }
}

/* Returns the start of the last of several expressions: after a comma, a `=`, or in `?:`. */
static uint32_t last_part(const struct lmm_tokens *tokens, uint32_t from, uint32_t to)
{
    static const char *const splits[] = {",", "?", ":", "=", NULL};
    uint32_t start = from;

    for (uint32_t i = from; i < to; i = lmm_token_after(tokens, i)) {
        start = lmm_token_is_any(tokens, i, splits) ? i + 1 : start;
    }
    return start;
}

/* Adds the use in `T *p =`; false: that is no declaration of a pointer. */
static bool add_declaration(struct climb *climb, uint32_t from, uint32_t to)
{
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t stars = 0;
    uint32_t words_end = lmm_source_type_read(tokens, from, to);

    if (words_end == LMM_TOKEN_NONE) {
        return false;
    }
    uint32_t name = lmm_source_stars_read(tokens, words_end, to, &stars);

    if (name + 1 != to || !is_word(tokens, name)) {
        return false;
    }
    if (stars > 0) {
        add_type(climb, LMM_SOURCE_DECLARED, (struct lmm_source_range) {from, words_end}, stars);
    } else {
        add_place(climb, (struct lmm_source_range) {name, to});
    }
    return true;
}

/* Adds the use of a later name in `T *a = b, *p =`; false: that is no declaration. */
static bool add_later_name(struct climb *climb, uint32_t from, struct lmm_source_range last)
{
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t stars = 0;
    uint32_t last_stars = 0;
    uint32_t words_end = lmm_source_type_read(tokens, from, last.from);

    if (words_end == LMM_TOKEN_NONE || !lmm_token_is(tokens, last.from, "*")) {
        return false;
    }
    uint32_t name = lmm_source_stars_read(tokens, words_end, last.from, &stars);
    uint32_t last_name = lmm_source_stars_read(tokens, last.from, last.to, &last_stars);

    if (!is_word(tokens, name) || !is_word(tokens, last_name) || last_name + 1 != last.to) {
        return false;
    }
    add_type(climb, LMM_SOURCE_DECLARED, (struct lmm_source_range) {from, words_end}, last_stars);
    return true;
}

/* Tells whether a token follows the members of a struct that is defined here: struct { ... } *p. */
static bool is_after_members(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const tags[] = {"struct", "union", "enum", "class", NULL};
    uint32_t open = at == 0 ? LMM_TOKEN_NONE : partner_before(tokens, at - 1);

    return open != LMM_TOKEN_NONE && lmm_token_is(tokens, open, "{") &&
           (lmm_token_is_any(tokens, open - 1, tags) || lmm_token_is_any(tokens, open - 2, tags));
}

/* Adds the use on the left of a `=`. Returns where the place begins, or NONE after a declaration. */
static uint32_t add_left_side(struct climb *climb, uint32_t equal)
{
    static const char *const deduced[] = {"auto",       "__auto_type", "typeof",
                                          "__typeof__", "decltype",    "__typeof",
                                          "const",      "static",      NULL};
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t from = skip_heads(tokens, start_before(tokens, equal), equal);

    if (add_declaration(climb, from, equal)) {
        return LMM_TOKEN_NONE;
    }
    struct lmm_source_range last = {last_part(tokens, from, equal), equal};

    if (lmm_token_is_any(tokens, last.from, deduced) || is_after_members(tokens, from)) {
        add_place(climb, (struct lmm_source_range) {equal - 1, equal});
        return LMM_TOKEN_NONE;
    }
    if (last.from > from && lmm_token_is(tokens, last.from - 1, ",") &&
        add_later_name(climb, from, last)) {
        return LMM_TOKEN_NONE;
    }
    add_place(climb, last);
    return last.from;
}

/* Tells whether the value is used as it is: nothing is added to it, or read through it. */
static bool is_plain(const struct climb *climb)
{
    static const char *const ends[] = {";", ",", ")", ":", "}", "]", NULL};
    uint32_t next = climb->part.to;

    return next >= climb->tokens->count || lmm_token_is_any(climb->tokens, next, ends) ||
           (lmm_token_is(climb->tokens, next, "?") && lmm_token_is(climb->tokens, next + 1, ":"));
}

/* Goes on from an operand of `?:` to the whole; false: it is none, or a label. */
static bool leave_choice(struct climb *climb)
{
    static const char *const starts[] = {"=", "return", NULL};
    static const char *const ends[] = {";", ",", ")", "]", "}", NULL};
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t start = start_before(tokens, climb->part.from);
    bool is_choice = false;

    for (uint32_t i = climb->part.from; i > start;) {
        i--;
        uint32_t match = partner_before(tokens, i);

        i = match == LMM_TOKEN_NONE ? i : match;
        is_choice |= lmm_token_is(tokens, i, "?");
        if (is_choice && lmm_token_is_any(tokens, i, starts)) {
            start = i + 1;
            break;
        }
    }
    uint32_t end = climb->part.to;

    while (end < tokens->count && !lmm_token_is_any(tokens, end, ends)) {
        end = lmm_token_after(tokens, end);
    }
    climb->part = (struct lmm_source_range) {start, end};
    return is_choice;
}

/* Returns the name before <...> that ends before `end`, or NONE. */
static uint32_t named_cast_before(const struct lmm_tokens *tokens, uint32_t end)
{
    uint32_t depth = 0;

    for (uint32_t i = end; i > 1 && end - i < ANGLES_MAX;) {
        i--;
        depth += lmm_token_is(tokens, i, ">");
        if (lmm_token_is(tokens, i, "<") && --depth == 0) {
            const struct lmm_token *name = lmm_token_at(tokens, i - 1);

            return name->bytes > 5 && memcmp(name->text + name->bytes - 5, "_cast", 5) == 0
                       ? i - 1
                       : LMM_TOKEN_NONE;
        }
    }
    return LMM_TOKEN_NONE;
}

/* Goes on through ( ... ) or static_cast<T *>( ... ) around the value. */
static bool leave_brackets(struct climb *climb)
{
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t open = climb->part.from - 1;
    uint32_t words_end = 0;
    uint32_t stars = 0;

    if (lmm_token_at(tokens, open)->match != climb->part.to) {
        return false;
    }
    climb->part = (struct lmm_source_range) {open, climb->part.to + 1};
    if (open == 0) {
        return true;
    }
    if (lmm_token_is(tokens, open - 1, ">")) {
        uint32_t name = named_cast_before(tokens, open);

        if (name == LMM_TOKEN_NONE) {
            return false;
        }
        climb->part.from = name;
        if (lmm_source_type_is_whole(tokens, name + 2, open - 1, &words_end, &stars)) {
            add_type(climb, LMM_SOURCE_CAST, (struct lmm_source_range) {name + 2, words_end},
                     stars);
        }
        return true;
    }
    return !is_word(tokens, open - 1) || lmm_token_is_any(tokens, open - 1, before_values);
}

/* Goes on through a cast before the value. */
static bool leave_cast(struct climb *climb)
{
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t close = climb->part.from - 1;
    uint32_t open = partner_before(tokens, close);
    uint32_t words_end = 0;
    uint32_t stars = 0;

    if (open == LMM_TOKEN_NONE ||
        (open > 0 && is_word(tokens, open - 1) &&
         !lmm_token_is_any(tokens, open - 1, before_values)) ||
        !lmm_source_type_is_whole(tokens, open + 1, close, &words_end, &stars)) {
        return false;
    }
    climb->part.from = open;
    add_type(climb, LMM_SOURCE_CAST, (struct lmm_source_range) {open + 1, words_end}, stars);
    return true;
}

/* Goes one step to the outside; false: the value goes no further. */
static bool leave(struct climb *climb)
{
    const struct lmm_tokens *tokens = climb->tokens;
    uint32_t before = climb->part.from - 1;

    if (lmm_token_is(tokens, before, ")")) {
        return leave_cast(climb);
    }
    if (lmm_token_is(tokens, before, "(")) {
        return leave_brackets(climb);
    }
    if (!is_plain(climb)) {
        return false;
    }
    if (lmm_token_is(tokens, before, "=")) {
        climb->part.from = add_left_side(climb, before);
        return climb->part.from != LMM_TOKEN_NONE;
    }
    if (lmm_token_is(tokens, before, "?") || lmm_token_is(tokens, before, ":")) {
        return leave_choice(climb);
    }
    if (lmm_token_is(tokens, before, "return") || lmm_token_is(tokens, before, "co_return")) {
        climb->count += new_use(climb, LMM_SOURCE_RETURNED) != NULL;
    }
    return false;
}

size_t lmm_source_uses_find(const struct lmm_tokens *tokens, struct lmm_source_range expression,
                            struct lmm_source_use ret_uses[LMM_SOURCE_USES_MAX])
{
    struct climb climb = {.tokens = tokens, .part = expression, .uses = ret_uses};

    for (int i = 0; i < STEPS_MAX && climb.part.from > 0 && leave(&climb); i++) {
    }
    return climb.count;
}
