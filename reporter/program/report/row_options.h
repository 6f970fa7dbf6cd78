/* SPDX-License-Identifier: MIT */
/* row_options: what the rows of a subcommand stand for: the options --by, --site and --all. */
#ifndef LMM_PROGRAM_ROW_OPTIONS_H
#define LMM_PROGRAM_ROW_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "reporter/program/report/places.h"

struct lmm_merge;
struct lmm_model;
struct lmm_numbers;

struct lmm_row_options {
    const char *site; /* only sites that this names (site_word.h); NULL: all */
    enum lmm_by by;   /* what --by says, or lmm_row_options_choose() */
    bool has_by;      /* the user chose */
    bool all;         /* also rows of zeros */
};

/* Parser for `children` of a subcommand's own parser. Its input is a struct lmm_row_options *, all
 * zero at the start. */
extern const struct argp lmm_row_argp;

/* The same without --all: for subcommands that show no rows of zeros. */
extern const struct argp lmm_row_by_argp;

/* Chooses the rows if the user did not. */
void lmm_row_options_choose(struct lmm_row_options *options, enum lmm_by usual);

/* Returns the rows of a report for people of a named model without --by: types where at least half
 * of the live bytes have one (of those at the peak, where no block lives), else lines. A program
 * that registers its types has lines, each with its type, beside its families. */
enum lmm_by lmm_row_options_usual(const struct lmm_model *model);

struct lmm_model_word; /* model.h */

/* Returns how rows are called: "line" and "lines". */
struct lmm_model_word lmm_row_options_words(enum lmm_by by);

/* Return the word for --by; the second as lmm_option_word does. */
const char *lmm_row_options_word(enum lmm_by by);
const char *lmm_row_options_word_at(size_t index);

/* Returns whether all families are to be shown: by --by family, or by --all. */
bool lmm_row_options_ask_families(const struct lmm_row_options *options);

/* Applies --site and --by, which is chosen, to a model whose sites are named. Returns false after a message on stderr.
 * ids, ret_merge: as those of lmm_merge_sites(). */
bool lmm_row_options_apply(const struct lmm_row_options *options, struct lmm_model *model,
                           struct lmm_numbers *ids, struct lmm_merge *ret_merge);

/* Removes the sites without live blocks; returns how many. */
size_t lmm_row_options_drop_zeros(struct lmm_model *model);

#endif
