/* SPDX-License-Identifier: MIT */
/*
 * roots: the memory and the registers from which the program can reach its blocks.
 *
 * A root is:
 *   - each readable private mapping, as far as its pages have memory of their own: data of modules,
 *     libc's heap, thread-local storage, pools, stacks of threads and coroutines
 *   - each shared mapping that can be read and written, as far as it is in memory
 *   - the registers of threads that stand still
 *   - memory that the program has declared (declared.h), and the arguments of callbacks that LMM
 *     keeps for it
 *   - words of the ranges that a copy of the process lacks
 * No root is:
 *   - what is LMM's own: pages of blocks, descriptors, tags, its records, the ledger
 *   - the stack of a thread below its stack pointer and the red zone, where old frames were. A thread
 *     that runs on another stack has its own whole, and that other one from its stack pointer on if it
 *     is a block, else whole
 *   - the stack of a thread that has ended, except its record until it is joined: the thread's result
 *     is in it
 *   - devices and what the kernel maps; ranges whose pages another thread provides (userfaultfd)
 * What may not be read without harm is copied by the kernel (/proc/thread-self/mem), so that memory
 * that cannot be read, or is there no more, is skipped and counted.
 *
 * Owns the lists of one check. The threads stand still, or this is a copy of the process made while
 * they did; LMM's locks were held then. Async-signal-safe, takes no lock.
 * Tests: tests/unit/lib/test_roots.c, tests/stress/check_threads.c.
 */
#ifndef LMM_ROOTS_H
#define LMM_ROOTS_H

#include "lib/leaks/gaps.h"
#include "lib/leaks/present.h"
#include "lib/leaks/ranges.h"
#include "lib/leaks/registers.h"
#include "lib/leaks/stop.h"

struct lmm_roots_settings {
    const struct lmm_saved_registers
        *self;                   /* of the thread that checks: nothing below its sp counts */
    const struct lmm_stop *stop; /* the other threads */
    const struct lmm_ranges
        *marked;            /* read with the kernel's marks before the threads stood still */
    const uintptr_t *words; /* of ranges that the copy lacks */
    size_t word_count;
    bool is_copy; /* nobody else changes this memory */
};

struct lmm_roots {
    struct lmm_roots_settings settings;
    struct lmm_ranges ranges; /* all that is mapped */
    struct lmm_gaps gaps;
    struct lmm_present present;
    int memory;   /* /proc/thread-self/mem, or -errno */
    char *buffer; /* for what the kernel copies */
};

/* Who looks at the roots. */
struct lmm_roots_visitor {
    /* Memory that can be read. address: where it is in the process; elsewhere than `from` when that
     * is a copy. */
    void (*range)(const void *from, const void *to, uintptr_t address, void *arg);
    void (*word)(uintptr_t word, void *arg);
    /* Whether a live block's memory holds the address. */
    bool (*is_block)(uintptr_t address, uintptr_t *ret_start, size_t *ret_bytes, void *arg);
    void *arg;
    /* Results. */
    uint64_t bytes;        /* of ranges that were visited */
    uint64_t unread_bytes; /* of ranges that could not be read */
};

/* Finds out what is mapped, and what of it is no root. 0 or -errno; then nothing is left to free. */
int lmm_roots_init(struct lmm_roots *roots, const struct lmm_roots_settings *settings);
void lmm_roots_free(struct lmm_roots *roots);

/* Visits all roots. */
void lmm_roots_visit(const struct lmm_roots *roots, struct lmm_roots_visitor *visitor);

/*
 * Collects the words of ranges that a copy of the process will lack (marked as NO_FORK or WIPED) and
 * that are addresses in LMM's pages. Returns how many were written to ret_words, at most `most`; what
 * is past that is lost. The other threads stand still.
 */
size_t lmm_roots_collect(const struct lmm_ranges *marked, uintptr_t *ret_words, size_t most);

#endif
