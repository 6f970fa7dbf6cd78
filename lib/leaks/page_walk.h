/* SPDX-License-Identifier: MIT */
/*
 * page_walk: one walk over all pages, from their locks to the result in the books.
 *
 * The walk goes over the pages where they are, each under its own lock, and not in a copy of the process as a
 * leak check does: nothing is followed from block to block, so the figures of one page do not depend on those
 * of another. No thread is stopped; a thread that needs its slow path waits for one page at most; and there is
 * a result also where no copy can be made. Each page is counted right at its moment; what is allocated and freed
 * while other pages are counted may be missing.
 *
 * Owns nothing. One thread walks at a time, and none while another one checks for leaks (turn).
 * Not responsible for: what is counted (pages/page_use).
 */
#ifndef LMM_PAGE_WALK_H
#define LMM_PAGE_WALK_H

#include "lib/ground/base.h"

/*
 * Walks, and writes the result to the books. flags: LMM_LEDGER_PAGES_.... Returns 0; or -errno, and then the books
 * say so, except for:
 *   -EDEADLK  the caller interrupts LMM, or a check of its own (a handler of a signal)
 *   -ENOMEM   LMM could not start, or has no memory for the result
 * The caller holds no lock of LMM.
 */
int lmm_page_walk_run(uint32_t flags);

#endif
