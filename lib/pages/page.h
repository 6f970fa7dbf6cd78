/* SPDX-License-Identifier: MIT */
/*
 * page: descriptors of pages, the table that finds a page by address, and tags.
 *
 * Owns the page table: one descriptor for each unit of address space. Those of the window, the 32 GiB
 * below the first page, stand in one array; the kernel maps downwards, so few programs have pages
 * elsewhere. For the rest there is a root indexed by the high address bits, and leaves; a leaf, once
 * there, stays. A page of several units uses the descriptor of its first unit; those of the others
 * point back to it.
 *
 * A tag is the 32-bit word of a slot: two bits of state, thirty of value.
 *
 * Invariants of a slot page (checked by lmm_page_is_valid()):
 *   I1  the tags of slots [0, fresh) are LIVE or FREE; tags past fresh are FREE with any value
 *   I2  the free list from `head` threads FREE tags through their values and ends with LMM_TAG_END;
 *       its length is lmm_page_listed()
 *   I3  FREE slots below fresh that are on no list (their system pages were given back) hold
 *       LMM_TAG_UNLISTED, `unlisted` of them
 *   I4  bit i of `absent` is set when system page i was not touched or was given back; no LIVE or listed
 *       slot lies on an absent system page
 * Who may touch what: the comments at the fields. Locks: TABLE, inside, for new leaves.
 * Not responsible for: which heap or family uses a page, and when.
 */
#ifndef LMM_PAGE_H
#define LMM_PAGE_H

#include "lib/ground/base.h"
#include "lib/ground/sync.h"

#include "glthread/glpq.h"
#include "glthread/glthread.h"

struct lmm_heap;

enum {
    LMM_TAG_FREE = 0, /* value: the next free slot, END or UNLISTED */
    LMM_TAG_TAIL = 1, /* value: length in slots; second word of a live or cached run */
    LMM_TAG_LIVE = 2, /* value: site id, and above it the block's slack */
    LMM_TAG_HOLE = 3, /* value: id of the free run's descriptor; its first and last word */
    LMM_TAG_STATE_SHIFT = 30,
    LMM_TAG_VALUE_MASK = (1 << LMM_TAG_STATE_SHIFT) - 1,
    LMM_TAG_END = LMM_TAG_VALUE_MASK,          /* FREE: last of its list */
    LMM_TAG_UNLISTED = LMM_TAG_VALUE_MASK - 1, /* FREE: on no list */
    LMM_TAG_CACHED = LMM_TAG_VALUE_MASK - 2,   /* FREE: first word of a run in a thread's cache */
    LMM_TAG_SPECIAL = 1 << 29,                 /* FREE: values from here on are no slots */
    LMM_TAG_FOREIGN = LMM_TAG_SPECIAL, /* FREE: plus a heap's number: in that heap's batch */
    LMM_TAG_SITE_BITS = 20,
    LMM_SLACK_MAX = (1 << (LMM_TAG_STATE_SHIFT - LMM_TAG_SITE_BITS)) - 1,
};

#define LMM_TAG_LIVE_BASE ((uint32_t) LMM_TAG_LIVE << LMM_TAG_STATE_SHIFT)

static inline uint32_t lmm_tag_make(uint32_t state, uint32_t value)
{
    return state << LMM_TAG_STATE_SHIFT | value;
}

static inline uint32_t lmm_tag_state(uint32_t tag)
{
    return tag >> LMM_TAG_STATE_SHIFT;
}

static inline uint32_t lmm_tag_value(uint32_t tag)
{
    return tag & LMM_TAG_VALUE_MASK;
}

/*
 * The value of a LIVE tag: the site, and the slack: how many bytes of its slots the block's holder did
 * not ask for, at most LMM_SLACK_MAX; 0 in families that count no bytes (family.h).
 */
static inline uint32_t lmm_live_value(uint32_t site, size_t slack)
{
    return (uint32_t) slack << LMM_TAG_SITE_BITS | site;
}

static inline uint32_t lmm_tag_site(uint32_t tag)
{
    return tag & ((1u << LMM_TAG_SITE_BITS) - 1);
}

static inline uint32_t lmm_tag_slack(uint32_t tag)
{
    return lmm_tag_value(tag) >> LMM_TAG_SITE_BITS;
}

enum lmm_page_kind {
    LMM_PAGE_NONE = 0, /* no page now; `family` tells the last owner while `gone` is set */
    LMM_PAGE_SLOTS,    /* single structs; one heap owns it */
    LMM_PAGE_RUNS,     /* runs that split and merge; under the family's RUNS lock */
    LMM_PAGE_SPAN,     /* one long run; tags of its first two slots only */
    LMM_PAGE_FOLLOW,   /* a later unit of a page; `unit` is the first one's */
};

