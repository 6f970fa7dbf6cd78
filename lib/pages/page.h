/* SPDX-License-Identifier: MIT */
/*
 * page: descriptors of pages, the table that finds a page by address, and tags.
 *
 * Owns the page table: one descriptor for each unit of address space. The descriptors of the
 * window, mostly 32 GiB of addresses, are one array; the kernel maps downwards, so few programs
 * have pages elsewhere. For the others there is a tree indexed by the address bits; its branches
 * and leaves are never freed. A page of several units uses the descriptor of its first unit; the
 * descriptors of its later units point to that one.
 *
 * The array is reserved before the first page, at a multiple of a unit, and lies in its own window,
 * LMM_WINDOW_ABOVE units below the window's end. It is in descending order of address. So its
 * address and the number of its units are all that a look-up needs. Where address space is limited
 * the window is smaller; where it cannot be reserved, it has no unit, and the tree serves.
 *
 * A tag is the 32-bit word of a slot: two bits of state, thirty of value.
 *
 * Threads: look-ups take no lock and are safe for any address at any time. `kind` is stored with
 * release order after the other fields of a new page, and loaded with acquire order before them.
 * Who may write a field: the comments at the fields. Locks: TABLE, inside, for the window and for
 * new leaves.
 * Not responsible for: what is in a page (slots, run, span), which heap or family uses it.
 */
#ifndef LMM_PAGE_H
#define LMM_PAGE_H

#include "lib/ground/base.h"
#include "lib/books/site.h"
#include "lib/ground/sync.h"

#include "glthread/glpq.h"
#include "glthread/glthread.h"

struct lmm_heap;

