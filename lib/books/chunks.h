/* SPDX-License-Identifier: MIT */
/*
 * chunks: the memory of the ledger: its header and the chain of its chunks.
 *
 * Owns all of them. They stand in shared mappings of the ledger's file (store); or in anonymous memory,
 * before there is a file and where none is to be had. A chunk never moves and is never unmapped.
 *
 * Invariants:
 *   I1  a chunk becomes part of the file by the store of the header's file_bytes, after its own header
 *       stands; what it holds becomes valid by the store of its kind, and then of its `used`
 *   I2  a forked child writes to nothing of its parent's: its chunks become anonymous memory before it
 *       counts, at the same addresses and as they were at the fork, and go into a file of its own when
 *       it first allocates or frees (lmm_chunks_publish())
 *   I3  where something is shared, `mirror` has room for a copy of everything, so that a fork needs no
 *       memory that it might not get
 *   I4  a file that could not grow is lost: the process goes on in copies, and the file tells of that
 *       moment. Where it cannot be opened again either, it takes no record more, which might refer to
 *       what is not in it, and keeps what it has: rows that moved elsewhere too, up to when they did
 * Locks: LEDGER, which is here for who fills the chunks: all functions but lmm_chunks_are_pending() are
 * called under it, or before there are threads. Not responsible for what is in a chunk (ledger, rows).
 */
#ifndef LMM_CHUNKS_H
#define LMM_CHUNKS_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include <lmm/ledger.h>

enum { LMM_CHUNK_BYTES_MIN = 4096 };

/* LEDGER. */
extern struct lmm_lock lmm_chunks_lock;

/* Maps and fills the header. False with errno ENOMEM. */
bool lmm_chunks_start(void);

/* The header; NULL before the start. */
struct lmm_ledger_header *lmm_chunks_header(void);

/* All chunks, in the order of the chain. */
struct lmm_ledger_view lmm_chunks_view(void);

static inline void *lmm_chunk_records(struct lmm_ledger_chunk *chunk)
{
    return chunk + 1;
}

/*
 * Adds an empty chunk of `bytes`, a multiple of system pages, as many records from number `first` on as
 * fit in it. Its kind is UNUSED; the caller sets that last of all. NULL with errno ENOMEM.
 */
struct lmm_ledger_chunk *lmm_chunk_add(uint32_t record_bytes, uint32_t first, size_t bytes);

/* An UNUSED chunk of just that size, empty, with its old capacity; NULL when there is none. */
struct lmm_ledger_chunk *lmm_chunk_reuse(uint32_t record_bytes, size_t bytes);

/* Whether the chunk is in a file that could not grow (I4). */
bool lmm_chunk_is_lost(const struct lmm_ledger_chunk *chunk);

/* Ends the use of a chunk whose records are elsewhere now: it becomes UNUSED; or, in a lost file, leaves
 * the chain and stays for readers as it is. */
void lmm_chunk_retire(struct lmm_ledger_chunk *chunk);

/* Creates the file and puts it under all there is, which nobody else changes meanwhile. Where no file is
 * to be had, one line says why, and all stays as it is. */
void lmm_chunks_publish(void);

/* Whether this process is a forked child that has not published; any thread. */
bool lmm_chunks_are_pending(void);

/* The process exits: removes the file, or keeps it for readers and says in it that this is the end. */
void lmm_chunks_end(bool keep);

/* Around fork; the child calls the last before the one in the middle. */
void lmm_chunks_before_fork(void);
void lmm_chunks_after_fork(void);
void lmm_chunks_after_fork_in_child(void);

#endif
