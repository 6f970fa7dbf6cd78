/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/layout.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/types/type_walk.h"

enum {
    FIELDS_MAX = 4096,
    ALIGN_MAX = 16, /* of types that are not aligned by hand */
};

/* The fields of a record, as they are read. */
struct record {
    struct lmm_field *fields;
    size_t count;
    uint64_t bytes;
    uint64_t align;      /* these two: once it is understood */
    uint64_t data_bytes; /* without the padding at its end; 0: it is empty */
    unsigned rules;     /* a set of 1 << enum lmm_base_rule by which the fields lie where they do */
    bool is_class;      /* it has virtual functions or base classes */
    bool is_base_class; /* and so has its last base class */
    bool is_aligned;    /* by hand, as a whole */
    bool has_aligned;   /* one of its fields is aligned by hand */
    bool is_strange;    /* it has something that the rules do not know */
    bool is_full;       /* memory ran out */
};

static void read_record(const Dwarf_Die *die, int depth, int *budget, struct record *ret_record);

/* ---- Attributes ------------------------------------------------------------------------------ */

static bool constant(const Dwarf_Die *die, unsigned name, uint64_t *ret_value)
{
    Dwarf_Die copy = *die;
    Dwarf_Attribute attribute;
    Dwarf_Word value;

    if (dwarf_formudata(dwarf_attr(&copy, name, &attribute), &value) != 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool has(const Dwarf_Die *die, unsigned name)
{
    Dwarf_Die copy = *die;

    return dwarf_hasattr(&copy, name) != 0;
}

/* ---- Alignments ------------------------------------------------------------------------------ */

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool find_align(const Dwarf_Die *type, int depth, int *budget, uint64_t *ret_align);

static bool align_of_number(const Dwarf_Die *type, uint64_t *ret_align)
{
    Dwarf_Die copy = *type;
    uint64_t bytes = lmm_type_bytes(type);
    uint64_t encoding = 0;
    const char *name = dwarf_diename(&copy);

    constant(type, DW_AT_encoding, &encoding);
    *ret_align = encoding == DW_ATE_complex_float ? bytes / 2 : bytes;
    return is_power_of_two(*ret_align) && *ret_align <= ALIGN_MAX &&
           (name == NULL || strncmp(name, "_BitInt", 7) != 0);
}

static bool align_of_record(const Dwarf_Die *type, int depth, int *budget, uint64_t *ret_align)
{
    struct record record;

    read_record(type, depth + 1, budget, &record);
    free(record.fields);
    *ret_align = record.align;
    return record.rules != 0;
}

static bool align_of_array(const Dwarf_Die *type, int depth, int *budget, uint64_t *ret_align)
{
    Dwarf_Die element;
    uint64_t count;

    if (has(type, DW_AT_GNU_vector)) {
        *ret_align = lmm_type_bytes(type);
        return is_power_of_two(*ret_align);
    }
    return lmm_type_elements(type, &element, &count) &&
           find_align(&element, depth + 1, budget, ret_align);
}

/* Sets *ret_align to the alignment of a type without what typedefs add; returns false when it is
 * not known. */
static bool align_of_stripped(const Dwarf_Die *type, int depth, int *budget, uint64_t *ret_align)
{
    Dwarf_Die die = *type;

    switch (dwarf_tag(&die)) {
    case DW_TAG_base_type:
    case DW_TAG_enumeration_type: return align_of_number(type, ret_align);
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
    case DW_TAG_ptr_to_member_type: *ret_align = 8; return true;
    case DW_TAG_array_type: return align_of_array(type, depth, budget, ret_align);
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type: return align_of_record(type, depth, budget, ret_align);
    default: return false;
    }
}

/* Sets *ret_align to the alignment of a type, if that follows from its own; not from a typedef that is aligned by
 * hand. An atomic struct may have another alignment, or size. */
static bool find_align(const Dwarf_Die *type, int depth, int *budget, uint64_t *ret_align)
{
    Dwarf_Die die = *type;
    Dwarf_Die stripped;
    bool is_atomic = false;

    if (depth > LMM_TYPE_DEPTH_MAX || !lmm_type_strip(type, &stripped)) {
        return false;
    }
    for (int i = 0; i < LMM_TYPE_CHAIN_MAX && die.addr != stripped.addr; i++) {
        is_atomic |= dwarf_tag(&die) == DW_TAG_atomic_type;
        if (has(&die, DW_AT_alignment) || dwarf_tag(&die) == DW_TAG_packed_type ||
            !lmm_type_of(&die, &die)) {
            break;
        }
    }
    bool is_typedef_aligned = die.addr != stripped.addr && has(&die, DW_AT_alignment);

    return !is_typedef_aligned && !(is_atomic && lmm_type_is_record(&stripped)) &&
           align_of_stripped(&stripped, depth, budget, ret_align);
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static bool is_static(const Dwarf_Die *die)
{
    return has(die, DW_AT_external) || has(die, DW_AT_declaration) || has(die, DW_AT_const_value);
}

/* Sets the place of a bit-field, as DWARF 5 or as older versions tell it (from the most significant
 * bit of its storage on). */
static bool set_bits(const Dwarf_Die *die, struct lmm_field *field)
{
    uint64_t offset = 0;
    uint64_t storage = field->bytes;
    uint64_t from_top;

    field->kind = LMM_FIELD_BITS;
    if (!constant(die, DW_AT_bit_size, &field->bits)) {
        return false;
    }
    if (constant(die, DW_AT_data_bit_offset, &field->bit)) {
        return true;
    }
    constant(die, DW_AT_byte_size, &storage);
    constant(die, DW_AT_data_member_location, &offset);
    if (!constant(die, DW_AT_bit_offset, &from_top)) {
        return false;
    }
    field->bit = offset * 8 + storage * 8 - from_top - field->bits;
    return offset < UINT32_MAX && storage <= ALIGN_MAX && from_top + field->bits <= storage * 8;
}

static bool set_place(const Dwarf_Die *die, bool is_union, struct lmm_field *field)
{
    uint64_t offset = 0;

    if (has(die, DW_AT_bit_size)) {
        return set_bits(die, field);
    }
    if (!constant(die, DW_AT_data_member_location, &offset) &&
        (!is_union || has(die, DW_AT_data_member_location))) {
        return false;
    }
    field->bit = offset * 8;
    return offset <= UINT32_MAX;
}

static bool set_base(const Dwarf_Die *die, int depth, int *budget, struct lmm_field *field,
                     bool *ret_is_class)
{
    struct record record;
    Dwarf_Die stripped;

    field->kind = LMM_FIELD_BASE;
    if (has(die, DW_AT_virtuality) || !lmm_type_strip(&field->type, &stripped)) {
        return false;
    }
    read_record(&stripped, depth + 1, budget, &record);
    free(record.fields);
    field->name = NULL;
    field->align = record.align;
    field->data_bytes = record.data_bytes;
    *ret_is_class = record.is_class;
    return record.rules != 0;
}

/* Returns the size of a type; of pointers to members, too, for which the debug information has none. */
static uint64_t size_of(const Dwarf_Die *type)
{
    Dwarf_Die die;
    Dwarf_Die target;

    if (!lmm_type_strip(type, &die) || dwarf_tag(&die) != DW_TAG_ptr_to_member_type) {
        return lmm_type_bytes(type);
    }
    return lmm_type_of(&die, &target) && dwarf_tag(&target) == DW_TAG_subroutine_type ? 16 : 8;
}

/* Describes a member or base class of a record; returns false when it is not understood. */
static bool describe(const Dwarf_Die *die, bool is_union, int depth, int *budget,
                     struct record *record, struct lmm_field *field)
{
    Dwarf_Die copy = *die;

    *field = (struct lmm_field) {.kind = LMM_FIELD_MEMBER, .name = dwarf_diename(&copy)};
    if (!lmm_type_of(die, &field->type)) {
        return false;
    }
    field->bytes = size_of(&field->type);
    if (!set_place(die, is_union, field)) {
        field->bytes = 0; /* nobody shall read it where it does not lie */
        field->bits = 0;
        return false;
    }
    if (dwarf_tag(&copy) == DW_TAG_inheritance) {
        record->is_class = true;
        return set_base(die, depth, budget, field, &record->is_base_class);
    }
    if (field->name != NULL && strncmp(field->name, "_vptr", 5) == 0) {
        field->kind = LMM_FIELD_VTABLE;
        record->is_class = true;
    }
    return find_align(&field->type, depth, budget, &field->align);
}

static void add_field(struct record *record, const struct lmm_field *field)
{
    struct lmm_field *added =
        record->count == FIELDS_MAX
            ? NULL
            : lmm_array_add(&record->fields, &record->count, sizeof(*record->fields));

    record->is_full |= added == NULL;
    if (added != NULL) {
        *added = *field;
    }
}

static void read_fields(const Dwarf_Die *die, int depth, int *budget, struct record *record)
{
    Dwarf_Die child = *die;
    bool is_union = dwarf_tag(&child) == DW_TAG_union_type;
    int end = dwarf_child(&child, &child);

    for (; end == 0 && --*budget > 0; end = dwarf_siblingof(&child, &child)) {
        int tag = dwarf_tag(&child);
        struct lmm_field field;

        record->is_strange |= tag == DW_TAG_variant_part;
        if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || is_static(&child)) {
            continue;
        }
        record->is_strange |= !describe(&child, is_union, depth, budget, record, &field);
        if (has(&child, DW_AT_alignment)) {
            record->has_aligned = true;
            record->is_strange |= !constant(&child, DW_AT_alignment, &field.align);
        }
        add_field(record, &field);
    }
    record->is_strange |= *budget <= 0;
}

/* ---- Records --------------------------------------------------------------------------------- */

/* Brings the pointer to virtual functions and the base classes to the front, by their places: debug information
 * may have the former after the latter. */
static void order_fixed(struct record *record)
{
    size_t fixed = 0;

    for (size_t i = 0; i < record->count; i++) {
        struct lmm_field field = record->fields[i];
        size_t k = i;

        if (field.kind > LMM_FIELD_BASE) {
            continue;
        }
        for (; k > fixed || (k > 0 && record->fields[k - 1].bit > field.bit); k--) {
            record->fields[k] = record->fields[k - 1];
        }
        record->fields[k] = field;
        fixed++;
    }
}

/* Makes the last member a tail if it is an array that may be longer. */
static void mark_tail(struct record *record)
{
    struct lmm_field *last = record->count == 0 ? NULL : &record->fields[record->count - 1];
    Dwarf_Die element;
    uint64_t count;

    if (last != NULL && last->kind == LMM_FIELD_MEMBER &&
        lmm_type_elements(&last->type, &element, &count) && count <= 1) {
        last->kind = LMM_FIELD_TAIL;
    }
}

/* Returns whether each field has a size, except arrays without elements. */
static bool have_sizes(const struct record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        Dwarf_Die element;
        uint64_t count;

        if (record->fields[i].bytes == 0 &&
            !lmm_type_elements(&record->fields[i].type, &element, &count)) {
            return false;
        }
    }
    return true;
}

/* Returns whether the fields of a struct lie where a rule puts them, and sets *ret_align by it. An empty
 * class has one byte. */
static bool lies_by(const struct record *record, enum lmm_base_rule rule, uint64_t *ret_align)
{
    struct lmm_field *copy = calloc(record->count + 1, sizeof(*copy));
    uint64_t bytes = 0;
    bool is_same = copy != NULL;

    if (is_same && record->count > 0) {
        memcpy(copy, record->fields, record->count * sizeof(*copy));
    }
    is_same = is_same && lmm_fields_place(copy, record->count, rule, &bytes, ret_align);
    for (size_t i = 0; is_same && i < record->count; i++) {
        is_same = copy[i].bit == record->fields[i].bit;
    }
    free(copy);
    return is_same && (bytes == record->bytes || (bytes == 0 && record->bytes == 1));
}

static uint64_t data_bytes(const struct record *record)
{
    uint64_t end = 0;

    for (size_t i = 0; i < record->count; i++) {
        const struct lmm_field *field = &record->fields[i];
        uint64_t bits = field->kind == LMM_FIELD_BITS   ? field->bits
                        : field->kind == LMM_FIELD_BASE ? field->data_bytes * 8
                                                        : field->bytes * 8;

        end = bits > 0 && field->bit + bits > end ? field->bit + bits : end;
    }
    return (end + 7) / 8;
}

/* Understands a struct or class: sets the rules by which its fields lie where they do. */
static void check_struct(struct record *record)
{
    record->align = 1;
    for (unsigned rule = 0; have_sizes(record) && rule < LMM_BASE_RULES; rule++) {
        uint64_t align = 1;

        if (lies_by(record, rule, &align)) {
            record->rules |= 1u << rule;
            record->align = align;
        }
    }
    if (record->is_base_class && (record->rules & (1u << LMM_BASE_DATA)) != 0) {
        record->rules = 1u << LMM_BASE_DATA; /* such a class is no POD, whose padding stays free */
    }
}

/* The same of a union: each member lies at its start. */
static void check_union(struct record *record)
{
    uint64_t bytes = 0;
    bool is_good = true;

    record->align = 1;
    for (size_t i = 0; i < record->count; i++) {
        const struct lmm_field *field = &record->fields[i];

        is_good = is_good && field->bit == 0 && field->align > 0;
        bytes = field->bytes > bytes ? field->bytes : bytes;
        record->align = field->align > record->align ? field->align : record->align;
    }
    bytes = (bytes + record->align - 1) / record->align * record->align;
    record->rules = is_good && bytes == record->bytes ? 1u << LMM_BASE_WHOLE : 0;
}

/* Sets *ret_record to what is known of a stripped record; its rules are 0 when it is not understood. Its fields
 * are to be freed. */
static void read_record(const Dwarf_Die *die, int depth, int *budget, struct record *ret_record)
{
    Dwarf_Die copy = *die;
    struct record record = {.bytes = lmm_type_bytes(die), .is_aligned = has(die, DW_AT_alignment)};
    uint64_t align;

    if (depth <= LMM_TYPE_DEPTH_MAX && record.bytes > 0) {
        read_fields(die, depth, budget, &record);
        order_fixed(&record);
        mark_tail(&record);
    }
    if (record.bytes > 0 && !record.is_strange && !record.is_full && !record.is_aligned) {
        if (dwarf_tag(&copy) == DW_TAG_union_type) {
            check_union(&record);
        } else {
            check_struct(&record);
        }
    } else if (constant(die, DW_AT_alignment, &align) && is_power_of_two(align)) {
        record.align = align;
        record.rules = 1u << LMM_BASE_WHOLE;
    }
    record.data_bytes = data_bytes(&record);
    *ret_record = record;
}

/* ---- The layout ------------------------------------------------------------------------------ */

static bool is_foreign(const Dwarf_Die *die)
{
    Dwarf_Die copy = *die;
    Dwarf_Die unit;

    if (dwarf_diecu(&copy, &unit, NULL, NULL) == NULL) {
        return false;
    }
    switch (dwarf_srclang(&unit)) {
    case -1: /* a partial unit does not tell */
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2c: /* C17 */
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x2b: /* C++17 */
    case 0x2a: /* C++20 */ return false;
    default: return true;
    }
}

/* Returns whether the unit of a DIE is one for 64 bits, whose rules field_order.h has. */
static bool has_rules(const Dwarf_Die *die)
{
    Dwarf_Die copy = *die;
    Dwarf_Die unit;
    uint8_t address_bytes = 0;

    return dwarf_diecu(&copy, &unit, &address_bytes, NULL) != NULL && address_bytes == 8;
}

static void count_gaps(struct lmm_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        uint64_t gap = lmm_fields_gap(layout->fields, layout->count, i, layout->bytes);

        layout->hole_bytes += gap;
        layout->hole_count += gap > 0;
    }
    layout->padding_bytes =
        lmm_fields_gap(layout->fields, layout->count, layout->count, layout->bytes);
}