enum {
    LMM_TAG_FREE = 0, /* value: the next free slot, END or UNLISTED */
    LMM_TAG_TAIL = 1, /* value: length of the block in slots; second word of a live or cached run */
    LMM_TAG_LIVE = 2, /* value: a live value, see lmm_live_value() */
    LMM_TAG_HOLE = 3, /* value: id of the free run's descriptor; first and last word of the run */
    LMM_TAG_STATE_SHIFT = 30,
    LMM_TAG_VALUE_MASK = (1 << LMM_TAG_STATE_SHIFT) - 1,
    LMM_TAG_END = LMM_TAG_VALUE_MASK,          /* FREE: last of its list */
    LMM_TAG_UNLISTED = LMM_TAG_VALUE_MASK - 1, /* FREE: on no list */
    LMM_TAG_SPECIAL = 1 << 29,                 /* FREE: from here on values are not slots */
    LMM_TAG_FOREIGN = LMM_TAG_SPECIAL, /* FREE: plus a heap's number: in a batch of that heap */
    LMM_TAG_FOREIGN_END = LMM_TAG_SPECIAL + (1 << 28),
    LMM_TAG_CACHED = LMM_TAG_FOREIGN_END, /* FREE: plus a heap and a site: first word of a run that
                                             was freed and is in a heap's cache */
    LMM_TAG_CACHERS_SHIFT = 7,            /* log2 of the heaps that it tells apart */
    LMM_SLACK_MAX = (1 << (LMM_TAG_STATE_SHIFT - LMM_SITE_BITS)) - 1,
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
 * A live value is the value of a LIVE tag. Bits 0 to 19 (LMM_SITE_BITS) are the site id. The bits
 * above are the slack: the bytes of the block's slots that the program did not ask for, at most
 * LMM_SLACK_MAX; 0 in families that do not count bytes (family.h), where the live value is the site
 * id.
 */
static inline uint32_t lmm_live_value(uint32_t site, size_t slack)
{
    return (uint32_t) slack << LMM_SITE_BITS | site;
}

/* The tag of a cached run whose last site is that, without lmm_tag_cacher(). */
static inline uint32_t lmm_tag_cached(uint32_t site)
{
    return LMM_TAG_CACHED | site;
}

/* What that tag has of the heap with that number; a few heaps have the same. */
static inline uint32_t lmm_tag_cacher(uint32_t heap)
{
    return heap % (1u << LMM_TAG_CACHERS_SHIFT) << LMM_SITE_BITS;
}

static inline bool lmm_tag_is_cached(uint32_t tag)
{
    enum { SHIFT = LMM_SITE_BITS + LMM_TAG_CACHERS_SHIFT };

    return tag >> SHIFT == (uint32_t) LMM_TAG_CACHED >> SHIFT;
}

/* The site of a LIVE tag, of a live value, or of the tag of a cached run. */
static inline uint32_t lmm_tag_site(uint32_t tag)
{
    return tag & ((1u << LMM_SITE_BITS) - 1);
}

static inline uint32_t lmm_tag_slack(uint32_t tag)
{
    return lmm_tag_value(tag) >> LMM_SITE_BITS;
}

/*
 * A leak check may stop a thread anywhere, also in LMM. While a block is live, its thread must have
 * its address in a register or on its stack. These two cost no instruction: they only tell the
 * compiler in which order to compute.
 */

/* Returns the tag, which cannot be stored before the block's address was computed. */
static inline uint32_t lmm_tag_after_block(uint32_t tag, const void *block)
{
    __asm__("" : "+r"(tag) : "r"(block));
    return tag;
}

/* Keeps the block's address until the tag was stored that ends the block. */
static inline void lmm_tag_before_block(const uint32_t *tag, const void *block)
{
    __asm__ volatile("" : : "m"(*tag), "r"(block));
}

enum lmm_page_kind {
    LMM_PAGE_NONE = 0, /* no page; `family` is the last page's while `gone` is set */
    LMM_PAGE_SLOTS,    /* single structs; one heap owns it */
    LMM_PAGE_RUNS,     /* runs that split and merge; under the family's RUNS lock */
    LMM_PAGE_SPAN,     /* one long run; tags of its first two slots only */
    LMM_PAGE_FOLLOW,   /* a later unit of a page; `unit` is the first one's */
};

enum { LMM_SLOT_STRIDE_MAX = 8192 }; /* larger structs are runs; keeps the division exact */

struct lmm_page {
    /* What every thread's free reads, and slow paths write: one cache line. */
    uint64_t multiplier; /* ceil(2^32 / stride); 0: not for the fast path */
    uint32_t *tags;
    struct lmm_heap *owner; /* NULL: not a slot page */
    uint32_t unit;          /* address of the page >> LMM_UNIT_SHIFT */
    uint32_t slots;
    uint32_t stride;
    uint32_t fresh; /* owner: slots from it on were never handed out */
    uint16_t family;
    uint8_t kind;         /* enum lmm_page_kind; atomic */
    uint8_t gone : 1;     /* kind NONE: a page of `family` ended here */
    uint8_t queued : 1;   /* owner: `node` is in the heap's queue */
    uint8_t apart : 1;    /* span: the kernel moved it, so it is a mapping of its own */
    uint8_t advised : 1;  /* span: it has asked for large pages (huge.h); under RUNS */
    struct glthread glue; /* pages of one heap and family, or of one family's runs */

