/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_tokens.h"

#include <string.h>

#include "reporter/program/types/sources.h"

enum {
    LINES_BEFORE = LMM_SOURCE_LINES_BEFORE,
    LINES_AFTER = 64,
    BYTES_BEFORE = 8192,
    BYTES_AFTER = 12288, /* from the start of the line on */
    RAW_MARK_MAX = 16,   /* of R"mark( */
    BRACKETS_MAX = 256,  /* open at one time */
};

/* The window while it is read. */
struct reader {
    const char *at;
    const char *end;
    uint32_t line;
    bool is_line_empty; /* nothing but blanks and comments so far */
    bool is_full;
    struct lmm_tokens *tokens;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           is_digit(c) || (unsigned char) c >= 0x80;
}

static char next_of(const struct reader *reader)
{
    return reader->end - reader->at > 1 ? reader->at[1] : '\0';
}

static void take_newline(struct reader *reader)
{
    reader->at++;
    reader->line++;
    reader->is_line_empty = true;
}

/* Steps over a character; a backslash takes the next one along, also the end of a line. */
static void step(struct reader *reader)
{
    if (*reader->at == '\\' && reader->end - reader->at > 1) {
        reader->at++;
        if (*reader->at == '\r' && next_of(reader) == '\n') {
            reader->at++;
        }
    }
    reader->line += *reader->at == '\n';
    reader->at++;
}

static void skip_line_comment(struct reader *reader)
{
    while (reader->at < reader->end && *reader->at != '\n') {
        step(reader);
    }
}

static void skip_comment(struct reader *reader)
{
    reader->at += 2;
    while (reader->at < reader->end) {
        if (reader->at[0] == '*' && next_of(reader) == '/') {
            reader->at += 2;
            return;
        }
        reader->line += *reader->at == '\n';
        reader->at++;
    }
}

/* Skips a preprocessor line, with the comments in it. */
static void skip_directive(struct reader *reader)
{
    while (reader->at < reader->end && *reader->at != '\n') {
        if (reader->at[0] == '/' && next_of(reader) == '*') {
            skip_comment(reader);
        } else {
            step(reader);
        }
    }
}

static void add(struct reader *reader, enum lmm_token_kind kind, const char *start, uint32_t line)
{
    struct lmm_tokens *tokens = reader->tokens;

    reader->is_line_empty = false;
    if (tokens->count == LMM_TOKENS_MAX) {
        reader->is_full = true;
        return;
    }
    tokens->items[tokens->count++] = (struct lmm_token) {.text = start,
                                                         .bytes = (uint32_t) (reader->at - start),
                                                         .line = line,
                                                         .match = LMM_TOKEN_NONE,
                                                         .kind = kind};
}

/* Takes a literal; one without an end on its line is a sign only, such as that of "don't" in a
 * comment whose start is not in the window. */
static void take_literal(struct reader *reader)
{
    const char *start = reader->at;
    uint32_t line = reader->line;
    char quote = *start;

    reader->at++;
    while (reader->at < reader->end && *reader->at != '\n') {
        if (*reader->at == quote) {
            reader->at++;
            add(reader, LMM_TOKEN_STRING, start, line);
            return;
        }
        step(reader);
    }
    reader->at = start + 1;
    reader->line = line;
    add(reader, LMM_TOKEN_SIGN, start, line);
}

/* Takes mark(...)mark" after R"; one without an end goes to the end of the window. */
static void take_raw_string(struct reader *reader)
{
    const char *start = reader->at;
    uint32_t line = reader->line;
    const char *mark = start + 1;
    size_t room = (size_t) (reader->end - mark);
    const char *open = memchr(mark, '(', room < RAW_MARK_MAX + 1 ? room : RAW_MARK_MAX + 1);

    if (open == NULL) {
        take_literal(reader);
        return;
    }
    size_t bytes = (size_t) (open - mark);

    for (reader->at = open + 1; reader->at < reader->end; reader->at++) {
        if (*reader->at == ')' && (size_t) (reader->end - reader->at) > bytes + 1 &&
            memcmp(reader->at + 1, mark, bytes) == 0 && reader->at[bytes + 1] == '"') {
            reader->at += bytes + 2;
            break;
        }
        reader->line += *reader->at == '\n';
    }
    add(reader, LMM_TOKEN_STRING, start, line);
}

