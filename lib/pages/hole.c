/* SPDX-License-Identifier: MIT */
#include "lib/pages/hole.h"

#include "lib/ground/meta.h"
#include "lib/ground/panic.h"

#include <errno.h>

enum {
    FIRST_HOLES = 64,
    EXACT_SHIFT = 8,
    EXACT_BINS = 1 << EXACT_SHIFT, /* one per length below it; above, STEPS per doubling */
    STEP_SHIFT = 3,
    STEPS = 1 << STEP_SHIFT,
    BINS = EXACT_BINS + (LMM_UNIT_SHIFT + 1 - EXACT_SHIFT) * STEPS,
    BIN_WORDS = (BINS + 63) / 64,
};

/* Holes by length, newest first. */
struct lmm_hole_bins {
    uint64_t used[BIN_WORDS]; /* bit i: bin i is not empty */
    struct glthread bin[BINS];
};

void lmm_holes_init(struct lmm_holes *holes, enum lmm_fit fit)
{
    *holes = (struct lmm_holes) {.fit = fit};
    glpq_init(&holes->queue);
}

/* ---- Bins ------------------------------------------------------------------------------------ */

/* No hole has more slots than a unit has bytes: run pages of several units have long slots. */
static uint32_t bin_of(size_t n)
{
    if (n < EXACT_BINS) {
        return (uint32_t) n;
    }
    uint32_t shift = lmm_log2((uint32_t) n);
    uint32_t step = (uint32_t) (n >> (shift - STEP_SHIFT)) & (STEPS - 1);

    return EXACT_BINS + (shift - EXACT_SHIFT) * STEPS + step;
}

static bool add_bins(struct lmm_holes *holes, enum lmm_fit fit)
{
    if (fit != LMM_FIT_BEST || holes->bins != NULL) {
        return true;
    }
    holes->bins = lmm_meta_zalloc(sizeof(*holes->bins));
    for (size_t i = 0; i < BINS && holes->bins != NULL; i++) {
        glthread_init(&holes->bins->bin[i]);
    }
    return holes->bins != NULL;
}

static void bin_add(struct lmm_holes *holes, struct lmm_hole *hole)
{
    if (holes->bins != NULL) {
        uint32_t i = bin_of(lmm_hole_length(hole));
        glthread_insert_after(&holes->bins->bin[i], &hole->glue);
        holes->bins->used[i / 64] |= (uint64_t) 1 << (i % 64);
    }
}

static void bin_remove(struct lmm_holes *holes, struct lmm_hole *hole)
{
    if (holes->bins != NULL) {
        uint32_t i = bin_of(lmm_hole_length(hole));
        glthread_remove(&hole->glue);
        if (glthread_is_empty(&holes->bins->bin[i])) {
            holes->bins->used[i / 64] &= ~((uint64_t) 1 << (i % 64));
        }
    }
}

/* The first bin from i on that is not empty; BINS when there is none. */
static uint32_t next_bin(const struct lmm_hole_bins *bins, uint32_t i)
{
    uint32_t word = i / 64;
    uint64_t bits = i < BINS ? bins->used[word] & UINT64_MAX << (i % 64) : 0;

    while (bits == 0 && ++word < BIN_WORDS) {
        bits = bins->used[word];
    }
    return bits == 0 ? BINS : word * 64 + (uint32_t) __builtin_ctzll(bits);
}

/* The shortest hole of bin i in which the run fits; NULL when there is none. Looks only at the
 * newest hole of a bin of one length. */
static struct lmm_hole *find_in_bin(const struct lmm_hole_bins *bins, uint32_t i, size_t n,
                                    size_t step)
{
    struct lmm_hole *best = NULL;

    for (struct glthread *at = glthread_first(&bins->bin[i]); at != NULL;
         at = i < EXACT_BINS ? NULL : glthread_next(&bins->bin[i], at)) {
        struct lmm_hole *hole = GLTHREAD_ENTRY(at, struct lmm_hole, glue);
        if (lmm_hole_slot_for(hole, n, step) != SIZE_MAX &&
            (best == NULL || lmm_hole_length(hole) < lmm_hole_length(best))) {
            best = hole;
        }
    }
    return best;
}

