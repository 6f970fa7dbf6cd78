/* SPDX-License-Identifier: MIT */
/*
 * diet: what a program could change to need less memory: hints, each with the bytes that it saves. They are
 * found by providers, each in a file of its own: diet_types.c (order of fields, structs to embed),
 * diet_lines.c (sizes just above a slot's, many tiny blocks, growth by doubling, frees by other
 * threads), diet_pages.c (pages that are nearly empty, or empty).
 *
 * Figures are of the blocks that live now, or of the process's peak when it has ended or no block
 * lives. Bytes saved are those of LMM's slots (diet_slots.h), and never more than is sure: where only
 * the smallest and the largest size of some blocks are known, the size counts that saves least.
 * Each hint counts by itself: two may be about the same blocks.
 *
 * A diet must be made before the model's sites are merged, and must not be used after its model or its
 * symbols.
 */
#ifndef LMM_PROGRAM_DIET_H
#define LMM_PROGRAM_DIET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/report/diet_slots.h"
#include "reporter/program/types/layout.h"

struct lmm_symbols;
struct lmm_type_dies;

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

/* A type of which blocks are counted. */
struct lmm_diet_type {
    struct lmm_model_type type;
    const struct lmm_model_site *const *sites;
    size_t site_count;
    struct lmm_model_amount amount;
    uint64_t saves_bytes; /* by a better order */
    bool has_layout;
    struct lmm_layout layout;
};

struct lmm_diet_options {
    uint64_t least_bytes; /* what saves less is no hint */
    size_t most_types;    /* whose layouts are read, those with most bytes */
    char *const *types;   /* patterns of types (select.h); NULL: all */
};

struct lmm_diet {
    const struct lmm_model *model;
    struct lmm_diet_options options;
    bool is_at_peak;
    struct lmm_slots slots;
    struct lmm_type_dies *dies;
    const struct lmm_model_site **sites; /* by type */
    struct lmm_diet_type *types;         /* most bytes first */
    size_t type_count;
    struct lmm_hint *hints; /* most bytes saved first; then by share */
    size_t hint_count;
    bool has_failed; /* memory ran out */
};

/* Makes the diet of a named model, whose types were looked for, to be freed with lmm_diet_free(). symbols: that
 * named it; NULL: it has no stacks. Returns false when memory ran out. Cost: reads the debug
 * information of the units that the types are in. */
bool lmm_diet_make(const struct lmm_model *model, struct lmm_symbols *symbols,
                   const struct lmm_diet_options *options, struct lmm_diet *ret_diet);

/* *diet may be all zero. */
void lmm_diet_free(struct lmm_diet *diet);

/* Returns how many of the hints save bytes; they come first. */
size_t lmm_diet_with_bytes(const struct lmm_diet *diet);

/* What hints at the end of another report need to save: 1 % of the bytes at the peak, and 64 KiB; and
 * how many there are at most. */
enum {
    LMM_HINTS_PART = 100,
    LMM_HINTS_LEAST_BYTES = 64 << 10,
    LMM_HINTS_MOST = 3,
    LMM_HINTS_TYPES = 20, /* whose layouts are read for them */
};

/* Makes a diet of such hints only, as lmm_diet_make(); types: patterns, NULL: all. */
bool lmm_diet_make_brief(const struct lmm_model *model, struct lmm_symbols *symbols,
                         char *const *types, struct lmm_diet *ret_diet);

/* Returns how many of them there are, and one of them as a line of at most `room` bytes, to be freed; NULL:
 * out of memory. */
size_t lmm_diet_brief_count(const struct lmm_diet *diet);
char *lmm_hint_line(const struct lmm_hint *hint, size_t room);

/* Returns the word for a kind of hint: "layout". */
const char *lmm_hint_word(enum lmm_hint_kind kind);

/* ---- For providers --------------------------------------------------------------------------- */

/* Returns the blocks and bytes of a site that the diet is about. */
struct lmm_model_amount lmm_diet_amount(const struct lmm_diet *diet,
                                        const struct lmm_model_site *site);

/* Returns the type of the diet that an element of a site's type is; NULL: it is not known. */
struct lmm_diet_type *lmm_diet_type_of(const struct lmm_diet *diet,
                                       const struct lmm_model_site *site);

/* Adds a hint, and takes its strings: one of GROWTH or FOREIGN, or one that saves enough. type, text: allocated;
 * NULL: memory ran out. */
void lmm_diet_add(struct lmm_diet *diet, const struct lmm_hint *hint);

/* The providers. */
void lmm_diet_find_layouts(struct lmm_diet *diet);
void lmm_diet_find_embeddable(struct lmm_diet *diet);
void lmm_diet_find_lines(struct lmm_diet *diet);
void lmm_diet_find_pages(struct lmm_diet *diet);

#endif
