/* SPDX-License-Identifier: MIT */
/*
 * repair: makes heaps and books consistent again in the forked child of a process with threads.
 *
 * The other threads were stopped anywhere in their fast paths, so only one thing is relied on:
 * whether a tag is LIVE. The caller is the only thread of the process and holds no lock.
 */
#ifndef LMM_REPAIR_H
#define LMM_REPAIR_H

#include "lib/heaps/heap.h"

/* Builds the lists and queues of all pages of a heap anew from the states of the tags. */
void lmm_repair_heap(struct lmm_heap *heap);

/* Frees the runs that other threads had cached, then makes the live count of every site agree with
 * the tags. */
void lmm_repair_books(void);

#endif
