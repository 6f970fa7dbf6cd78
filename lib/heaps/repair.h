/* SPDX-License-Identifier: MIT */
/*
 * repair: puts heaps and books together again in the child of a threaded process that forked.
 *
 * Only the tags' states are believed: LIVE or not. The caller is the only thread there is.
 */
#ifndef LMM_REPAIR_H
#define LMM_REPAIR_H

#include "lib/heaps/heap.h"

/* Sets up the heap's lists and queues anew. */
void lmm_repair_heap(struct lmm_heap *heap);

/* Frees runs that vanished threads had cached, then makes every site's live count agree with the tags. */
void lmm_repair_books(void);

#endif