static struct lmm_hole *find_best(const struct lmm_holes *holes, size_t n, size_t step)
{
    struct lmm_hole *best = NULL;

    for (uint32_t i = next_bin(holes->bins, bin_of(n)); i != BINS && best == NULL;
         i = next_bin(holes->bins, i + 1)) {
        best = find_in_bin(holes->bins, i, n, step);
    }
    return best;
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

    if (holes->chunk == NULL) {
        holes->chunk = lmm_meta_zalloc(LMM_HOLE_CHUNKS * sizeof(struct lmm_hole *));
    }
    if (holes->chunk == NULL || chunk == LMM_HOLE_CHUNKS || !add_bins(holes, holes->fit)) {
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

bool lmm_holes_reserve(struct lmm_holes *holes, uint32_t count)
{
    while (holes->capacity - holes->reserved < count) {
        if (!add_descriptors(holes)) {
            errno = ENOMEM;
            return false;
        }
    }
    holes->reserved += count;
    return true;
}

void lmm_holes_unreserve(struct lmm_holes *holes)
{
    LMM_CHECK(holes->reserved != 0);
    holes->reserved--;
}

/* ---- Holes ----------------------------------------------------------------------------------- */

static void set_ends(const struct lmm_hole *hole, uint32_t tag)
{
    lmm_page_set_tag(hole->page, hole->slot, tag);
    lmm_page_set_tag(hole->page, hole->slot + lmm_hole_length(hole) - 1, tag);
}

/* Counts a hole of the queue, bins it and tags it. */
static void show(struct lmm_holes *holes, struct lmm_hole *hole)
{
    LMM_CHECK(lmm_hole_length(hole) != 0 &&
              hole->slot + lmm_hole_length(hole) <= hole->page->slots);
    holes->free_slots += lmm_hole_length(hole);
    bin_add(holes, hole);
    set_ends(hole, lmm_tag_make(LMM_TAG_HOLE, hole->id));
}

/* Undoes show(). */
static void hide(struct lmm_holes *holes, struct lmm_hole *hole)
{
    set_ends(hole, 0);
    bin_remove(holes, hole);
    holes->free_slots -= lmm_hole_length(hole);
}

struct lmm_hole *lmm_hole_add(struct lmm_holes *holes, struct lmm_page *page, size_t slot, size_t n)
{
    struct lmm_hole *hole = holes->spare;

    if (hole != NULL) {
        holes->spare = hole->next_spare;
    } else {
        LMM_CHECK(holes->unused < holes->capacity);
        hole = hole_by_id(holes, holes->unused);
        hole->id = holes->unused++;
    }
    hole->page = page;
    hole->slot = (uint32_t) slot;
    glpq_insert(&holes->queue, &hole->node, (uint32_t) n);
    show(holes, hole);
    return hole;
}

void lmm_hole_remove(struct lmm_holes *holes, struct lmm_hole *hole)
{
    hide(holes, hole);
    glpq_remove(&holes->queue, &hole->node);
    hole->next_spare = holes->spare;
    holes->spare = hole;
}

void lmm_hole_move(struct lmm_holes *holes, struct lmm_hole *hole, size_t slot, size_t n)
{
    hide(holes, hole);
    hole->slot = (uint32_t) slot;
    glpq_rekey(&holes->queue, &hole->node, (uint32_t) n);
    show(holes, hole);
}

struct lmm_hole *lmm_holes_largest(const struct lmm_holes *holes)
{
    struct glpq_node *largest = glpq_largest(&holes->queue);

    return largest == NULL ? NULL : GLTHREAD_ENTRY(largest, struct lmm_hole, node);
}

static bool lies_below(const struct lmm_hole *a, const struct lmm_hole *b)
{
    return a->page->unit < b->page->unit || (a->page == b->page && a->slot < b->slot);
}

/* The hole in which the run fits: the one with the lowest address, or the first one found. */
static struct lmm_hole *find_by_walk(const struct lmm_holes *holes, size_t n, size_t step,
                                     bool lowest)
{
    const struct glpq_node *node = glpq_walk_first(&holes->queue);
    struct lmm_hole *found = NULL;

    while (node != NULL && (lowest || found == NULL)) {
        struct lmm_hole *hole = GLTHREAD_ENTRY(node, struct lmm_hole, node);
        if (lmm_hole_slot_for(hole, n, step) != SIZE_MAX &&
            (found == NULL || lies_below(hole, found))) {
            found = hole;
        }
        node = node->key < n ? glpq_walk_past(node) : glpq_walk_next(node);
    }
    return found;
}

struct lmm_hole *lmm_hole_find(const struct lmm_holes *holes, size_t n, size_t step)
{
    struct lmm_hole *largest = lmm_holes_largest(holes);

    if (largest == NULL || lmm_hole_length(largest) < n) {
        return NULL;
    }
    if (holes->fit == LMM_FIT_BEST) {
        return find_best(holes, n, step);
    }
    if (holes->fit == LMM_FIT_LARGEST && lmm_hole_slot_for(largest, n, step) != SIZE_MAX) {
        return largest;
    }
    return find_by_walk(holes, n, step, holes->fit == LMM_FIT_FIRST);
}

struct lmm_hole *lmm_hole_at(const struct lmm_holes *holes, const struct lmm_page *page,
                             size_t slot)
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

void lmm_holes_set_fit(struct lmm_holes *holes, enum lmm_fit fit)
{
    bool had_bins = holes->bins != NULL;

    if (!add_bins(holes, fit)) {
        return;
    }
    for (const struct lmm_hole *hole = had_bins ? NULL : lmm_holes_walk(holes, NULL); hole != NULL;
         hole = lmm_holes_walk(holes, hole)) {
        bin_add(holes, lmm_hole_at(holes, hole->page, hole->slot));
    }
    holes->fit = fit;
}

/* ---- Validity -------------------------------------------------------------------------------- */

/* Counts the holes of bin i; SIZE_MAX when something is wrong with it. */
static size_t count_bin(const struct lmm_hole_bins *bins, uint32_t i)
{
    bool is_used = (bins->used[i / 64] >> (i % 64) & 1) != 0;
    size_t count = 0;

    for (struct glthread *at = glthread_first(&bins->bin[i]); at != NULL;
         at = glthread_next(&bins->bin[i], at)) {
        if (bin_of(lmm_hole_length(GLTHREAD_ENTRY(at, struct lmm_hole, glue))) != i) {
            return SIZE_MAX;
        }
        count++;
    }
    return is_used == (count != 0) ? count : SIZE_MAX;
}

/* Whether both ends of the hole have its tag, and its descriptor is the one of its id. */
static bool hole_is_valid(const struct lmm_holes *holes, const struct lmm_hole *hole)
{
    size_t last = hole->slot + lmm_hole_length(hole) - 1;

    return hole->id < holes->unused && hole_by_id(holes, hole->id) == hole &&
           lmm_hole_at(holes, hole->page, hole->slot) == hole &&
           lmm_hole_at(holes, hole->page, last) == hole;
}

bool lmm_holes_are_valid(const struct lmm_holes *holes)
{
    size_t binned = 0;
    size_t free_slots = 0;

    for (uint32_t i = 0; holes->bins != NULL && i < BINS; i++) {
        size_t count = count_bin(holes->bins, i);
        if (count == SIZE_MAX) {
            return false;
        }
        binned += count;
    }
    for (const struct lmm_hole *hole = lmm_holes_walk(holes, NULL); hole != NULL;
         hole = lmm_holes_walk(holes, hole)) {
        if (!hole_is_valid(holes, hole)) {
            return false;
        }
        free_slots += lmm_hole_length(hole);
    }
    return holes->queue.count <= holes->reserved && holes->reserved <= holes->capacity &&
           free_slots == holes->free_slots && glpq_is_valid(&holes->queue, false) &&
           (holes->bins == NULL || binned == holes->queue.count);
}
