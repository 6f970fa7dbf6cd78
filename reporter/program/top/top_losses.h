/* SPDX-License-Identifier: MIT */
/*
 * top_losses: what the last leak check found lost at each line and stack, of each type, and of each type at
 * each line, for `lmm top`. The blocks that suppressions match, built-in ones or the program's own, are not
 * in it.
 *
 * Lines, stacks and types are known by the keys of their places (places.h), which stay the same from one
 * reading to the next. So the losses are made once for each check.
 */
#ifndef LMM_PROGRAM_TOP_LOSSES_H
#define LMM_PROGRAM_TOP_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"

struct lmm_places;

struct lmm_top_lost {
    uint64_t key; /* of a place */
    /* Of lines and stacks: definitely lost, with what hangs on them. Of types: definitely or indirectly lost
     * blocks of the type. */
    uint64_t bytes;
};

/* Of all places of a kind that lost something, in the order of their keys. */
struct lmm_top_lost_list {
    struct lmm_top_lost *items;
    size_t count;
};

/* All zero: of no check. */
struct lmm_top_losses {
    uint64_t time_ns; /* CLOCK_REALTIME of the check */
    uint32_t mark;    /* only newer blocks than this mark; 0: all */
    struct lmm_model_amount definite;
    struct lmm_model_amount indirect;
    struct lmm_model_amount possible;
    struct lmm_top_lost_list lines;
    struct lmm_top_lost_list stacks;
    struct lmm_top_lost_list types;
    struct lmm_top_lost_list type_lines; /* by lmm_top_type_line_key() */
};

/* The places of a model. */
struct lmm_top_places {
    const struct lmm_places *lines;
    const struct lmm_places *stacks;
    const struct lmm_places *types;
};

/* Replaces *losses by those of the model's last check, unless they are of it already, or there is none
 * that a running process made. places: those of the model. Returns false when memory
 * ran out: then there are none. Cost: that of lmm_spots_make(). */
bool lmm_top_losses_make(struct lmm_top_losses *losses, const struct lmm_model *model,
                         const struct lmm_top_places *places);

void lmm_top_losses_free(struct lmm_top_losses *losses);

/* Returns the key of what one type has at one line, by the keys of both. */
uint64_t lmm_top_type_line_key(uint64_t type, uint64_t line);

/* Returns the lost bytes of the place with this key. */
uint64_t lmm_top_lost_of(const struct lmm_top_lost_list *list, uint64_t key);

#endif
