/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/rust_constant.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/symbols/rust_parser.h"
#include "reporter/program/symbols/rust_text.h"

/* ---- Constants ------------------------------------------------------------------------------- */

/* Hexadecimal digits up to "_". */
static struct lmm_rust_identifier hex_digits(struct lmm_rust_parser *parser)
{
    struct lmm_rust_identifier digits = {.bytes = parser->at};

    while (strchr("0123456789abcdef", lmm_rust_peek(parser)) != NULL &&
           lmm_rust_peek(parser) != '\0') {
        parser->at++;
        digits.count++;
    }
    if (!lmm_rust_eat(parser, '_')) {
        lmm_rust_fail(parser);
    }
    return digits;
}

static uint64_t value_of(struct lmm_rust_identifier digits)
{
    char text[17] = "";

    memcpy(text, digits.bytes, digits.count < 16 ? digits.count : 16);
    return strtoull(text, NULL, 16);
}

static void integer(struct lmm_rust_parser *parser)
{
    lmm_rust_put(parser, lmm_rust_eat(parser, 'n') ? "-" : "");
    struct lmm_rust_identifier digits = hex_digits(parser);

    if (parser->has_failed) {
        return;
    }
    if (digits.count <= 16) {
        lmm_rust_put_number(parser, value_of(digits));
    } else {
        lmm_rust_put(parser, "0x");
        lmm_rust_put_bytes(parser, digits.bytes, digits.count);
    }
}

static void boolean(struct lmm_rust_parser *parser)
{
    struct lmm_rust_identifier digits = hex_digits(parser);

    lmm_rust_put(parser, !parser->has_failed && value_of(digits) != 0 ? "true" : "false");
}

static void character(struct lmm_rust_parser *parser)
{
    struct lmm_rust_identifier digits = hex_digits(parser);
    char text[8] = "";

    if (parser->has_failed || digits.count > 6) {
        lmm_rust_fail(parser);
        return;
    }
    uint32_t value = (uint32_t) value_of(digits);

    lmm_rust_put(parser, "'");
    lmm_rust_put_bytes(parser, text, lmm_rust_text_encode(value, text));
    lmm_rust_put(parser, "'");
}

/* A string, as the hexadecimal digits of its bytes. */
static void string(struct lmm_rust_parser *parser)
{
    struct lmm_rust_identifier digits = hex_digits(parser);

    lmm_rust_put(parser, "\"");
    for (size_t i = 0; !parser->has_failed && i + 1 < digits.count; i += 2) {
        char byte =
            (char) value_of((struct lmm_rust_identifier) {.bytes = digits.bytes + i, .count = 2});

        lmm_rust_put_bytes(parser, &byte, 1);
    }
    lmm_rust_put(parser, "\"");
}

static void inner_constant(struct lmm_rust_parser *parser)
{
    lmm_rust_read_constant(parser, true);
}

static void field(struct lmm_rust_parser *parser)
{
    lmm_rust_read_tagged(parser, 's');
    lmm_rust_put_identifier(parser, lmm_rust_read_identifier(parser));
    lmm_rust_put(parser, ": ");
    lmm_rust_read_constant(parser, true);
}

/* A struct or a variant of an enum. */
static void aggregate(struct lmm_rust_parser *parser)
{
    parser->path(parser, true);
    switch (lmm_rust_next(parser)) {
    case 'U': break;
    case 'T':
        lmm_rust_put(parser, "(");
        lmm_rust_read_list(parser, inner_constant, ", ");
        lmm_rust_put(parser, ")");
        break;
    case 'S':
        lmm_rust_put(parser, " { ");
        lmm_rust_read_list(parser, field, ", ");
        lmm_rust_put(parser, " }");
        break;
    default: lmm_rust_fail(parser); break;
    }
}

/* Constants that are no single word: as a generic argument they stand in braces. */
static void compound(struct lmm_rust_parser *parser, char tag)
{
    switch (tag) {
    case 'e':
        lmm_rust_put(parser, "*");
        string(parser);
        break;
    case 'R':
    case 'Q':
        lmm_rust_put(parser, tag == 'R' ? "&" : "&mut ");
        lmm_rust_read_constant(parser, true);
        break;
    case 'A':
        lmm_rust_put(parser, "[");
        lmm_rust_read_list(parser, inner_constant, ", ");
        lmm_rust_put(parser, "]");
        break;
    case 'T':
        lmm_rust_put(parser, "(");
        lmm_rust_put(parser, lmm_rust_read_list(parser, inner_constant, ", ") == 1 ? ",)" : ")");
        break;
    case 'V': aggregate(parser); break;
    default: lmm_rust_fail(parser); break;
    }
}

static void constant_of(struct lmm_rust_parser *parser, char tag, bool is_value)
{
    switch (tag) {
    case 'p': lmm_rust_put(parser, "_"); break;
    case 'b': boolean(parser); break;
    case 'c': character(parser); break;
    case 'B': {
        const char *after = lmm_rust_follow(parser);

        lmm_rust_read_constant(parser, is_value);
        lmm_rust_come_back(parser, after);
        break;
    }
    default:
        if (tag != '\0' && strchr("ahijlmnostxy", tag) != NULL) {
            integer(parser);
        } else if (tag == 'R' && lmm_rust_eat(parser, 'e')) { /* a literal is a reference */
            string(parser);
        } else {
            lmm_rust_put(parser, is_value ? "" : "{");
            compound(parser, tag);
            lmm_rust_put(parser, is_value ? "" : "}");
        }
        break;
    }
}

void lmm_rust_read_constant(struct lmm_rust_parser *parser, bool is_value)
{
    if (lmm_rust_enter(parser)) {
        constant_of(parser, lmm_rust_next(parser), is_value);
        lmm_rust_leave(parser);
    }
}
