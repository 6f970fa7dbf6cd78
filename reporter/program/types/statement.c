/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/statement.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/source_context.h"
#include "reporter/program/types/source_new.h"
#include "reporter/program/types/source_output.h"
#include "reporter/program/types/source_sizes.h"
#include "reporter/program/types/source_tokens.h"
#include "reporter/program/types/source_types.h"
#include "reporter/program/types/source_variables.h"

enum {
    CALLS_MAX = 8,
};

_Static_assert((int) LMM_STATEMENT_TEXT_MAX == (int) LMM_SOURCE_TEXT_MAX, "texts are copied");

/* What is looked for. */
struct wanted {
    uint32_t output;  /* as for lmm_statement_find() */
    const char *name; /* NULL: any name of an allocator */
    size_t bytes;
    bool is_new;
    bool is_guess; /* names of other allocators, which may be macros */
};

/* A call that may be the one. */
struct found {
    struct lmm_source_call call; /* open: NONE for `new T` and name<T>() */
    struct lmm_source_range expression;
    bool is_template;
};

struct hints {
    struct lmm_statement_hint items[LMM_STATEMENT_HINTS_MAX];
    size_t count;
};

/* Returns the last character of a name without what stands in brackets at its end. */
static size_t cut_brackets(const char *name, size_t bytes, char open, char close)
{
    size_t depth = 0;

    for (size_t i = bytes; i > 0 && name[bytes - 1] == close; i--) {
        depth += name[i - 1] == close;
        if (name[i - 1] == open && --depth == 0) {
            return i - 1;
        }
    }
    return bytes;
}

/* Sets what is looked for to the last name of a function. */
static struct wanted wanted_of(const char *allocator)
{
    if (allocator == NULL) {
        return (struct wanted) {.is_new = true, .is_guess = true};
    }
    if (strncmp(allocator, "operator new", 12) == 0 || strncmp(allocator, "_Zn", 3) == 0) {
        return (struct wanted) {.name = "new", .bytes = 3, .is_new = true};
    }
    size_t bytes = cut_brackets(allocator, strcspn(allocator, "@."), '(', ')');

    bytes = cut_brackets(allocator, bytes, '<', '>');
    size_t start = bytes;

    while (start > 0 && strchr(": *&", allocator[start - 1]) == NULL) {
        start--;
    }
    return (struct wanted) {.name = allocator + start, .bytes = bytes - start};
}

static bool is_named(const struct lmm_token *token, const struct wanted *wanted)
{
    size_t skip = 0; /* __strdup is written strdup */

    if (token->kind != LMM_TOKEN_WORD || wanted->name == NULL) {
        return false;
    }
    while (skip < wanted->bytes && wanted->name[skip] == '_' &&
           wanted->bytes - skip > token->bytes) {
        skip++;
    }
    return token->bytes == wanted->bytes - skip && token->bytes > 0 &&
           memcmp(token->text, wanted->name + skip, token->bytes) == 0;
}

/* Tells whether a name may be that of an allocator, or of a macro that calls one. */
static bool is_guessed(const struct lmm_tokens *tokens, uint32_t at)
{
    const struct lmm_token *token = lmm_token_at(tokens, at);
    struct lmm_source_new type;

    if (token->kind != LMM_TOKEN_WORD || lmm_token_is(tokens, at, "sizeof")) {
        return false;
    }
    return lmm_source_name_has(token, "alloc") || lmm_source_name_has(token, "new") ||
           lmm_source_name_has(token, "dup") ||
           lmm_source_argument_find(tokens, (struct lmm_source_call) {at, at + 1}, &type) ==
               LMM_SOURCE_SURE_TYPE;
}

static bool is_made(const struct lmm_token *token)
{
    return lmm_source_name_has(token, "make_unique") || lmm_source_name_has(token, "make_shared") ||
           lmm_source_name_has(token, "allocate_shared");
}