enum {
    LMM_SLOT_STRIDE_MAX = 8192, /* larger structs are runs of one; keeps the division exact */
};

struct lmm_page {
    /* What the owner's free path touches: one cache line. */
    uint64_t multiplier; /* ceil(2^32 / stride); 0: the fast path must not be taken */
    uint32_t *tags;
    struct lmm_heap *owner; /* NULL: not a slot page */
    uint32_t head;          /* owner: list of free slots */
    uint32_t countdown;     /* owner: frees until lmm_heap must look at the page; atomic */
    uint32_t unit;          /* address of the page >> LMM_UNIT_SHIFT */
    uint32_t slots;
    uint32_t stride;
    uint32_t fresh;  /* owner: slots past it were never handed out */
    uint32_t target; /* owner: the number of free slots when countdown reaches 0 */
    uint16_t family;
    uint8_t kind;       /* enum lmm_page_kind; atomic */
    uint8_t gone : 1;   /* kind NONE: was a page of `family` before */
    uint8_t queued : 1; /* owner: `node` is in the heap's queue */

    /* What foreign threads write, and the owner's slow path. */
    uint64_t foreign __attribute__((
        aligned(LMM_CACHE_LINE_BYTES))); /* atomic; list head, and its length << 32 */
    struct lmm_page *reported;           /* next on the owner's list of pages with foreign frees */
    struct glthread glue;                /* pages of one heap and family, or of one family's runs */
    struct glpq_node node;               /* slot page: key log2(free slots). Others: see run.c */
};

_Static_assert(sizeof(struct lmm_page) == (size_t) 2 * LMM_CACHE_LINE_BYTES, "two cache lines");

/* Slow-path facts of a page that no fast path needs, apart so that the lines above stay two. */
struct lmm_page_facts {
    uint64_t absent; /* slot and run pages of one unit: I4; atomic. A unit of no page keeps
                                    * what its last page left here, while it stays mapped */
    union {
        uint32_t unlisted;   /* slot pages: I3 */
        uint32_t clean_from; /* spans: system pages from it on are absent; atomic */
    };
    uint32_t units;        /* of the page, in its first unit */
    uint64_t *absent_long; /* pages of several units: a bit a system page */
};

enum {
    LMM_LEAF_SHIFT = 11, /* units a leaf */
    LMM_LEAF_UNITS = 1 << LMM_LEAF_SHIFT,
    LMM_ADDRESS_BITS = 47, /* of user space */
    LMM_ROOT_ENTRIES = 1 << (LMM_ADDRESS_BITS - LMM_UNIT_SHIFT - LMM_LEAF_SHIFT),
};

struct lmm_leaf {
    struct lmm_page page[LMM_LEAF_UNITS];
    struct lmm_page_facts facts[LMM_LEAF_UNITS];
};

enum {
    LMM_WINDOW_UNITS = 1 << 17,
    LMM_WINDOW_ABOVE = 1 << 10, /* units of it above the first page */
};

extern struct lmm_page lmm_page_window[LMM_WINDOW_UNITS];
extern uintptr_t lmm_page_window_base; /* set before the first page; then immutable */

/* Returns the descriptor of the unit in which address lies when that is in the window, else NULL. Any
 * value may be asked for. Nothing is loaded by way of the address. */
static inline struct lmm_page *lmm_page_near(uintptr_t address)
{
    size_t unit = (address - lmm_load_relaxed(&lmm_page_window_base)) >> LMM_UNIT_SHIFT;

    return LMM_LIKELY(unit < LMM_WINDOW_UNITS) ? &lmm_page_window[unit] : NULL;
}

/* The same for any address; NULL when that part of the address space never held a page. */
struct lmm_page *lmm_page_unit(uintptr_t address);

/* Returns the page in which address lies, by its first unit, or NULL. */
struct lmm_page *lmm_page_of(uintptr_t address);

/* Makes sure that `units` units from base have descriptors. False with errno ENOMEM. */
bool lmm_page_reserve(const char *base, size_t units);

/* The slow-path facts of a page. */
struct lmm_page_facts *lmm_page_facts(const struct lmm_page *page);

static inline char *lmm_page_base(const struct lmm_page *page)
{
    return (char *) ((uintptr_t) page->unit << LMM_UNIT_SHIFT);
}

static inline char *lmm_page_slot(const struct lmm_page *page, size_t slot)
{
    return lmm_page_base(page) + slot * page->stride;
}

