/* SPDX-License-Identifier: MIT */
/*
 * chunk_watch: the chunks of some kinds in a ledger, as its process adds them, read by pread(2): so
 * the process is not disturbed, holes of the file stay holes, and a file that shrinks is no fault. A
 * chunk that was found is not looked at again; its records are the caller's to read. The ledger is
 * hostile: what is given here lies within the length that its header gave.
 */
#ifndef LMM_PROGRAM_CHUNK_WATCH_H
#define LMM_PROGRAM_CHUNK_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/ledger/ledger_file.h"

/* A chunk. */
struct lmm_watched_chunk {
    uint64_t at; /* these two: offsets of its header, and of its first record */
    uint64_t records;
    uint32_t kind;
    uint32_t record_bytes; /* capacity * record_bytes bytes are in the chunk */
    uint32_t first;
    uint32_t capacity;
    uint32_t seen; /* records that the caller has taken; 0 at first */
};

struct lmm_chunk_watch {
    struct lmm_ledger_file file;
    uint32_t kinds;                   /* a set: a bit 1 << enum lmm_ledger_kind for each */
    uint64_t next;                    /* the first chunk that was not looked at */
    struct lmm_watched_chunk *chunks; /* in the order of the ledger */
    size_t count;
};

/* Opens a ledger for chunks of a set of kinds; to be closed with lmm_chunk_watch_close(). False: it
 * cannot be used. */
bool lmm_chunk_watch_open(const char *path, uint32_t kinds, struct lmm_chunk_watch *ret_watch);

/* Adds the chunks that are new, up to byte `end` of the ledger, which its header gives now. Returns
 * whether all are sound. */
bool lmm_chunk_watch_look(struct lmm_chunk_watch *watch, uint64_t end);

/* Reads bytes of the file; false: they are not there. */
bool lmm_chunk_watch_read(const struct lmm_chunk_watch *watch, uint64_t at, void *bytes,
                          size_t count);

/* Sets *ret_used to the number of records in a chunk now; false: there are more than its capacity, or
 * they cannot be read. */
bool lmm_chunk_watch_used(const struct lmm_chunk_watch *watch,
                          const struct lmm_watched_chunk *chunk, uint32_t *ret_used);

/* Reads the string at a reference, cut to `size` - 1 bytes; false: there is none, it is empty, or it
 * does not end in its chunk. The kinds have STRINGS. */
bool lmm_chunk_watch_string(const struct lmm_chunk_watch *watch, uint32_t reference, char *text,
                            size_t size);

void lmm_chunk_watch_close(struct lmm_chunk_watch *watch);

#endif
