/* SPDX-License-Identifier: MIT */
/*
 * records: memory for the records of MeMS, which must be able to unmap all of it.
 *
 * (The arenas of meta never unmap their chunks.) All records have one size, whole cache lines. They
 * are cut from chunks, whose size grows with the bytes mapped so far.
 *
 * Invariants (I1 and I2 are checked as chunks are mapped and records given;
 * tests/unit/mems/test_tree.c):
 *   I1  a chunk is a multiple of page_bytes long, as everything that MeMS maps
 *   I2  a record is inside a chunk, on a cache line, and in use, or on the free list, or fresh: in
 *       [fresh, fresh_end), never used
 *   I3  available is the number of free and fresh ones
 * Locks: none; the caller serialises.
 */
#ifndef LMM_MEMS_RECORDS_H
#define LMM_MEMS_RECORDS_H

#include "lib/ground/base.h"
#include "glthread/glthread.h"

struct lmm_mems_records {
    size_t page_bytes;
    size_t record_bytes;
    size_t mapped_bytes;
    size_t available;
    void *free; /* each holds the address of the next */
    char *fresh;
    char *fresh_end;
    struct glthread chunks;
};

/* Begins with no chunk; page_bytes is a multiple of the system's page size, record_bytes one of
 * a cache line, less than a system page. */
void lmm_mems_records_init(struct lmm_mems_records *records, size_t page_bytes,
                           size_t record_bytes);

/* Makes count records available; false when there is no memory for them. */
bool lmm_mems_records_reserve(struct lmm_mems_records *records, size_t count);

/* Takes an available record; its contents are undefined. */
void *lmm_mems_records_take(struct lmm_mems_records *records);

/* Gives a record back, which makes it available. */
void lmm_mems_records_give(struct lmm_mems_records *records, void *record);

/* Unmaps all chunks. Returns the bytes that the kernel refused to unmap; they are lost. */
size_t lmm_mems_records_finish(struct lmm_mems_records *records);

#endif
