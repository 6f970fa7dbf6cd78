/* SPDX-License-Identifier: MIT */
/*
 * heap: what one thread owns: its pages by family, its counters, and its frees of other heaps'
 * slots.
 *
 * A heap has one bin per family. Allocation pops from the bin's private list; a free by the owner
 * pushes onto the page's own list; when the private list is empty, the bin takes over a whole list
 * at once. Frees by other threads reach a page's foreign list in batches (foreign.h).
 *
 * Invariants (checked by lmm_heap_is_valid()):
 *   I1  a slot is LIVE, or on exactly one list (private, the page's, foreign, or a batch), or in a
 *       magazine (magazine.h), or unlisted, or fresh; of the slots in a batch some may have a LIVE
 *       tag (foreign.h)
 *   I2  each page is current, queued or nearly full, as family_pages.h says
 *   I3  a page is on its heap's `reported` list exactly while its foreign list is not empty, except
 *       between the two steps of reporting and of collecting
 *   I4  the directory and the bins reach every site below open.site_limit, and its family. A site is
 *       open when the directory has its row page; open.rows is the page of the first 64 sites, in
 *       which those below open.first_limit are found without the directory
 *   I5  a bin's `noted` is what the heap has added to the family's live amount, with what the rows
 *       of its pages said when it took them (tests/unit/lib/test_heap.c)
 * Locks: the owner holds `lock` (HEAP) in its slow paths, so another thread that holds it finds
 * pages, queues and tables at rest. Bins, free lists and tags still change in the owner's fast
 * paths, which take no lock. Unless their comments say more, functions are called by the owner
 * thread only, without the lock. Not responsible for: which thread has which heap (thread), runs
 * (cache).
 */
#ifndef LMM_HEAP_H
#define LMM_HEAP_H

#include "lib/ground/base.h"
#include "lib/heaps/family_pages.h"
#include "lib/books/accounts.h"
#include "lib/pages/page.h"
#include "lib/ground/sync.h"

#include <errno.h>

enum {
    LMM_BATCHES = 32,
    LMM_BATCH_SLOTS = 256,   /* of a batch at most */
    LMM_BATCH_PART = 16,     /* and this part of its page's slots at most: 16 KiB */
    LMM_MAGAZINE_FIRST = 37, /* the families from that one on, */
    LMM_MAGAZINE_END = 57,   /* before this one, have magazines in the drop-in (magazine.h) */
    LMM_REAP_PAGES =
        16, /* pages that others freed wholly and that an owner may leave uncollected */
};

struct lmm_cache;
struct lmm_magazines;
struct lmm_tracer;

/* What a heap has before its magazines: they cannot take or give a slot. */
extern struct lmm_magazines lmm_no_magazines __attribute__((visibility("hidden")));

/* One cache line: all that an allocation reads and writes except the tag and the counter. */
struct lmm_bin {
    uint32_t head; /* private list; LMM_TAG_END: empty */
    uint32_t stride;
    uint32_t *tags; /* of the current page, as are stride and base */
    char *base;
    struct lmm_page *page;                 /* current; NULL: none */
    struct lmm_family_pages *family_pages; /* NULL until the heap uses the family */
    struct lmm_cache *cache;               /* of runs; NULL until the first run is freed */
    int64_t noted; /* I5; where preload/stacked tells bytes: those not added yet */
    union {
        uint32_t unnoted_slots; /* about so many were taken or freed since the last addition */
        uint32_t step_bytes;    /* where preload/stacked tells bytes: from when on it adds them */
    };
} __attribute__((aligned(LMM_CACHE_LINE_BYTES)));

_Static_assert(sizeof(struct lmm_bin) == LMM_CACHE_LINE_BYTES, "one line a bin");

