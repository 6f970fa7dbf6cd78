/* SPDX-License-Identifier: MIT */
/*
 * field_order: where the fields of a struct lie by the rules of the platform's ABI (System V for x86-64
 * and AArch64, and the C++ ABI of Itanium for classes), and an order in which they take
 * fewer bytes. Knows nothing of debug information, except that a field keeps its type.
 *
 * The rules: a field starts at the next multiple of its alignment; a bit-field at the next bit, unless it would
 * then cross a multiple of its type's size; the size is rounded up to the largest alignment. Fields
 * of a class may start in the padding at the end of its base classes, which depends on more than is
 * known here, so there are two rules for that.
 *
 * Stateless.
 */
#ifndef LMM_PROGRAM_FIELD_ORDER_H
#define LMM_PROGRAM_FIELD_ORDER_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lmm_field_kind {
    LMM_FIELD_VTABLE, /* the pointer to the table of virtual functions */
    LMM_FIELD_BASE,   /* a base class */
    LMM_FIELD_MEMBER, /* a union counts as one, also one without a name */
    LMM_FIELD_BITS,   /* a bit-field */
    LMM_FIELD_TAIL,   /* an array at the end that may have more elements: [], [0] or [1] */
};

struct lmm_field {
    const char *name; /* NULL: none; it lives as long as the debug information */
    Dwarf_Die type;
    enum lmm_field_kind kind;
    uint64_t bytes;      /* of its type; of a flexible array 0 */
    uint64_t data_bytes; /* of a base class: without the padding at its end; 0: it is empty */
    uint64_t align;
    uint64_t bit;  /* where it starts, from the start of the struct */
    uint64_t bits; /* of a bit-field */
};

/* Where the first field after the base classes may start. */
enum lmm_base_rule {
    LMM_BASE_WHOLE, /* after their padding */
    LMM_BASE_DATA,  /* in it */
    LMM_BASE_RULES,
};

/* Places fields in their order: sets their bits, *ret_bytes to the size and *ret_align to the
 * alignment of the struct. Returns false: the size is more than 2^32 bytes, or a field is not one
 * that the rules know. */
bool lmm_fields_place(struct lmm_field *fields, size_t count, enum lmm_base_rule rule,
                      uint64_t *ret_bytes, uint64_t *ret_align);

/*
 * Brings fields into an order of fewer than `bytes` bytes, and places them: by alignment, the largest first, otherwise
 * in their order; base classes, the pointer to virtual functions, and an array that may be longer stay where they
 * are, and neighbouring bit-fields together. rules: a set of 1 << enum lmm_base_rule that the order must have the same
 * places by. Returns false, and changes nothing, when none was found, or memory ran out.
 */
bool lmm_fields_reorder(struct lmm_field *fields, size_t count, unsigned rules, uint64_t bytes,
                        uint64_t *ret_bytes);

/* Returns the whole bytes between a field and those before it; of index `count` those at the end of
 * the struct, which has `bytes`. The fields are in the order of their places. */
uint64_t lmm_fields_gap(const struct lmm_field *fields, size_t count, size_t index, uint64_t bytes);

#endif