    /* What the owner's free writes, and foreign threads when they hand slots over: another one, so
     * that foreign threads need not wait for the first. */
    uint32_t head __attribute__((aligned(LMM_CACHE_LINE_BYTES))); /* owner: list of free slots */
    uint32_t countdown; /* owner: frees until lmm_heap_page_event(); atomic */
    uint32_t target;    /* owner: the number of free slots when countdown reaches 0; atomic */
    uint32_t head_site; /* owner: lmm_page_note_site() */
    uint64_t foreign;   /* atomic; the first slot of the foreign list, and its length << 32 */
    struct lmm_page *reported; /* next on the owner's list of pages with foreign frees */
    struct glpq_node node;     /* slot page: key log2(free slots) */
};

_Static_assert(sizeof(struct lmm_page) == (size_t) 2 * LMM_CACHE_LINE_BYTES, "two cache lines");

/*
 * `head_site` is the site that had allocated the block at `head` last, LMM_SITE_NONE: unknown; and
 * LMM_PAGE_SITES beside it when blocks of several sites were freed since the owner took the page's
 * list. Without that, it foretells the site of the next block that is freed.
 */
enum { LMM_PAGE_SITES = 1 << 30 };

/* Tells that a block of that site was freed, before it is `head`. The owner. */
static inline void lmm_page_note_site(struct lmm_page *page, uint32_t site)
{
    if (page->head_site != site) {
        page->head_site = page->head_site == LMM_SITE_NONE ? site : site | LMM_PAGE_SITES;
    }
}

/* What only slow paths need of a page; not in the descriptor, which stays two cache lines. */
struct lmm_page_facts {
    /* Atomic. Pages of one unit: memory.h, I1. Of a unit without a page: the state of its
     * memory. */
    uint64_t absent;
    union {
        uint32_t unlisted;   /* slot pages: slots.h, I3 */
        uint32_t clean_from; /* spans: system pages from it on are absent; atomic */
    };
    uint32_t units;        /* of the page; valid in its first unit */
    uint64_t *absent_long; /* pages of several units: one bit per system page */
};

enum {
    LMM_LEAF_SHIFT = 8, /* units a leaf */
    LMM_LEAF_UNITS = 1 << LMM_LEAF_SHIFT,
    LMM_BRANCH_SHIFT = 10, /* leaves a branch */
    LMM_BRANCH_LEAVES = 1 << LMM_BRANCH_SHIFT,
    LMM_ROOT_ENTRIES = 1 << (LMM_ADDRESS_BITS - LMM_UNIT_SHIFT - LMM_LEAF_SHIFT - LMM_BRANCH_SHIFT),
    LMM_WINDOW_UNITS = 1 << 17,
    LMM_WINDOW_ABOVE = 1 << 10, /* units of it above its descriptors */
};

/*
 * Immutable once it is set. If one of these is 0 or both are, neither NULL nor an address that a program has is in it: so
 * a thread may load one before and one after they are set (it frees NULL beside LMM's start) or wiped (a signal handler
 * interrupts free, forks, and returns in the child).
 */
struct lmm_window {
    uintptr_t complement; /* ~ of the highest address in it; its descriptors are LMM_WINDOW_ABOVE */
                          /* units below that, first that of the last unit */
    size_t units;         /* atomic; stored last, with release: the facts are there */
};

/* A copy of the window for fast paths, which a child process finds zeroed until it is settled
 * (heaps/thread). It has a kernel page of its own. */
extern union lmm_near {
    struct lmm_window window;
    char bytes[LMM_KERNEL_PAGE_BYTES_MAX];
} lmm_page_near_window __attribute__((visibility("hidden"), aligned(LMM_KERNEL_PAGE_BYTES_MAX)));

/* Returns the descriptor of the unit that holds address when it is in the window, else NULL. Takes
 * any value; loads nothing from the address. */
static inline struct lmm_page *lmm_window_page(const struct lmm_window *window, uintptr_t address)
{
    uintptr_t complement = lmm_load_constant(&window->complement);
    size_t below = ~(complement + address) >> LMM_UNIT_SHIFT;

    if (LMM_UNLIKELY(below >= lmm_load_acquire(&window->units))) {
        return NULL;
    }
    uintptr_t above = (uintptr_t) LMM_WINDOW_ABOVE * LMM_UNIT_BYTES;
    struct lmm_page *page = (struct lmm_page *) (-complement - above) + below;
    if (page == NULL) {
        __builtin_unreachable(); /* saves the caller a test for NULL */
    }
    return page;
}

/* The same in the fast paths' copy of the window. */
static inline struct lmm_page *lmm_page_near(uintptr_t address)
{
    return lmm_window_page(&lmm_page_near_window.window, address);
}

/* Makes the copy: in a child process, once it is settled. */
void lmm_page_open_window(void);

/* The same for any address; NULL when that part of the address space never held a page. */
struct lmm_page *lmm_page_unit(uintptr_t address);

/* Returns the first unit's descriptor of the page that holds address, or NULL. */
struct lmm_page *lmm_page_of(uintptr_t address);

/* Makes sure that `units` units from base have descriptors; the first call reserves the window. False
 * with errno ENOMEM. */
bool lmm_page_reserve(const char *base, size_t units);

/* The memory of the window's descriptors and facts; *ret_from == *ret_to when it has none. */
void lmm_page_window_memory(uintptr_t *ret_from, uintptr_t *ret_to);

/* The facts of a unit, given by its number (address >> LMM_UNIT_SHIFT), that has a descriptor. */
struct lmm_page_facts *lmm_page_unit_facts(size_t unit);

static inline struct lmm_page_facts *lmm_page_facts(const struct lmm_page *page)
{
    return lmm_page_unit_facts(lmm_load_relaxed(&page->unit));
}

static inline char *lmm_page_base(const struct lmm_page *page)
{
    return (char *) ((uintptr_t) lmm_load_relaxed(&page->unit) << LMM_UNIT_SHIFT);
}

static inline char *lmm_page_slot(const struct lmm_page *page, size_t slot)
{
    return lmm_page_base(page) + slot * page->stride;
}

/* The bytes of a page's tags: there is one more than its slots when bytes are left after the last
 * slot, so that the slot of any address in the page has a tag. */
static inline size_t lmm_page_tag_bytes(size_t slots, size_t stride, size_t units)
{
    return (slots + (slots * stride < units * LMM_UNIT_BYTES)) * sizeof(uint32_t);
}

/* Returns the multiplier for slot = offset x multiplier >> 32, which is exact for strides up to
 * LMM_SLOT_STRIDE_MAX and offsets below LMM_UNIT_BYTES. The low 32 bits of the product are below
 * the multiplier exactly when offset is a multiple of the stride (Lemire, Kaser, Kurz: "Faster
 * remainder by direct computation", 2019). */
static inline uint64_t lmm_page_multiplier(size_t stride)
{
    return (((uint64_t) 1 << 32) + stride - 1) / stride;
}

/* The slot of p, an address in a page that has a multiplier. */
static inline uint32_t lmm_page_slot_of(const struct lmm_page *page, const void *p)
{
    return (uint32_t) (((uintptr_t) p & (LMM_UNIT_BYTES - 1)) * page->multiplier >> 32);
}

/* Where an address lies: in which slot of which page, and how many bytes into the slot. */
struct lmm_location {
    struct lmm_page *page; /* NULL: no page was ever there */
    size_t slot;
    size_t inside_bytes;
};

/* Locates p, any value. False when p is in no page or after its last slot; then only
 * ret_location->page is set, to the descriptor there, if any. */
bool lmm_page_locate(const void *p, struct lmm_location *ret_location);

static inline void lmm_page_set_tag(struct lmm_page *page, size_t slot, uint32_t tag)
{
    lmm_store_relaxed(&page->tags[slot], tag);
}

/* The page after `page` on a list of pages by `glue`; the first one for NULL; NULL at the end. */
static inline struct lmm_page *lmm_page_next(const struct glthread *list, struct lmm_page *page)
{
    struct glthread *next = page == NULL ? glthread_first(list) : glthread_next(list, &page->glue);

    return next == NULL ? NULL : GLTHREAD_ENTRY(next, struct lmm_page, glue);
}

/* Calls visit for the descriptor of each page, in address order, until visit returns non-zero;
 * returns what the last call returned, or 0. Holds no lock: a page may begin or end meanwhile. */
int lmm_page_for_each(int (*visit)(struct lmm_page *page, void *arg), void *arg);

/* TABLE; exported for fork. */
extern struct lmm_lock lmm_page_table_lock;

#endif