/* What the fast paths need of a heap; its thread has a copy in static TLS (lmm_thread_open). */
struct lmm_open {
    struct lmm_heap *heap;
    struct lmm_bin *bins;        /* by family index */
    struct lmm_ledger_row *rows; /* of the first LMM_ROWS_IN_FIRST sites; NULL: no page yet */
    uint32_t first_limit;        /* sites below it have their row there */
    uint32_t small_limit;        /* the same, without the families that have magazines */
    uint32_t site_limit;  /* the directory has sites below it; 0: the slow path must be taken */
    uintptr_t *directory; /* by site >> LMM_ROWS_SHIFT: the address that the row of site 0 */
                          /* would have in that site's row page; 0: no page yet, or a child */
                          /* process that is not settled (thread.h) */
    /* first_limit, but 0 in a child process that is not settled; never NULL in lmm_thread_open. */
    uint32_t *limit_in_parent;
    struct lmm_magazines *magazines; /* never NULL */
};

/* The row of a site in the heap; NULL: the slow path must be taken. */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_open_row(const struct lmm_open *open, uint32_t site)
{
    if (LMM_UNLIKELY(site >= open->site_limit)) {
        return NULL;
    }
    uintptr_t rows = open->directory[site >> LMM_ROWS_SHIFT];
    if (LMM_UNLIKELY(rows == 0)) {
        return NULL;
    }
    struct lmm_ledger_row *row = (void *) (rows + site * sizeof(struct lmm_ledger_row));
    if (row == NULL) {
        __builtin_unreachable(); /* the caller then tests for NULL only once */
    }
    return row;
}

/* The same, where the sites below `limit` have their row in open.rows. first_only: NULL for others. */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_open_row_below(const struct lmm_open *open, uint32_t site, uint32_t limit, bool first_only)
{
    if (LMM_UNLIKELY(site >= limit)) {
        return first_only ? NULL : lmm_open_row(open, site);
    }
    struct lmm_ledger_row *row = &open->rows[site];
    if (row == NULL) {
        __builtin_unreachable(); /* as above */
    }
    return row;
}

/* The same for a family's first site whose id is the family's index: its address needs fewer
 * steps. */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_open_first_row(const struct lmm_open *open, uint32_t site)
{
    return lmm_open_row_below(open, site, open->first_limit, true);
}

/* The same for any site, faster for the first sites: most typed programs have no others. */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_open_row_near(const struct lmm_open *open, uint32_t site)
{
    return lmm_open_row_below(open, site, open->first_limit, false);
}

/*
 * The same for an allocation, which must not count for the parent in a child process that LMM does
 * not know of. A free needs no such look, because there a page of the window is not found. own_site:
 * as lmm_open_first_row().
 */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_open_row_to_allocate(const struct lmm_open *open, uint32_t site, bool own_site)
{
    return lmm_open_row_below(open, site, *open->limit_in_parent, own_site);
}

/* How many sites have their row in open.rows. */
static inline uint32_t lmm_open_first_limit(const struct lmm_open *open)
{
    uint32_t most = open->rows == NULL ? 0 : LMM_ROWS_IN_FIRST;

    return open->site_limit < most ? open->site_limit : most;
}

/* Sets first_limit, and what follows from it. */
static inline void lmm_open_set_first_limit(struct lmm_open *open, uint32_t limit)
{
    open->first_limit = limit;
    open->small_limit = limit < LMM_MAGAZINE_FIRST ? limit : (uint32_t) LMM_MAGAZINE_FIRST;
}

/*
 * Slots of another heap's page that this heap's thread freed and has not handed over yet. Their tags
 * hold lmm_foreign_mark(), or are still LIVE (lmm_foreign_push_unread()). Written by that thread alone,
 * atomically, since lmm_foreign_mark_batches() reads it in others.
 */
struct lmm_batch {
    struct lmm_page *page; /* NULL: empty; stored last when a batch begins, first when it ends */
    uint32_t count;        /* stored after the slot */
    uint32_t limit;        /* a batch with so many slots is handed over; the thread's own */
    uint32_t turn;         /* how many batches have ended here */
    uint32_t *slot;        /* immutable: LMM_BATCH_SLOTS */
};

