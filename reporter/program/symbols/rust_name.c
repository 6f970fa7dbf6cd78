/* SPDX-License-Identifier: MIT */
/* The v0 grammar is that of RFC 2603; functions have the names of its rules. */
#include "reporter/program/symbols/rust_name.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/symbols/rust_constant.h"
#include "reporter/program/symbols/rust_parser.h"
#include "reporter/program/symbols/rust_text.h"

static void path(struct lmm_rust_parser *parser, bool is_value);
static void type(struct lmm_rust_parser *parser);

/* ---- Paths ----------------------------------------------------------------------------------- */

static void generic_arg(struct lmm_rust_parser *parser)
{
    if (lmm_rust_eat(parser, 'L')) {
        lmm_rust_put_lifetime(parser, lmm_rust_read_number(parser));
    } else if (lmm_rust_eat(parser, 'K')) {
        lmm_rust_read_constant(parser, false);
    } else {
        type(parser);
    }
}

static void nested_path(struct lmm_rust_parser *parser, bool is_value)
{
    char space = lmm_rust_next(parser);
    path(parser, is_value);
    uint64_t number = lmm_rust_read_tagged(parser, 's');
    struct lmm_rust_identifier name = lmm_rust_read_identifier(parser);

    if (space >= 'A' && space <= 'Z') { /* a special one, such as {closure#0} */
        char tag[2] = {space, '\0'};

        lmm_rust_put(parser, "::{");
        lmm_rust_put(parser, space == 'C' ? "closure" : space == 'S' ? "shim" : tag);
        lmm_rust_put(parser, name.count > 0 ? ":" : "");
        lmm_rust_put_identifier(parser, name);
        lmm_rust_put(parser, "#");
        lmm_rust_put_number(parser, number);
        lmm_rust_put(parser, "}");
    } else if (space >= 'a' && space <= 'z') {
        lmm_rust_put(parser, name.count > 0 ? "::" : "");
        lmm_rust_put_identifier(parser, name);
    } else {
        lmm_rust_fail(parser);
    }
}

/* The impl-path, which says where an impl stands; it is not put. */
static void impl_path(struct lmm_rust_parser *parser)
{
    lmm_rust_read_tagged(parser, 's');
    parser->quiet++;
    path(parser, false);
    parser->quiet--;
}

static void path_of(struct lmm_rust_parser *parser, char tag, bool is_value)
{
    switch (tag) {
    case 'C':
        lmm_rust_read_tagged(parser, 's');
        lmm_rust_put_identifier(parser, lmm_rust_read_identifier(parser));
        break;
    case 'M':
    case 'X':
    case 'Y':
        if (tag != 'Y') {
            impl_path(parser);
        }
        lmm_rust_put(parser, "<");
        type(parser);
        if (tag != 'M') {
            lmm_rust_put(parser, " as ");
            path(parser, false);
        }
        lmm_rust_put(parser, ">");
        break;
    case 'N': nested_path(parser, is_value); break;
    case 'I':
        path(parser, is_value);
        lmm_rust_put(parser, is_value ? "::<" : "<");
        lmm_rust_read_list(parser, generic_arg, ", ");
        lmm_rust_put(parser, ">");
        break;
    case 'B': {
        const char *after = lmm_rust_follow(parser);

        path(parser, is_value);
        lmm_rust_come_back(parser, after);
        break;
    }
    default: lmm_rust_fail(parser); break;
    }
}

/* is_value: it names a function or a value, so its generic arguments come after "::". */
static void path(struct lmm_rust_parser *parser, bool is_value)
{
    if (lmm_rust_enter(parser)) {
        path_of(parser, lmm_rust_next(parser), is_value);
        lmm_rust_leave(parser);
    }
}

/* ---- Types ----------------------------------------------------------------------------------- */

static const char *basic_type(char tag)
{
    static const char *const names[26] = {"i8",   "bool",  "char",  "f64", "str", "f32", NULL,
                                          "u8",   "isize", "usize", NULL,  "i32", "u32", "i128",
                                          "u128", "_",     NULL,    NULL,  "i16", "u16", "()",
                                          "...",  NULL,    "i64",   "u64", "!"};

    return tag >= 'a' && tag <= 'z' ? names[tag - 'a'] : NULL;
}