/* Tags of a page: one past the last slot where there is a tail, so that no pointer leads out of them. */
static inline size_t lmm_page_tag_count(size_t slots, size_t stride, size_t units)
{
    return slots + (slots * stride < units * (size_t) LMM_UNIT_BYTES);
}

/* For slot = offset x multiplier >> 32, exact for strides up to LMM_SLOT_STRIDE_MAX and offsets below
 * LMM_UNIT_BYTES; the low 32 bits of the product are below the multiplier exactly for multiples of the
 * stride (Lemire, Kaser, Kurz: "Faster remainder by direct computation", 2019). */
static inline uint64_t lmm_page_multiplier(size_t stride)
{
    return (((uint64_t) 1 << 32) + stride - 1) / stride;
}

/* Free slots of a slot page: listed, unlisted or fresh, but not those in a bin's private list. */
static inline uint32_t lmm_page_free_slots(const struct lmm_page *page)
{
    return page->target - lmm_load_relaxed(&page->countdown);
}

/* Lays a slot page out in one unit; `fresh_memory`: never touched since it was mapped. Takes tags from
 * meta. Returns the page, unowned, wholly free; NULL with errno ENOMEM. */
struct lmm_page *lmm_page_create_slots(char *base, uint16_t family, uint32_t stride,
                                       bool fresh_memory);

/* Ends a slot page that is wholly free and gives its tags back; its unit is then a NONE that remembers
 * the family. */
void lmm_page_destroy_slots(struct lmm_page *page);

/* The number of slots on the list from `head`. */
uint32_t lmm_page_listed(const struct lmm_page *page);

/*
 * Threads more slots of a slot page that has fresh or unlisted ones: those of the next system pages
 * after the mark. Returns the first of a list that ends with LMM_TAG_END and its length in *ret_count,
 * at least 1. The slots count as taken from the page; the caller adjusts its countdown.
 */
uint32_t lmm_page_thread(struct lmm_page *page, uint32_t *ret_count);

/* Whether a walk along a free list is at its end. A mark in place of a slot panics: two threads freed a
 * block of the list at once. */
bool lmm_page_list_ends(const struct lmm_page *page, uint32_t slot);

/* Forgets the lists of a wholly free slot page, so that it is threaded in order of address again. */
void lmm_page_start_afresh(struct lmm_page *page);

/* Threads every FREE tag below fresh anew, for a page that a fork may have torn; returns free slots. */
uint32_t lmm_page_rebuild(struct lmm_page *page);

/* Gives every system page without a live block back, of a slot page whose free slots are all its own
 * (none in a private list). Returns the bytes given back. */
size_t lmm_page_trim(struct lmm_page *page);

/* Whether no system page under the slot is absent. */
bool lmm_page_is_present(const struct lmm_page *page, size_t slot);

/* System pages of the page that are not absent, in bytes; of a span, those before clean_from. */
size_t lmm_page_committed_bytes(const struct lmm_page *page);

/* Marks the system pages under [first, last] bytes of the page as touched. Returns the bytes of those that
 * were not. */
size_t lmm_page_commit(struct lmm_page *page, size_t first, size_t last);

/* Whether system page i of the page is absent. */
bool lmm_page_is_absent(const struct lmm_page *page, size_t i);

/* Gives back those of the system pages [first, end) of the page that are not absent, in as few calls as
 * there are stretches of them; the page has no live or listed slot there. Returns the bytes. */
size_t lmm_page_discard(struct lmm_page *page, size_t first, size_t end);

/* Gives the absent bits of a page of several units, or of one, their first state: all set, or what the
 * last pages there left. False: ENOMEM. */
bool lmm_page_set_absent(struct lmm_page *page, bool all);

/* A page that is no slot page ends: leaves in each unit which of its system pages are absent. */
void lmm_page_leave_absent(const struct lmm_page *page);

/* The number of the first of `units` units' system pages from which on, by what their last pages left,
 * all are absent; 0: all of them. */
uint32_t lmm_page_clean_from(const char *base, size_t units);

/* Calls visit for the descriptor of each page of LMM, in address order, until it returns non-zero;
 * returns what the last one returned, or 0. Holds no lock. */
int lmm_page_for_each(int (*visit)(struct lmm_page *page, void *arg), void *arg);

/* Checks I1 to I4; `private_head`: a bin's list of slots taken from the page, or LMM_TAG_END. */
bool lmm_page_is_valid(const struct lmm_page *page, uint32_t private_head);

void lmm_page_before_fork(void);
void lmm_page_after_fork(void);

#endif
