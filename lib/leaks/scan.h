/* SPDX-License-Identifier: MIT */
/*
 * scan: reads blocks and other memory for addresses of blocks, and blocks that it reaches in turn.
 *
 * Owns what is still to be read. A block that is reached leaves plane WHITE, once. Then it waits in a
 * short ring, which is drained first in, first out, so that its memory arrives meanwhile; or, when the
 * ring is full, its page is noted, and pages are read in ascending order of address. Blocks of the page
 * that is being read just wait there. So no work list can overflow, and nothing is allocated after the
 * start. Where many of 64 neighbouring blocks wait they are read as one range.
 *
 * A word that is the start of a white block reaches it. What another address of a page means differs
 * from phase to phase: `other` decides.
 *
 * Invariants (checked by lmm_scan_is_valid()):
 *   I1  a block waits exactly when its bit in STARTS is set and those in WHITE and READ are not; it is
 *       in a page that is noted, or is free of pointers. A block in the ring has its bit in READ
 *   I2  READ and WHITE are subsets of STARTS, and have no block in common
 * Threads, memory and signals: as graph.h. The memory of blocks is readable, except that whole system
 * pages inside of a block may not be: each of which that is not known (readable.h) is tried by a system call first.
 * Not responsible for: what is a root, and what the planes mean (mark, classes).
 */
#ifndef LMM_SCAN_H
#define LMM_SCAN_H

#include "lib/leaks/graph.h"
#include "lib/leaks/block_words.h"
#include "lib/leaks/readable.h"

enum { LMM_SCAN_RING = 64 };

struct lmm_scan;

/* Told of a word that lies in the range of the graph's addresses, and is not the start of a white
 * block: mostly the inside of one, or nothing. Of starts of blocks that were reached already it is told
 * some, or all, see `tells_known`. */
typedef void lmm_scan_other(struct lmm_scan *scan, uintptr_t word);

struct lmm_scan_block {
    uint32_t page; /* its number */
    uint32_t slot;
};

struct lmm_scan {
    struct lmm_graph graph;
    struct lmm_readable readable; /* lmm_scan_learn() */
    lmm_scan_other *other;
    void *arg;                   /* for `other` */
    bool tells_known;            /* `other` is told of every start of a block that is not white */
    bool unaligned;              /* words at any address count */
    bool can_probe;              /* lmm_vm_is_readable() tells the truth here */
    bool has_pointer_free_sites; /* some blocks of other families are free of pointers, too */
    uint64_t bytes;              /* looked at so far */
    struct lmm_words words;

    /* Blocks reached. */
    uint32_t *group_of; /* by slot: gets `group` when a block is reached; NULL: none */
    uint32_t group;
    size_t reached; /* blocks, so far; only counted where group_of is set */
    uint32_t ring_first;
    uint32_t ring_count;
    struct lmm_scan_block ring[LMM_SCAN_RING];
    const struct lmm_graph_page *current; /* being read in the order of slots; or NULL */
    size_t at_word;         /* those of slots from 64 x this on are still to come ... */
    size_t last_word;       /* ... and some before 64 x (this + 1) were reached */
    size_t distance;        /* of the blocks read last, in slots, as a guess; may be negative */
    uint64_t *noted;        /* a bit for each page */
    uint64_t *noted_groups; /* a bit for each word of `noted` that is not 0 */
    size_t noted_count;     /* pages noted */
    size_t mapped_bytes;
};

/* Makes the graph; nothing is reached. False with errno ENOMEM or EOVERFLOW. */
bool lmm_scan_init(struct lmm_scan *scan, bool unaligned, lmm_scan_other *other);

/* Learns which system pages of long blocks can be read from all mappings of the process. Only where no other
 * thread runs, or in a copy of the process. */
void lmm_scan_learn(struct lmm_scan *scan, const struct lmm_ranges *ranges,
                    const struct lmm_present *present);

/* Gives the memory back. */
void lmm_scan_end(struct lmm_scan *scan);

/* Reaches a block: nothing when it is not white. */
void lmm_scan_reach(struct lmm_scan *scan, const struct lmm_graph_page *page, uint32_t slot);

/* As `other`: reaches the block that the word goes into, and a block of no length that ends there. */
void lmm_scan_reach_any(struct lmm_scan *scan, uintptr_t word);

/* Whether each block of the page is all read, at aligned words: none is free of pointers, has system pages
 * of its own, which may be inaccessible, or is a run. */
static inline bool lmm_scan_is_plain(const struct lmm_scan *scan, const struct lmm_graph_page *page)
{
    return page->kind == LMM_PAGE_SLOTS && page->stride >= sizeof(uint64_t) &&
           page->stride < LMM_SYSTEM_PAGE_BYTES && !scan->unaligned &&
           !scan->has_pointer_free_sites && !page->has_gaps;
}

/* Takes a word as an address. */
void lmm_scan_word(struct lmm_scan *scan, uintptr_t word);

/*
 * Is called for [from, to) before that is read. A copy of the process has page tables of its own, in
 * which the processor marks each system page at its first use. A load waits for that, and so do all
 * after it: 0.6 us a page in a linear read, 1.4 along a list. A prefetch has the same effect in 0.07 us,
 * and nothing waits for it; 0.007 where the page is marked. It does no harm where nothing can be read.
 */
static inline void lmm_scan_use_first(uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at < to; at += LMM_SYSTEM_PAGE_BYTES) {
        __builtin_prefetch((const void *) at);
    }
}

/* Takes the words in [from, to) as addresses; that memory is readable. */
void lmm_scan_range(struct lmm_scan *scan, uintptr_t from, uintptr_t to);

/* Reads all blocks that were reached, and those that they reach. */
void lmm_scan_run(struct lmm_scan *scan);

/*
 * The next stretch [*from, *to) of a block that is to be read: the first one when *to is the block's start.
 * False when there is none, as with a block that is free of pointers. Of a long block whole system pages may be
 * left out: the program may have made them inaccessible, or has never touched them.
 */
bool lmm_scan_next_stretch(const struct lmm_scan *scan, const struct lmm_graph_block *block,
                           uintptr_t *from, uintptr_t *to);

/* Which of the slots (a bit each, of slots i * 64 on of the page) have no word that may be an address of
 * the graph: the others may have none either. */
uint64_t lmm_scan_leaves(const struct lmm_scan *scan, const struct lmm_graph_page *page, size_t i,
                         uint64_t slots);

/* Whether some site has that mark (books/site.h). O(sites). */
bool lmm_scan_has_marked_site(unsigned mark);

/* Checks the invariants between two runs: nothing waits. */
bool lmm_scan_is_valid(const struct lmm_scan *scan);

#endif
