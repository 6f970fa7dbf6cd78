/* SPDX-License-Identifier: MIT */
/*
 * diet_slots: how many bytes LMM takes for a block of a size: the strides of the drop-in's size classes, which
 * are families in the ledger. Another malloc has other sizes: a block that LMM serves in a slot of 80 bytes may take 72
 * or 96 there.
 */
#ifndef LMM_PROGRAM_DIET_SLOTS_H
#define LMM_PROGRAM_DIET_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;

enum {
    LMM_SLOTS_MAX = 128,
    LMM_SLOT_TAG_BYTES = 4, /* of each slot, apart from it */
};

struct lmm_slots {
    bool is_drop_in;                 /* false: nothing below is set, and blocks take their size */
    uint64_t strides[LMM_SLOTS_MAX]; /* in increasing order */
    size_t count;
    uint64_t large_bytes; /* larger blocks are rounded up to a multiple of it; 0: there is none */
};

void lmm_slots_read(const struct lmm_model *model, struct lmm_slots *ret_slots);

/* Returns the bytes of the slot, or slots, for a block. */
uint64_t lmm_slots_of(const struct lmm_slots *slots, uint64_t bytes);

/* Returns the most bytes of a block that takes fewer than one of `bytes`; 0: there is none. */
uint64_t lmm_slots_below(const struct lmm_slots *slots, uint64_t bytes);

#endif
