/* SPDX-License-Identifier: MIT */
/*
 * The ledger: the books of one process, laid out so that a reader in another process can use them.
 * This header is the only contract between the allocator (lib/) and the reporter (reporter/).
 *
 * A ledger is one header and a list of chunks. Each chunk is a chunk header followed at once by
 * `capacity` records of `record_bytes` each; the first `used` of them are valid. Everything is
 * fixed-width and little-endian. Chunks are only ever added, and records never move, but for the rows
 * of an owner: when it outgrows them they are copied to a larger chunk, under the fold sequence, and the
 * old chunk becomes LMM_LEDGER_UNUSED.
 *
 * Invariants (the reader checks them, the writer keeps them):
 *   I1  chunks of one kind (and, for rows, of one owner) have adjoining [first, first + capacity)
 *       ranges that start at 0, in the order of the list
 *   I2  a string reference is a byte offset into the STRINGS chunks taken as one space, and the string
 *       ends with a NUL inside the chunk in which it starts; offset 0 is the empty string
 *   I3  a site names a family below the number of families; a row's index is its site's id
 *   I4  a counter row has one writer; allocated and freed only ever go up, so live = allocated - freed
 *       is summed over all owners, with `freed` read before `allocated`
 */
#ifndef LMM_LEDGER_H
#define LMM_LEDGER_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define LMM_LEDGER_MAGIC "LMM-BOOK"

enum {
    LMM_LEDGER_VERSION = 1,
    LMM_LEDGER_PATH_MAX = 1024,
    LMM_LEDGER_MAX_SITES = 1 << 20,
    LMM_LEDGER_MAX_FAMILIES = 1 << 16,
};

struct lmm_ledger_header {
    char magic[8];               /* LMM_LEDGER_MAGIC, no NUL */
    uint32_t version;            /* LMM_LEDGER_VERSION */
    uint32_t header_bytes;       /* sizeof(struct lmm_ledger_header) */
    uint32_t pid;
    uint32_t system_page_bytes;
    uint64_t start_time_ns;      /* CLOCK_REALTIME when LMM started in this process */
    uint32_t fold_sequence;      /* atomic; odd while rows are being folded or moved */
    uint32_t sites_merged;       /* atomic; sites counted at their family's "(other)" for want of ids */
    uint64_t reservoir_bytes;    /* atomic; address space kept for reuse */
    uint64_t overhead_bytes;     /* atomic; memory of LMM's own records, tags included */
    char executable[LMM_LEDGER_PATH_MAX];   /* NUL-terminated, cut where too long */
};

enum lmm_ledger_kind {
    LMM_LEDGER_UNUSED = 0,       /* readers skip it */
    LMM_LEDGER_STRINGS = 1,      /* record: one byte */
    LMM_LEDGER_FAMILIES = 2,     /* record: struct lmm_ledger_family */
    LMM_LEDGER_SITES = 3,        /* record: struct lmm_ledger_site */
    LMM_LEDGER_ROWS = 4,         /* record: struct lmm_ledger_row */
};

struct lmm_ledger_chunk {
    uint32_t kind;               /* enum lmm_ledger_kind */
    uint32_t record_bytes;
    uint32_t first;              /* index of the first record */
    uint32_t capacity;           /* records there is room for */
    uint32_t used;               /* atomic; valid records (ROWS: always equal to capacity) */
    uint32_t owner;              /* ROWS: the heap's number, 0 for threads that have ended; else 0 */
    uint64_t reserved[5];
};

/* The gauges of a family are refreshed on slow paths and before each report. All are atomic. */
struct lmm_ledger_family {
    uint32_t name;               /* string reference */
    uint32_t align_bytes;
    uint64_t size_bytes;
    uint64_t stride_bytes;
    uint64_t pages;
    uint64_t mapped_bytes;
    uint64_t committed_bytes;
    uint64_t free_slots;
    uint64_t longest_free_slots;
    uint64_t peak_slots;
    uint64_t limit_bytes;        /* 0: none */
};

struct lmm_ledger_site {
    uint32_t family;
    uint32_t line;               /* 0: no place in the source */
    uint32_t file;               /* string reference */
    uint32_t function;           /* string reference */
};

/* One owner's counters for one site. "Extra" slots are those of a block beyond its first. */
struct lmm_ledger_row {
    uint64_t allocated_blocks;
    uint64_t freed_blocks;
    uint64_t allocated_extra_slots;
    uint64_t freed_extra_slots;
};

/* A ledger as a reader holds it: where the header and each chunk are in its memory. */
struct lmm_ledger_view {
    const struct lmm_ledger_header *header;
    const struct lmm_ledger_chunk *const *chunks;
    size_t chunk_count;
};

static_assert(sizeof(struct lmm_ledger_chunk) == 64, "records start on a cache line");
static_assert(sizeof(struct lmm_ledger_family) == 80, "fixed layout");
static_assert(sizeof(struct lmm_ledger_site) == 16, "fixed layout");
static_assert(sizeof(struct lmm_ledger_row) == 32, "two rows a cache line");

#endif
