/* SPDX-License-Identifier: MIT */
/*
 * layout_change: how large a struct would be if some of its fields were smaller, or gone: in the best order of
 * its fields that field_order.h finds, or in the order that they have. Stateless.
 */
#ifndef LMM_PROGRAM_LAYOUT_CHANGE_H
#define LMM_PROGRAM_LAYOUT_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_layout;

#define LMM_FIELD_SAME UINT64_MAX

struct lmm_field_change {
    uint64_t bytes; /* its new size; 0: it is gone; or LMM_FIELD_SAME */
    uint64_t align; /* what its alignment is then, unless it is smaller now; 0: `bytes` */
};

struct lmm_layout_size {
    uint64_t bytes;    /* sizeof; at least 1 */
    uint64_t tail_bit; /* where the array at the end starts; 0: there is none */
};

/* Sets *ret_size to the size of a struct as it is, in its best order. */
void lmm_layout_best(const struct lmm_layout *layout, struct lmm_layout_size *ret_size);

/* Sets *ret_size to that after a change; changes: one for each field of the layout. Returns false when the order of the
 * fields is not understood, or memory ran out. */
bool lmm_layout_change(const struct lmm_layout *layout, const struct lmm_field_change *changes,
                       struct lmm_layout_size *ret_size);

/* Does the same in the order that the fields have, which may be aligned by hand; changes: no field is gone. */
bool lmm_layout_resize(const struct lmm_layout *layout, const struct lmm_field_change *changes,
                       struct lmm_layout_size *ret_size);

#endif
