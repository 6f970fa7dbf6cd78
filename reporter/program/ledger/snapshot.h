/* SPDX-License-Identifier: MIT */
/*
 * snapshot: a ledger as it was at one moment, in private memory, and the model of it.
 *
 * The ledger's file is mapped only while it is copied, word by word, and everything is checked in the
 * copy, so nothing that happens to the file later (growth, damage, truncation) reaches a renderer.
 *
 * Invariants:
 *   I1  the frees of all rows were read before the allocations, and no rows moved or came in between,
 *       or the model says that it is not settled
 *   I2  the model, its strings included, refers to the copy and the scratch memory alone
 *   I3  in the copy, header->move_sequence is even if and only if the model is settled
 *
 * Locks: none; while it copies a file, the process's handler for SIGBUS is this file's. Not responsible
 * for finding ledgers (place.h).
 */
#ifndef LMM_PROGRAM_SNAPSHOT_H
#define LMM_PROGRAM_SNAPSHOT_H

#include <stddef.h>

#include "reporter/program/ledger/place.h"

struct lmm_ledger_header;
struct lmm_model;
struct lmm_reason; /* ledger_file.h */

struct lmm_snapshot {
    const struct lmm_ledger_header *header; /* checked; in the copy */
    struct lmm_model *model;
    void
        *copy; /* the ledger's bytes, header->file_bytes of them; rows hold what the model summed */
    size_t bytes;
    void *scratch; /* where the model lies */
    enum lmm_process_state state;
};

/*
 * Copies and checks the ledger in the file `path`. Returns a snapshot, to be freed with
 * lmm_snapshot_free(); or NULL, after one line on stderr that says what is wrong with the file.
 */
struct lmm_snapshot *lmm_snapshot_read(const char *path);

/* The same for the ledger that a user means by word (lmm_place_select()). */
struct lmm_snapshot *lmm_snapshot_select(const char *word);

/* The same for a file, but the reason goes to *ret_reason and nothing to stderr. */
struct lmm_snapshot *lmm_snapshot_try(const char *path, struct lmm_reason *ret_reason);

/* As before, for the `size` bytes of a ledger file that nobody writes; they are copied. bytes need no
 * alignment. The state is taken from the header alone. */
struct lmm_snapshot *lmm_snapshot_of(const void *bytes, size_t size, struct lmm_reason *ret_reason);

/* Writes the copy as a ledger file of its own, with the moment it was taken, to `path`, which is
 * replaced whole or not at all. Returns an exit status, after one line on stderr when it failed. */
int lmm_snapshot_write(const struct lmm_snapshot *snapshot, const char *path);

/* snapshot may be NULL. */
void lmm_snapshot_free(struct lmm_snapshot *snapshot);

#endif
