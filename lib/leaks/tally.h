/* SPDX-License-Identifier: MIT */
/*
 * tally: sums of blocks by (site, leader's site, kind).
 *
 * Owns a hash table with open addressing, in a mapping that grows, which becomes a sorted array.
 * Invariants, while blocks are added: I1 at most half of the entries are in use. I2 an entry is in
 * use when its `blocks` is not 0; its key is unique. I3 the examples are the longest blocks, of equal
 * ones those that were added first, in this order.
 * Threads, memory and signals: as graph.h. Not responsible for: which blocks there are.
 */
#ifndef LMM_TALLY_H
#define LMM_TALLY_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

struct lmm_tally_entry {
    struct lmm_ledger_leak leak;
    uint64_t example_bytes[LMM_LEDGER_LEAK_EXAMPLES];
};

struct lmm_tally {
    struct lmm_tally_entry *entries;
    size_t capacity; /* a power of two */
    size_t used;
    struct lmm_tally_entry *last; /* of the last block */
};

/* False with errno ENOMEM. */
bool lmm_tally_init(struct lmm_tally *tally);
void lmm_tally_end(struct lmm_tally *tally);

/* Adds a block of that many bytes. False with errno ENOMEM; then it is not counted. */
bool lmm_tally_add(struct lmm_tally *tally, uint32_t site, uint32_t leader, uint32_t kind,
                   uintptr_t address, size_t bytes);

/*
 * Ends the tally and returns its sums, sorted by kind, then by bytes, the largest first, then by site
 * and leader; their number is in *ret_count. The caller unmaps *ret_mapped_bytes at the result.
 */
struct lmm_ledger_leak *lmm_tally_take(struct lmm_tally *tally, size_t *ret_count,
                                       size_t *ret_mapped_bytes);

#endif
