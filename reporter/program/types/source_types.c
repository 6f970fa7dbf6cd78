/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_types.h"

#include <string.h>

static const char *const qualifiers[] = {
    "const",      "volatile",      "restrict",     "__restrict", "__restrict__",  "_Atomic",
    "register",   "static",        "extern",       "typename",   "class",         "constexpr",
    "inline",     "__thread",      "thread_local", "__const",    "_Thread_local", "mutable",
    "__volatile", "__extension__", NULL,
};

static const char *const tags[] = {"struct", "union", "enum", NULL};

static const char *const builtins[] = {
    "char", "short",    "int",   "long", "unsigned", "signed",  "float", "double",
    "void", "_Complex", "_Bool", "bool", "size_t",   "wchar_t", NULL,
};

/* Words that are no names. */
static const char *const keywords[] = {
    "sizeof",  "return", "new",     "delete", "if",    "else",     "for",    "while", "do",
    "switch",  "case",   "default", "goto",   "throw", "operator", "typeof", "this",  "__typeof__",
    "alignof", "break",  "true",    "false",  "NULL",  "nullptr",  "auto",   NULL,
};

static bool is_kind(const struct lmm_tokens *tokens, uint32_t at, enum lmm_token_kind kind)
{
    return lmm_token_at(tokens, at)->kind == kind;
}

static bool is_name(const struct lmm_tokens *tokens, uint32_t at)
{
    return is_kind(tokens, at, LMM_TOKEN_WORD) && !lmm_token_is_any(tokens, at, keywords) &&
           !lmm_token_is_any(tokens, at, builtins) && !lmm_token_is_any(tokens, at, tags);
}

static uint32_t skip_qualifiers(const struct lmm_tokens *tokens, uint32_t at, uint32_t to)
{
    while (at < to && lmm_token_is_any(tokens, at, qualifiers)) {
        at++;
    }
    return at;
}

/* Skips __attribute__((...)) and alignas(...). */
static uint32_t skip_attribute(const struct lmm_tokens *tokens, uint32_t at, uint32_t to)
{
    static const char *const names[] = {"__attribute__", "__attribute", "alignas", "_Alignas",
                                        NULL};

    while (at + 1 < to && lmm_token_is_any(tokens, at, names) &&
           lmm_token_is(tokens, at + 1, "(")) {
        at = lmm_token_after(tokens, at + 1);
    }
    return at;
}

uint32_t lmm_source_angles_read(const struct lmm_tokens *tokens, uint32_t from, uint32_t to)
{
    static const char *const ends[] = {";", "{", "}", ")", "]", "=", NULL};
    uint32_t depth = 0;

    for (uint32_t i = from; i < to && !lmm_token_is_any(tokens, i, ends);
         i = lmm_token_after(tokens, i)) {
        depth += lmm_token_is(tokens, i, "<");
        if (lmm_token_is(tokens, i, ">") && --depth == 0) {
            return i + 1;
        }
    }
    return LMM_TOKEN_NONE;
}

/* Reads [::]name<...>::name; the index after it, or NONE. */
static uint32_t read_names(const struct lmm_tokens *tokens, uint32_t at, uint32_t to)
{
    at += lmm_token_is(tokens, at, "::");
    while (at < to && is_name(tokens, at)) {
        at++;
        if (at < to && lmm_token_is(tokens, at, "<")) {
            uint32_t end = lmm_source_angles_read(tokens, at, to);

            if (end == LMM_TOKEN_NONE) {
                return at;
            }
            at = end;
        }
        if (at >= to || !lmm_token_is(tokens, at, "::")) {
            return at;
        }
        at++;
    }
    return LMM_TOKEN_NONE;
}

uint32_t lmm_source_type_read(const struct lmm_tokens *tokens, uint32_t from, uint32_t to)
{
    uint32_t at = skip_qualifiers(tokens, skip_attribute(tokens, from, to), to);
    uint32_t start = at;

    if (at < to && lmm_token_is_any(tokens, at, tags)) {
        at = read_names(tokens, skip_attribute(tokens, at + 1, to), to);
        if (at != LMM_TOKEN_NONE && lmm_token_is(tokens, at, "{")) {
            return LMM_TOKEN_NONE;
        }
    } else if (at < to && lmm_token_is_any(tokens, at, builtins)) {
        while (at < to && (lmm_token_is_any(tokens, at, builtins) ||
                           lmm_token_is_any(tokens, at, qualifiers))) {
            at++;
        }
    } else {
        at = read_names(tokens, at, to);
    }
    if (at == LMM_TOKEN_NONE || at > to || at == start) {
        return LMM_TOKEN_NONE;
    }
    return skip_qualifiers(tokens, at, to);
}

