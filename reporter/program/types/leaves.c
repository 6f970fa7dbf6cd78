/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/leaves.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/types/layout.h"
#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_walk.h"

enum {
    DEPTH_MAX = 4, /* of structs in structs */
    WORD_BITS = 64,
};

/* Where the fields lie that are being listed. */
struct place {
    const char *prefix; /* "head."; or empty */
    uint64_t bit;
    uint64_t end; /* of the outermost struct, in bits */
    int depth;
    int parent;
};

struct list {
    struct lmm_leaves leaves;
    bool has_failed;
};

/* ---- Kinds ----------------------------------------------------------------------------------- */

static enum lmm_leaf_kind kind_of_encoding(const Dwarf_Die *type, enum lmm_leaf_kind usual)
{
    Dwarf_Die copy = *type;
    Dwarf_Attribute attribute;
    Dwarf_Word encoding;

    if (dwarf_formudata(dwarf_attr(&copy, DW_AT_encoding, &attribute), &encoding) != 0) {
        return usual;
    }
    switch (encoding) {
    case DW_ATE_signed:
    case DW_ATE_signed_char: return LMM_LEAF_SIGNED;
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
    case DW_ATE_boolean:
    case DW_ATE_UTF: return LMM_LEAF_UNSIGNED;
    default: return LMM_LEAF_OTHER;
    }
}

/* Returns the kind of an enum: that of its own type; C's is int, or unsigned. */
static enum lmm_leaf_kind kind_of_enum(const Dwarf_Die *type)
{
    Dwarf_Die under;
    Dwarf_Die stripped;
    enum lmm_leaf_kind kind = LMM_LEAF_SIGNED;

    if (lmm_type_of(type, &under) && lmm_type_strip(&under, &stripped)) {
        kind = kind_of_encoding(&stripped, kind);
    }
    return kind_of_encoding(type, kind);
}

/* Returns the kind of a field of at most 8 bytes. */
static enum lmm_leaf_kind kind_of(const Dwarf_Die *type)
{
    Dwarf_Die stripped;

    if (!lmm_type_strip(type, &stripped)) {
        return LMM_LEAF_BYTES;
    }
    switch (dwarf_tag(&stripped)) {
    case DW_TAG_base_type: return kind_of_encoding(&stripped, LMM_LEAF_OTHER);
    case DW_TAG_enumeration_type: return kind_of_enum(&stripped);
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type: return LMM_LEAF_POINTER;
    default: return LMM_LEAF_BYTES;
    }
}

/* ---- Leaves ---------------------------------------------------------------------------------- */

/* Adds a leaf with a name of three parts; returns its index, or LMM_LEAF_OUTERMOST when there is none. */
static int add(struct list *list, const struct lmm_leaf *leaf, const char *prefix, const char *name,
               const char *suffix)
{
    struct lmm_leaf *added = NULL;

    if (list->leaves.count == LMM_LEAVES_MAX) {
        list->leaves.is_cut = true;
        return LMM_LEAF_OUTERMOST;
    }
    added = lmm_array_add(&list->leaves.list, &list->leaves.count, sizeof(*added));
    if (added == NULL) {
        list->has_failed = true;
        return LMM_LEAF_OUTERMOST;
    }
    *added = *leaf;
    if (asprintf(&added->name, "%.256s%.256s%s", prefix, name, suffix) < 0) {
        added->name = NULL;
        list->has_failed = true;
    }
    return (int) list->leaves.count - 1;
}

/* Adds the numbers of an array, whose leaf was added, if they may be too large. */
static void add_numbers(struct list *list, const struct place *place, const struct lmm_field *field,
                        int array)
{
    struct lmm_leaf leaf = list->leaves.list[array];
    uint64_t count;

    if (lmm_type_elements(&field->type, &leaf.type, &count)) {
        leaf.kind = kind_of(&leaf.type);
        leaf.parent = array;
    }
    if (leaf.kind <= LMM_LEAF_SIGNED && leaf.bits % (leaf.element_bytes * 8) == 0 &&
        (leaf.element_bytes == 2 || leaf.element_bytes == 4 || leaf.element_bytes == 8)) {
        add(list, &leaf, place->prefix, field->name, "[]");
    }
}

