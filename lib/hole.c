/* SPDX-License-Identifier: MIT */
#include "hole.h"

#include "meta.h"
#include "panic.h"

#include <errno.h>

enum { FIRST_HOLES = 64 };

void lmm_holes_init(struct lmm_holes *holes)
{
    *holes = (struct lmm_holes) {.free_slots = 0};
    glpq_init(&holes->queue);
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

static struct lmm_hole *hole_by_id(const struct lmm_holes *holes, uint32_t id)
{
    uint32_t chunk = lmm_log2(id / FIRST_HOLES + 1);

    return &holes->chunk[chunk][id - ((1u << chunk) - 1) * FIRST_HOLES];
}

static bool add_descriptors(struct lmm_holes *holes)
{
    uint32_t chunk = lmm_log2(holes->capacity / FIRST_HOLES + 1);

    if (chunk == LMM_HOLE_CHUNKS) {
        return false;
    }
    uint32_t count = (uint32_t) FIRST_HOLES << chunk;
    holes->chunk[chunk] = lmm_meta_alloc(&lmm_arena_records, count * sizeof(struct lmm_hole));
    if (holes->chunk[chunk] == NULL) {
        return false;
    }
    holes->capacity += count;
    return true;
}

bool lmm_holes_reserve(struct lmm_holes *holes)
{
    if (holes->reserved == holes->capacity && !add_descriptors(holes)) {
        errno = ENOMEM;
        return false;
    }
    holes->reserved++;
    return true;
}

void lmm_holes_unreserve(struct lmm_holes *holes)
{
    LMM_CHECK(holes->reserved != 0);
    holes->reserved--;
}

/* A descriptor that was promised. */
static struct lmm_hole *take(struct lmm_holes *holes)
{
    struct lmm_hole *hole = holes->spare;

    if (hole != NULL) {
        holes->spare = hole->next_spare;
        return hole;
    }
    LMM_CHECK(holes->unused < holes->capacity);
    hole = hole_by_id(holes, holes->unused);
    hole->id = holes->unused++;
    return hole;
}

/* ---- Holes ----------------------------------------------------------------------------------- */

/* Writes both ends of a hole. */
static void set_ends(const struct lmm_hole *hole, uint32_t tag)
{
    uint32_t *tags = &hole->page->tags[hole->slot];

    lmm_store_relaxed(&tags[0], tag);
    lmm_store_relaxed(&tags[lmm_hole_length(hole) - 1], tag);
}

struct lmm_hole *lmm_hole_add(struct lmm_holes *holes, struct lmm_page *page, size_t slot, size_t n)
{
    struct lmm_hole *hole = take(holes);

    hole->page = page;
    hole->slot = (uint32_t) slot;
    glpq_insert(&holes->queue, &hole->node, (uint32_t) n);
    holes->free_slots += n;
    set_ends(hole, lmm_tag_make(LMM_TAG_HOLE, hole->id));
    return hole;
}

void lmm_hole_remove(struct lmm_holes *holes, struct lmm_hole *hole)
{
    set_ends(hole, 0);
    holes->free_slots -= lmm_hole_length(hole);
    glpq_remove(&holes->queue, &hole->node);
    hole->next_spare = holes->spare;
    holes->spare = hole;
}

void lmm_hole_move(struct lmm_holes *holes, struct lmm_hole *hole, size_t slot, size_t n)
{
    set_ends(hole, 0);
    holes->free_slots += n - lmm_hole_length(hole);
    hole->slot = (uint32_t) slot;
    glpq_rekey(&holes->queue, &hole->node, (uint32_t) n);
    set_ends(hole, lmm_tag_make(LMM_TAG_HOLE, hole->id));
}

struct lmm_hole *lmm_holes_largest(const struct lmm_holes *holes)
{
    struct glpq_node *largest = glpq_largest(&holes->queue);

    return largest == NULL ? NULL : GLTHREAD_ENTRY(largest, struct lmm_hole, node);
}

struct lmm_hole *lmm_hole_at(const struct lmm_holes *holes, const struct lmm_page *page, size_t slot)
{
    if (slot >= page->slots) {
        return NULL;
    }
    uint32_t tag = lmm_load_relaxed(&page->tags[slot]);
    return lmm_tag_state(tag) == LMM_TAG_HOLE ? hole_by_id(holes, lmm_tag_value(tag)) : NULL;
}

const struct lmm_hole *lmm_holes_walk(const struct lmm_holes *holes, const struct lmm_hole *hole)
{
    const struct glpq_node *next =
        hole == NULL ? glpq_walk_first(&holes->queue) : glpq_walk_next(&hole->node);

    return next == NULL ? NULL : GLTHREAD_ENTRY(next, const struct lmm_hole, node);
}
