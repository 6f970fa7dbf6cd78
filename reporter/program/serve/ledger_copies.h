/* SPDX-License-Identifier: MIT */
/*
 * ledger_copies: the ledgers of observed processes as they were read last, in a folder, so that a process can still be looked at
 * when its ledger was removed. A copy is a file as `lmm snapshot` makes it, and `lmm report` reads it. Its name has the process, how that
 * ended, and when: PID.START.exited.END.lmm.
 *
 * The newest LMM_COPIES_MAX are kept, for LMM_COPIES_SECONDS, with LMM_COPIES_BYTES_MAX in all; the oldest go first. A ledger of more than
 * LMM_COPY_BYTES_MAX is not copied.
 *
 * Locks: none; a file is replaced as a whole, so two servers may share the folder.
 */
#ifndef LMM_PROGRAM_LEDGER_COPIES_H
#define LMM_PROGRAM_LEDGER_COPIES_H

#include <stddef.h>

#include "reporter/program/ledger/liveness.h"
#include "reporter/program/serve/serve_route.h"

struct lmm_ledger_copies;
struct lmm_snapshot;

enum {
    LMM_COPIES_MAX = 200,
    LMM_COPIES_SECONDS = 7 * 24 * 3600,
    LMM_COPIES_BYTES_MAX = 256 << 20,
    LMM_COPY_BYTES_MAX = 64 << 20,
};

struct lmm_ledger_copy {
    struct lmm_process_id id;
    enum lmm_process_state state; /* LMM_PROCESS_LOST: it had not ended */
    uint64_t end_ns;              /* CLOCK_REALTIME; 0: unknown */
    uint64_t written_ns;          /* CLOCK_REALTIME */
    uint64_t bytes;               /* of disk */
    char *path;
};

/* Of the newest process first. */
struct lmm_copy_list {
    struct lmm_ledger_copy *copies;
    size_t count;
};

/* Opens the folder, which is made when it does not exist; NULL after a message on stderr. */
struct lmm_ledger_copies *lmm_ledger_copies_open(const char *folder);

/* copies may be NULL. */
void lmm_ledger_copies_close(struct lmm_ledger_copies *copies);

/* Writes a copy in the place of an earlier one of the process. When that fails, with a message on stderr, no copies are written for ten minutes. */
void lmm_ledger_copies_keep(struct lmm_ledger_copies *copies, const struct lmm_ledger_copy *what,
                            const struct lmm_snapshot *snapshot);

/* Lists the copies; free the list with lmm_copy_list_free(). */
struct lmm_copy_list lmm_ledger_copies_list(const struct lmm_ledger_copies *copies);
void lmm_copy_list_free(struct lmm_copy_list *list);

/* Returns the path of the copy of a process, to be freed; NULL: there is none. */
char *lmm_ledger_copies_find(const struct lmm_ledger_copies *copies,
                             const struct lmm_process_id *id);

/* Removes what is out of bounds. */
void lmm_ledger_copies_sweep(const struct lmm_ledger_copies *copies);

#endif