/* Adds the leaf of a field with that index; returns as add(). */
static int add_field(struct list *list, const struct place *place, const struct lmm_field *field,
                     size_t index)
{
    uint64_t bits = field->kind == LMM_FIELD_BITS ? field->bits : field->bytes * 8;
    uint64_t bit = place->bit + field->bit;
    Dwarf_Die element;
    uint64_t count;

    if (field->bytes > UINT32_MAX || bits == 0 || bits > place->end || bit > place->end - bits) {
        return LMM_LEAF_OUTERMOST;
    }
    struct lmm_leaf leaf = {
        .type = field->type,
        .is_bit_field = field->kind == LMM_FIELD_BITS,
        .bit = bit,
        .bits = bits,
        .kind = bits <= WORD_BITS ? kind_of(&field->type) : LMM_LEAF_BYTES,
        .own = place->depth == 0 ? (int) index : LMM_LEAF_NOT_OWN,
        .parent = place->parent,
    };

    if (lmm_type_elements(&field->type, &element, &count)) {
        leaf.element_bytes = lmm_type_bytes(&element);
    }
    int added = add(list, &leaf, place->prefix, field->name, "");

    if (added != LMM_LEAF_OUTERMOST && leaf.element_bytes > 0) {
        add_numbers(list, place, field, added);
    }
    return added;
}

static void list_fields(struct list *list, const struct place *place,
                        const struct lmm_layout *layout);

/* Lists the fields of a struct, or base class, in a struct; `whole` is its own leaf. */
static void list_inner(struct list *list, const struct place *place, const struct lmm_field *field,
                       const struct lmm_layout *layout, int whole)
{
    char *prefix = NULL;
    const struct place inner = {
        .prefix = place->prefix,
        .bit = place->bit + field->bit,
        .end = place->end,
        .depth = place->depth + 1,
        .parent = whole,
    };

    if (field->name == NULL) {
        list_fields(list, &inner, layout);
        return;
    }
    if (asprintf(&prefix, "%.256s%.256s.", place->prefix, field->name) < 0) {
        list->has_failed = true;
        return;
    }
    struct place named = inner;

    named.prefix = prefix;
    list_fields(list, &named, layout);
    free(prefix);
}

static bool is_standard(const Dwarf_Die *type)
{
    char name[LMM_TYPE_NAME_MAX];

    lmm_type_whole_name(type, name);
    return lmm_type_name_is_standard(name);
}

static void list_field(struct list *list, const struct place *place, const struct lmm_field *field,
                       size_t index)
{
    struct lmm_layout layout = {.fields = NULL};
    int whole = place->parent;
    Dwarf_Die stripped;

    if (field->kind == LMM_FIELD_VTABLE || field->kind == LMM_FIELD_TAIL ||
        (field->kind == LMM_FIELD_BASE && field->data_bytes == 0)) {
        return;
    }
    if (field->name != NULL && field->kind != LMM_FIELD_BASE) {
        whole = add_field(list, place, field, index);
    }
    if (field->kind != LMM_FIELD_BITS && place->depth < DEPTH_MAX && field->bit < place->end &&
        lmm_type_strip(&field->type, &stripped) && lmm_type_is_record(&stripped) &&
        !is_standard(&stripped) && lmm_layout_read(&stripped, &layout)) {
        list_inner(list, place, field, &layout, whole);
        lmm_layout_free(&layout);
    }
}

static void list_fields(struct list *list, const struct place *place,
                        const struct lmm_layout *layout)
{
    for (size_t i = 0; i < layout->count && !list->has_failed && !list->leaves.is_cut; i++) {
        list_field(list, place, &layout->fields[i], i);
    }
}

bool lmm_leaves_read(const struct lmm_layout *layout, struct lmm_leaves *ret_leaves)
{
    struct list list = {.has_failed = false};
    const struct place place = {
        .prefix = "", .end = layout->bytes * 8, .parent = LMM_LEAF_OUTERMOST};

    if (layout->bytes <= UINT32_MAX) {
        list_fields(&list, &place, layout);
    }
    if (list.has_failed) {
        lmm_leaves_free(&list.leaves);
        return false;
    }
    *ret_leaves = list.leaves;
    return true;
}

void lmm_leaves_free(struct lmm_leaves *leaves)
{
    for (size_t i = 0; i < leaves->count; i++) {
        free(leaves->list[i].name);
    }
    free(leaves->list);
    *leaves = (struct lmm_leaves) {.list = NULL};
}
