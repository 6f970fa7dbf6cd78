/* SPDX-License-Identifier: MIT */
#include "lib/leaks/page_cells.h"

#include "lib/heaps/page_visit.h"
#include "lib/leaks/turn.h"
#include "lib/pages/family.h"
#include "lib/pages/run.h"

enum { FOLD_MAX = 1 << 30 };

/* ---- Cells ----------------------------------------------------------------------------------- */

bool lmm_page_cells_want(struct lmm_page_cells *cells, uint64_t family)
{
    if (family >= LMM_PAGE_CELL_FAMILIES) {
        return false;
    }
    cells->wanted[family / 64] |= UINT64_C(1) << family % 64;
    return true;
}

/* Adds to the family's last cell, if it has one with room for all the pages of `more`. */
static bool add_to_last(struct lmm_page_cells *cells, const struct lmm_page_cell *more)
{
    uint32_t last = cells->last[more->family];
    struct lmm_page_cell *cell = last == 0 ? NULL : &cells->cells[last - 1];

    if (cell == NULL || cell->pages + more->pages > cells->fold) {
        return false;
    }
    cell->pages += more->pages;
    cell->slots += more->slots;
    cell->live_slots += more->live_slots;
    return true;
}

static void append(struct lmm_page_cells *cells, const struct lmm_page_cell *cell)
{
    cells->cells[cells->count++] = *cell;
    cells->last[cell->family] = cells->count;
}

/* Twice as many pages a cell: what becomes of the cells lies in front of those that are yet to be read. */
static void fold(struct lmm_page_cells *cells)
{
    uint32_t before = cells->count;

    for (uint32_t i = 0; i < before; i++) {
        cells->last[cells->cells[i].family] = 0;
    }
    cells->count = 0;
    cells->fold *= 2;
    for (uint32_t i = 0; i < before; i++) {
        struct lmm_page_cell cell = cells->cells[i];

        if (!add_to_last(cells, &cell)) {
            append(cells, &cell);
        }
    }
}

void lmm_page_cells_add(struct lmm_page_cells *cells, uint32_t family, uint64_t slots,
                        uint64_t live_slots)
{
    const struct lmm_page_cell page = {family, 1, slots, live_slots};

    cells->fold = cells->fold == 0 ? 1 : cells->fold;
    cells->pages++;
    while (!add_to_last(cells, &page)) {
        if (cells->count < LMM_PAGE_CELLS_MAX) {
            append(cells, &page);
            return;
        }
        if (cells->fold == FOLD_MAX) {
            cells->left_out++;
            return;
        }
        fold(cells);
    }
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static int count_page(const struct lmm_page *page, void *arg)
{
    struct lmm_page_cells *cells = arg;
    uint32_t family = page->family;
    size_t end = lmm_run_extents_end(page);
    uint64_t live = 0;
    uint64_t seen = 0; /* of a span: all that its run has */

    if (!cells->has_all && (cells->wanted[family / 64] >> family % 64 & 1) == 0) {
        return 0;
    }
    for (size_t slot = 0; slot < end;) {
        struct lmm_extent extent =
            lmm_run_extent_locked(&lmm_families_at(family)->runs, page, slot);

        live += lmm_tag_state(extent.tag) == LMM_TAG_LIVE ? extent.used : 0;
        seen += extent.length;
        slot += extent.length;
    }
    lmm_page_cells_add(cells, family, page->kind == LMM_PAGE_SPAN ? seen : page->slots, live);
    return 0;
}

static int walk(void *arg)
{
    const struct lmm_page_visitor visitor = {.visit = count_page, .arg = arg};

    lmm_pages_visit(&visitor);
    LMM_CHECK(lmm_page_cells_are_valid(arg));
    return 0;
}

int lmm_page_cells_run(struct lmm_page_cells *cells)
{
    return lmm_turn_walk(walk, cells);
}

/* ---- Invariants ------------------------------------------------------------------------------ */

bool lmm_page_cells_are_valid(const struct lmm_page_cells *cells)
{
    for (uint32_t i = 0; i < cells->count; i++) {
        const struct lmm_page_cell *cell = &cells->cells[i];

        if (cell->pages == 0 || cell->pages > cells->fold || cell->live_slots > cell->slots ||
            (cell->pages < cells->fold && cells->last[cell->family] != i + 1)) {
            return false;
        }
    }
    return true;
}