/* Returns the start of an expression that ends in this name: ns::name, a->b.name. */
static uint32_t skip_owner(const struct lmm_tokens *tokens, uint32_t at)
{
    static const char *const joints[] = {"::", "->", ".", NULL};
    static const char *const words[] = {"return", "else", "do", "case", "throw", "co_return", NULL};

    while (at > 0 && lmm_token_is_any(tokens, at - 1, joints)) {
        at--;
        while (at > 0 && lmm_token_at(tokens, at - 1)->match < at) {
            at = lmm_token_at(tokens, at - 1)->match;
        }
        if (at > 0 && lmm_token_at(tokens, at - 1)->kind == LMM_TOKEN_WORD &&
            !lmm_token_is_any(tokens, at - 1, words)) {
            at--;
        }
    }
    return at;
}

/* Tells whether there is a call of this kind at a token. */
static bool read_call(const struct lmm_tokens *tokens, uint32_t at, const struct wanted *wanted,
                      struct found *ret_found)
{
    struct lmm_source_new type;
    uint32_t end = at;
    bool is_new = lmm_token_is(tokens, at, "new");
    bool is_operator = is_new && lmm_token_is(tokens, at - 1, "operator");
    const struct lmm_token *token = lmm_token_at(tokens, at);

    *ret_found =
        (struct found) {.call = {at, LMM_TOKEN_NONE}, .expression.from = skip_owner(tokens, at)};
    if (is_new && !is_operator) {
        ret_found->expression.to = at + 2;
        lmm_source_new_read(tokens, at, &type, &ret_found->expression.to);
        return wanted->is_new;
    }
    bool is_wanted = is_named(token, wanted) || (wanted->is_new && is_made(token));

    if (lmm_token_is(tokens, at + 1, "<") && (is_wanted || (wanted->is_guess && is_made(token))) &&
        lmm_source_template_read(tokens, at, &type, &end)) {
        ret_found->is_template = true;
        ret_found->expression.to = end;
        return true;
    }
    if (!lmm_token_is(tokens, at + 1, "(") ||
        lmm_token_at(tokens, at + 1)->match == LMM_TOKEN_NONE ||
        !(is_wanted || (wanted->is_guess && is_guessed(tokens, at)))) {
        return false;
    }
    ret_found->expression.from =
        is_operator ? skip_owner(tokens, at - 1) : ret_found->expression.from;
    ret_found->call.open = at + 1;
    ret_found->expression.to = lmm_token_after(tokens, at + 1);
    return true;
}

static bool has_line(const struct lmm_tokens *tokens, uint32_t first, uint32_t last, uint32_t line)
{
    return lmm_token_at(tokens, first)->line <= line && line <= lmm_token_at(tokens, last)->line;
}

/* Finds the calls whose own lines, or else whose statements have a line; returns their number, which
 * may be more than CALLS_MAX. */
static size_t find_calls(const struct lmm_tokens *tokens, uint32_t line,
                         const struct wanted *wanted, struct found ret_calls[CALLS_MAX])
{
    size_t count = 0;
    bool is_direct = false;

    for (uint32_t i = 0; i < tokens->count; i++) {
        struct found found;

        if (!read_call(tokens, i, wanted, &found)) {
            continue;
        }
        bool is_on = has_line(tokens, i, found.expression.to - 1, line);

        if ((is_direct && !is_on) ||
            (!is_on && !has_line(tokens, lmm_source_statement_start(tokens, i),
                                 lmm_source_statement_end(tokens, i), line))) {
            continue;
        }
        count = is_on && !is_direct ? 0 : count;
        is_direct |= is_on;
        if (count < CALLS_MAX) {
            ret_calls[count] = found;
        }
        count++;
    }
    return count;
}

