/* SPDX-License-Identifier: MIT */
/*
 * tree: the segments of MeMS, and one tree of all of them by virtual address.
 *
 * Addresses grow along the main chain and along each sub-chain, so the order of the tree is the
 * order in which first fit looks at segments. Each entry of the tree has the length of the longest
 * hole below it, so one search from the root finds the first hole that is long enough.
 *
 * It is a B+ tree: blocks of up to LMM_MEMS_FANOUT entries, whose addresses are adjacent. With
 * many segments the cost is cache misses, one after the other, and a search through blocks has
 * fewer than one through single records. Compared with an AVL tree, at a million segments, a
 * look-up took half the time, and a free or an allocation two thirds. Insertions at the end, as
 * for new nodes, leave blocks three quarters full.
 *
 * Invariants, checked by lmm_mems_tree_is_valid():
 *   I1  addresses ascend within each block and from block to block
 *   I2  an entry holds its child's first address and the length of the longest hole in it, or 0
 *   I3  all leaves are at one depth; every block except the root has at least LMM_MEMS_FANOUT / 4
 *       entries, rounded up; the root has at least two, or one if it is a leaf
 *   I4  count is the number of segments
 *
 * Locks: none; the caller serialises. Only lmm_mems_tree_reserve() can fail.
 */
#ifndef LMM_MEMS_TREE_H
#define LMM_MEMS_TREE_H

#include "lib/ground/base.h"
#include "lib/mems/records.h"

#include "glthread/glthread.h"

/* 15 addresses and a count are two cache lines. */
enum { LMM_MEMS_FANOUT = 15 };

struct lmm_mems_block;
struct lmm_mems_node;

/* The caller sets all fields; in the tree the address is fixed, and other changes need a refresh. */
struct lmm_mems_segment {
    uintptr_t address; /* the first virtual address */
    size_t bytes;
    bool is_process; /* else it is a hole */
    char *physical;  /* where address is mapped */
    struct lmm_mems_node *node;
    struct glthread sub; /* its place in the node's sub-chain */
};

struct lmm_mems_tree {
    struct lmm_mems_block *root; /* NULL: empty */
    unsigned levels;
    size_t count;
    struct lmm_mems_records blocks;
};

/* Begins empty; page_bytes as for lmm_mems_records_init(). */
void lmm_mems_tree_init(struct lmm_mems_tree *tree, size_t page_bytes);

/* Unmaps the tree's blocks; returns as lmm_mems_records_finish(). The segments are the caller's. */
size_t lmm_mems_tree_finish(struct lmm_mems_tree *tree);

/* Makes sure that the next `inserts` insertions have their memory; false when there is none. */
bool lmm_mems_tree_reserve(struct lmm_mems_tree *tree, unsigned inserts);

/* Returns the segment that covers address, or NULL. */
struct lmm_mems_segment *lmm_mems_tree_find(const struct lmm_mems_tree *tree, uintptr_t address);

/* Returns the first hole, in address order, of at least bytes, which is not 0; or NULL. */
struct lmm_mems_segment *lmm_mems_tree_first_fit(const struct lmm_mems_tree *tree, size_t bytes);

/* Inserts a segment, whose address no other has; its memory was reserved. */
void lmm_mems_tree_insert(struct lmm_mems_tree *tree, struct lmm_mems_segment *segment);

/* Removes a segment of the tree. */
void lmm_mems_tree_remove(struct lmm_mems_tree *tree, const struct lmm_mems_segment *segment);

/* Updates the tree after a change of the segment's is_process or bytes. */
void lmm_mems_tree_refresh(struct lmm_mems_tree *tree, const struct lmm_mems_segment *segment);

/* Checks the invariants. O(segments). */
bool lmm_mems_tree_is_valid(const struct lmm_mems_tree *tree);

#endif
