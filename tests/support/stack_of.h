/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_STACK_OF_H
#define TESTS_SUPPORT_STACK_OF_H

#include <lmm/ledger.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/books/accounts.h"

/* Returns the stack of a site as the ledger has it; 0: none. */
static inline uint32_t stack_of(uint32_t site)
{
    uint32_t stack = 0;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        if (chunk->kind == LMM_LEDGER_STACKS && site >= chunk->first &&
            site - chunk->first < chunk->used) {
            stack = ((const uint32_t *) (const void *) (chunk + 1))[site - chunk->first];
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return stack;
}

/* Returns the number of frames in the ledger, number 0 included. */
static inline uint32_t frame_count(void)
{
    uint32_t count = 0;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        if (view.chunks[i]->kind == LMM_LEDGER_FRAMES) {
            count = view.chunks[i]->first + view.chunks[i]->used;
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return count;
}

#endif
