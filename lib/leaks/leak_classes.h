/* SPDX-License-Identifier: MIT */
/*
 * leak_classes: which lost blocks hang on which, and the sums of all classes by site.
 *
 * A lost block that no other lost block leads to is a leader; of blocks that lead to each other and
 * that no other lost block leads to, one is. A leader is definitely lost, each block that it leads
 * to is lost indirectly. Here every pointer into a block's slots counts, but not one to the block
 * that it lies in.
 *
 * How leaders are found: in ascending order of address each block that no traversal has reached yet
 * starts one, and gets a number; what it reaches is its group. So a block's group has the lowest number
 * of those that lead to it. A pointer from a later group to the head of an earlier one shows that
 * the earlier head is no leader: its group joins the later one. A pointer to another block of the
 * earlier group leaves a question: that block may lead to its head, or may not. Where no such pointer
 * was met, all heads left are leaders: a head h that some later block leads to has a path into
 * its group, and the last pointer of that path which enters the group meets either h or another block.
 * Where one was met, the heads left are tried again in descending order, with new groups: one that an
 * earlier of these traversals has reached is no leader. For a leader's set of blocks that lead to each
 * other, its head is the one met first in ascending order; no head after it leads there; and every
 * other head is reached from a head after it, or from the leader. So there is exactly one leader for
 * each set of blocks that nothing else leads to. The second pass reads lost blocks a second time;
 * lists, trees and unlinked blocks need only the first.
 *
 * Threads, memory and signals: as graph.h.
 * Not responsible for: marking (mark), how a check is shown.
 */
#ifndef LMM_LEAK_CLASSES_H
#define LMM_LEAK_CLASSES_H

#include "lib/leaks/mark.h"
#include "lib/leaks/since.h"

#include <lmm/ledger.h>

struct lmm_classes {
    /* Sorted by kind, then by bytes, the largest first; then by site and leader. */
    struct lmm_ledger_leak *leaks;
    size_t count;
    size_t mapped_bytes;
};

/*
 * Finds the leaders, and sums all live blocks up by site and class, after lmm_marker_run(), once;
 * of all blocks only those that the filter names. filter: may be NULL. The
 * examples of a sum are its largest blocks, of equal ones those of lowest address. False with errno
 * ENOMEM; then nothing is left to end.
 */
bool lmm_classes_tally(struct lmm_marker *marker, const struct lmm_since_filter *filter,
                       struct lmm_classes *ret_classes);

/* Gives the memory back. */
void lmm_classes_end(struct lmm_classes *classes);

#endif
