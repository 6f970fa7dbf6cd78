/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/expression.h"

#include <ctype.h>
#include <dwarf.h>
#include <string.h>

#include "reporter/program/types/type_info.h"
#include "reporter/program/types/variables.h"

enum {
    NAME_MAX_BYTES = 128, /* of one name, with the NUL */
    DEPTH_MAX = 16,       /* of parentheses and stars, and of structs in structs */
    MEMBERS_MAX = 1 << 16,
};

struct parser {
    const Dwarf_Die *scopes;
    size_t scope_count;
    const char *at;
};

static bool parse(struct parser *parser, int depth, Dwarf_Die *ret_type);

static void skip_blanks(struct parser *parser)
{
    while (isspace((unsigned char) *parser->at)) {
        parser->at++;
    }
}

static bool take(struct parser *parser, const char *token)
{
    size_t bytes = strlen(token);

    skip_blanks(parser);
    if (strncmp(parser->at, token, bytes) != 0) {
        return false;
    }
    parser->at += bytes;
    return true;
}

static bool take_name(struct parser *parser, char name[NAME_MAX_BYTES])
{
    size_t bytes = 0;

    skip_blanks(parser);
    while (isalnum((unsigned char) parser->at[bytes]) || parser->at[bytes] == '_') {
        bytes++;
    }
    if (bytes == 0 || bytes >= NAME_MAX_BYTES || isdigit((unsigned char) parser->at[0])) {
        return false;
    }
    memcpy(name, parser->at, bytes);
    name[bytes] = '\0';
    parser->at += bytes;
    return true;
}

/* Skips an index up to its closing bracket. */
static bool skip_index(struct parser *parser)
{
    int depth = 1;

    while (depth > 0 && *parser->at != '\0') {
        depth += *parser->at == '[';
        depth -= *parser->at == ']';
        parser->at++;
    }
    return depth == 0;
}

/* Sets *ret_type to that of a member, also of one in a member without a name, or in a base class. */
static bool find_member(const Dwarf_Die *record, const char *name, int depth, Dwarf_Die *ret_type)
{
    Dwarf_Die stripped;
    Dwarf_Die child;
    int budget = MEMBERS_MAX;

    if (depth == 0 || !lmm_type_strip(record, &stripped) || dwarf_child(&stripped, &child) != 0) {
        return false;
    }
    do {
        int tag = dwarf_tag(&child);
        const char *its = dwarf_diename(&child);
        Dwarf_Die type;

        if (tag != DW_TAG_member && tag != DW_TAG_inheritance) {
            continue;
        }
        if (tag == DW_TAG_member && its != NULL) {
            if (strcmp(its, name) == 0) {
                return lmm_type_of(&child, ret_type);
            }
        } else if (lmm_type_of(&child, &type) && find_member(&type, name, depth - 1, ret_type)) {
            return true;
        }
    } while (--budget > 0 && dwarf_siblingof(&child, &child) == 0);
    return false;
}

/* Takes the pointer, or the first dimension, off a type. */
static bool dereference(Dwarf_Die *type)
{
    Dwarf_Die stripped;
    Dwarf_Die target;

    if (!lmm_type_strip(type, &stripped)) {
        return false;
    }
    bool found = dwarf_tag(&stripped) == DW_TAG_array_type ? lmm_type_of(&stripped, &target)
                                                           : lmm_type_target(&stripped, &target);

    if (found) {
        *type = target;
    }
    return found;
}

static bool parse_primary(struct parser *parser, int depth, Dwarf_Die *ret_type)
{
    char name[NAME_MAX_BYTES];
    Dwarf_Die variable;

    if (take(parser, "(")) {
        return parse(parser, depth - 1, ret_type) && take(parser, ")");
    }
    return take_name(parser, name) &&
           lmm_variables_by_name(parser->scopes, parser->scope_count, name, &variable) &&
           lmm_type_of(&variable, ret_type);
}

static bool parse_postfix(struct parser *parser, int depth, Dwarf_Die *ret_type)
{
    if (!parse_primary(parser, depth, ret_type)) {
        return false;
    }
    for (int i = 0; i < DEPTH_MAX; i++) {
        char name[NAME_MAX_BYTES];

        if (take(parser, "[")) {
            if (!skip_index(parser) || !dereference(ret_type)) {
                return false;
            }
            continue;
        }
        bool is_arrow = take(parser, "->");

        if (!is_arrow && !take(parser, ".")) {
            return true;
        }
        if ((is_arrow && !dereference(ret_type)) || !take_name(parser, name) ||
            !find_member(ret_type, name, DEPTH_MAX, ret_type)) {
            return false;
        }
    }
    return false;
}

static bool parse(struct parser *parser, int depth, Dwarf_Die *ret_type)
{
    if (depth <= 0) {
        return false;
    }
    if (take(parser, "*")) {
        return parse(parser, depth - 1, ret_type) && dereference(ret_type);
    }
    return parse_postfix(parser, depth, ret_type);
}

bool lmm_expression_type(const Dwarf_Die *scopes, size_t scope_count, const char *text,
                         Dwarf_Die *ret_type)
{
    struct parser parser = {scopes, scope_count, text};
    Dwarf_Die type;

    if (!parse(&parser, DEPTH_MAX, &type)) {
        return false;
    }
    skip_blanks(&parser);
    if (*parser.at != '\0') {
        return false;
    }
    *ret_type = type;
    return true;
}
