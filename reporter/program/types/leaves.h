/* SPDX-License-Identifier: MIT */
/*
 * leaves: the fields of a struct down to numbers, pointers and arrays, through the structs and base classes in it; each
 * with its place from the start of the outermost struct.
 *
 * A struct in it that has a name is a leaf, too, before its own leaves: all its bytes. One of the C++ or Rust library, such as
 * std::string, is nothing but such a leaf: the program cannot change it. Unions, arrays and numbers of
 * more than 8 bytes are leaves of bytes. An array of numbers of 2 to 8 bytes is a second leaf, "sent[]", which is in the first. Arrays without a length, and the pointer to virtual functions, are none.
 *
 * DIEs are hostile: leaves that do not lie in the struct are left out; their number and depth are bounded.
 */
#ifndef LMM_PROGRAM_LEAVES_H
#define LMM_PROGRAM_LEAVES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_layout;

enum { LMM_LEAVES_MAX = 256 };

enum lmm_leaf_kind {
    LMM_LEAF_UNSIGNED, /* numbers, enums, bool; also as bit-fields */
    LMM_LEAF_SIGNED,
    LMM_LEAF_POINTER,
    LMM_LEAF_OTHER, /* at most 8 bytes: floating point */
    LMM_LEAF_BYTES,
};

enum { LMM_LEAF_NOT_OWN = -1, LMM_LEAF_OUTERMOST = -1 };

struct lmm_leaf {
    char *name; /* "head.next" */
    Dwarf_Die type;
    enum lmm_leaf_kind kind;
    bool is_bit_field;
    uint64_t bit;
    uint64_t bits;
    uint64_t element_bytes; /* of an array; else 0 */
    int own; /* the index of the field of the outermost struct that it is; or LMM_LEAF_NOT_OWN: it is in one */
    int parent; /* the index of the leaf for the struct that it is in; or LMM_LEAF_OUTERMOST */
};

struct lmm_leaves {
    struct lmm_leaf *list; /* in the order of the debug information */
    size_t count;
    bool is_cut; /* there are more */
};

/* Lists the leaves of a struct whose layout was read; to be freed with lmm_leaves_free(). Returns false when
 * memory ran out. */
bool lmm_leaves_read(const struct lmm_layout *layout, struct lmm_leaves *ret_leaves);

/* leaves may be all zero. */
void lmm_leaves_free(struct lmm_leaves *leaves);

#endif