/* Adds a hint at its place in the order of the kinds. */
static void add(struct hints *hints, const struct lmm_statement_hint *hint)
{
    size_t at = hints->count;

    for (size_t i = 0; i < hints->count; i++) {
        if (hints->items[i].kind == hint->kind && strcmp(hints->items[i].text, hint->text) == 0) {
            return;
        }
    }
    if (hints->count == LMM_STATEMENT_HINTS_MAX) {
        return;
    }
    for (; at > 0 && hints->items[at - 1].kind > hint->kind; at--) {
        hints->items[at] = hints->items[at - 1];
    }
    hints->items[at] = *hint;
    hints->count++;
}

static void add_text(struct hints *hints, enum lmm_statement_kind kind, const char *text,
                     bool is_array, bool has_more)
{
    struct lmm_statement_hint hint = {.kind = kind, .is_array = is_array, .has_more = has_more};

    memcpy(hint.text, text, strlen(text) + 1);
    add(hints, &hint);
}

static void add_sizes(const struct lmm_tokens *tokens, const struct found *found,
                      struct hints *hints)
{
    struct lmm_source_size sizes[LMM_SOURCE_SIZES_MAX];
    size_t count = lmm_source_sizes_find(tokens, found->call, sizes);

    count = count > 0 ? count : lmm_source_variables_find(tokens, found->call, sizes);
    for (size_t i = 0; i < count; i++) {
        struct lmm_statement_hint hint = {.kind = sizes[i].is_expression ? LMM_STATEMENT_SIZEOF_AT
                                                                         : LMM_STATEMENT_SIZEOF,
                                          .is_array = sizes[i].is_array,
                                          .has_more = sizes[i].has_more,
                                          .is_choice = sizes[i].is_choice};

        memcpy(hint.text, sizes[i].text, strlen(sizes[i].text) + 1);
        add(hints, &hint);
    }
}

/* Adds what `new` or a template names; false: it is no such call, or allocates nothing. */
static bool add_new(const struct lmm_tokens *tokens, const struct found *found, struct hints *hints)
{
    struct lmm_source_new type;
    uint32_t end;

    if (found->is_template ? lmm_source_template_read(tokens, found->call.name, &type, &end)
                           : lmm_source_new_read(tokens, found->call.name, &type, &end)) {
        add_text(hints, LMM_STATEMENT_NEW, type.text, type.is_array, type.has_more);
        return true;
    }
    return false;
}

/* Adds what a macro is given as a type. */
static void add_argument(const struct lmm_tokens *tokens, const struct found *found, bool is_guess,
                         struct hints *hints)
{
    struct lmm_source_new type;
    enum lmm_source_sureness least =
        !is_guess ? LMM_SOURCE_SURE_TYPE
                  : (hints->count == 0 ? LMM_SOURCE_LIKELY_TYPE : LMM_SOURCE_FIRST_NAME);
    enum lmm_source_sureness sureness = lmm_source_argument_find(tokens, found->call, &type);

    if (sureness != LMM_SOURCE_NO_TYPE && sureness >= least) {
        add_text(hints, LMM_STATEMENT_CAST, type.text, type.is_array, type.has_more);
    }
}

static void add_uses(const struct lmm_tokens *tokens, const struct found *found, bool is_array,
                     bool has_more, struct hints *hints)
{
    static const enum lmm_statement_kind kinds[] = {
        [LMM_SOURCE_CAST] = LMM_STATEMENT_CAST,
        [LMM_SOURCE_DECLARED] = LMM_STATEMENT_DECLARED,
        [LMM_SOURCE_ASSIGNED] = LMM_STATEMENT_ASSIGNED,
        [LMM_SOURCE_RETURNED] = LMM_STATEMENT_RETURNED,
    };
    struct lmm_source_use uses[LMM_SOURCE_USES_MAX];
    size_t count = lmm_source_uses_find(tokens, found->expression, uses);

    for (size_t i = 0; i < count; i++) {
        add_text(hints, kinds[uses[i].kind], uses[i].text, is_array, has_more);
    }
}

