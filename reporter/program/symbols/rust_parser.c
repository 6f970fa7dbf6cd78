/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/rust_parser.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/symbols/rust_text.h"

enum {
    DEPTH_MAX = 200, /* of paths and types in each other */
};

/* ---- Reading and putting --------------------------------------------------------------------- */

void lmm_rust_fail(struct lmm_rust_parser *parser)
{
    parser->has_failed = true;
    parser->at = parser->end;
}

/* Starts a part. Returns false when there are too many of them; else lmm_rust_leave() must follow. */
bool lmm_rust_enter(struct lmm_rust_parser *parser)
{
    if (parser->has_failed || ++parser->steps > LMM_RUST_STEPS_MAX || parser->depth == DEPTH_MAX) {
        lmm_rust_fail(parser);
        return false;
    }
    parser->depth++;
    return true;
}

void lmm_rust_leave(struct lmm_rust_parser *parser)
{
    parser->depth--;
}

char lmm_rust_peek(const struct lmm_rust_parser *parser)
{
    return parser->at < parser->end ? *parser->at : '\0';
}

bool lmm_rust_eat(struct lmm_rust_parser *parser, char wanted)
{
    bool is_next = parser->at < parser->end && *parser->at == wanted;

    parser->at += is_next;
    return is_next;
}

/* Takes the next character; '\0' and a failure at the end. */
char lmm_rust_next(struct lmm_rust_parser *parser)
{
    if (parser->at == parser->end) {
        lmm_rust_fail(parser);
        return '\0';
    }
    return *parser->at++;
}

void lmm_rust_put_bytes(struct lmm_rust_parser *parser, const char *bytes, size_t count)
{
    if (parser->quiet == 0 && !parser->has_failed &&
        !lmm_rust_text_put(parser->text, bytes, count)) {
        lmm_rust_fail(parser);
    }
}

void lmm_rust_put(struct lmm_rust_parser *parser, const char *text)
{
    lmm_rust_put_bytes(parser, text, strlen(text));
}

void lmm_rust_put_number(struct lmm_rust_parser *parser, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    lmm_rust_put(parser, digits);
}

static int digit_62(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'z') {
        return 10 + digit - 'a';
    }
    return digit >= 'A' && digit <= 'Z' ? 36 + digit - 'A' : -1;
}

/* base-62-number: "_" is 0, "0_" is 1. */
uint64_t lmm_rust_read_number(struct lmm_rust_parser *parser)
{
    uint64_t number = 0;

    if (lmm_rust_eat(parser, '_')) {
        return 0;
    }
    while (!lmm_rust_eat(parser, '_')) {
        int digit = digit_62(lmm_rust_next(parser));

        if (digit < 0 || number > UINT64_MAX / 62 - 2) {
            lmm_rust_fail(parser);
            return 0;
        }
        number = number * 62 + (uint64_t) digit;
    }
    return number + 1;
}

/* An optional number after a tag; 0: there is none. */
uint64_t lmm_rust_read_tagged(struct lmm_rust_parser *parser, char tag)
{
    return lmm_rust_eat(parser, tag) ? lmm_rust_read_number(parser) + 1 : 0;
}

/* ---- Identifiers ----------------------------------------------------------------------------- */

struct lmm_rust_identifier lmm_rust_read_identifier(struct lmm_rust_parser *parser)
{
    struct lmm_rust_identifier name = {.is_punycode = lmm_rust_eat(parser, 'u')};

    if (lmm_rust_peek(parser) < '0' || lmm_rust_peek(parser) > '9') {
        lmm_rust_fail(parser);
    }
    if (!lmm_rust_eat(parser, '0')) {
        while (lmm_rust_peek(parser) >= '0' && lmm_rust_peek(parser) <= '9' &&
               name.count < LMM_RUST_TEXT_MAX) {
            name.count = name.count * 10 + (size_t) (*parser->at++ - '0');
        }
    }
    lmm_rust_eat(parser, '_');
    if (name.count > (size_t) (parser->end - parser->at)) {
        lmm_rust_fail(parser);
        return (struct lmm_rust_identifier) {.count = 0};
    }
    name.bytes = parser->at;
    parser->at += name.count;
    return name;
}

void lmm_rust_put_identifier(struct lmm_rust_parser *parser, struct lmm_rust_identifier name)
{
    if (!name.is_punycode) {
        lmm_rust_put_bytes(parser, name.bytes, name.count);
    } else if (parser->quiet == 0 && !parser->has_failed &&
               !lmm_rust_text_put_punycode(parser->text, name.bytes, name.count)) {
        lmm_rust_fail(parser);
    }
}

/* ---- Lifetimes ------------------------------------------------------------------------------- */

/* A lifetime counts outwards from the innermost binder; 0 is '_. */
void lmm_rust_put_lifetime(struct lmm_rust_parser *parser, uint64_t index)
{
    char name[] = "'a";

    if (index == 0) {
        lmm_rust_put(parser, "'_");
        return;
    }
    if (index > parser->bound) {
        lmm_rust_fail(parser);
        return;
    }
    uint64_t depth = parser->bound - index;

    if (depth < 26) {
        name[1] = (char) ('a' + depth);
        lmm_rust_put(parser, name);
    } else {
        lmm_rust_put(parser, "'_");
        lmm_rust_put_number(parser, depth);
    }
}

/* Opens a binder, if there is one. Returns how many lifetimes it has; the caller takes them off
 * parser->bound at its end. */
uint64_t lmm_rust_read_binder(struct lmm_rust_parser *parser)
{
    uint64_t count = lmm_rust_read_tagged(parser, 'G');

    if (count > DEPTH_MAX) {
        lmm_rust_fail(parser);
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        lmm_rust_put(parser, i == 0 ? "for<" : ", ");
        parser->bound++;
        lmm_rust_put_lifetime(parser, 1);
    }
    lmm_rust_put(parser, count > 0 ? "> " : "");
    return count;
}

/* Goes on at the place that a back reference names, which is before the reference; returns where
 * the name continues, or NULL. */
const char *lmm_rust_follow(struct lmm_rust_parser *parser)
{
    size_t before = (size_t) (parser->at - 1 - parser->start);
    uint64_t place = lmm_rust_read_number(parser);
    const char *after = parser->at;

    if (parser->has_failed || place >= before) {
        lmm_rust_fail(parser);
        return NULL;
    }
    parser->at = parser->start + place;
    return after;
}

/* Returns to where the name continues after a back reference. */
void lmm_rust_come_back(struct lmm_rust_parser *parser, const char *after)
{
    if (!parser->has_failed) {
        parser->at = after;
    }
}

/* Reads items up to an "E" and puts `between` between them. Returns how many. */
size_t lmm_rust_read_list(struct lmm_rust_parser *parser,
                          void (*item)(struct lmm_rust_parser *parser), const char *between)
{
    size_t count = 0;

    while (!parser->has_failed && !lmm_rust_eat(parser, 'E')) {
        lmm_rust_put(parser, count++ > 0 ? between : "");
        item(parser);
    }
    return count;
}
