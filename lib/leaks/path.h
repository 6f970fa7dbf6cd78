/* SPDX-License-Identifier: MIT */
/*
 * path: a shortest chain of pointers from a root to a block, which shows why the block is reachable.
 *
 * Follows the pointers breadth first, and notes for each block the address of the word that reached
 * it first; the block or root that this word lies in comes before it in the chain. First only pointers
 * that hold blocks (mark.h) are followed; then, to blocks that are possibly lost, all. So a chain of
 * pointers that hold is found if there is one.
 *
 * Owns, beside a marker, 8 bytes for each slot and 16 for each live block. Costs about as much time as
 * the program would need to look at each block once, in that order; a check need not wait for it.
 *
 * Invariants (checked by lmm_path_is_valid()): I1 a block has been reached exactly when it is not
 * white, and then its word is noted. I2 the chain of each block ends at a root.
 * Threads, memory and signals: as graph.h. Not responsible for: where roots are (roots), names.
 */
#ifndef LMM_PATH_H
#define LMM_PATH_H

#include "lib/leaks/mark.h"

struct lmm_path {
    struct lmm_marker marker;
    uintptr_t *via;               /* by slot: the address of the word; 0: none, 1: of a register */
    struct lmm_scan_block *queue; /* blocks reached, in this order */
    size_t head;                  /* of the queue: blocks before it were read */
    size_t tail;
    struct lmm_scan_block *inside; /* blocks to which a word led that does not hold them; it is */
    size_t inside_count;           /* noted, until one is met that does */
    bool takes_all;                /* all pointers are followed */
    void *mapped;
    size_t mapped_bytes;
};

/* A pointer of a chain. */
struct lmm_path_step {
    bool is_root;     /* the word lies in a root, not in a block */
    uintptr_t from;   /* the block that the word lies in, or the word's address in a root; 0: in a
                          register */
    size_t offset;    /* of the word in that block; 0 in a root */
    uintptr_t to;     /* the block that it leads to */
    size_t to_offset; /* how far into it */
};

/* As lmm_marker_init(). */
bool lmm_path_init(struct lmm_path *path, const struct lmm_marker_settings *settings);
void lmm_path_end(struct lmm_path *path);

/* Takes each aligned word in [from, to) as a pointer of a root. address: that of the root's first byte;
 * other than `from` where that is a copy. Both are multiples of 8, or neither is. */
void lmm_path_root(struct lmm_path *path, const void *from, const void *to, uintptr_t address);

/* The same for a register. */
void lmm_path_root_word(struct lmm_path *path, uintptr_t word);

/* Follows the pointers; call it once, after all roots. */
void lmm_path_run(struct lmm_path *path);

/*
 * The chain to the block that holds address, from its root on, at most `room` steps: of a longer chain
 * the first half of them and the last one. Returns its length, 0 when nothing leads to the block, or it
 * is no live one.
 */
size_t lmm_path_find(const struct lmm_path *path, uintptr_t address,
                     struct lmm_path_step *ret_steps, size_t room);

/* The step that ends at a block; false when nothing leads to it. *ret_before: the block that the step
 * starts at, unless it starts at a root. */
bool lmm_path_step_to(const struct lmm_path *path, struct lmm_graph_block block,
                      struct lmm_path_step *ret_step, struct lmm_graph_block *ret_before);

/* Checks the invariants; O(length of all chains). */
bool lmm_path_is_valid(const struct lmm_path *path);

#endif