/* Adds the place where a function stores the block that it does not return. */
static void add_output(const struct lmm_tokens *tokens, const struct found *found,
                       const struct wanted *wanted, struct hints *hints)
{
    char text[LMM_SOURCE_TEXT_MAX];
    bool has_hint = hints->count > 0;

    if (found->call.open != LMM_TOKEN_NONE && !wanted->is_guess &&
        lmm_source_output_find(tokens, found->call, wanted->output - 1, text)) {
        add_text(hints, LMM_STATEMENT_ASSIGNED, text, has_hint && hints->items[0].is_array,
                 has_hint && hints->items[0].has_more);
    }
}

/* Finds the hints of one call. */
static void find_hints(const struct lmm_tokens *tokens, const struct found *found,
                       const struct wanted *wanted, struct hints *ret_hints)
{
    bool is_call = found->call.open != LMM_TOKEN_NONE;

    ret_hints->count = 0;
    if (!is_call && !add_new(tokens, found, ret_hints)) {
        return;
    }
    if (is_call) {
        add_sizes(tokens, found, ret_hints);
    }
    if (wanted->output > 0) {
        add_output(tokens, found, wanted, ret_hints);
        return;
    }
    bool has_hint = ret_hints->count > 0;
    bool is_array =
        has_hint ? ret_hints->items[0].is_array : lmm_source_call_is_array(tokens, found->call);

    add_uses(tokens, found, is_array, has_hint && ret_hints->items[0].has_more, ret_hints);
    if (is_call && !has_hint) {
        add_argument(tokens, found, wanted->is_guess, ret_hints);
    }
}

static const struct lmm_statement_hint *find_equal(const struct hints *hints,
                                                   const struct lmm_statement_hint *hint)
{
    for (size_t i = 0; i < hints->count; i++) {
        if (hints->items[i].kind == hint->kind && strcmp(hints->items[i].text, hint->text) == 0) {
            return &hints->items[i];
        }
    }
    return NULL;
}

/* Keeps the hints that another call has, too; none when the strongest differ. */
static void keep_common(struct hints *hints, const struct hints *other)
{
    size_t kept = 0;

    if (hints->count == 0 || other->count == 0 ||
        find_equal(other, &hints->items[0]) != &other->items[0]) {
        hints->count = 0;
        return;
    }
    for (size_t i = 0; i < hints->count; i++) {
        const struct lmm_statement_hint *equal = find_equal(other, &hints->items[i]);

        if (equal != NULL) {
            hints->items[kept] = hints->items[i];
            hints->items[kept].is_array |= equal->is_array;
            hints->items[kept++].has_more |= equal->has_more;
        }
    }
    hints->count = kept;
}

static void find(const struct lmm_tokens *tokens, uint32_t line, const char *allocator,
                 uint32_t output, struct hints *ret_hints)
{
    struct wanted wanted = wanted_of(allocator);
    struct found calls[CALLS_MAX];
    struct hints other;
    size_t count = find_calls(tokens, line, &wanted, calls);

    if (count == 0 && !wanted.is_new) {
        wanted = (struct wanted) {.is_guess = true};
        count = find_calls(tokens, line, &wanted, calls);
    }
    wanted.output = output;
    ret_hints->count = 0;
    for (size_t i = 0; i < count && count <= CALLS_MAX; i++) {
        find_hints(tokens, &calls[i], &wanted, i == 0 ? ret_hints : &other);
        if (i > 0) {
            keep_common(ret_hints, &other);
        }
    }
}

size_t lmm_statement_find(const char *source, size_t bytes, uint32_t line, const char *allocator,
                          uint32_t output,
                          struct lmm_statement_hint ret_hints[LMM_STATEMENT_HINTS_MAX])
{
    struct lmm_tokens *tokens = malloc(sizeof(*tokens));
    struct hints hints = {.count = 0};

    if (tokens != NULL && lmm_tokens_read(source, bytes, line, tokens)) {
        find(tokens, line, allocator, output, &hints);
    }
    free(tokens);
    memcpy(ret_hints, hints.items, hints.count * sizeof(hints.items[0]));
    return hints.count;
}
