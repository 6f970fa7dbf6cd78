/* SPDX-License-Identifier: MIT */
/*
 * family_pages: the slot pages that one heap has of one family, and their queue, most free slots
 * first.
 *
 * Owns when a page is taken from the reservoir and when it goes back there, and the countdown of
 * frees after which a page must change its position in the queue.
 *
 * Invariants (checked by lmm_family_pages_are_valid()):
 *   I1  a page is the current one of its bin, or in the queue (free slots >= the threshold), or
 *       neither (nearly full); a wholly free page is current, or queued as the last one that its
 *       bin retired, or gone
 *   I2  the key of a queued page is floor(log2(free slots))
 * Locks: HEAP of the owner, held by the caller, for every function that takes struct
 * lmm_family_pages. Not responsible for: private lists and foreign frees (heap).
 */
#ifndef LMM_FAMILY_PAGES_H
#define LMM_FAMILY_PAGES_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/pages/slots.h"

struct lmm_family_pages {
    struct glpq queue;     /* pages with free slots, most first */
    struct glthread pages; /* all pages of the heap and family */

    /* How the heap finds out that the family is not in use; owner only. */
    bool is_used;          /* the bin has taken slots since the heap last looked at it */
    uint32_t checked_free; /* the current page's free slots when it was found in use */
};

/* Creates an empty one; NULL with errno ENOMEM. */
struct lmm_family_pages *lmm_family_pages_create(void);

/* A page with fewer free slots than this, under 0.8 % of it, is not worth a turn. */
static inline uint32_t lmm_family_pages_threshold(const struct lmm_page *page)
{
    return 1 + page->slots / 128;
}

/* Sets the countdown of a page with `free` free slots to end when it has `target`. Owner thread. */
static inline void lmm_family_pages_arm(struct lmm_page *page, uint32_t free, uint32_t target)
{
    lmm_store_relaxed(&page->target, target);
    lmm_store_relaxed(&page->countdown, target - free);
}

/* Gives a page that is not current, with `free` free slots, back when it is wholly free, else puts
 * it where it belongs: in the queue or not. */
void lmm_family_pages_requeue(struct lmm_family_pages *family_pages, struct lmm_page *page,
                              uint32_t free);

/* Queues a wholly free page that is soon taken again. */
void lmm_family_pages_keep_empty(struct lmm_family_pages *family_pages, struct lmm_page *page);

/* Takes the page to allocate from next out of the queue: the one with most free slots, else a new
 * one of owner's, else any with a free slot. near: a unit of the heap's, or NULL; see
 * lmm_space_take_near_locked(). NULL with errno ENOMEM. */
struct lmm_page *lmm_family_pages_choose(struct lmm_family_pages *family_pages,
                                         struct lmm_family *family, struct lmm_heap *owner,
                                         const char *near);

/* Gives all wholly free pages back; none is current. */
void lmm_family_pages_give_empty_back(struct lmm_family_pages *family_pages);

/* Gives every system page without a live block back, in bytes; none of the pages is current. */
size_t lmm_family_pages_trim(struct lmm_family_pages *family_pages);

/* In a forked child: builds lists and queue anew from the tags. */
void lmm_family_pages_rebuild(struct lmm_family_pages *family_pages);

/* Checks the invariants, and those of slots.h. current: the bin's page; private_head: its list. */
bool lmm_family_pages_are_valid(const struct lmm_family_pages *family_pages,
                                const struct lmm_page *current, uint32_t private_head);

#endif
