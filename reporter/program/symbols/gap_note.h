/* SPDX-License-Identifier: MIT */
/* gap_note: what reports say of the files that have no lines for rows (lmm_symbols_gaps()), and which package has
 * them. Stateless. */
#ifndef LMM_PROGRAM_GAP_NOTE_H
#define LMM_PROGRAM_GAP_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/utf8.h"

struct lmm_model;
struct lmm_symbols;

enum {
    LMM_GAP_NOTES_FEW = 2,  /* of a report */
    LMM_GAP_NOTES_MAX = 20, /* of a report of everything */
};

struct lmm_gap_note {
    struct lmm_string path; /* of the file; belongs to the symbols */
    const char *reason; /* "no debug information", or, if not is_absent, "the file is missing" */
    bool is_absent;
    char *package; /* that has the debug information, "libssl3-dbgsym"; NULL: unknown */
};

/* Finds the `most` files, at most LMM_GAP_NOTES_MAX, that most bytes lack lines of. Returns how many there are, to
 * be freed with lmm_gap_notes_free(). symbols: NULL: there are none. Cost: that of lmm_package_find() for each. */
size_t lmm_gap_notes_find(const struct lmm_symbols *symbols, size_t most,
                          struct lmm_gap_note ret_notes[LMM_GAP_NOTES_MAX]);
void lmm_gap_notes_free(struct lmm_gap_note *notes, size_t count);

/* Returns "libssl.so.3: no debug information (libssl3-dbgsym has it)", to be freed; NULL: out of memory. */
char *lmm_gap_note_text(const struct lmm_gap_note *note);

/* Returns such a text for the module of a model whose path ends in `name`; is_absent: as above. */
char *lmm_gap_note_of_module(const struct lmm_model *model, struct lmm_string name, bool is_absent);

/* Finds the files, and makes their texts. Returns the number of texts, to be freed one by one; those for which memory ran out are missing. */
size_t lmm_gap_notes_texts(const struct lmm_symbols *symbols, size_t most,
                           char *ret_texts[LMM_GAP_NOTES_MAX]);

#endif
