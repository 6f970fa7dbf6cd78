/* SPDX-License-Identifier: MIT */
/*
 * meta: memory for LMM's own records; the program's blocks are elsewhere.
 *
 * An arena cuts records from chunks that it maps and never unmaps, and reuses freed records of the
 * same size class (one for each number of cache lines, four a doubling for the largest). Records
 * larger than LARGE_BYTES have a mapping of their own. There are three arenas: one for tag tables,
 * packed densely so that neighbouring pages' tags share cache lines and TLB entries; one for tables
 * that a child process must find empty, whatever made it; and one for everything else.
 *
 * Invariants (I1 is checked at each free, both by tests/unit/lib/test_meta.c):
 *   I1  a record starts on a cache line
 *   I2  a record that was never used is zeroed; a reused one has its contents from when it was
 *       freed, except its first word, which is zero. (Tag tables rely on it: a free tag stays a
 *       free tag.)
 * Locks: META, inside; any thread may call any function. Not responsible for: alignment beyond a
 * cache line.
 */
#ifndef LMM_META_H
#define LMM_META_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

struct lmm_arena;

extern struct lmm_arena lmm_arena_records;
extern struct lmm_arena lmm_arena_tags;
/* In a child process its records are zeroed (lmm_vm_wipe_in_children()). */
extern struct lmm_arena lmm_arena_wiped;

/* META, one lock an arena; exported for fork. */
enum { LMM_ARENAS = 3 };
extern struct lmm_lock lmm_arena_locks[LMM_ARENAS];

/* Returns bytes of memory as I2 says, or NULL with errno ENOMEM. */
void *lmm_meta_alloc(struct lmm_arena *arena, size_t bytes);

/* As lmm_meta_alloc() from the records arena, zeroed. */
void *lmm_meta_zalloc(size_t bytes);

/* The same for a record of which every page will be written: of 2 MiB and more it asks for large pages. */
void *lmm_meta_zalloc_written(size_t bytes);

/* Returns a record to its arena; bytes as in lmm_meta_alloc(). */
void lmm_meta_free(struct lmm_arena *arena, void *memory, size_t bytes);

/*
 * Maps and unmaps memory of LMM's own that belongs to no arena; lmm_meta_for_each_mapping() knows it.
 * Zeroed; NULL with errno ENOMEM. No lock; async-signal-safe.
 */
void *lmm_meta_map(size_t bytes);
void *lmm_meta_map_shared(size_t bytes); /* lmm_vm_map_shared() */
void lmm_meta_unmap(void *memory, size_t bytes);

/* Calls visit for each mapping of the arenas, and of lmm_meta_map(); beyond some thousands of them the
 * latest are left out. Also for the variables that have their addresses. */
void lmm_meta_for_each_mapping(void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg);

/* Address space that the arenas have mapped, in bytes. */
size_t lmm_meta_mapped_bytes(void);

#endif
