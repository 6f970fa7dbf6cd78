/* SPDX-License-Identifier: MIT */
/*
 * run_books: the ledgers that the processes of one run left, and what is known of their ends.
 */
#ifndef LMM_PROGRAM_RUN_BOOKS_H
#define LMM_PROGRAM_RUN_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "reporter/program/report/spots.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/run/starts_list.h"

struct lmm_ending;
struct lmm_run_folder;
struct lmm_snapshot;

/* The ledger of one process. */
struct lmm_run_book {
    char *path;
    struct lmm_snapshot *snapshot;
    struct lmm_spots spots; /* all zero: not made */
    bool is_program;        /* the process that lmm run started */
    bool has_status;        /* it was waited for */
    int status;             /* from wait(2) */
    const char *became;     /* in starts; NULL: nothing else */
    bool has_own_lmm; /* liblmm is linked into it, and counts the blocks of its types elsewhere */
    char *own_ledger; /* where that left a ledger; NULL: nowhere */
};

struct lmm_run_books {
    struct lmm_run_book *items; /* first the program's, then its children's by start time */
    size_t count;
    struct lmm_starts_list starts;
    struct lmm_unseen unseen;
};

/* The end of a process that outlived its parent. */
struct lmm_run_end {
    pid_t pid;
    int status; /* from wait(2) */
};

/* Reads all ledgers of a folder, and finds what they lack. The result is to be freed in any case. False
 * if a ledger failed, after a message on stderr for each. */
bool lmm_run_books_read(const struct lmm_run_folder *folder, const struct lmm_ending *ending,
                        const struct lmm_run_end *ends, size_t end_count, bool has_children,
                        struct lmm_run_books *ret_books);

bool lmm_run_book_is_live(const struct lmm_run_book *book);

void lmm_run_books_free(struct lmm_run_books *books);

#endif