/* Looks for a better order; returns false when memory ran out. */
static bool find_order(struct lmm_layout *layout, unsigned rules)
{
    layout->order = calloc(layout->count + 1, sizeof(*layout->order));
    if (layout->order == NULL) {
        return false;
    }
    memcpy(layout->order, layout->fields, layout->count * sizeof(*layout->order));
    if (lmm_fields_reorder(layout->order, layout->count, rules, layout->bytes,
                           &layout->order_bytes)) {
        layout->state = LMM_LAYOUT_BETTER;
        return true;
    }
    free(layout->order);
    layout->order = NULL;
    return true;
}

bool lmm_layout_read(const Dwarf_Die *type, struct lmm_layout *ret_layout)
{
    struct record record;
    struct lmm_layout layout = {.state = LMM_LAYOUT_BEST};
    Dwarf_Die die;
    int budget = LMM_TYPE_DIES_MAX;

    if (!lmm_type_strip(type, &die) || !lmm_type_is_record(&die) ||
        dwarf_tag(&die) == DW_TAG_union_type || lmm_type_bytes(&die) == 0) {
        return false;
    }
    read_record(&die, 0, &budget, &record);
    layout.fields = record.fields;
    layout.count = record.count;
    layout.bytes = record.bytes;
    layout.rules = record.rules;
    if (record.is_full) {
        lmm_layout_free(&layout);
        return false;
    }
    if (!record.is_strange && have_sizes(&record)) {
        count_gaps(&layout);
    }
    if (is_foreign(&die)) {
        layout.state = LMM_LAYOUT_FOREIGN;
    } else if (record.is_aligned || record.has_aligned) {
        layout.state = LMM_LAYOUT_ALIGNED;
    } else if (record.rules == 0 || !has_rules(&die)) {
        layout.state = LMM_LAYOUT_UNKNOWN;
    } else if (layout.count > 0 && !find_order(&layout, record.rules)) {
        lmm_layout_free(&layout);
        return false;
    }
    *ret_layout = layout;
    return true;
}

void lmm_layout_free(struct lmm_layout *layout)
{
    free(layout->fields);
    free(layout->order);
    *layout = (struct lmm_layout) {.fields = NULL};
}
