/* SPDX-License-Identifier: MIT */
/*
 * layout: the fields of a struct or class by its debug information, the bytes between them that hold nothing,
 * and an order of the fields in which it is smaller.
 *
 * An order is proposed only if the compiler's own order is understood: the fields laid out by the rules of
 * field_order.h must lie where the compiler has put them, and so must those of each struct in it;
 * else it is packed, or has something that debug information does not tell. Nothing is proposed for
 * structs that are aligned by hand, of languages whose compilers order fields themselves (Rust), or
 * with virtual base classes.
 *
 * A program may rely on an order in ways that debug information does not show: by casts between
 * structs that start alike, in files and messages, or for cache lines.
 *
 * DIEs are hostile: the work and the number of fields are bounded.
 */
#ifndef LMM_PROGRAM_LAYOUT_H
#define LMM_PROGRAM_LAYOUT_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/field_order.h"

enum lmm_layout_state {
    LMM_LAYOUT_BEST,    /* no better order was found */
    LMM_LAYOUT_BETTER,  /* there is one */
    LMM_LAYOUT_ALIGNED, /* it, or one of its fields, is aligned by hand */
    LMM_LAYOUT_FOREIGN, /* of a language whose compiler orders the fields */
    LMM_LAYOUT_UNKNOWN, /* not understood */
};

struct lmm_layout {
    struct lmm_field *fields; /* in the order of the debug information, the fixed ones first */
    size_t count;
    uint64_t bytes;      /* sizeof */
    uint64_t hole_bytes; /* these three are 0, too, if not all places and sizes are known */
    size_t hole_count;
    uint64_t padding_bytes; /* at the end */
    enum lmm_layout_state state;
    unsigned
        rules; /* a set of 1 << enum lmm_base_rule by which they lie where they do; 0: unknown */
    struct lmm_field *order; /* BETTER: the fields in the better order; else NULL */
    uint64_t order_bytes;
};

/* Sets *ret_layout to that of a struct or class, to be freed with lmm_layout_free(). The debug
 * information must live longer. Returns false: the type is none, or only declared; or memory ran
 * out. */
bool lmm_layout_read(const Dwarf_Die *type, struct lmm_layout *ret_layout);

/* layout may be all zero. */
void lmm_layout_free(struct lmm_layout *layout);

#endif
