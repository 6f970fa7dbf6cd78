/* SPDX-License-Identifier: MIT */
/*
 * confirm: what a first pass found lost, so that of a second one only the same blocks count as lost.
 *
 * A thread may hold a block where no check sees it, for a moment: in a pipe, a queue of the kernel, or a
 * pointer that it has masked. So a block is confirmed when both passes found it lost, and it is the same
 * block, unchanged: nobody can write to what is lost. For this the first pass leaves a print of each lost
 * block: a hash of its site, its length, and the start of its contents. A block that is not confirmed, and
 * what it leads to, is possibly lost. Limits: a block that was freed meanwhile, and whose place was taken by
 * one of the same site with the same contents, counts as the same; of a block that is free of pointers the
 * contents are not looked at.
 *
 * Owns memory that a copy of the process shares with it: a list of pages, and 2 bytes for each slot, which
 * cost memory only in system pages where a print is. Mapped before the threads stand still.
 * Invariants: I1 the pages are in the order of the graph (old_pages). I2 a print of 0 is none.
 * Threads: those of check. Not responsible for: what is lost (mark), how long between the passes (check).
 */
#ifndef LMM_CONFIRM_H
#define LMM_CONFIRM_H

#include "lib/leaks/mark.h"
#include "lib/leaks/old_pages.h"

struct lmm_confirm_first {
    size_t count; /* of pages; 0: the first pass found nothing lost, or was not made */
    struct lmm_old_page pages[];
};

struct lmm_confirm {
    struct lmm_confirm_first *first; /* NULL: none */
    uint16_t *prints;                /* by slot */
    size_t page_room;
    size_t slot_room;
    size_t bytes;
};

/* Maps room for the pages that there are now. They are at rest (graph.h). False with errno ENOMEM. */
bool lmm_confirm_map(struct lmm_confirm *confirm);

/* Gives the memory back; nothing when there is none. */
void lmm_confirm_unmap(struct lmm_confirm *confirm);

/* In the first pass, after lmm_marker_run(): keeps what is lost. Pages without room are left out. */
void lmm_confirm_keep(struct lmm_confirm *confirm, const struct lmm_marker *marker);

/* In the second one: makes possibly lost what the first one has not found lost. */
void lmm_confirm_apply(const struct lmm_confirm *confirm, struct lmm_marker *marker);

#endif
