/* SPDX-License-Identifier: MIT */
/*
 * chunks: the memory of the ledger: its header and the chain of its chunks.
 *
 * Owns all of them. They lie in one range of addresses, the region, which is reserved at the start
 * and as long as the file can become, so that a chunk's address is that of the header plus its
 * offset in the file. The region is a shared mapping of the file (store), or private memory while
 * there is no file. A process that keeps no file, and one whose region is full, has its further
 * chunks outside. A chunk never moves and is never unmapped.
 *
 * Invariants. lmm_chunks_are_valid_locked() checks, in builds with internal checks after each change
 * of the chain or the file, what of them can be seen at one moment; their order in time is held by
 * tests/unit/lib/test_chunks.c (I1, I2, I4) and tests/ledger (I1, by kill -9):
 *   I1  a chunk becomes part of the file by the store of the header's file_bytes, after the chunk's
 *       own header is written; its records become valid by the store of its kind, and then of its
 *       `used`. So file_bytes is the header and all chunks, and no chunk has more records than fit
 *   I2  a forked child never writes to its parent's file: before it counts, the region becomes
 *       private memory with the contents at the fork; they go into a file of its own when it first
 *       allocates or frees (lmm_chunks_publish())
 *   I3  while the region is shared, `mirror` has room for a copy of its part in use, so that fork
 *       needs no new memory: the copy becomes the child's region
 *   I4  a file that could not grow is lost: the process goes on in private copies, and the file
 *       keeps the state of that moment. If the file is out of reach, too, it gets no new
 *       records, which might refer to records outside it; rows that later move elsewhere stay in it
 *       as they were
 * Locks: LEDGER. Callers hold it for all functions except lmm_chunks_header() and
 * lmm_chunks_are_pending(), or no other thread has started yet. Not responsible for: the records in
 * a chunk (accounts, rows).
 */
#ifndef LMM_CHUNKS_H
#define LMM_CHUNKS_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include <lmm/ledger.h>

enum { LMM_CHUNK_BYTES_MIN = 4096 };

/* LEDGER. */
extern struct lmm_lock lmm_chunks_lock;

/* Reserves the region, and fills the header. False with errno ENOMEM. */
bool lmm_chunks_start(void);

/* The header; NULL before the start. Any thread, without the lock; acquire. */
struct lmm_ledger_header *lmm_chunks_header(void);

/* The ledger as a reader sees it, chunks in the order of the chain; valid while LEDGER is held. */
struct lmm_ledger_view lmm_chunks_view(void);

static inline void *lmm_chunk_records(struct lmm_ledger_chunk *chunk)
{
    return chunk + 1;
}

/*
 * Adds an empty chunk of `bytes`, a multiple of system pages, for as many records as fit; their
 * numbers start at `first`. Its kind is UNUSED; the caller stores the kind last, with release. NULL
 * with errno ENOMEM.
 */
struct lmm_ledger_chunk *lmm_chunk_add(uint32_t record_bytes, uint32_t first, size_t bytes);

/* Whether the chunk is in a file that could not grow (I4). */
bool lmm_chunk_is_lost(const struct lmm_ledger_chunk *chunk);

/* Creates the file and maps it over the region, of which no other thread changes the chunks
 * meanwhile. Without a file, prints one line with the reason and changes nothing. */
void lmm_chunks_publish(void);

/* Whether this process is a forked child that has not published. Any thread, no lock; acquire. */
bool lmm_chunks_are_pending(void);

/* The process exits: removes the file, or keeps it for readers with the state EXITED. */
void lmm_chunks_end(bool keep);

/* Around fork, with all locks of LMM held (heaps/fork). The child calls
 * lmm_chunks_after_fork_in_child() first, then lmm_chunks_after_fork(). */
void lmm_chunks_before_fork(void);
void lmm_chunks_after_fork(void);
void lmm_chunks_after_fork_in_child(void);

/* False in a forked child without memory for copies, which goes on in its parent's chunks. Both then
 * write without a common lock, so internal checks of what is in the chunks are left out. */
bool lmm_chunks_are_own(void);

/* Calls visit for each range of addresses that chunks, or copies of them, lie in. */
void lmm_chunks_for_each_range(void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg);

/* Checks the invariants, if the chunks are the process's own. O(chunks). */
bool lmm_chunks_are_valid_locked(void);

#endif
