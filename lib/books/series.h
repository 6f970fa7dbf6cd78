/* SPDX-License-Identifier: MIT */
/*
 * series: a table of the ledger that grows by chunks, each twice the one before.
 *
 * Owns the order of its chunks. Invariants (tests/unit/lib/test_series.c):
 *   I1  a record never moves and keeps its number
 *   I2  a record is zero until its writer fills it in, and counts as one when it is committed
 *   I3  in a file that could not grow (chunks.h) no further record is added
 * Locks: LEDGER for functions whose name ends in _locked. Others take none: they load the number of
 * records with acquire order, so a record that is found is complete. Not responsible for: what is
 * in a record.
 */
#ifndef LMM_SERIES_H
#define LMM_SERIES_H

#include "lib/books/chunks.h"

enum { LMM_SERIES_CHUNKS = 28 };

struct lmm_series {
    enum lmm_ledger_kind kind;
    uint32_t record_bytes;
    uint32_t used;   /* records in all; atomic, written under the lock */
    uint32_t chunks; /* atomic, written under the lock after the chunk stands */
    struct lmm_ledger_chunk *chunk[LMM_SERIES_CHUNKS];
};

/* Room for `count` adjoining records, at least 1, that are not yet used; NULL with errno ENOMEM. */
void *lmm_series_reserve_locked(struct lmm_series *series, uint32_t count);

/* Makes the records that were just reserved valid; returns the number of the first. */
uint32_t lmm_series_commit_locked(struct lmm_series *series, uint32_t count);

/* Adds a copy of a record. True and its number; or false with errno ENOMEM. */
bool lmm_series_add_locked(struct lmm_series *series, const void *record, uint32_t *ret_number);

/* Adds records of zeros until there are `count`. False with errno ENOMEM: some may be missing. */
bool lmm_series_reach_locked(struct lmm_series *series, uint32_t count);

/* Removes the last record, which becomes zero again. */
void lmm_series_drop_locked(struct lmm_series *series);

/* The record with that number, which is valid. */
void *lmm_series_record(const struct lmm_series *series, uint32_t number);

/* The same; *ret_count: how many records adjoin it from there on, itself included, valid or not. */
void *lmm_series_records(const struct lmm_series *series, uint32_t number, uint32_t *ret_count);

/* Number of records so far. */
static inline uint32_t lmm_series_count(const struct lmm_series *series)
{
    return lmm_load_acquire(&series->used);
}

#endif
