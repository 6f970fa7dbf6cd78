/* SPDX-License-Identifier: MIT */
/*
 * page_cells: how full each page of some families is, as a picture that has so many cells at most.
 *
 * A cell is a page; when there are more pages than cells, neighbouring pages of one family are folded into one
 * cell: 2, 4, 8 ... of them. Cells are in the order of the addresses of their first pages. What is counted is
 * slots, those of runs and spans as well: a slot is live when its block is. Of a span only the slots of its run
 * are counted, since the addresses after it are kept for growth and need no memory.
 *
 * The walk goes over the pages where they are, each under its own lock, as a page walk does (page_walk.h): each
 * page is right at its moment. It allocates nothing.
 *
 * Owns nothing. Invariants (checked by lmm_page_cells_are_valid()):
 *   I1  a cell has at least one page, and at most `fold`; of a family only the last cell has fewer
 *   I2  no cell has more live slots than slots
 */
#ifndef LMM_PAGE_CELLS_H
#define LMM_PAGE_CELLS_H

#include "lib/ground/base.h"
#include "lib/pages/page.h"

enum {
    LMM_PAGE_CELLS_MAX = 2048,
    LMM_PAGE_CELL_FAMILIES = UINT16_MAX + 1, /* what page->family can be */
};

struct lmm_page_cell {
    uint32_t family;
    uint32_t pages;
    uint64_t slots;
    uint64_t live_slots;
};

/* All zero at first: of no family. It takes 320 KiB, of which only what is written needs memory. */
struct lmm_page_cells {
    bool has_all; /* of all families, whatever `wanted` says */
    uint64_t wanted[LMM_PAGE_CELL_FAMILIES / 64];
    uint32_t
        fold; /* the most pages that a cell stands for, a power of two; 0 before the first page */
    uint64_t pages;
    uint64_t left_out; /* pages for which there was no cell: there are more families than cells */
    uint32_t count;
    struct lmm_page_cell cells[LMM_PAGE_CELLS_MAX];
    uint32_t last[LMM_PAGE_CELL_FAMILIES]; /* by family: 1 + its last cell; 0: none */
};

/* Asks for a family's pages, too. False: no family has the number. */
bool lmm_page_cells_want(struct lmm_page_cells *cells, uint64_t family);

/* Counts so many slots of a page that comes after all others. */
void lmm_page_cells_add(struct lmm_page_cells *cells, uint32_t family, uint64_t slots,
                        uint64_t live_slots);

/* Walks over the pages. 0; or -ENOMEM, -EDEADLK as lmm_page_walk_run(). */
int lmm_page_cells_run(struct lmm_page_cells *cells);

bool lmm_page_cells_are_valid(const struct lmm_page_cells *cells);

#endif
