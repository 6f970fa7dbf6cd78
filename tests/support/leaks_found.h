/* SPDX-License-Identifier: MIT */
/* leaks_found: what the last leak check of this process has found, as its ledger has it. */
#ifndef TESTS_SUPPORT_LEAKS_FOUND_H
#define TESTS_SUPPORT_LEAKS_FOUND_H

#include "lib/books/checks.h"
#include "lib/books/chunks.h"

/* Calls visit for each record of the last check. No other check runs. */
static inline void leaks_for_each(void (*visit)(const struct lmm_ledger_leak *leak, void *arg),
                                  void *arg)
{
    uint32_t left = lmm_checks_last().leaks;
    uint32_t kind = LMM_LEDGER_LEAKS_EVEN + (uint32_t) (lmm_chunks_header()->check_count % 2);

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        const struct lmm_ledger_leak *leaks = (const void *) (chunk + 1);
        for (uint32_t j = 0; chunk->kind == kind && j < chunk->used && left != 0; j++, left--) {
            visit(&leaks[j], arg);
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
}

struct leaks_sum {
    uint32_t kind;
    uint64_t blocks;
};

static inline void leaks_add(const struct lmm_ledger_leak *leak, void *arg)
{
    struct leaks_sum *sum = arg;

    sum->blocks += leak->kind == sum->kind ? leak->blocks : 0;
}

/* The blocks of one class, enum lmm_ledger_leak_kind. */
static inline uint64_t leaks_blocks(uint32_t kind)
{
    struct leaks_sum sum = {kind, 0};

    leaks_for_each(leaks_add, &sum);
    return sum.blocks;
}

struct leaks_search {
    uintptr_t hidden; /* the complement of the block's address, which is a pointer nowhere */
    uint32_t kind;
};

static inline void leaks_look(const struct lmm_ledger_leak *leak, void *arg)
{
    struct leaks_search *search = arg;

    for (uint32_t i = 0; i < leak->examples; i++) {
        search->kind = leak->example[i] == ~search->hidden ? leak->kind : search->kind;
    }
}

/* The class of a block that is an example of its record; 0: it is none. */
static inline uint32_t leaks_kind(uintptr_t hidden)
{
    struct leaks_search search = {hidden, 0};

    leaks_for_each(leaks_look, &search);
    return search.kind;
}

#endif
