/* SPDX-License-Identifier: MIT */
/*
 * page_tables: the tables of a page's document (docs/page.schema.json) whose rows others name by their
 * indexes: texts, types, lines, calls, frames, families and sites. Their figures are in page_figures.h.
 *
 * Tables outlive the models that they are made of. Each model that is read adds the rows that are
 * new, so in a live page a row keeps its index from reading to reading, and the rows that a reading
 * added are those from the old counts on. Two models in one pair of tables have one row for what is
 * the same in both, so a difference needs no other matching.
 *
 * A row of sites is a call stack (its stack_key) at its line, with all size classes of malloc. Sites
 * without a stack are rows of their families, as in places.h.
 *
 *     tables = lmm_page_tables_new();
 *     lmm_page_tables_read(tables, model);            its sites are named, by lmm_types_apply()
 *     tables->rows[i]                                 the row of model->sites[i]
 *
 * What may change in a row that is there: the type, confidence and evidence of a site, its family (when another
 * size class of its stack is used), a line's lowest id. Such a site has `changed` = tables->reading,
 * as a new one has.
 *
 * Invariants (checked by tests/unit/reporter/test_page_tables.c):
 *   I1  rows never move; each index in a row is that of a row that is there
 *   I2  a frame's parent has a lower index; no two frames, calls, types, lines or families are the same
 *   I3  each site of the model that was read last has a row; there are at most LMM_PAGE_SITES_MAX + 1
 *       rows of sites, LMM_PAGE_FRAMES_MAX of frames, LMM_PAGE_FAMILIES_MAX + 1 of families. What comes
 *       after that belongs to one more row, `other`; a stack loses its innermost calls. Of the
 *       sites that are new in a reading, those with most weight have rows of their own
 *
 * Locks: none. Everything read from a model is hostile text.
 */
#ifndef LMM_PROGRAM_PAGE_TABLES_H
#define LMM_PROGRAM_PAGE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/page/page_calls.h"
#include "reporter/program/page/page_strings.h"

enum {
    LMM_PAGE_SITES_MAX = 20000,
    LMM_PAGE_FAMILIES_MAX = 2000,
    LMM_PAGE_NONE = -1, /* in a signed index: no row */
};

/* In all rows, texts are numbers in `strings`. */
struct lmm_page_type {
    uint32_t name; /* with a gap: why there is none, as tables show it */
    uint32_t file;
    uint32_t line;
    uint32_t lacking;
    uint64_t bytes;
    unsigned evidence; /* a set of enum lmm_model_evidence */
    enum lmm_model_confidence confidence;
    enum lmm_model_type_gap gap;
};

struct lmm_page_line {
    uint32_t function;
    uint32_t file;
    uint32_t line;
    uint32_t module;
    uint32_t id;        /* the lowest of its sites */
    uint32_t of_family; /* of sites without a stack: the name of their family; else 0 */
    bool has_stacks;
};

struct lmm_page_family {
    uint32_t name;
    uint64_t bytes;
};

struct lmm_page_site {
    int32_t frame;  /* LMM_PAGE_NONE: no stack was taken, or it has no room */
    int32_t family; /* LMM_PAGE_NONE: several */
    uint32_t type;
    uint32_t line;
    uint32_t changed; /* the reading that made it or changed one of these four */
};

/* How many rows there are, or were: the rows that are new since then start there. */
struct lmm_page_counts {
    size_t strings;
    size_t types;
    size_t lines;
    size_t calls;
    size_t frames;
    size_t families;
    size_t sites;
};

/* Readers only read these; I1 and I2. */
struct lmm_page_tables {
    struct lmm_page_strings strings;
    struct lmm_page_type *types;
    struct lmm_page_line *lines;
    struct lmm_page_calls calls;
    struct lmm_page_family *families;
    struct lmm_page_site *sites;
    size_t type_count;
    size_t line_count;
    size_t family_count;
    size_t site_count;
    uint32_t reading;      /* how many models were read */
    bool has_other;        /* a row of sites is `other`, and */
    uint32_t other;        /* this one */
    bool has_other_family; /* likewise */
    uint32_t other_family;
    /* Of the last model, by index in its sites: */
    uint32_t *rows;
    size_t row_count;
    /* By names: index + 1. */
    struct lmm_numbers type_numbers;
    struct lmm_numbers line_numbers;
    struct lmm_numbers family_numbers;
    struct lmm_numbers site_numbers;
};

/* Returns how many rows there are now. */
struct lmm_page_counts lmm_page_tables_count(const struct lmm_page_tables *tables);

/* Returns empty tables, to be freed with lmm_page_tables_free(); NULL: out of memory. */
struct lmm_page_tables *lmm_page_tables_new(void);

/* Reads a model, whose sites must be named and not merged (merge.h). Returns false when memory ran out: then the tables
 * are good for lmm_page_tables_free() only. Cost: that of the names of new stacks; a walk over the
 * sites. */
bool lmm_page_tables_read(struct lmm_page_tables *tables, const struct lmm_model *model);

/* Returns the row of a family that a model which was read has. */
uint32_t lmm_page_tables_family(const struct lmm_page_tables *tables,
                                const struct lmm_model_family *family);

/* Return the row of a type of this name, and that of a line of the source, whose function may be empty; LMM_PAGE_NONE:
 * there is none. Cost of the second: a walk over the lines. */
int32_t lmm_page_tables_type(const struct lmm_page_tables *tables, struct lmm_string name);
int32_t lmm_page_tables_line(const struct lmm_page_tables *tables, struct lmm_string file,
                             uint32_t line, struct lmm_string function);

/* tables may be NULL. */
void lmm_page_tables_free(struct lmm_page_tables *tables);

#endif
