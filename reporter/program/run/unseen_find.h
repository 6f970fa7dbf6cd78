/* SPDX-License-Identifier: MIT */
/* unseen_find: compares what the processes of a run started and became with the ledgers that it left,
 * and finds what LMM did not see. */
#ifndef LMM_PROGRAM_UNSEEN_FIND_H
#define LMM_PROGRAM_UNSEEN_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_starts_list;
struct lmm_unseen;

/* A process with a ledger. */
struct lmm_seen {
    size_t number; /* the caller's */
    uint32_t pid;
    uint32_t started; /* processes that it started */
    uint64_t start_time_ns;
    struct lmm_string name; /* as reports call its program; may be empty */
    bool is_live;
    const char *became; /* found here: the program, of list, that it became by exec and that has no
                           ledger; NULL: none */
};

/*
 * Fills *ret_unseen, to be freed with lmm_unseen_free(), and sets became of each of the seen, which are
 * sorted by PID here. program_pid: the process that lmm run started, whether it is among them or not.
 * What memory runs out for is missing. Returns how many started processes are not known at all: a child
 * that was just forked may not have written its line.
 */
uint64_t lmm_unseen_find(const struct lmm_starts_list *list, struct lmm_seen *seen, size_t count,
                         uint32_t program_pid, bool has_children, struct lmm_unseen *ret_unseen);

void lmm_unseen_free(struct lmm_unseen *unseen);

#endif
