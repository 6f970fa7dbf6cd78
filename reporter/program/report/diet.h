/* SPDX-License-Identifier: MIT */
/*
 * diet: what a program could change to need less memory: hints, each with the bytes that it saves. They are
 * found by providers, each in a file of its own: diet_inner.c (structs in other structs, for the next one),
 * diet_types.c (order of fields, structs to embed), diet_lines.c (sizes just above a slot's, many tiny blocks, growth by doubling, frees by other
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

#include "reporter/core/hint.h"
#include "reporter/core/model.h"
#include "reporter/program/report/diet_slots.h"
#include "reporter/program/types/layout.h"

struct lmm_layout_size; /* layout_change.h */
struct lmm_symbols;
struct lmm_type_dies;

/* A type of which blocks are counted, or a struct that lies in blocks of other types alone. */
struct lmm_diet_type {
    struct lmm_model_type type;
    const struct lmm_model_site *const *sites; /* these three: none if it lies in others alone */
    size_t site_count;
    struct lmm_model_amount amount;
    uint64_t saves_bytes; /* of these blocks, by a better order */
    const struct lmm_diet_type
        *in;         /* that with most bytes in whose blocks it lies, and saves some; NULL: none */
    size_t in_count; /* how many such types there are */
    struct lmm_model_amount in_amount; /* their blocks */
    uint64_t in_saves_bytes;           /* of these, by its better order */
    bool is_wanted;                    /* it matches options.types, or lies in a type that does */
    bool has_layout;
    struct lmm_layout layout;
    char *own_name; /* these two: strings of `type`, if it lies in others alone; else NULL */
    char *own_file;
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
    struct lmm_diet_type **by_element; /* these types by element, bytes and place */
    struct lmm_diet_type
        *inner; /* structs that lie in their blocks alone, and have a better order */
    size_t inner_count;
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

/* Returns the hints, as long as the diet. */
struct lmm_hints lmm_diet_hints(const struct lmm_diet *diet);

/* Returns what the blocks of a type with a layout take less, at least, when its structs have another size. */
uint64_t lmm_diet_saving(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                         const struct lmm_layout_size *after);

/* ---- For providers --------------------------------------------------------------------------- */

/* Returns the blocks and bytes of a site that the diet is about. */
struct lmm_model_amount lmm_diet_amount(const struct lmm_diet *diet,
                                        const struct lmm_model_site *site);

/* Returns the type of the diet with an element, its bytes and its place; NULL: there is none. Cost: logarithmic. */
struct lmm_diet_type *lmm_diet_find_type(const struct lmm_diet *diet,
                                         const struct lmm_model_type *type);

/* Returns the type of the diet that an element of a site's type is; NULL: it is not known. Cost: logarithmic. */
struct lmm_diet_type *lmm_diet_type_of(const struct lmm_diet *diet,
                                       const struct lmm_model_site *site);

/* Adds a hint, and takes its strings: one of GROWTH or FOREIGN, or one that saves enough. type, text: allocated;
 * NULL: memory ran out. */
void lmm_diet_add(struct lmm_diet *diet, const struct lmm_hint *hint);

/* The providers. The first one finds no hints, but what the second one needs. */
void lmm_diet_find_inner(struct lmm_diet *diet);
void lmm_diet_find_layouts(struct lmm_diet *diet);
void lmm_diet_find_embeddable(struct lmm_diet *diet);
void lmm_diet_find_lines(struct lmm_diet *diet);
void lmm_diet_find_pages(struct lmm_diet *diet);

#endif