struct lmm_heap {
    struct lmm_lock *lock;          /* apart from the heap: fork writes to all locks, and thereby */
                                    /* copies their pages in the parent and in the child */
    uint32_t number;                /* immutable; the owner of its rows in the ledger */
    bool is_shared;                 /* immutable; the one shared heap, under SHARED */
    struct lmm_open open;           /* its site_limit stays while the thread's copy has 0 */
    struct lmm_row_page *row_pages; /* its own */
    struct lmm_tracer *tracer;      /* NULL unless call stacks are taken (drop-in) */
    size_t cache_growth_bytes;      /* by which its caches have grown (cache.h) */
    uint32_t bin_capacity;
    uint32_t directory_capacity;
    uint32_t looked_at;      /* the bin that was last looked at, see look_at_next_bin_locked() */
    const char *newest_unit; /* of the page that was last made current; NULL: none was */
    struct lmm_batch batch[LMM_BATCHES]; /* by page, direct-mapped */
    uint32_t *batch_slots;               /* theirs */

    /* Written by the thread module, under HEAPS. */
    struct lmm_heap *next;        /* all heaps */
    struct lmm_heap *next_parked; /* the parked ones */
    bool is_parked;
    size_t parked_bytes; /* of its cached runs while it is parked */

    /* Written by other threads. */
    struct lmm_page *reported __attribute__((aligned(LMM_CACHE_LINE_BYTES))); /* atomic */
    bool trim_wanted;  /* atomic, relaxed; the owner trims in its next slow path */
    uint32_t complete; /* atomic, relaxed: about how many reported pages are wholly free */
    uint32_t reap_at;  /* atomic, relaxed: from so many on the thread that frees takes them */
    bool is_idle;      /* atomic, relaxed: parked, so that one such page is enough */
};

/* The word of a page's foreign list: its first slot, and above it its length. */
static inline uint64_t lmm_foreign_list(uint32_t head, uint32_t count)
{
    return (uint64_t) count << 32 | head;
}

/* What the tag of a slot holds while it is in a batch of the heap. */
static inline uint32_t lmm_foreign_mark(const struct lmm_heap *heap)
{
    return lmm_tag_make(LMM_TAG_FREE, LMM_TAG_FOREIGN + heap->number);
}

/* Which of a heap's batches the page's slots go to. */
static inline uint32_t lmm_batch_index(const struct lmm_page *page)
{
    return page->unit % LMM_BATCHES;
}

/* Pops a slot from the bin's private list and makes it live. NULL when the list is empty. */
static inline __attribute__((always_inline)) void *lmm_bin_pop(struct lmm_bin *bin,
                                                               uint32_t live_value)
{
    uint32_t slot = bin->head;
    if (LMM_UNLIKELY(slot >= LMM_TAG_SPECIAL)) {
        return NULL;
    }
    uint32_t *tag = &bin->tags[slot];
    uint32_t next = lmm_load_relaxed(tag); /* a FREE tag is the next slot */
    char *base = bin->base;
    size_t stride = bin->stride;
    char *block = base + slot * stride;
    bin->head = next;
    lmm_store_relaxed(tag, lmm_tag_after_block(LMM_TAG_LIVE_BASE | live_value, block));
    /* The program will soon write to the next block, whose memory LMM does not touch. At the end of
     * the list the prefetched address is not mapped, which does no harm. */
    lmm_prefetch_for_write(base + next * stride);
    if (block == NULL) {
        __builtin_unreachable(); /* the caller then tests for NULL only after the list's end */
    }
    return block;
}

/* Fetches what lmm_bin_pop() will wait for, if it is called some time later: the tag of the first slot. Where there is
 * none, the address is not mapped, which does no harm. */
static inline void lmm_bin_prefetch(const struct lmm_bin *bin)
{
    lmm_prefetch_for_write((const void *) ((uintptr_t) bin->tags + bin->head * sizeof(*bin->tags)));
}

