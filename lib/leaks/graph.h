/* SPDX-License-Identifier: MIT */
/*
 * graph: the live blocks of a moment as the nodes of a graph, and a word's block.
 *
 * Owns a copy of the facts about each page: where it is, how its slots are found, and planes of
 * bits, one bit for each slot. The copy is made in one walk over the descriptors and tags; after that
 * no descriptor is read again, only tags of blocks. So a look-up costs a subtraction and a comparison
 * for a word that is no address of a page, and otherwise the page's number, a multiplication and a
 * bit. All memory is from lmm_vm_map(), in a few mappings.
 *
 * A thread that could not be stopped may be changing a page, and a program may have damaged its
 * descriptor. So each descriptor is checked before it is copied, and a page that makes no sense is
 * left out and counted (`damaged`).
 *
 * Invariants (checked by lmm_graph_is_valid(); the planes by mark.h and classes.h):
 *   I1  pages are in ascending order of address, and do not overlap
 *   I2  a page's slots lie in its bytes, and the bits of its planes from `slots` on are 0
 *   I3  a bit of plane STARTS is set exactly when a live block started in the slot; a block's bytes
 *       lie in its page
 * Threads: one thread uses a graph. What it is made from is at rest: LMM's locks are held, or this is
 * a child process that was made while they were. Async-signal-safe; takes no lock.
 * Not responsible for: what the bits mean beyond STARTS (mark, classes).
 */
#ifndef LMM_GRAPH_H
#define LMM_GRAPH_H

#include "lib/ground/base.h"
#include "lib/pages/page.h"

/* Planes of bits, by slot. Blocks of plane WHITE are those that the phase of the check which runs has
 * not reached. */
enum lmm_graph_plane {
    LMM_PLANE_WHITE = 0, /* the first: each look-up needs it */
    LMM_PLANE_STARTS,    /* a live block starts here */
    LMM_PLANE_READ,      /* its words were looked at, or will be: scan.h */
    LMM_PLANE_INTERIOR,  /* a pointer to its inside was seen while it was white: mark.h */
    LMM_PLANE_UNHELD,    /* white after the phases of a check: mark.h */
    LMM_PLANE_UNIGNORED,
    LMM_PLANE_LOST,
    LMM_PLANES,
};

/* A page; one cache line. */
struct lmm_graph_page {
    uintptr_t base;
    uint64_t multiplier; /* of lmm_page_multiplier(); 0: not by multiplication */
    uint64_t *bits;      /* the planes, each of `words` words */
    const uint32_t *tags;
    size_t bytes;         /* of address space */
    uint32_t slots;       /* of a span 1: all its bytes */
    uint32_t stride;      /* of a span, that of its family */
    uint32_t first;       /* slots of all pages before it */
    uint32_t block_bytes; /* of each block, where all have the same; 0: the tags tell */
    uint16_t family;
    uint16_t words;
    uint8_t kind; /* enum lmm_page_kind */
    uint8_t is_pointer_free;
    uint8_t has_gaps; /* some of its memory may not be read: lmm_graph_add_gap() */
    uint8_t
        needs_search; /* the start of a slot may also be inside of a run, or just past a block of
                             no length */
};

_Static_assert(sizeof(struct lmm_graph_page) == LMM_CACHE_LINE_BYTES, "one cache line");

/* Memory [from, to) that may not be read. */
struct lmm_graph_gap {
    uintptr_t from;
    uintptr_t to;
};

struct lmm_graph {
    struct lmm_graph_page *pages;
    struct lmm_graph_gap *gaps; /* in ascending order */
    size_t gap_count;
    uint32_t *numbers; /* by unit from first_unit on: 1 + the number of the page; 0: none */
    uintptr_t low;     /* [low, low + span_bytes) holds all pages */
    uintptr_t span_bytes;
    size_t first_unit;
    size_t units; /* of `numbers`; pages elsewhere are found by a binary search */
    size_t page_count;
    size_t slot_count;  /* of all pages */
    size_t block_count; /* live blocks */
    size_t damaged;     /* pages left out: what their blocks lead to is not known */
    void *mapped[2];
    size_t mapped_bytes[2];
};

/* A live block. */
struct lmm_graph_block {
    const struct lmm_graph_page *page;
    uint32_t slot; /* its first */
    uintptr_t start;
    size_t bytes; /* that the program may use; of slack only what cannot be told */
    size_t room;  /* of all its slots */
};

/* Copies the pages, of which no block of a batch lives (lmm_foreign_mark_batches()); the caller holds all
 * locks (fork.h), or is a copy of the process in which nothing else runs. False with errno ENOMEM or
 * EOVERFLOW (2^32 slots), and then nothing is mapped. */
