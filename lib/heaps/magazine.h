/* SPDX-License-Identifier: MIT */
/*
 * magazine: free slots that a heap keeps at hand, for the size classes of the drop-in above
 * LMM_SMALL_BYTES.
 *
 * A page of a longer class has few slots. So the lists of one page are short, and a heap would take
 * its slow paths often; and it would give out slots in turn, which have left the processor's caches
 * meanwhile. A magazine is a stack of slots of one class, of any pages: the slot that was freed last
 * is given out first. A slot of another heap's page joins the magazine of the heap that frees it, and
 * is allocated there again, so it need not be handed over. A slot that finds the magazine full is
 * freed as small blocks are.
 *
 * For its page a slot in a magazine is handed out. Its tag is FREE, with the heap's mark
 * (lmm_foreign_mark()), by a plain store: so readers of tags see it as free, and another free of it is
 * found. If two threads free one block at the same time, one overwrites the other's mark, and the
 * other panics when it takes the slot out of its magazine.
 *
 * Bound: a magazine has LMM_MAGAZINE_SLOTS slots and LMM_MAGAZINE_BYTES at most, so a heap's have
 * 1.2 MiB at most. Each time that a magazine is empty or full when it is used, the heap looks at one of
 * its magazines, in turn, and empties it when the heap has neither allocated nor freed a block of the
 * class since the last look.
 *
 * Invariants (checked by lmm_magazines_are_valid()):
 *   I1  the tag of each slot is the heap's mark, and its page is a slot page of the family
 *   I2  a slot is in one magazine, once
 *   I3  first <= top <= end, and end is at most LMM_MAGAZINE_SLOTS after first
 * Threads: the thread that has the heap, without a lock. Only blocks of a family's first site, whose id
 * is the family's index, are in magazines, in a process of the drop-in without call stacks. Not
 * responsible for: counting blocks, except where it says so.
 */
#ifndef LMM_MAGAZINE_H
#define LMM_MAGAZINE_H

#include "lib/ground/base.h"
#include "lib/heaps/heap.h"

enum {
    LMM_MAGAZINE_SLOTS = 32,
    LMM_MAGAZINE_BYTES = LMM_UNIT_BYTES / 4,
};

/* A free slot in a magazine. */
struct lmm_kept_slot {
    char *block;
    uint32_t *tag;
};

struct lmm_magazine {
    struct lmm_kept_slot *top;   /* after the newest one */
    struct lmm_kept_slot *first; /* immutable; there it is empty */
    struct lmm_kept_slot *end;   /* there it is full; `first`: it is closed */
    uint64_t seen_calls; /* allocations and frees of its class until it was last looked at */
};

/* Those of a heap. */
struct lmm_magazines {
    uint32_t mark;              /* immutable, as is slot: lmm_foreign_mark() of the heap */
    uint32_t hand;              /* the family whose magazine was last looked at */
    struct lmm_kept_slot *slot; /* of all magazines, LMM_MAGAZINE_SLOTS each */
    struct lmm_magazine magazine[LMM_ROWS_IN_FIRST]; /* by family; most families have none */
};

/* Panics: the slot does not hold the heap's mark any more. */
LMM_NOINLINE _Noreturn void lmm_magazine_panic(const void *block);

/* Takes the newest slot of a family, whose index is below LMM_ROWS_IN_FIRST, makes it live and counts
 * it. NULL: the magazine is empty, or the slow path is needed. */
static inline __attribute__((always_inline)) void *lmm_magazine_pop(const struct lmm_open *open,
                                                                    uint32_t family)
{
    struct lmm_ledger_row *row = lmm_open_row_to_allocate(open, family, true);
    struct lmm_magazines *all = open->magazines;
    struct lmm_magazine *magazine = &all->magazine[family];
    struct lmm_kept_slot *top = magazine->top;

    if (LMM_UNLIKELY(row == NULL || top == magazine->first)) {
        return NULL;
    }
    char *block = (--top)->block;
    uint32_t *tag = top->tag;
    magazine->top = top;
    if (LMM_UNLIKELY(lmm_load_relaxed(tag) != all->mark)) {
        lmm_magazine_panic(block);
    }
    lmm_store_relaxed(tag, lmm_tag_after_block(LMM_TAG_LIVE_BASE | family, block));
    lmm_add_single_writer(&row->allocated_blocks, 1);
    if (block == NULL) {
        __builtin_unreachable(); /* saves the caller a test for NULL */
    }
    return block;
}

/* Frees p, the start of a slot of a page of the family, this heap's (is_own) or another's, and counts it
 * in `row`, that of the family's first site. False, with nothing done: the magazine is full, or there
 * is none, or p is not live at that site. */
static inline __attribute__((always_inline)) bool
lmm_magazine_push(const struct lmm_open *open, uint32_t family, struct lmm_ledger_row *row,
                  const struct lmm_page *page, void *p, bool is_own)
{
    uint32_t *tag = &page->tags[lmm_page_slot_of(page, p)];
    struct lmm_magazines *all = open->magazines;
    struct lmm_magazine *magazine = &all->magazine[family];
    struct lmm_kept_slot *top = magazine->top;
    if (LMM_UNLIKELY(top == magazine->end ||
                     lmm_load_relaxed(tag) != (LMM_TAG_LIVE_BASE | family))) {
        return false;
    }
    lmm_store_relaxed(tag, all->mark);
    lmm_tag_before_block(tag, p);
    /* The program will soon write to the block again, whose memory LMM does not touch. */
    lmm_prefetch_for_write(p);
    *top = (struct lmm_kept_slot) {p, tag};
    magazine->top = top + 1;
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    if (!is_own) {
        lmm_add_single_writer_release(&row->foreign_frees, 1);
    }
    return true;
}

/* Creates the magazines of a heap, whose thread's copy of its `open` is *open. Nothing happens for the
 * shared heap, when it has some, and when there is no memory. Preserves errno. */
void lmm_magazines_create(struct lmm_open *open);

/* Looks at the heap's next magazine: empties it when it seems unused, and closes it when its family has
 * got a limit, which the magazine's slots are not held to. Preserves errno. */
void lmm_magazines_look(struct lmm_heap *heap);

/* Gives all slots back: those of other heaps' pages to batches, which lmm_foreign_flush() hands
 * over. */
void lmm_magazines_flush(struct lmm_heap *heap);

/* In a forked child: empties the magazines; the pages are rebuilt from the tags. */
void lmm_magazines_forget(struct lmm_heap *heap);

/* Checks the invariants; adds the number of slots to *count. */
bool lmm_magazines_are_valid(const struct lmm_heap *heap, size_t *count);

#endif