/*
 * Pops a slot for site from the private list of its family's bin, and counts it. Returns NULL when
 * the slow path is needed: the site is not open yet, or the list is empty. own_site: the site's id
 * is the family's index.
 */
static inline __attribute__((always_inline)) void *
lmm_heap_pop(const struct lmm_open *open, uint32_t site, uint32_t family, bool own_site)
{
    struct lmm_ledger_row *row = lmm_open_row_to_allocate(open, site, own_site);

    if (LMM_UNLIKELY(row == NULL)) {
        return NULL;
    }
    void *block = lmm_bin_pop(&open->bins[family], site);
    if (LMM_LIKELY(block != NULL)) {
        lmm_add_single_writer(&row->allocated_blocks, 1);
    }
    return block;
}

/* The row of a block that is freed; NULL: the slow path must be taken. found: its site, or more than
 * any site when it is not live. Of a family whose blocks count at its first site. */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_heap_row_of_family(const struct lmm_open *open, uint32_t family, uint32_t found)
{
    struct lmm_ledger_row *row = lmm_open_row_below(open, family, UINT32_MAX, true);

    return LMM_LIKELY(found == family) ? row : NULL;
}

/*
 * The same of a block of the page, and notes its site. Where the page foretells the site, the row's
 * address does not depend on the tag, and the next free, which counts there too, need not wait until
 * this one has its tag. So the compiler must not see that the two sites are the same.
 */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_heap_row_of_freed(const struct lmm_open *open, struct lmm_page *page, uint32_t found)
{
    uint32_t foretold = page->head_site;
    uint32_t site = foretold;
    struct lmm_ledger_row *row;

    __asm__("" : "+r"(site));
    if (LMM_LIKELY(found == foretold)) {
        row = lmm_open_row_near(open, site);
    } else {
        row = lmm_open_row_near(open, found);
        if (row != NULL) {
            lmm_page_note_site(page, found);
        }
    }
    return row;
}

/* What lmm_heap_push() did. */
enum lmm_push {
    LMM_PUSH_DONE,  /* freed and counted */
    LMM_PUSH_EVENT, /* the same, and *ret_page needs lmm_heap_page_event() */
    LMM_PUSH_LONGER, /* nothing: p is the start of a slot of *ret_page, which is this heap's, of an */
                     /* open family that may have magazines; own_sites only */
    LMM_PUSH_FOREIGN, /* nothing: p is the start of a slot of *ret_page, which is not this heap's */
    LMM_PUSH_SITE, /* nothing: p is the start of a slot of *ret_page, which is this heap's, but not */
                   /* live, or of another site */
    LMM_PUSH_SLOW, /* nothing: the slow path must look at p */
};

/*
 * Frees p when it is a live slot of this heap, of an open site. The owner thread calls this,
 * without a lock; all stores are relaxed. *ret_page is not set for LMM_PUSH_SLOW.
 *
 * own_sites: frees only blocks of their family's first site, whose id is the family's index, and of
 * families without magazines. Then the counter's address does not depend on the tag, which saves a
 * sixth of a free's time.
 */