bool lmm_graph_init(struct lmm_graph *graph);

/* Gives the memory back. */
void lmm_graph_end(struct lmm_graph *graph);

/*
 * Says that the memory [from, to) of blocks may not be read: for example that this copy of the process
 * does not have it. Called in ascending order, before anything is read. A gap for which there is no room
 * makes its pages count as damaged, and nothing in them is read.
 */
void lmm_graph_add_gap(struct lmm_graph *graph, uintptr_t from, uintptr_t to);

/* The first gap that ends after address, in a page that has some; NULL when there is none. */
const struct lmm_graph_gap *lmm_graph_next_gap(const struct lmm_graph *graph,
                                               const struct lmm_graph_page *page,
                                               uintptr_t address);

/* Whether the 8 bytes at address, in the page, are in no gap. */
static inline bool lmm_graph_may_read(const struct lmm_graph *graph,
                                      const struct lmm_graph_page *page, uintptr_t address)
{
    const struct lmm_graph_gap *gap =
        LMM_UNLIKELY(page->has_gaps) ? lmm_graph_next_gap(graph, page, address) : NULL;

    return gap == NULL || gap->from >= address + sizeof(uint64_t);
}

static inline uint64_t *lmm_graph_plane(const struct lmm_graph_page *page,
                                        enum lmm_graph_plane plane)
{
    return page->bits + (size_t) plane * page->words;
}

static inline bool lmm_graph_has(const struct lmm_graph_page *page, enum lmm_graph_plane plane,
                                 size_t slot)
{
    return (lmm_graph_plane(page, plane)[slot / 64] >> (slot % 64) & 1) != 0;
}

static inline void lmm_graph_set(const struct lmm_graph_page *page, enum lmm_graph_plane plane,
                                 size_t slot)
{
    lmm_graph_plane(page, plane)[slot / 64] |= (uint64_t) 1 << (slot % 64);
}

/* The page of an address that `numbers` does not reach, or NULL. O(log pages). */
const struct lmm_graph_page *lmm_graph_far_page(const struct lmm_graph *graph, uintptr_t address);

/* The page whose address space holds address, or NULL. Takes any value. */
static inline __attribute__((always_inline)) const struct lmm_graph_page *
lmm_graph_page_of(const struct lmm_graph *graph, uintptr_t address)
{
    size_t unit = (address >> LMM_UNIT_SHIFT) - graph->first_unit;

    if (LMM_UNLIKELY(unit >= graph->units)) {
        return lmm_graph_far_page(graph, address);
    }
    uint32_t number = graph->numbers[unit];
    if (LMM_UNLIKELY(number == 0)) {
        return NULL;
    }
    const struct lmm_graph_page *page = &graph->pages[number - 1];
    if (page == NULL) {
        __builtin_unreachable(); /* saves the caller a test for NULL */
    }
    return page;
}

/* The live block that starts in the slot. */
struct lmm_graph_block lmm_graph_block_at(const struct lmm_graph_page *page, uint32_t slot);

/*
 * Finds the live block whose slots hold address, any value: also its slack, where a pointer to the
 * end of what was requested may point. False when there is none.
 */
bool lmm_graph_find(const struct lmm_graph *graph, uintptr_t address,
                    struct lmm_graph_block *ret_block);

/* As lmm_graph_find(), for a block of plane WHITE only. Sets *ret_slot to its first slot, and returns its page; NULL: there
 * is none. Reads no tag of a slot that is a block: it seldom is in a cache. */
const struct lmm_graph_page *lmm_graph_find_white(const struct lmm_graph *graph, uintptr_t address,
                                                  uint32_t *ret_slot);

/*
 * Finds the live block of no length that ends at address, though not in its slots: a request for 0
 * bytes, or the 8 bytes of zeros that C++ takes for an array of no elements and whose end it keeps.
 */
bool lmm_graph_find_empty_before(const struct lmm_graph *graph, uintptr_t address,
                                 struct lmm_graph_block *ret_block);

/* The bytes that the block counts as, as reports count them (lmm_family_bytes()). */
size_t lmm_graph_counted_bytes(const struct lmm_graph_block *block);

/* Copies a plane to another one, in all pages. */
void lmm_graph_copy_plane(const struct lmm_graph *graph, enum lmm_graph_plane from,
                          enum lmm_graph_plane to);

/* Checks the invariants. */
bool lmm_graph_is_valid(const struct lmm_graph *graph);

#endif