/* Tells whether a word before a quotation mark makes it a raw string: R, u8R, uR, UR, LR. */
static bool is_raw_prefix(const char *start, size_t bytes)
{
    return bytes <= 3 && start[bytes - 1] == 'R' &&
           (bytes == 1 || (bytes == 2 && memchr("uUL", start[0], 3) != NULL) ||
            memcmp(start, "u8", 2) == 0);
}

static void take_word(struct reader *reader)
{
    const char *start = reader->at;
    bool is_number = is_digit(*start);

    while (reader->at < reader->end &&
           (is_word(*reader->at) || (is_number && (*reader->at == '.' || *reader->at == '\'')))) {
        reader->at++;
    }
    if (!is_number && reader->at < reader->end && *reader->at == '"' &&
        is_raw_prefix(start, (size_t) (reader->at - start))) {
        take_raw_string(reader);
        return;
    }
    add(reader, is_number ? LMM_TOKEN_NUMBER : LMM_TOKEN_WORD, start, reader->line);
}

static void take_sign(struct reader *reader)
{
    static const char pairs[][3] = {"->", "::", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=",
                                    "%=", "&=", "|=", "^=", "&&", "||", "<<", "++", "--"};
    const char *start = reader->at;
    char next = next_of(reader);

    reader->at++;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (start[0] == pairs[i][0] && next == pairs[i][1]) {
            reader->at++;
            break;
        }
    }
    add(reader, LMM_TOKEN_SIGN, start, reader->line);
}

/* Takes what begins with a slash or a star: a comment, the end of one, or a sign. */
static void take_slash(struct reader *reader)
{
    char next = next_of(reader);

    if (*reader->at == '*' && next == '/') {
        reader->at += 2;
        reader->tokens->count = 0; /* a comment that began before the window */
    } else if (*reader->at == '/' && next == '/') {
        skip_line_comment(reader);
    } else if (*reader->at == '/' && next == '*') {
        skip_comment(reader);
    } else {
        take_sign(reader);
    }
}

static void take(struct reader *reader)
{
    char c = *reader->at;

    if (c == '\n') {
        take_newline(reader);
    } else if (is_blank(c)) {
        reader->at++;
    } else if (c == '\\') {
        step(reader);
    } else if (c == '#' && reader->is_line_empty) {
        skip_directive(reader);
    } else if (c == '/' || c == '*') {
        take_slash(reader);
    } else if (c == '"' || c == '\'') {
        take_literal(reader);
    } else if (is_word(c)) {
        take_word(reader);
    } else {
        take_sign(reader);
    }
}

static bool is_sign(const struct lmm_token *token, const char *signs)
{
    return token->kind == LMM_TOKEN_SIGN && token->bytes == 1 &&
           strchr(signs, *token->text) != NULL;
}

static char opening_of(char closing)
{
    return closing == ')' ? '(' : closing == ']' ? '[' : '{';
}

/* Finds the partners of brackets. A brace closes what is open in it; another bracket without a
 * partner has none. */
static void match_brackets(struct lmm_tokens *tokens)
{
    uint32_t open[BRACKETS_MAX];
    size_t depth = 0;

    for (uint32_t i = 0; i < tokens->count; i++) {
        struct lmm_token *token = &tokens->items[i];

        if (is_sign(token, "([{")) {
            if (depth == BRACKETS_MAX) {
                return;
            }
            open[depth++] = i;
        } else if (is_sign(token, ")]}")) {
            size_t kept = depth;

            while (kept > 0 && *token->text == '}' && *tokens->items[open[kept - 1]].text != '{') {
                kept--;
            }
            if (kept > 0 && *tokens->items[open[kept - 1]].text == opening_of(*token->text)) {
                depth = kept - 1;
                token->match = open[depth];
                tokens->items[open[depth]].match = i;
            }
        }
    }
}

