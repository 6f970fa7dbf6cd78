/* SPDX-License-Identifier: MIT */
/*
 * field_census: what the fields of the live blocks of a diet's types hold, in the running process: fields that are never set,
 * have one same value, or have room for more than they hold.
 *
 * Who asks the process is the caller's function. Bytes saved are those that the change of one field saves beyond a better
 * order of the fields (which is a hint of its own), by LMM's slots, at least; they are only known of the fields of
 * the struct itself, not of those of structs in it, which other structs may have, too.
 *
 * What blocks hold now says nothing of what they may hold later: a finding is a question to the programmer.
 *
 * A census must not be used after its diet.
 */
#ifndef LMM_PROGRAM_FIELD_CENSUS_H
#define LMM_PROGRAM_FIELD_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/leaves.h"

struct lmm_diet;
struct lmm_diet_type;

enum {
    LMM_FIELD_QUESTION_MAX = 64,      /* fields of a question; what LMM in the process accepts */
    LMM_FIELD_SITES_MAX = 7000,       /* sites of a question, those with most live blocks */
    LMM_FIELD_ELEMENT_MAX = 64 << 10, /* bytes of a struct */
};

/* A question to the process; see `census` in docs/ledger-format.md. */
struct lmm_field_question {
    uint64_t element_bytes;
    bool has_arrays; /* each block is a whole number of structs */
    const struct lmm_leaf *leaves;
    size_t leaf_count;
    const uint32_t *sites;
    size_t site_count;
};

/* What was found of one field, in so many structs. Of a signed field the values are signed. */
struct lmm_field_figures {
    uint64_t elements;
    uint64_t zeros;
    uint64_t sames; /* as in the first struct */
    uint64_t first;
    uint64_t least;
    uint64_t most;
};

struct lmm_field_answer {
    uint64_t blocks;
    uint64_t elements;
    uint64_t skipped; /* blocks of another size, or that could not be read */
    struct lmm_field_figures figures[LMM_FIELD_QUESTION_MAX];
};

/* Asks; false: the process cannot answer. */
typedef bool lmm_field_ask(const struct lmm_field_question *question, void *arg,
                           struct lmm_field_answer *ret_answer);

enum lmm_field_finding {
    LMM_FIELD_NEVER, /* zero in all */
    LMM_FIELD_SAME_VALUE,
    LMM_FIELD_NARROW, /* a number that fits fewer bytes */
    LMM_FIELD_SHORT,  /* an array whose end is never used */
    LMM_FIELD_MOSTLY, /* at least 8 bytes, zero or one value in at least 90 % */
    LMM_FIELD_NOTHING,
    LMM_FIELD_FINDINGS,
};

/* A field that was read. */
struct lmm_census_row {
    const struct lmm_diet_type *type;
    const struct lmm_leaf *leaf;
    struct lmm_field_figures figures;
    enum lmm_field_finding finding;
    uint64_t needed_bytes; /* NARROW, SHORT: of the field; else 0 */
    uint64_t before_bytes; /* these three: of the struct; 0: not known */
    uint64_t after_bytes;
    uint64_t saves_bytes;
};

/* A type that was asked for. */
struct lmm_census_type {
    const struct lmm_diet_type *type;
    struct lmm_leaves leaves;
    bool
        is_asked; /* false: its fields are not known, or the process did not answer; then the next four are 0 */
    bool has_all_sites;
    uint64_t blocks;
    uint64_t elements;
    uint64_t skipped;
    /* With all findings of own fields heeded; 0: not known, or no better. */
    uint64_t after_bytes;
    uint64_t saves_bytes;
};

struct lmm_field_census {
    struct lmm_census_type *types; /* most bytes first */
    size_t type_count;
    struct lmm_census_row
        *rows; /* NEVER first, then most bytes saved; at last those without a finding */
    size_t row_count;
    size_t found;    /* rows with a finding; they come first */
    bool has_failed; /* the process did not answer */
};

/* Asks for the fields of types: those that the diet's options name, or all of at least so many bytes; at most `most` of
 * them, those with most bytes. To be freed with lmm_field_census_free(). Returns false when memory ran out. */
bool lmm_field_census_make(const struct lmm_diet *diet, uint64_t least_bytes, size_t most,
                           lmm_field_ask *ask, void *arg, struct lmm_field_census *ret_census);

/* census may be all zero. */
void lmm_field_census_free(struct lmm_field_census *census);

/* Returns the word for a finding: "never"; of NOTHING: "none". */
const char *lmm_field_finding_word(enum lmm_field_finding finding);

#endif
