/* SPDX-License-Identifier: MIT */
/*
 * walk: the pages of a family, and in each page the live blocks and the free stretches between
 * them, in address order. Reports and the classic names print from it.
 *
 * Locks: HEAP of a slot page's owner, or RUNS of the family, taken inside, one page at a time.
 */
#ifndef LMM_WALK_H
#define LMM_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_family;

struct lmm_walk_page {
    struct lmm_family *family;
    char *base;             /* first byte */
    size_t bytes;           /* address space of the page */
    size_t committed_bytes; /* system pages touched and not given back */
    size_t stride_bytes;    /* from slot to slot */
    size_t slots;           /* slots the page has room for */
};

struct lmm_walk_extent {
    char *base;   /* first byte of the first slot */
    size_t slots; /* the length of a live block, or of a stretch of free slots */
    size_t bytes; /* what a live block counts as; of free slots: the structs there is room for, or,
                     of a family that counts bytes, their memory */
    bool live;
    uint32_t site; /* live: id of the site that allocated it */
};

/* A page, or an extent of the page before it. */
struct lmm_walk_item {
    bool is_page;
    struct lmm_walk_page page; /* of an extent: the page it lies in */
    struct lmm_walk_extent extent;
};

/* Called in order: for a page, then for each of its extents. A non-zero return ends the walk. */
typedef int lmm_walk_visit(const struct lmm_walk_item *item, void *arg);

/*
 * Walks all pages of family (NULL: of every family), in address order. Holds a page's lock while it
 * is visited, so the visitor must not call LMM's public functions. A block that another thread
 * allocates or frees meanwhile may or may not be shown. Returns what the last visit returned, or 0.
 * Any thread, with no lock of LMM held.
 */
int lmm_walk_family(struct lmm_family *family, lmm_walk_visit *visit, void *arg);

/* The base of the first page of family that ends after `from`; NULL when there is none. Any thread,
 * with no lock of LMM held. */
char *lmm_walk_next_page(struct lmm_family *family, const char *from);

/*
 * Collects the next items of such a walk, at most `room`, so that the caller can use them with no
 * lock held. *position is 0 before the first call, and is advanced. Returns how many; 0 at the end.
 */
size_t lmm_walk_collect(struct lmm_family *family, uint64_t *position,
                        struct lmm_walk_item *ret_items, size_t room);

#endif