static const char *line_start(const char *source, const char *end, uint32_t line)
{
    const char *at = source;

    for (uint32_t i = 1; i < line && at != NULL; i++) {
        at = memchr(at, '\n', (size_t) (end - at));
        at = at == NULL ? NULL : at + 1;
    }
    return at;
}

/* Sets the window's start: a start of a line at most LINES_BEFORE lines before. */
static const char *window_start(const char *source, const char *from, uint32_t *line)
{
    const char *start = from;

    for (int i = 0; i < LINES_BEFORE && start > source; i++) {
        size_t back = (size_t) (start - 1 - source);
        size_t room = BYTES_BEFORE - (size_t) (from - start);
        size_t look = back < room ? back : room;
        const char *before = memrchr(start - 1 - look, '\n', look);

        if (before == NULL && look < back) {
            break;
        }
        start = before == NULL ? source : before + 1;
        (*line)--;
    }
    return start;
}

static const char *window_end(const char *from, const char *end)
{
    size_t room = (size_t) (end - from) < BYTES_AFTER ? (size_t) (end - from) : BYTES_AFTER;
    const char *stop = from;

    for (int i = 0; i <= LINES_AFTER; i++) {
        const char *newline = memchr(stop, '\n', room - (size_t) (stop - from));

        if (newline == NULL) {
            return from + room;
        }
        stop = newline + 1;
    }
    return stop;
}

bool lmm_tokens_read(const char *source, size_t bytes, uint32_t line, struct lmm_tokens *ret_tokens)
{
    const char *end = source + bytes;
    const char *from = line == 0 ? NULL : line_start(source, end, line);

    ret_tokens->count = 0;
    if (from == NULL || from == end) {
        return false;
    }
    struct reader reader = {
        .line = line, .is_line_empty = true, .end = window_end(from, end), .tokens = ret_tokens};

    if (reader.end < end && memchr(from, '\n', (size_t) (reader.end - from)) == NULL) {
        return false;
    }
    for (reader.at = window_start(source, from, &reader.line); reader.at < reader.end;) {
        take(&reader);
        if (reader.is_full && reader.line <= line) {
            return false;
        }
    }
    match_brackets(ret_tokens);
    return true;
}

const struct lmm_token *lmm_token_at(const struct lmm_tokens *tokens, uint32_t index)
{
    static const struct lmm_token none = {.text = "", .match = LMM_TOKEN_NONE};

    return index < tokens->count ? &tokens->items[index] : &none;
}

bool lmm_token_is(const struct lmm_tokens *tokens, uint32_t index, const char *text)
{
    const struct lmm_token *token = lmm_token_at(tokens, index);

    return token->bytes == strlen(text) && token->bytes > 0 &&
           memcmp(token->text, text, token->bytes) == 0;
}

bool lmm_token_is_any(const struct lmm_tokens *tokens, uint32_t index, const char *const texts[])
{
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (lmm_token_is(tokens, index, texts[i])) {
            return true;
        }
    }
    return false;
}

uint32_t lmm_token_after(const struct lmm_tokens *tokens, uint32_t index)
{
    uint32_t match = lmm_token_at(tokens, index)->match;

    return (match != LMM_TOKEN_NONE && match > index ? match : index) + 1;
}

uint32_t lmm_token_enclosing(const struct lmm_tokens *tokens, uint32_t index, uint32_t from)
{
    for (uint32_t i = index; i > from;) {
        uint32_t match = lmm_token_at(tokens, --i)->match;

        if (match != LMM_TOKEN_NONE && match > i) {
            return i;
        }
        if (match != LMM_TOKEN_NONE) {
            i = match;
        }
    }
    return LMM_TOKEN_NONE;
}