static void fn_sig(struct lmm_rust_parser *parser)
{
    uint64_t lifetimes = lmm_rust_read_binder(parser);

    lmm_rust_put(parser, lmm_rust_eat(parser, 'U') ? "unsafe " : "");
    if (lmm_rust_eat(parser, 'K')) {
        lmm_rust_put(parser, "extern \"");
        if (lmm_rust_eat(parser, 'C')) {
            lmm_rust_put(parser, "C");
        } else {
            lmm_rust_put_identifier(parser, lmm_rust_read_identifier(parser));
        }
        lmm_rust_put(parser, "\" ");
    }
    lmm_rust_put(parser, "fn(");
    lmm_rust_read_list(parser, type, ", ");
    lmm_rust_put(parser, ")");
    if (!lmm_rust_eat(parser, 'u')) { /* the result () is left out */
        lmm_rust_put(parser, " -> ");
        type(parser);
    }
    parser->bound -= lifetimes;
}

/* A path whose generic arguments stay open for those of dyn_trait(). Returns whether it has any. */
static bool open_path(struct lmm_rust_parser *parser)
{
    bool is_open = false;

    if (!lmm_rust_enter(parser)) {
        return false;
    }
    if (lmm_rust_eat(parser, 'B')) {
        const char *after = lmm_rust_follow(parser);

        is_open = open_path(parser);
        lmm_rust_come_back(parser, after);
    } else if (lmm_rust_eat(parser, 'I')) {
        path(parser, false);
        lmm_rust_put(parser, "<");
        lmm_rust_read_list(parser, generic_arg, ", ");
        is_open = true;
    } else {
        path(parser, false);
    }
    lmm_rust_leave(parser);
    return is_open;
}

static void dyn_trait(struct lmm_rust_parser *parser)
{
    bool is_open = open_path(parser);

    while (lmm_rust_eat(parser, 'p')) {
        lmm_rust_put(parser, is_open ? ", " : "<");
        is_open = true;
        lmm_rust_put_identifier(parser, lmm_rust_read_identifier(parser));
        lmm_rust_put(parser, " = ");
        type(parser);
    }
    lmm_rust_put(parser, is_open ? ">" : "");
}

static void dyn_bounds(struct lmm_rust_parser *parser)
{
    uint64_t lifetimes;

    lmm_rust_put(parser, "dyn ");
    lifetimes = lmm_rust_read_binder(parser);
    lmm_rust_read_list(parser, dyn_trait, " + ");
    parser->bound -= lifetimes;
    if (!lmm_rust_eat(parser, 'L')) {
        lmm_rust_fail(parser);
    }
    uint64_t lifetime = lmm_rust_read_number(parser);

    if (lifetime != 0) {
        lmm_rust_put(parser, " + ");
        lmm_rust_put_lifetime(parser, lifetime);
    }
}

static void reference(struct lmm_rust_parser *parser, bool is_mutable)
{
    lmm_rust_put(parser, "&");
    if (lmm_rust_eat(parser, 'L')) {
        uint64_t lifetime = lmm_rust_read_number(parser);

        if (lifetime != 0) {
            lmm_rust_put_lifetime(parser, lifetime);
            lmm_rust_put(parser, " ");
        }
    }
    lmm_rust_put(parser, is_mutable ? "mut " : "");
    type(parser);
}

static void array(struct lmm_rust_parser *parser, bool has_length)
{
    lmm_rust_put(parser, "[");
    type(parser);
    if (has_length) {
        lmm_rust_put(parser, "; ");
        lmm_rust_read_constant(parser, true);
    }
    lmm_rust_put(parser, "]");
}

static void type_of(struct lmm_rust_parser *parser, char tag)
{
    switch (tag) {
    case 'R':
    case 'Q': reference(parser, tag == 'Q'); break;
    case 'P':
    case 'O':
        lmm_rust_put(parser, tag == 'P' ? "*const " : "*mut ");
        type(parser);
        break;
    case 'A':
    case 'S': array(parser, tag == 'A'); break;
    case 'T':
        lmm_rust_put(parser, "(");
        lmm_rust_put(parser, lmm_rust_read_list(parser, type, ", ") == 1 ? ",)" : ")");
        break;
    case 'F': fn_sig(parser); break;
    case 'D': dyn_bounds(parser); break;
    case 'B': {
        const char *after = lmm_rust_follow(parser);

        type(parser);
        lmm_rust_come_back(parser, after);
        break;
    }
    default:
        if (!parser->has_failed) { /* a path starts here */
            parser->at--;
            path(parser, false);
        }
        break;
    }
}

