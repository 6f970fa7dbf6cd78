/* SPDX-License-Identifier: MIT */
/*
 * serve_asker: questions to observed processes (attach/requests.h), which may take seconds: each has a thread of its own, while the server goes
 * on. There are at most LMM_ASKER_MAX at a time, and one for each process.
 *
 * Invariants (checked by assert in serve_asker.c):
 *   I1  a question belongs to its thread until it has ended, and then to the server
 *
 * Locks: one mutex, for what has ended.
 */
#ifndef LMM_PROGRAM_SERVE_ASKER_H
#define LMM_PROGRAM_SERVE_ASKER_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/attach/requests.h"
#include "reporter/program/ledger/ledger_file.h"

struct lmm_asker;
struct lmm_holder_answer; /* holder_answer.h */
struct lmm_question;
struct lmm_snapshot;

enum { LMM_ASKER_MAX = 8 };

enum lmm_question_kind {
    LMM_QUESTION_MARK,
    LMM_QUESTION_CHECK,
    LMM_QUESTION_CELLS,
    LMM_QUESTION_HOLDERS
};

/* What is asked. */
struct lmm_question_text {
    enum lmm_question_kind kind;
    struct lmm_check_request check;
    char mark[LMM_MARK_TEXT_BYTES + 1];
    size_t family_count; /* these two: of cells */
    uint32_t families[LMM_CELL_FAMILIES_MAX];
    char *holders;  /* these two: of holders, as holder_answer.h has them; to be freed */
    char *retained; /* NULL: it is not asked */
    uint32_t site;  /* the first one of these questions */
};

/* What was answered. */
struct lmm_question_result {
    bool is_good;                      /* else there is a reason alone */
    size_t number;                     /* of a mark */
    struct lmm_cells *cells;           /* to be freed; NULL unless cells were asked for */
    struct lmm_holder_answer *holders; /* likewise */
    bool has_retained;
    uint64_t retained_bytes;
    struct lmm_reason reason;
};

/* wake: an eventfd, to which 1 is added when a question has ended. NULL: out of memory. */
struct lmm_asker *lmm_asker_new(int wake);

/* Whether nobody waits for a process. */
bool lmm_asker_is_idle(const struct lmm_asker *asker);

/* Frees an idle asker, which may be NULL. */
void lmm_asker_free(struct lmm_asker *asker);

/* Frees what a result has. */
void lmm_question_result_free(struct lmm_question_result *result);

/* Frees the questions of a text that is not asked. */
void lmm_question_text_free(struct lmm_question_text *text);

/* Asks the process `of` of that snapshot and path; snapshot and the questions of the text are freed. Returns the question; NULL: there are too many, or one is asked of this process
 * already. */
struct lmm_question *lmm_asker_ask(struct lmm_asker *asker, const void *of, const char *path,
                                   struct lmm_snapshot *snapshot, struct lmm_question_text *text);

/* Whether it was answered: sets *ret_result, and frees the question. */
bool lmm_question_take(struct lmm_question *question, struct lmm_question_result *ret_result);

/* Nobody waits for the answer any more. */
void lmm_question_abandon(struct lmm_question *question);

#endif
