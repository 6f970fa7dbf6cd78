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

static inline bool lmm_tally_entry_is(const struct lmm_tally_entry *entry, uint32_t site,
                                      uint32_t leader, uint32_t kind)
{
    const struct lmm_ledger_leak *leak = &entry->leak;

    return leak->blocks != 0 && leak->site == site && leak->leader == leader && leak->kind == kind;
}

/* Whether a block of so many bytes would not become an example. */
static inline bool lmm_tally_has_better(const struct lmm_tally_entry *entry, size_t bytes)
{
    return entry->leak.examples == LMM_LEDGER_LEAK_EXAMPLES &&
           bytes <= entry->example_bytes[LMM_LEDGER_LEAK_EXAMPLES - 1];
}

/* As lmm_tally_add(), off its fast path. */
bool lmm_tally_enter(struct lmm_tally *tally, uint32_t site, uint32_t leader, uint32_t kind,
                     uintptr_t address, size_t bytes);

/* Adds a block of that many bytes. False with errno ENOMEM; then it is not counted. */
static inline bool lmm_tally_add(struct lmm_tally *tally, uint32_t site, uint32_t leader,
                                 uint32_t kind, uintptr_t address, size_t bytes)
{
    struct lmm_tally_entry *entry = tally->last;

    if (LMM_UNLIKELY(!lmm_tally_entry_is(entry, site, leader, kind) ||
                     !lmm_tally_has_better(entry, bytes))) {
        return lmm_tally_enter(tally, site, leader, kind, address, bytes);
    }
    entry->leak.blocks++;
    entry->leak.bytes += bytes;
    return true;
}

/* Adds `count` blocks of that many bytes each, if that is known to change no example. False: nothing was
 * added; the caller adds them one by one. */
static inline bool lmm_tally_add_many(struct lmm_tally *tally, uint32_t site, uint32_t leader,
                                      uint32_t kind, size_t bytes, size_t count)
{
    struct lmm_tally_entry *entry = tally->last;

    if (!lmm_tally_entry_is(entry, site, leader, kind) || !lmm_tally_has_better(entry, bytes)) {
        return false;
    }
    entry->leak.blocks += count;
    entry->leak.bytes += bytes * count;
    return true;
}

/*
 * Ends the tally and returns its sums, sorted by kind, then by bytes, the largest first, then by site
 * and leader; their number is in *ret_count. The caller unmaps *ret_mapped_bytes at the result.
 */
struct lmm_ledger_leak *lmm_tally_take(struct lmm_tally *tally, size_t *ret_count,
                                       size_t *ret_mapped_bytes);

#endif