static void type(struct lmm_rust_parser *parser)
{
    if (lmm_rust_enter(parser)) {
        char tag = lmm_rust_next(parser);

        if (basic_type(tag) != NULL) {
            lmm_rust_put(parser, basic_type(tag));
        } else {
            type_of(parser, tag);
        }
        lmm_rust_leave(parser);
    }
}

/* ---- Names of the v0 scheme ------------------------------------------------------------------ */

/* Returns a parser of the name, without what a tool appended to it: ".llvm.123", ".cold", "$". */
static struct lmm_rust_parser parser_of(const char *name, struct lmm_rust_text *text)
{
    const char *start = name + strlen("_R");

    return (struct lmm_rust_parser) {.start = start,
                                     .at = start,
                                     .end = start + strcspn(start, ".$"),
                                     .text = text,
                                     .path = path};
}

static bool is_v0(const char *name)
{
    return strncmp(name, "_R", 2) == 0 && name[2] >= 'A' && name[2] <= 'Z';
}

static char *demangle_v0(const char *name)
{
    struct lmm_rust_text text = {.bytes = NULL};
    struct lmm_rust_parser parser = parser_of(name, &text);

    path(&parser, true);
    if (parser.at != parser.end) { /* the crate that a generic function was compiled for */
        parser.quiet++;
        path(&parser, false);
    }
    if (parser.has_failed || parser.at != parser.end) {
        free(text.bytes);
        return NULL;
    }
    return text.bytes;
}

/* Finds the crate that defines a function: of an impl, the crate in which the impl stands; of a
 * trait's own function, the trait's. */
static struct lmm_rust_identifier find_crate(struct lmm_rust_parser *parser)
{
    parser->quiet++;
    while (++parser->steps < LMM_RUST_STEPS_MAX && !parser->has_failed) {
        switch (lmm_rust_next(parser)) {
        case 'C': lmm_rust_read_tagged(parser, 's'); return lmm_rust_read_identifier(parser);
        case 'N': lmm_rust_next(parser); break;
        case 'I': break;
        case 'M':
        case 'X': lmm_rust_read_tagged(parser, 's'); break;
        case 'Y': type(parser); break;
        case 'B': lmm_rust_follow(parser); break;
        default: lmm_rust_fail(parser); break;
        }
    }
    return (struct lmm_rust_identifier) {.count = 0};
}

/* ---- Both schemes ---------------------------------------------------------------------------- */

static bool is_standard_crate(const char *name, size_t bytes)
{
    static const char *const crates[] = {"alloc",   "core",      "std",         "proc_macro",
                                         "__rustc", "hashbrown", "panic_unwind"};

    for (size_t i = 0; i < sizeof(crates) / sizeof(crates[0]); i++) {
        if (strlen(crates[i]) == bytes && memcmp(crates[i], name, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns whether a path in the text of a name starts in a crate of the standard library. */
static bool is_standard_path(const char *text)
{
    return is_standard_crate(text, strcspn(text, ":<> ,"));
}

/* Of the older scheme "<TYPE as TRAIT>::f" does not say where the impl stands: in the standard
 * library if both are its. A type of one letter is a parameter. */
static bool is_standard_text(const char *text)
{
    size_t open = strspn(text, "<&*[(");
    const char *type_name = text + open;
    const char *trait = strstr(text, " as ");

    if (open == 0 || trait == NULL) {
        return is_standard_path(type_name);
    }
    return is_standard_path(trait + strlen(" as ")) &&
           (is_standard_path(type_name) || strcspn(type_name, ">], ") == 1);
}

bool lmm_rust_name_is_standard(const char *name)
{
    if (is_v0(name)) {
        struct lmm_rust_parser parser = parser_of(name, NULL);
        struct lmm_rust_identifier crate = find_crate(&parser);

        return crate.count > 0 && is_standard_crate(crate.bytes, crate.count);
    }
    char *text = lmm_rust_text_of_old_name(name);
    bool is_standard = text != NULL && is_standard_text(text);

    free(text);
    return is_standard;
}

char *lmm_rust_name_demangle(const char *name)
{
    return is_v0(name) ? demangle_v0(name) : lmm_rust_text_of_old_name(name);
}
