/* SPDX-License-Identifier: MIT */
/*
 * readable: what is known of the system pages of long blocks, so that a scan need not ask the kernel for each.
 *
 * A program may have made whole system pages of a long block inaccessible. lmm_vm_is_readable() tells, but a
 * system call for each page, and for each pointer to the inside of a long block, took longer than the
 * scan; and it makes the kernel provide a page of zeros where the program never touched one. Here the
 * kernel's list of mappings, and its tables of pages, answer for many pages at once.
 *
 * Owns two bits for each system page from the first block on, up to 64 GiB. Other pages are unknown.
 *
 * Invariant (checked by lmm_readable_is_valid()): no page is both held and empty.
 * Threads, memory and signals: as graph.h. Nothing is mapped, unmapped or protected while it is used: the
 * other threads stand still, or this is a copy of the process.
 */
#ifndef LMM_READABLE_H
#define LMM_READABLE_H

#include "lib/leaks/graph.h"

struct lmm_present;
struct lmm_ranges;

struct lmm_readable {
    size_t first; /* number of the first system page */
    size_t count; /* of pages; 0: nothing is known */
    uint64_t *held;
    uint64_t *empty;
    size_t mapped_bytes;
};

/* Learns about the pages of the graph's long blocks from all mappings of the process. Without memory for
 * this, nothing is known. To be ended. */
void lmm_readable_init(struct lmm_readable *readable, const struct lmm_graph *graph,
                       const struct lmm_ranges *ranges, const struct lmm_present *present);

/* Gives the memory back; nothing is known then. */
void lmm_readable_end(struct lmm_readable *readable);

static inline bool lmm_readable_has(const struct lmm_readable *readable, const uint64_t *plane,
                                    uintptr_t address)
{
    size_t page = address / LMM_SYSTEM_PAGE_BYTES - readable->first;

    return page < readable->count && (plane[page / 64] >> (page % 64) & 1) != 0;
}

/* Whether the page of an address is known to be readable and in memory. */
static inline bool lmm_readable_is_held(const struct lmm_readable *readable, uintptr_t address)
{
    return lmm_readable_has(readable, readable->held, address);
}

/* Whether the page of an address is known to be readable, and to hold nothing but zeros: it was never
 * touched, or was given back. */
static inline bool lmm_readable_is_empty(const struct lmm_readable *readable, uintptr_t address)
{
    return lmm_readable_has(readable, readable->empty, address);
}

/* Checks the invariant. */
bool lmm_readable_is_valid(const struct lmm_readable *readable);

#endif
