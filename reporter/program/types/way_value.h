/* SPDX-License-Identifier: MIT */
/*
 * way_value: what is known of the value of a register, of a half of a vector register, or of a word
 * in the frame:
 *   BLOCK     the result that is followed, and `number` bytes
 *   CONSTANT  a number, perhaps an address
 *   FRAME     an address in the frame: the value of sp or of the frame pointer when the call
 *             returned, and `number` bytes
 *   ORIGIN    the value that a register had, or a word that was loaded, and `number` bytes
 *   NOTHING   anything else
 * With a `scale`, a multiple of it that is not known is added: the index of an array. Stateless.
 */
#ifndef LMM_PROGRAM_WAY_VALUE_H
#define LMM_PROGRAM_WAY_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum lmm_way_value_kind {
    LMM_WAY_NOTHING,
    LMM_WAY_BLOCK,
    LMM_WAY_CONSTANT,
    LMM_WAY_FRAME,
    LMM_WAY_ORIGIN,
};

struct lmm_way_value {
    uint8_t kind;
    bool is_unknown; /* BLOCK: `number` is not known */
    bool is_address; /* CONSTANT: it was made as an address, or can be one */
    bool is_pointer; /* FRAME: of the frame pointer, else of sp */
    uint16_t origin; /* ORIGIN: index in lmm_way.origins */
    uint16_t scale;  /* CONSTANT, FRAME, ORIGIN: 0: no index is added */
    int64_t number;
};

/* Adds without a care for overflow: code is hostile. */
int64_t lmm_way_add(int64_t a, int64_t b);

struct lmm_way_value lmm_way_constant(int64_t number, bool is_address);

/* Returns a multiple of `scale` that is not known. */
struct lmm_way_value lmm_way_multiple(uint64_t scale);

bool lmm_way_is_same(struct lmm_way_value a, struct lmm_way_value b);

/* Returns a + b, and a - b. */
struct lmm_way_value lmm_way_sum(struct lmm_way_value a, struct lmm_way_value b);
struct lmm_way_value lmm_way_difference(struct lmm_way_value a, struct lmm_way_value b);

/* Returns `a` after its lowest bits were set or cleared by a number: a pointer with a tag, or aligned. */
struct lmm_way_value lmm_way_tagged(struct lmm_way_value a);

/* Returns a value and `number` bytes. */
struct lmm_way_value lmm_way_moved(struct lmm_way_value value, int64_t number);

#endif
