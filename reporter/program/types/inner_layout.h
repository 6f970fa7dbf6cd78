/* SPDX-License-Identifier: MIT */
/*
 * inner_layout: structs in a struct, at any depth, that are smaller in another order of their fields: as fields, in
 * arrays, in base classes, and where nodes of C++ containers keep their elements. Each with the size that the outermost
 * struct then has, whose own fields, and those of all others in it, keep their order.
 *
 * Structs of the C++ library have no better order, because the program cannot change them, but are looked into. So a
 * node of a std::map is smaller when its values are. Unions are not looked into.
 *
 * DIEs are hostile: the number and the depth of the structs that are looked into are bounded.
 */
#ifndef LMM_PROGRAM_INNER_LAYOUT_H
#define LMM_PROGRAM_INNER_LAYOUT_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/types/layout.h"
#include "reporter/program/types/layout_change.h"

enum { LMM_INNER_MAX = 64 /* structs looked into */ };

struct lmm_inner {
    Dwarf_Die type;
    struct lmm_layout layout;     /* BETTER */
    struct lmm_layout_size after; /* the outermost struct, when only this one is smaller */
};

struct lmm_inners {
    struct lmm_inner *list; /* each type once */
    size_t count;
};

/* Lists the structs in a struct whose layout was read, to be freed with lmm_inners_free(). Returns false when memory ran
 * out. Cost: that of lmm_layout_read() for each. */
bool lmm_inners_read(const struct lmm_layout *layout, struct lmm_inners *ret_inners);

/* inners may be all zero. */
void lmm_inners_free(struct lmm_inners *inners);

#endif
