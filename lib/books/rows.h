/* SPDX-License-Identifier: MIT */
/*
 * rows: the counters of the ledger by owner and site, and the live blocks at the peak.
 *
 * Owns columns: the records by site of one owner, in one chunk, which moves to a larger chunk when
 * it is full. An owner is a heap, by its number, or 0 for the shared rows, which count for heaps
 * without a row for the site. The allocator decides nothing by a count.
 *
 * Invariants. lmm_rows_are_valid_locked() checks the numbers of chunks of I2 and I3 when a peak is
 * recorded, and for the owner that moves after each move, in builds with internal checks. The rest
 * is held by tests: I1 by the TSan build of tests/stress, the counts of I2 by
 * tests/property/random_model.c, the order of I2 and I3 by tests/ledger (kill -9):
 *   I1  only the thread that owns heap n writes the column of owner n > 0; only this file writes
 *       the shared rows, under LEDGER. A heap keeps its columns when its thread ends, and the next
 *       thread that adopts it goes on in them
 *   I2  a counter only goes up. While an owner has two chunks, the larger is valid. A column moves
 *       between two steps of the header's move_sequence, and a reader that sees the sequence change
 *       starts again
 *   I3  the peak that the header points at is complete: the next one is written to the other of two
 *       chunks
 * Locks: functions take LEDGER (chunks.h), unless the name ends in _locked, or the comment says
 * that they need none. Not responsible for:
 * which sites exist (accounts), when a peak is recorded.
 */
#ifndef LMM_LIB_ROWS_H
#define LMM_LIB_ROWS_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include <lmm/ledger.h>

/* The rows of one owner as its thread holds them. */
struct lmm_rows {
    struct lmm_ledger_row *row; /* NULL: none yet */
    uint32_t capacity;
};

/* One owner's counts of temporary blocks, by site, the same way. */
struct lmm_temporaries {
    uint64_t *count; /* NULL: none yet */
    uint32_t capacity;
};

/*
 * Gives owner rows for at least `sites` sites: copies *rows to a larger chunk where it is too
 * short. The caller is the rows' writer. False with errno ENOMEM, and *rows is as it was.
 */
bool lmm_rows_grow(uint32_t owner, uint32_t sites, struct lmm_rows *rows);

/* Gives up an owner's rows, if it has any, none of which has counted. The caller is their writer. */
void lmm_rows_drop(struct lmm_rows *rows);

/* The same as lmm_rows_grow() for the owner's temporaries. */
bool lmm_temporaries_grow(uint32_t owner, uint32_t sites, struct lmm_temporaries *temporaries);

/* Makes the shared rows reach at least `sites` sites. False with errno ENOMEM. */
bool lmm_rows_reach_locked(uint32_t sites);

/* Adds delta to a row whose one writer the caller is. No lock; relaxed. */
static inline void lmm_row_add(struct lmm_ledger_row *row, const struct lmm_ledger_row *delta)
{
    lmm_add_single_writer(&row->allocated_blocks, delta->allocated_blocks);
    lmm_add_single_writer(&row->freed_blocks, delta->freed_blocks);
    lmm_add_single_writer(&row->allocated_extra, delta->allocated_extra);
    lmm_add_single_writer(&row->freed_extra, delta->freed_extra);
}

/* Adds delta to the shared row of a site, which they reach. Never fails. */
void lmm_rows_count_shared(uint32_t site, const struct lmm_ledger_row *delta);

/* Add one half of a row to *sum. Counters grow while they are read: read frees first for a sum
 * of live blocks that is never too low, allocations first for one that is never too high. Any thread, no lock; relaxed, so a fence is between the two. */
typedef void lmm_row_adder(const struct lmm_ledger_row *row, struct lmm_ledger_row *sum);
lmm_row_adder lmm_row_add_freed;
lmm_row_adder lmm_row_add_allocated;

/* The next owner's rows, and in *ret_capacity how many; NULL at the end. *position starts at 0. */
const struct lmm_ledger_row *lmm_rows_next_locked(size_t *position, uint32_t *ret_capacity);

/* The sum of all owners' counters for one site; freed is read before allocated. */
struct lmm_ledger_row lmm_rows_sum_locked(uint32_t site);

/* Records the live blocks of the first `sites` sites as the peak, of `bytes` in total. Without
 * memory the earlier peak stays. */
void lmm_rows_take_peak_locked(uint32_t sites, uint64_t bytes);

/* Checks what the head says, if the chunks are the process's own. O(chunks x chunks). */
bool lmm_rows_are_valid_locked(void);

#endif
