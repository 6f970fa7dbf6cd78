/* SPDX-License-Identifier: MIT */
/*
 * snapshot: a copy of a ledger in private memory, of one moment, and its model.
 *
 * The file is mapped only while it is copied, word by word. All checks read the copy, so later
 * changes of the file (growth, damage, truncation) cannot reach a renderer. Only a ledger that is this program's own, of a
 * process that has ended, is not copied wholly (lmm_snapshot_read_own()).
 *
 * Invariants:
 *   I1  the copy keeps the invariants of copy.h, and the model says whether it is settled
 *   I2  the model and its strings refer only to the copy and the scratch memory
 *   I3  in the copy, header->move_sequence is even if and only if the model is settled
 *
 * Locks: none. A thread that copies must not block SIGBUS (copy.h). Not responsible for finding ledgers (discover.h).
 */
#ifndef LMM_PROGRAM_SNAPSHOT_H
#define LMM_PROGRAM_SNAPSHOT_H

#include <stddef.h>

#include "reporter/program/ledger/liveness.h"

struct lmm_ledger_header;
struct lmm_model;
struct lmm_reason; /* ledger_file.h */

struct lmm_snapshot {
    const struct lmm_ledger_header *header; /* checked; in the copy */
    struct lmm_model *model;
    void *copy; /* header->file_bytes bytes; its rows hold the counts that the model summed */
    size_t bytes;
    void *scratch; /* holds the model */
    enum lmm_process_state state;
};

/* Copies and checks the ledger in the file `path`. Returns a snapshot, to be freed with
 * lmm_snapshot_free(); or NULL after a message on stderr that says why the file cannot be used. */
struct lmm_snapshot *lmm_snapshot_read(const char *path);

/*
 * The same for a ledger that lies in this program's own folder, where nobody but its process writes it. When that has ended,
 * the copy shares the file's memory, except system pages that are written: to copy 12 MB takes a quarter of the time of
 * a report. The file may be removed meanwhile; what is written to it would be seen, and words of a file that is truncated are 0.
 */
struct lmm_snapshot *lmm_snapshot_read_own(const char *path);

/* As lmm_snapshot_read(), for the ledger that the user names by word (lmm_discover_path()). */
struct lmm_snapshot *lmm_snapshot_select(const char *word);

/* As lmm_snapshot_read(), but sets *ret_reason instead of writing a message. */
struct lmm_snapshot *lmm_snapshot_try(const char *path, struct lmm_reason *ret_reason);

/* As lmm_snapshot_try(), for the `size` bytes of a ledger file that no process writes; they are
 * copied. bytes need no alignment. The state is taken from the header only. */
struct lmm_snapshot *lmm_snapshot_of(const void *bytes, size_t size, struct lmm_reason *ret_reason);

/* Writes the copy to `path` as a ledger file that records when it was taken. The file is replaced
 * as a whole or left as it is. Returns an exit status, after a message on stderr if it is not
 * LMM_EXIT_DONE. */
int lmm_snapshot_write(const struct lmm_snapshot *snapshot, const char *path);

/* Writes a line on stderr if the ledger could not grow: for output that has no place for a note. */
void lmm_snapshot_tell_loss(const struct lmm_snapshot *snapshot);

/* The same if the program calls another malloc, whose blocks the ledger does not have. */
void lmm_snapshot_tell_other_malloc(const struct lmm_snapshot *snapshot);

/* Whether two snapshots are of one process. A path may get the ledger of another process, whose
 * figures must not be compared. */
bool lmm_snapshot_same_process(const struct lmm_snapshot *a, const struct lmm_snapshot *b);

/* snapshot may be NULL. */
void lmm_snapshot_free(struct lmm_snapshot *snapshot);

#endif
