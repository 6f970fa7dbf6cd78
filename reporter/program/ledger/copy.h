/* SPDX-License-Identifier: MIT */
/*
 * copy: copies a ledger into private memory while its process may be writing it.
 *
 * Invariants of a copy that did not fail:
 *   I1  each chunk of the chain lies inside the copy, and the copy's headers say the same as the
 *       chain
 *   I2  the frees of all rows were read before the allocations, and no rows moved or were added in
 *       between; otherwise the sequence is odd
 *
 * Locks: none. A thread that copies must not block SIGBUS (lost_pages.h). Not responsible for the contents of records
 * (books.h, build.h).
 */
#ifndef LMM_PROGRAM_COPY_H
#define LMM_PROGRAM_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_reason; /* ledger_file.h */

/* The offset of a chunk, and the values of its header. */
struct lmm_copy_link {
    size_t offset;
    uint64_t bytes;
    uint32_t kind;
    uint32_t record_bytes;
    uint32_t used;
};

/* All zero at first; the caller frees links. */
struct lmm_copy_chain {
    struct lmm_copy_link *links;
    size_t count;
};

/* The ledger that is read, aligned to 8 bytes. */
struct lmm_copy_source {
    const unsigned char *bytes;
    size_t size; /* a multiple of the size of a chunk's header */
    bool still;  /* no process writes it */
    /* Still, and the file stays as it is while the copy is used, which may share its memory. */
    bool is_kept;
    int descriptor; /* of its file, to skip the file's holes; -1: none */
};

enum lmm_copy_outcome {
    LMM_COPY_DONE,      /* settled (even sequence), or still and marked as not settled (odd) */
    LMM_COPY_UNSETTLED, /* the process moved rows meanwhile; the caller may try again */
    LMM_COPY_FAILED,    /* the reason is set */
};

/* Copies source to `copy`, which has source->size bytes of zero aligned to 8, and sets *chain to its
 * chunks. Holes of the file are neither read nor written. A source that is truncated under its mapping is a failure. */
enum lmm_copy_outcome lmm_copy_ledger(const struct lmm_copy_source *source,
                                      struct lmm_copy_chain *chain, unsigned char *copy,
                                      struct lmm_reason *ret_reason);

#endif
