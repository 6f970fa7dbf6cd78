/* SPDX-License-Identifier: MIT */
/*
 * slots: slot pages, which hold single structs: their free lists and their end.
 *
 * Invariants (checked by lmm_slots_are_valid()):
 *   I1  the tags of slots [0, fresh) are LIVE or FREE; tags from fresh on are FREE with any value
 *   I2  the free list from `head` threads FREE tags through their values and ends with LMM_TAG_END;
 *       its length is lmm_slots_listed()
 *   I3  FREE slots below fresh that are on no list (their system pages were given back) hold
 *       LMM_TAG_UNLISTED; there are `unlisted` of them
 *   I4  no LIVE or listed slot lies on an absent system page (memory.h)
 *   I5  no slot is on two of these lists: the page's, its bin's private list, its foreign list; the
 *       length of the foreign list is the count that is stored with its head
 *
 * Threads: the page's owner calls these functions, and holds the lock of its heap (HEAP) except in
 * lmm_slots_thread() and lmm_slots_listed(). Other threads change tags meanwhile only from LIVE to
 * their batch's mark and on to the foreign list (foreign.h).
 * Not responsible for: queues and countdowns (family_pages), counting.
 */
#ifndef LMM_SLOTS_H
#define LMM_SLOTS_H

#include "lib/ground/base.h"
#include "lib/pages/page.h"

/* The number of free slots of a slot page that are listed, unlisted or fresh; not private ones. */
static inline uint32_t lmm_slots_free_count(const struct lmm_page *page)
{
    return lmm_load_relaxed(&page->target) - lmm_load_relaxed(&page->countdown);
}

/* Creates a slot page in one unit, wholly free, without an owner; takes its tags from meta.
 * is_fresh: the memory was never touched. Returns NULL with errno ENOMEM. */
struct lmm_page *lmm_slots_create(char *base, uint16_t family, uint32_t stride, bool is_fresh);

/* Ends a slot page that is wholly free and in no queue, and frees its tags. Its descriptor is then
 * NONE and remembers the family. */
void lmm_slots_destroy(struct lmm_page *page);

/* The number of slots on the list from `head`. */
uint32_t lmm_slots_listed(const struct lmm_page *page);

/*
 * Threads more slots of a page that has fresh or unlisted ones: the unlisted ones of the first
 * absent system page, else the fresh ones of the next system pages. Returns the first of a list
 * that ends with LMM_TAG_END, and its length, at least 1, in *ret_count. The slots count as taken
 * from the page; the caller adjusts its countdown.
 */
uint32_t lmm_slots_thread(struct lmm_page *page, uint32_t *ret_count);

/* Whether a walk along a free list is at its end. Panics when there is a batch's mark instead of a
 * slot: two threads freed a block of the list at the same time. */
bool lmm_slots_list_ends(const struct lmm_page *page, uint32_t slot);

/* Forgets the lists of a wholly free page, so that its slots are threaded in address order
 * again. */
void lmm_slots_start_afresh(struct lmm_page *page);

/* Threads every FREE slot below fresh anew, in a forked child that may have copied the page in the
 * middle of a change. Returns the number of free slots. */
uint32_t lmm_slots_rebuild(struct lmm_page *page);

/* Gives every system page without a live block back. The page's free slots are all its own: none is
 * in a private list. Returns the bytes given back. */
size_t lmm_slots_trim(struct lmm_page *page);

/* Checks the invariants; private_head: the private list of the page's slots, or LMM_TAG_END. */
bool lmm_slots_are_valid(const struct lmm_page *page, uint32_t private_head);

/* Whether the lists of a page that is not valid are what two threads that freed one block at the same time leave: a
 * slot on two of them, or one that leads in a circle or to a slot that is not free. */
bool lmm_slots_were_freed_twice(const struct lmm_page *page, uint32_t private_head);

#endif
