/* SPDX-License-Identifier: MIT */
/*
 * meta: memory for LMM's own records, apart from the program's blocks.
 *
 * An arena cuts records from chunks that it maps and keeps for ever, and reuses freed records of
 * the same size class (one for each number of cache lines, four a doubling for the largest).
 * Records larger than LARGE_BYTES have a mapping of their own. There are two arenas: one for tag
 * tables, packed densely so that neighbouring pages' tags share cache lines and TLB entries, and
 * one for everything else.
 *
 * Invariants:
 *   I1  a record starts on a cache line
 *   I2  a record just mapped is zeroed; a reused one holds what it held when freed, except its
 *       first word, which is zero. (Tag tables rely on it: what was a free tag stays a free tag.)
 * Locks: META, inside. Not responsible for: alignment beyond a cache line.
 */
#ifndef LMM_META_H
#define LMM_META_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

struct lmm_arena;

extern struct lmm_arena lmm_arena_records;
extern struct lmm_arena lmm_arena_tags;

/* META, one lock an arena; exported for fork. */
enum { LMM_ARENAS = 2 };
extern struct lmm_lock lmm_arena_locks[LMM_ARENAS];

/* Returns bytes of memory as I2 says, or NULL with errno ENOMEM. */
void *lmm_meta_alloc(struct lmm_arena *arena, size_t bytes);

/* As lmm_meta_alloc() from the records arena, zeroed. */
void *lmm_meta_zalloc(size_t bytes);

/* Returns a record to the arena it came from; bytes as asked for. */
void lmm_meta_free(struct lmm_arena *arena, void *memory, size_t bytes);

/* Address space that both arenas have mapped, in bytes. */
size_t lmm_meta_mapped_bytes(void);

#endif
