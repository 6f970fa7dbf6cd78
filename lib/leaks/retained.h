/* SPDX-License-Identifier: MIT */
/*
 * retained: the bytes that only a site's blocks keep: which would be lost without them.
 *
 * A block dominates another when each chain of pointers from the roots to that one passes through it,
 * itself included; then the other one is lost when it is freed. All pointers to blocks count, also
 * to their insides. A site retains the blocks that one of its blocks dominates. So a block that
 * is held by two blocks of a site, and by neither alone, is not in its sum.
 *
 * Dominators are found by the Semi-NCA algorithm (Georgiadis, Tarjan, Werneck: "Finding Dominators in
 * Practice", 2006): a depth-first numbering of what the roots reach, semidominators by path
 * compression, and their nearest common ancestors. In practice linear in blocks and pointers.
 * It reads the blocks three times, in no order, and takes about 60 bytes for each block and 4 for each
 * pointer; it is done on request.
 *
 * Threads, memory and signals: as graph.h. Not responsible for: where roots are (roots).
 */
#ifndef LMM_RETAINED_H
#define LMM_RETAINED_H

#include "lib/leaks/mark.h"
#include "lib/leaks/site_groups.h"

struct lmm_retainer {
    struct lmm_scan scan;
    void *mapped;
    size_t mapped_bytes;
    size_t blocks;   /* that the roots reach */
    uint64_t *bytes; /* by site: what it retains, as reports count bytes */
    const struct lmm_site_groups *
        groups; /* the caller may set it after lmm_retainer_init(): only the first site of a group has bytes, for all; NULL: none */
};

enum { LMM_RETAINED_SITES = LMM_SITE_NONE }; /* of `bytes` */

/* Makes the graph of the blocks that live now. False with errno ENOMEM or EOVERFLOW; then nothing is left
 * to end. */
bool lmm_retainer_init(struct lmm_retainer *retainer);
void lmm_retainer_end(struct lmm_retainer *retainer);

/* As lmm_marker_root() and lmm_marker_root_word(); words are aligned. */
void lmm_retainer_root(struct lmm_retainer *retainer, const void *from, const void *to);
void lmm_retainer_root_word(struct lmm_retainer *retainer, uintptr_t word);

/* Fills `bytes` in; call it once, after all roots. False with errno ENOMEM. */
bool lmm_retainer_run(struct lmm_retainer *retainer);

#endif
