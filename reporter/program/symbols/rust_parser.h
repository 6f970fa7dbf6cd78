/* SPDX-License-Identifier: MIT */
/*
 * rust_parser: what all parts of the demangler of Rust's v0 names share (rust_name.h): the place in
 * the name, and the text made so far. After a failure nothing more is read or put; so callers look
 * at has_failed in loops and at the end only.
 */
#ifndef LMM_PROGRAM_RUST_PARSER_H
#define LMM_PROGRAM_RUST_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_rust_text;

enum {
    LMM_RUST_STEPS_MAX = 50000, /* parts of a name: back references can repeat a part exponentially
                                   often */
};

/* The rest of a name, and the text made of its start. */
struct lmm_rust_parser {
    const char *start; /* back references count from here */
    const char *at;
    const char *end;
    struct lmm_rust_text *text;
    /* Reads a path; is_value: it names a function or a value, so its generic arguments come after
     * "::". */
    void (*path)(struct lmm_rust_parser *parser, bool is_value);
    unsigned quiet; /* above 0: nothing is put */
    unsigned depth;
    unsigned steps;
    uint64_t bound; /* lifetimes that the binders around this place have */
    bool has_failed;
};

/* An identifier, or digits of a constant. */
struct lmm_rust_identifier {
    const char *bytes;
    size_t count;
    bool is_punycode;
};

void lmm_rust_fail(struct lmm_rust_parser *parser);

/* Starts a part. Returns false when there are too many; else lmm_rust_leave() must follow. */
bool lmm_rust_enter(struct lmm_rust_parser *parser);
void lmm_rust_leave(struct lmm_rust_parser *parser);

/* Return the next character, '\0' at the end, and whether it was the wanted one and is taken.
 * lmm_rust_next() takes any; at the end it fails. */
char lmm_rust_peek(const struct lmm_rust_parser *parser);
bool lmm_rust_eat(struct lmm_rust_parser *parser, char wanted);
char lmm_rust_next(struct lmm_rust_parser *parser);

void lmm_rust_put(struct lmm_rust_parser *parser, const char *text);
void lmm_rust_put_bytes(struct lmm_rust_parser *parser, const char *bytes, size_t count);
void lmm_rust_put_number(struct lmm_rust_parser *parser, uint64_t number);
void lmm_rust_put_identifier(struct lmm_rust_parser *parser, struct lmm_rust_identifier name);
void lmm_rust_put_lifetime(struct lmm_rust_parser *parser, uint64_t index);

/* Return a base-62-number; one after a tag, plus 1, or 0 without the tag; an undisambiguated
 * identifier; and how many lifetimes a binder has, which the caller takes off parser->bound at its
 * end. */
uint64_t lmm_rust_read_number(struct lmm_rust_parser *parser);
uint64_t lmm_rust_read_tagged(struct lmm_rust_parser *parser, char tag);
struct lmm_rust_identifier lmm_rust_read_identifier(struct lmm_rust_parser *parser);
uint64_t lmm_rust_read_binder(struct lmm_rust_parser *parser);

/* Reads items up to an "E" and puts `between` between them. Returns how many. */
size_t lmm_rust_read_list(struct lmm_rust_parser *parser,
                          void (*item)(struct lmm_rust_parser *parser), const char *between);

/* Goes on at the place that a back reference names; its tag was just taken. Returns where the name
 * continues, for lmm_rust_come_back(). */
const char *lmm_rust_follow(struct lmm_rust_parser *parser);
void lmm_rust_come_back(struct lmm_rust_parser *parser, const char *after);

#endif