uint32_t lmm_source_stars_read(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                               uint32_t *ret_stars)
{
    uint32_t at = from;

    *ret_stars = 0;
    while (at < to && (lmm_token_is(tokens, at, "*") || lmm_token_is_any(tokens, at, qualifiers))) {
        *ret_stars += lmm_token_is(tokens, at, "*");
        at++;
    }
    return at;
}

bool lmm_source_type_is_sure(const struct lmm_tokens *tokens, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (lmm_token_is_any(tokens, i, tags) || lmm_token_is_any(tokens, i, builtins) ||
            lmm_token_is_any(tokens, i, qualifiers) || lmm_token_is(tokens, i, "<")) {
            return true;
        }
    }
    return false;
}

bool lmm_source_type_is_likely(const struct lmm_tokens *tokens, uint32_t at)
{
    const struct lmm_token *token = lmm_token_at(tokens, at);
    bool has_small = false;

    for (uint32_t i = 0; i < token->bytes; i++) {
        has_small |= token->text[i] >= 'a' && token->text[i] <= 'z';
    }
    return token->kind == LMM_TOKEN_WORD && has_small &&
           ((token->text[0] >= 'A' && token->text[0] <= 'Z') ||
            (token->bytes > 2 && memcmp(token->text + token->bytes - 2, "_t", 2) == 0));
}

bool lmm_source_type_is_whole(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                              uint32_t *ret_words_end, uint32_t *ret_stars)
{
    uint32_t words_end = lmm_source_type_read(tokens, from, to);

    if (words_end == LMM_TOKEN_NONE) {
        return false;
    }
    *ret_words_end = words_end;
    return lmm_source_stars_read(tokens, words_end, to, ret_stars) == to;
}

/* A text that grows; it is no good any more once something did not fit. */
struct writer {
    char *text;
    size_t room;
    size_t bytes;
    bool is_too_long;
};

static void put(struct writer *writer, const char *text, size_t bytes)
{
    if (writer->is_too_long || writer->room - writer->bytes <= bytes) {
        writer->is_too_long = true;
        return;
    }
    memcpy(writer->text + writer->bytes, text, bytes);
    writer->bytes += bytes;
    writer->text[writer->bytes] = '\0';
}

static void put_token(struct writer *writer, const struct lmm_tokens *tokens, uint32_t at)
{
    const struct lmm_token *token = lmm_token_at(tokens, at);

    for (uint32_t i = 0; i < token->bytes; i++) {
        if (token->text[i] != '\0') {
            put(writer, &token->text[i], 1);
        }
    }
}

static bool is_wordy(const struct lmm_tokens *tokens, uint32_t at)
{
    return is_kind(tokens, at, LMM_TOKEN_WORD) || is_kind(tokens, at, LMM_TOKEN_NUMBER);
}

bool lmm_source_type_text(const struct lmm_tokens *tokens, uint32_t from, uint32_t words_end,
                          uint32_t stars, char *ret_text, size_t room)
{
    struct writer writer = {.text = ret_text, .room = room};
    uint32_t last = LMM_TOKEN_NONE;

    ret_text[0] = '\0';
    for (uint32_t i = skip_attribute(tokens, from, words_end); i < words_end; i++) {
        if (lmm_token_is_any(tokens, i, qualifiers) ||
            (last == LMM_TOKEN_NONE && lmm_token_is(tokens, i, "::"))) {
            continue;
        }
        if (last != LMM_TOKEN_NONE &&
            (lmm_token_is(tokens, last, ",") ||
             (is_wordy(tokens, last) && (is_wordy(tokens, i) || lmm_token_is(tokens, i, "*"))))) {
            put(&writer, " ", 1);
        }
        put_token(&writer, tokens, i);
        last = i;
    }
    if (last == LMM_TOKEN_NONE || (stars == 0 && strcmp(ret_text, "void") == 0)) {
        return false;
    }
    put(&writer, " ", stars > 0);
    for (uint32_t i = 0; i < stars; i++) {
        put(&writer, "*", 1);
    }
    return !writer.is_too_long;
}

bool lmm_source_expression_text(const struct lmm_tokens *tokens, uint32_t from, uint32_t to,
                                char *ret_text, size_t room)
{
    struct writer writer = {.text = ret_text, .room = room};

    ret_text[0] = '\0';
    for (uint32_t i = from; i < to; i++) {
        if (i > from && is_wordy(tokens, i - 1) && is_wordy(tokens, i)) {
            put(&writer, " ", 1);
        }
        put_token(&writer, tokens, i);
    }
    return from < to && !writer.is_too_long && writer.bytes > 0;
}