static inline __attribute__((always_inline)) enum lmm_push
lmm_heap_push(const struct lmm_open *open, const void *p, bool own_sites,
              struct lmm_page **ret_page)
{
    struct lmm_page *page = lmm_page_near((uintptr_t) p);
    if (LMM_UNLIKELY(page == NULL)) {
        return LMM_PUSH_SLOW;
    }
    uint64_t offset = (uintptr_t) p & (LMM_UNIT_BYTES - 1);
    uint64_t product = offset * page->multiplier;
    if (LMM_UNLIKELY((uint32_t) product >= page->multiplier)) {
        return LMM_PUSH_SLOW; /* inside a slot, or the page's multiplier is 0 */
    }
    *ret_page = page;
    if (LMM_UNLIKELY(lmm_load_relaxed(&page->owner) != open->heap)) {
        return LMM_PUSH_FOREIGN; /* before the tag is read: its line is in another core's cache */
    }
    uint32_t slot = (uint32_t) (product >> 32);
    uint32_t *tag = &page->tags[slot];
    uint32_t found = lmm_load_relaxed(tag) - LMM_TAG_LIVE_BASE;
    if (own_sites && LMM_UNLIKELY(page->family >= open->small_limit)) {
        return page->family < open->first_limit ? LMM_PUSH_LONGER : LMM_PUSH_SITE;
    }
    struct lmm_ledger_row *row = own_sites ? lmm_heap_row_of_family(open, page->family, found)
                                           : lmm_heap_row_of_freed(open, page, found);
    if (LMM_UNLIKELY(row == NULL)) {
        return LMM_PUSH_SITE; /* not LIVE, or a site that this heap has no row for yet */
    }
    lmm_store_relaxed(tag, page->head);
    lmm_tag_before_block(tag, p);
    page->head = slot;
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    return LMM_UNLIKELY(lmm_count_down_single_writer(&page->countdown)) ? LMM_PUSH_EVENT
                                                                        : LMM_PUSH_DONE;
}

/*
 * Looks p up, any value: the thread's row for the family *ret_family when p is a live block in a slot
 * of any heap's page, of its family's first site, whose id is the family's index. NULL: the slow
 * path must look at p.
 */
static inline __attribute__((always_inline)) struct lmm_ledger_row *
lmm_heap_look(const struct lmm_open *open, const void *p, uint32_t *ret_family)
{
    const struct lmm_page *page = lmm_page_near((uintptr_t) p);
    if (LMM_UNLIKELY(page == NULL)) {
        return NULL;
    }
    uint64_t offset = (uintptr_t) p & (LMM_UNIT_BYTES - 1);
    uint64_t product = offset * page->multiplier;
    if (LMM_UNLIKELY((uint32_t) product >= page->multiplier)) {
        return NULL;
    }
    uint32_t family = page->family;
    const uint32_t *tag = &page->tags[product >> 32];
    if (LMM_UNLIKELY(lmm_load_relaxed(tag) != (LMM_TAG_LIVE_BASE | family))) {
        return NULL;
    }
    *ret_family = family;
    return lmm_open_first_row(open, family);
}

/* Initialises a heap, which no other thread knows yet; takes_stacks: with a tracer. False with errno
 * ENOMEM; then nothing of it is left, and the number is free. */
bool lmm_heap_init(struct lmm_heap *heap, uint32_t number, bool is_shared, bool takes_stacks);

/* Makes bins and directory reach every site and family that is registered now. False with errno
 * ENOMEM; then they reach what they did. */
bool lmm_heap_open_sites(struct lmm_heap *heap);

/* The heap's row for a site, for which it takes a row page where it has none. NULL with errno
 * ENOMEM. */
struct lmm_ledger_row *lmm_heap_row(struct lmm_heap *heap, uint32_t site);

/* In a child process, which finds the directory empty: enters the heap's row pages again. */
void lmm_heap_fill_directory(struct lmm_heap *heap);

/* Gives all row pages up, for other heaps to go on in: the heap's thread ends, or has gone. */
void lmm_heap_give_rows(struct lmm_heap *heap);

/*
 * Gives the bin of an open family a private list: from its page, from the page with most free
 * slots, or from a new page. False with errno ENOMEM when there is no free slot and no memory.
 */
bool lmm_heap_refill(struct lmm_heap *heap, struct lmm_family *family);

/* The step of lmm_heap_refill() that needs no lock, and is the common one while few blocks live: takes
 * the list of the bin's page over. False when there is more to do. Of an open family. */
bool lmm_heap_restock(struct lmm_heap *heap, struct lmm_family *family);

/* lmm_heap_pop() where the bin's list is empty: restocks it first. NULL: the slow path is needed, as
 * it is for a family with a limit. */
