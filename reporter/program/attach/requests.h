/* SPDX-License-Identifier: MIT */
/* requests: what a running process is asked to do (ask.h): to make a mark, to look for leaks, to walk over its pages, how full
 * they are, and what fields of its blocks hold. */
#ifndef LMM_PROGRAM_REQUESTS_H
#define LMM_PROGRAM_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_field_answer; /* these two: field_census.h */
struct lmm_field_question;
struct lmm_reason; /* ledger_file.h */
struct lmm_snapshot;

enum { LMM_MARK_TEXT_BYTES = 127 }; /* of a mark, at most */

/* Makes a mark. text: without control characters, at most LMM_MARK_TEXT_BYTES; may be empty. Sets
 * *ret_number to its number. path, snapshot and ret_reason: as those of lmm_ask_try(). */
bool lmm_request_mark(const char *path, const struct lmm_snapshot *snapshot, const char *text,
                      size_t *ret_number, struct lmm_reason *ret_reason);

struct lmm_check_request {
    size_t mark;       /* only blocks that were allocated since; 0: all */
    bool wants_old;    /* only those that lived at the mark instead */
    bool unaligned;    /* words at any address count as references */
    size_t confirm_ms; /* between two passes: lost is only what both find lost; 0: one pass */
};

/* Makes a leak check, whose result is in the ledger then. */
bool lmm_request_check(const char *path, const struct lmm_snapshot *snapshot,
                       const struct lmm_check_request *request, struct lmm_reason *ret_reason);

/* Makes the process call LMM's malloc, or its own again. Only after `lmm attach`. */
bool lmm_request_switch(const char *path, const struct lmm_snapshot *snapshot, bool on,
                        struct lmm_reason *ret_reason);

/* Makes a walk over the pages, whose result is in the ledger then. */
bool lmm_request_pages(const char *path, const struct lmm_snapshot *snapshot,
                       struct lmm_reason *ret_reason);

enum {
    LMM_CELL_FAMILIES_MAX = 4096, /* that one can ask for */
    LMM_CELLS_MAX = 4096,         /* that are read */
};

/* How full a page is, or some neighbouring pages of one family (docs/ledger-format.md, "Questions"). */
struct lmm_cell {
    uint32_t family; /* its number */
    uint64_t pages;
    uint64_t slots;
    uint64_t live_slots;
};

struct lmm_cells {
    uint64_t fold; /* how many pages a cell stands for, at most */
    uint64_t pages;
    uint64_t left_out; /* pages that no cell has */
    size_t count;
    struct lmm_cell items[LMM_CELLS_MAX];
};

/* Asks how full the pages of these families are. count: 1 to LMM_CELL_FAMILIES_MAX, or 0: all families. */
bool lmm_request_cells(const char *path, const struct lmm_snapshot *snapshot,
                       const uint32_t *families, size_t count, struct lmm_cells *ret_cells,
                       struct lmm_reason *ret_reason);

/* Asks what fields hold. */
bool lmm_request_census(const char *path, const struct lmm_snapshot *snapshot,
                        const struct lmm_field_question *question,
                        struct lmm_field_answer *ret_answer, struct lmm_reason *ret_reason);

#endif
