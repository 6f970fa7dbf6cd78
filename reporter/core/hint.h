/* SPDX-License-Identifier: MIT */
/*
 * hint: what a program could change to need less memory, and what that saves. Hints are found by
 * `lmm diet` (reporter/program/report/diet.h); here are their words and their JSON, which all documents
 * that have hints share. Stateless.
 */
#ifndef LMM_REPORTER_HINT_H
#define LMM_REPORTER_HINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"

struct lmm_json;

enum lmm_hint_kind {
    LMM_HINT_LAYOUT,  /* the fields of a struct in another order */
    LMM_HINT_SLACK,   /* blocks slightly too large for the next smaller slot */
    LMM_HINT_TINY,    /* many tiny blocks that could be one */
    LMM_HINT_EMBED,   /* a struct that could be a field of the only one that points at it */
    LMM_HINT_GROWTH,  /* arrays that grow by doubling */
    LMM_HINT_FOREIGN, /* blocks that another thread frees */
    LMM_HINT_SPARSE,  /* blocks that keep pages which are nearly empty */
    LMM_HINT_TRIM,    /* free pages that could be given back */
    LMM_HINT_KINDS,
};

struct lmm_hint {
    enum lmm_hint_kind kind;
    char *type;                 /* "struct packet", "char[65]"; empty: unknown */
    char *text;                 /* what to do, without the place */
    struct lmm_string file;     /* where the type is defined, or the line that allocates */
    struct lmm_string function; /* of that line; empty: unknown, or it is a definition */
    uint32_t line;              /* 0: unknown */
    uint64_t saves_bytes;       /* 0: it is not known how many */
    uint64_t blocks;            /* that it is about; FOREIGN: frees */
    uint64_t before_bytes;      /* of a block, or of a struct; 0: it has none, here and below */
    uint64_t after_bytes;
    uint32_t share_permille; /* FOREIGN: frees by other threads; GROWTH: bytes that may be unused */
    enum lmm_model_confidence confidence;
};

/* The hints of a process. */
struct lmm_hints {
    const struct lmm_hint *items; /* most bytes saved first; then by share */
    size_t count;
    bool are_at_peak; /* about the blocks at the peak; else about those that live */
};

enum {
    LMM_HINTS_MOST_JSON = 20, /* in a document that is not about hints */
};

/* Return the word for a kind of hint, "layout", and for how sure its type is. */
const char *lmm_hint_word(enum lmm_hint_kind kind);
const char *lmm_hint_confidence(const struct lmm_hint *hint);

/* Adds "hints", an array of the first `most` hints. */
void lmm_json_hints(struct lmm_json *json, const struct lmm_hints *hints, size_t most);

/* Adds "hints_at", which says which blocks count, "hints" likewise, and "hints_left_out"; nothing if hints is
 * NULL: none were looked for. */
void lmm_json_process_hints(struct lmm_json *json, const struct lmm_hints *hints, size_t most);

#endif