LMM_NOINLINE void *lmm_heap_pop_restocked(const struct lmm_open *open, uint32_t site,
                                          uint32_t family);

/* Requeues a page of this heap whose countdown has ended, or gives it back; nothing when another
 * thread has just done so (lmm_heap_reap()). */
LMM_NOINLINE void lmm_heap_page_event(struct lmm_heap *heap, struct lmm_page *page);

/* Frees a slot of this heap, off the fast path, that the caller found live, with that site; the caller counts it. The
 * tag is not read again: another thread that frees the block, too, may change it. Preserves errno. */
void lmm_heap_push_own(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot, uint32_t site);

/* The same for a slot with any tag, whose block the site allocated. */
static inline void lmm_heap_list_own(struct lmm_heap *heap, struct lmm_page *page, uint32_t slot,
                                     uint32_t site)
{
    lmm_store_relaxed(&page->tags[slot], page->head);
    lmm_page_note_site(page, site);
    page->head = slot;
    if (LMM_UNLIKELY(lmm_count_down_single_writer(&page->countdown))) {
        int saved_errno = errno;
        lmm_heap_page_event(heap, page);
        errno = saved_errno;
    }
}

/* Counts delta for site in the heap's row, or, without memory for one, in the shared row. */
void lmm_heap_count(struct lmm_heap *heap, uint32_t site, const struct lmm_ledger_row *delta);

/* Puts a page whose foreign list was empty on the owner's list of reported pages. Any thread. */
void lmm_heap_report(struct lmm_heap *owner, struct lmm_page *page);

/*
 * Gives back the heap's reported pages that are wholly free, without its thread's help; returns
 * their bytes. Any thread, which may not hold a lock of rank HEAP or above. must_wait: false: does
 * nothing when another thread holds the lock, since that one collects. Preserves errno.
 *
 * Only reported pages, for a page may be reported only while it exists. Not a bin's current page,
 * because its owner uses it without the lock. In another page the owner's fast path can only free a
 * live slot. When the free slots and those on the foreign list are all, there is none; and the
 * countdown of the page, whose decrement is the last store of a free, is loaded with acquire order.
 * So the owner has left the page, except that lmm_heap_page_event() may still come.
 */
size_t lmm_heap_reap(struct lmm_heap *heap, bool must_wait);

/* Tells whether the heap is parked: nobody but other threads' frees will look at its pages. */
void lmm_heap_set_idle(struct lmm_heap *heap, bool is_idle);

/*
 * Tells that about so many slots of the family were taken or freed, and adds what the heap's rows
 * say to the family's live amount when that is due: about once in half a page of slots, or more
 * when the family has very many sites; a change by no more than a system page of slots waits. So a
 * heap is behind by about a page of slots at most, which includes a private list. Not for families
 * that count bytes. The owner; takes no lock of the heap.
 */
void lmm_heap_note(struct lmm_heap *heap, struct lmm_family *family, size_t slots);

/* In a forked child: takes all that the heap's rows say as added. */
void lmm_heap_reset_noted(struct lmm_heap *heap);

/* Collects foreign frees and returns every private list, so that pages hold all their free slots
 * and wholly free ones go back. By the owner, or by any thread while the heap is parked. */
void lmm_heap_settle(struct lmm_heap *heap);

/* Gives back the pages of bins that are wholly free, and which the next allocation would use. By the
 * owner. */
void lmm_heap_tidy(struct lmm_heap *heap);

/* Settles, and gives every system page without a live block back; returns the bytes. */
size_t lmm_heap_trim(struct lmm_heap *heap);

/* Checks the invariants, and those of family_pages.h and slots.h. The caller owns the heap, or its
 * thread does nothing meanwhile, and holds its lock; no other thread frees blocks meanwhile. */
bool lmm_heap_is_valid(const struct lmm_heap *heap);

/* The same for all heaps, linked by `next`, in one walk over the tags. */
bool lmm_heaps_are_valid(const struct lmm_heap *first);

#endif
