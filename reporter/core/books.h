/* SPDX-License-Identifier: MIT */
/*
 * books: the checked structure of a ledger. It copies and checks header, chunks, their order and
 * sizes, and strings, so that the reader of a record needs to check only the record's own fields.
 *
 * Invariants of opened books (lmm_books_open() checks them, and fails where they do not hold):
 *   I1  each header field of a chunk was read once: the checked value is the one that is used, even
 *       if the ledger changes at the same time
 *   I2  spans are in the order of kind (strings, families, modules, frames, stacks, sites, rows,
 *       temporaries, peaks, leaks, marks, keepers, page uses), owner and `first`; the ranges of one kind other than rows
 *       adjoin and start at 0; in version 1 there is at most one span an owner of rows, temporaries and peaks;
 *       count <= capacity
 *   I3  records of a kind other than rows have the indexes from 0 to lmm_books_count() - 1, except
 *       strings, where the end of a chunk may be unused
 *   I4  the rows of a row page are within its record
 *
 * Locks: none are taken. Not responsible for chunk pointers: each must point at a chunk whose
 * `bytes` are readable.
 */
#ifndef LMM_REPORTER_BOOKS_H
#define LMM_REPORTER_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_span_kind; /* books.c */
struct lmm_ledger_chunk;
struct lmm_ledger_header;
struct lmm_ledger_view;

/* A chunk, its header copied and checked. */
struct lmm_span {
    const unsigned char *records;
    const uint32_t *used;
    size_t position; /* in the view's list */
    const struct lmm_span_kind *known;
    uint32_t kind;
    uint32_t record_bytes;
    uint32_t owner;
    uint32_t first; /* index of the first record; rows of version 2: 0 */
    uint32_t capacity;
    uint32_t count; /* valid records when the books were opened */
};

struct lmm_books {
    const struct lmm_ledger_header *header;
    uint32_t version;
    const struct lmm_span *spans;
    size_t span_count;
};

/* Rows of neighbouring sites. */
struct lmm_row_run {
    const unsigned char *rows;
    uint32_t row_bytes; /* those of struct lmm_ledger_row, or, version 1, lmm_ledger_row_v1 */
    uint32_t first_site;
    uint32_t count;
    size_t span; /* these two: where to go on */
    uint32_t record;
};

/* Checks the fields of a header, of which sizeof(struct lmm_ledger_header) bytes may be read.
 * Returns 0; -EINVAL: not a ledger; -ENOTSUP: a ledger of another version; -EBADMSG: damaged. */
int lmm_books_check_header(const struct lmm_ledger_header *header);

/* Returns whether chunk is an aligned address. */
bool lmm_books_is_chunk(const struct lmm_ledger_chunk *chunk);

/* Returns whether a chunk may have this length: a multiple of its header's, and not 0. */
bool lmm_books_are_chunk_bytes(uint64_t bytes);

/*
 * Opens the books of view, whose header has been checked. spans: room for view->chunk_count of
 * them. Fills *ret_books and returns true; returns false when the ledger is damaged.
 * Threads: any, while others add records.
 */
bool lmm_books_open(const struct lmm_ledger_view *view, struct lmm_span *spans,
                    struct lmm_books *ret_books);

/*
 * Sets *run to the next rows, and returns whether there are any; *run is zero at first. Row pages
 * that are added meanwhile to the chunks of the view are seen, too.
 */
bool lmm_books_next_rows(const struct lmm_books *books, struct lmm_row_run *run);

/* Returns the number of rows that fit a record of ROWS, of version 2; 0: it is none. */
uint32_t lmm_books_rows_in(uint32_t record_bytes);

/* Returns the number of valid records of a kind (enum lmm_ledger_kind). */
uint64_t lmm_books_count(const struct lmm_books *books, uint32_t kind);

/* Sets *ret_string to the string at the reference offset; returns false when there is no string. */
bool lmm_books_string(const struct lmm_books *books, uint32_t offset,
                      struct lmm_string *ret_string);

/* Loads of fields that another thread or process may write; the memory order is in the name. */
static inline uint32_t lmm_load_u32(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint64_t lmm_load_u64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint32_t lmm_load_u32_acquire(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint64_t lmm_load_u64_acquire(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

#endif
