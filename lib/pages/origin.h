/* SPDX-License-Identifier: MIT */
/*
 * origin: by which operator of C++ a block was made, with the size and the alignment that the program
 * asked for. The drop-in keeps it with match=1; blocks of malloc and its kin have no origin.
 *
 * Owns one table by address, which lies in LMM's records, so leak checks do not take its addresses
 * for pointers. An entry is of the block that had the tag, not of a later one at its address, as far
 * as eight bits of a hash of the tag tell. Locks: ORIGINS, inside; also META. Threads: a block's
 * entry is put before another thread knows the block, and taken before the block ends.
 */
#ifndef LMM_ORIGIN_H
#define LMM_ORIGIN_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

enum lmm_maker {
    LMM_MADE_BY_NEW,
    LMM_MADE_BY_NEW_ARRAY,
};

struct lmm_origin {
    enum lmm_maker maker;
    size_t align; /* a power of two; 0: an operator without alignment */
    size_t bytes; /* requested; below LMM_ORIGIN_BYTES_END */
};

#define LMM_ORIGIN_BYTES_END ((size_t) 1 << 47)

/* Keeps the origin of a live block with that tag, in the place of one that is kept for its address.
 * Without memory it is not kept. */
void lmm_origin_put(const void *block, uint32_t tag, const struct lmm_origin *origin);

/* True and *ret_origin, which is no longer kept, if the block with that tag has one. Takes no lock if
 * nothing is kept for its address. */
bool lmm_origin_take(const void *block, uint32_t tag, struct lmm_origin *ret_origin);

/* ORIGINS; exported for fork. */
extern struct lmm_lock lmm_origins_lock;

#endif
