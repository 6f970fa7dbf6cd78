/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_walk.h"

#include <dwarf.h>
#include <string.h>

#include "reporter/program/types/definitions.h"
#include "reporter/program/types/unit_index.h"

/* ---- Chains ---------------------------------------------------------------------------------- */

bool lmm_type_of(const Dwarf_Die *die, Dwarf_Die *ret_type)
{
    Dwarf_Die holder = *die;
    Dwarf_Attribute attribute;
    Dwarf_Die type;

    if (dwarf_formref_die(dwarf_attr_integrate(&holder, DW_AT_type, &attribute), &type) == NULL) {
        return false;
    }
    if (type.cu != die->cu) {
        lmm_unit_index_of(die); /* its typedefs may name types of other units */
    }
    *ret_type = type;
    return true;
}

bool lmm_type_argument(const Dwarf_Die *generic, Dwarf_Die *ret_type)
{
    Dwarf_Die parent = *generic;
    Dwarf_Die die;
    int budget = LMM_TYPE_DIES_MAX;

    if (dwarf_child(&parent, &die) != 0) {
        return false;
    }
    do {
        if (dwarf_tag(&die) == DW_TAG_template_type_parameter) {
            return lmm_type_of(&die, ret_type);
        }
    } while (--budget > 0 && dwarf_siblingof(&die, &die) == 0);
    return false;
}

static bool is_qualifier(int tag)
{
    switch (tag) {
    case DW_TAG_typedef:
    case DW_TAG_template_alias:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
    case DW_TAG_immutable_type:
    case DW_TAG_packed_type:
    case DW_TAG_shared_type: return true;
    default: return false;
    }
}

struct definition {
    const Dwarf_Die *declaration;
    Dwarf_Die die;
};

static bool has_flag(const Dwarf_Die *die, unsigned name)
{
    Dwarf_Die copy = *die;
    Dwarf_Attribute attribute;
    bool flag = false;

    return dwarf_formflag(dwarf_attr(&copy, name, &attribute), &flag) == 0 && flag;
}

/* Returns whether two types lie in namespaces and classes of the same names. */
static bool have_same_scopes(const Dwarf_Die *left, const Dwarf_Die *right)
{
    Dwarf_Die a = *left;
    Dwarf_Die b = *right;

    for (int i = 0; i < LMM_TYPE_CHAIN_MAX; i++) {
        const char *name_a = dwarf_diename(&a);
        const char *name_b = dwarf_diename(&b);

        if ((name_a == NULL) != (name_b == NULL) ||
            (name_a != NULL && strcmp(name_a, name_b) != 0)) {
            return false;
        }
        bool has_a = lmm_unit_index_parent(&a, &a);
        bool has_b = lmm_unit_index_parent(&b, &b);

        if (!has_a || !has_b) {
            return has_a == has_b;
        }
    }
    return false;
}

static bool visit_definition(void *context, const Dwarf_Die *die)
{
    struct definition *definition = context;

    if (!lmm_type_is_record(die) || has_flag(die, DW_AT_declaration) ||
        !have_same_scopes(definition->declaration, die)) {
        return false;
    }
    definition->die = *die;
    return true;
}

/* Turns a struct that is only declared into its definition, where there is one. */
static void complete(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Die whole;
    struct definition definition = {.declaration = die};

    if (!lmm_type_is_record(die)) {
        return;
    }
    if (dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &attribute), &whole) != NULL) {
        lmm_unit_index_of(die); /* its typedefs may name this type, which is in another unit */
        *die = whole;
        return;
    }
    if (!has_flag(die, DW_AT_declaration)) {
        return;
    }
    const char *name = dwarf_diename(die);
    struct lmm_unit_index *index = name == NULL ? NULL : lmm_unit_index_of(die);

    if (index != NULL && (lmm_unit_index_find(index, name, visit_definition, &definition) ||
                          lmm_definitions_find(die, &definition.die))) {
        *die = definition.die;
    }
}

bool lmm_type_strip(const Dwarf_Die *type, Dwarf_Die *ret_type)
{
    Dwarf_Die die = *type;

    for (int i = 0; i < LMM_TYPE_CHAIN_MAX; i++) {
        if (!is_qualifier(dwarf_tag(&die))) {
            complete(&die);
            *ret_type = die;
            return dwarf_tag(&die) != DW_TAG_invalid;
        }
        if (!lmm_type_of(&die, &die)) {
            return false;
        }
    }
    return false;
}

bool lmm_type_is_pointer(const Dwarf_Die *type)
{
    Dwarf_Die die;

    return lmm_type_strip(type, &die) && dwarf_tag(&die) == DW_TAG_pointer_type;
}

bool lmm_type_target(const Dwarf_Die *type, Dwarf_Die *ret_target)
{
    Dwarf_Die die;

    if (!lmm_type_strip(type, &die)) {
        return false;
    }
    switch (dwarf_tag(&die)) {
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type: break;
    default: return false;
    }
    Dwarf_Die end;

    return lmm_type_of(&die, ret_target) && lmm_type_strip(ret_target, &end);
}

bool lmm_type_is_record(const Dwarf_Die *type)
{
    Dwarf_Die die = *type;

    switch (dwarf_tag(&die)) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type: return true;
    default: return false;
    }
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* libdw takes number 0 for no file, but from DWARF 5 on it is the file that was compiled. */
const char *lmm_type_file(const Dwarf_Die *type)
{
    Dwarf_Die die = *type;
    Dwarf_Die unit;
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Half version = 0;
    Dwarf_Word number;
    size_t count;
    const char *file = dwarf_decl_file(&die);

    if (file != NULL ||
        dwarf_formudata(dwarf_attr_integrate(&die, DW_AT_decl_file, &attribute), &number) != 0 ||
        number != 0 || dwarf_diecu(&die, &unit, NULL, NULL) == NULL ||
        dwarf_cu_info(unit.cu, &version, NULL, NULL, NULL, NULL, NULL, NULL) != 0 || version < 5 ||
        dwarf_getsrcfiles(&unit, &files, &count) != 0 || count == 0) {
        return file;
    }
    return dwarf_filesrc(files, 0, NULL, NULL);
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static bool constant(const Dwarf_Die *die, unsigned name, uint64_t *ret_value)
{
    Dwarf_Die copy = *die;
    Dwarf_Attribute attribute;
    Dwarf_Word value;

    if (dwarf_formudata(dwarf_attr_integrate(&copy, name, &attribute), &value) != 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

uint64_t lmm_type_dimension(const Dwarf_Die *dimension)
{
    uint64_t value;
    uint64_t lower = 0;

    if (constant(dimension, DW_AT_count, &value)) {
        return value;
    }
    if (!constant(dimension, DW_AT_upper_bound, &value)) {
        return 0;
    }
    constant(dimension, DW_AT_lower_bound, &lower);
    return value + 1 - lower; /* 0 for an upper bound of -1 */
}

static uint64_t product(uint64_t left, uint64_t right)
{
    uint64_t result;

    return __builtin_mul_overflow(left, right, &result) ? 0 : result;
}

/* Returns the number of elements of an array, 0: it is not known. */
static uint64_t count_elements(Dwarf_Die *array)
{
    Dwarf_Die die;
    uint64_t count = 1;
    int budget = LMM_TYPE_CHAIN_MAX;

    if (dwarf_child(array, &die) != 0) {
        return 0;
    }
    do {
        if (dwarf_tag(&die) == DW_TAG_subrange_type) {
            count = product(count, lmm_type_dimension(&die));
        }
    } while (--budget > 0 && dwarf_siblingof(&die, &die) == 0);
    return count;
}

bool lmm_type_elements(const Dwarf_Die *type, Dwarf_Die *ret_element, uint64_t *ret_count)
{
    Dwarf_Die die;
    Dwarf_Die element;

    if (!lmm_type_strip(type, &die) || dwarf_tag(&die) != DW_TAG_array_type ||
        !lmm_type_of(&die, &element)) {
        return false;
    }
    *ret_element = element;
    *ret_count = count_elements(&die);
    return true;
}

static uint64_t address_bytes(const Dwarf_Die *die)
{
    Dwarf_Die copy = *die;
    Dwarf_Die unit;
    uint8_t bytes = 0;

    return dwarf_diecu(&copy, &unit, &bytes, NULL) != NULL ? bytes : 0;
}

uint64_t lmm_type_bytes(const Dwarf_Die *type)
{
    Dwarf_Die die = *type;
    uint64_t count = 1;
    uint64_t elements;
    uint64_t bytes;

    for (int i = 0; i < LMM_TYPE_CHAIN_MAX && lmm_type_strip(&die, &die); i++) {
        if (constant(&die, DW_AT_byte_size, &bytes)) {
            return product(count, bytes);
        }
        switch (dwarf_tag(&die)) {
        case DW_TAG_array_type:
            if (!lmm_type_elements(&die, &die, &elements)) {
                return 0;
            }
            count = product(count, elements);
            break;
        case DW_TAG_enumeration_type:
        case DW_TAG_subrange_type:
            if (!lmm_type_of(&die, &die)) {
                return 0;
            }
            break;
        case DW_TAG_pointer_type:
        case DW_TAG_reference_type:
        case DW_TAG_rvalue_reference_type: return product(count, address_bytes(&die));
        default: return 0;
        }
    }
    return 0;
}

/* ---- Members --------------------------------------------------------------------------------- */

/* Sets *ret_offset to where a member lies; returns false when that is not a whole byte that is
 * known. */
static bool find_offset(const Dwarf_Die *member, uint64_t *ret_offset)
{
    Dwarf_Die copy = *member;
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;

    if (dwarf_hasattr(&copy, DW_AT_bit_size) || dwarf_hasattr(&copy, DW_AT_data_bit_offset) ||
        has_flag(member, DW_AT_external) || has_flag(member, DW_AT_declaration)) {
        return false;
    }
    if (dwarf_attr(&copy, DW_AT_data_member_location, &attribute) == NULL) {
        *ret_offset = 0; /* of a union */
        return true;
    }
    Dwarf_Word offset;

    if (dwarf_formudata(&attribute, &offset) == 0) {
        *ret_offset = offset;
        return true;
    }
    if (dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1 ||
        operations[0].atom != DW_OP_plus_uconst) {
        return false;
    }
    *ret_offset = operations[0].number;
    return true;
}

bool lmm_type_next_member(const Dwarf_Die *record, Dwarf_Die *member, uint64_t *ret_offset,
                          int *budget)
{
    Dwarf_Die die = *member;
    int end = die.addr == record->addr ? dwarf_child(&die, &die) : dwarf_siblingof(&die, &die);

    for (; end == 0 && --*budget > 0; end = dwarf_siblingof(&die, &die)) {
        int tag = dwarf_tag(&die);

        if ((tag == DW_TAG_member || tag == DW_TAG_inheritance) && find_offset(&die, ret_offset)) {
            *member = die;
            return true;
        }
    }
    return false;
}

bool lmm_type_start(Dwarf_Die *record)
{
    Dwarf_Die member = *record;
    Dwarf_Die type;
    uint64_t offset;
    uint64_t count;
    int budget = LMM_TYPE_DIES_MAX;

    if (!lmm_type_next_member(record, &member, &offset, &budget) || offset != 0 ||
        !lmm_type_of(&member, &type) || !lmm_type_strip(&type, &type)) {
        return false;
    }
    if (lmm_type_elements(&type, &type, &count) && !lmm_type_strip(&type, &type)) {
        return false;
    }
    *record = type;
    return lmm_type_is_record(&type);
}

static bool find_at(const Dwarf_Die *type, uint64_t offset, int depth, int *budget,
                    Dwarf_Die *ret_type);

static bool find_in_member(const Dwarf_Die *member, uint64_t offset, int depth, int *budget,
                           Dwarf_Die *ret_type)
{
    Dwarf_Die type;
    Dwarf_Die element;
    uint64_t count;

    if (!lmm_type_of(member, &type)) {
        return false;
    }
    uint64_t bytes = lmm_type_bytes(&type);

    /* An array without a length may go on for any number of bytes. */
    if (offset >= bytes && (bytes > 0 || !lmm_type_elements(&type, &element, &count))) {
        return false;
    }
    return find_at(&type, offset, depth + 1, budget, ret_type);
}

static bool find_in_record(const Dwarf_Die *record, uint64_t offset, int depth, int *budget,
                           Dwarf_Die *ret_type)
{
    Dwarf_Die member = *record;
    uint64_t start;

    while (lmm_type_next_member(record, &member, &start, budget)) {
        if (start <= offset && find_in_member(&member, offset - start, depth, budget, ret_type)) {
            return true;
        }
    }
    return false;
}

static bool find_at(const Dwarf_Die *type, uint64_t offset, int depth, int *budget,
                    Dwarf_Die *ret_type)
{
    Dwarf_Die die;
    Dwarf_Die element;
    uint64_t count;

    if (depth == LMM_TYPE_DEPTH_MAX || !lmm_type_strip(type, &die)) {
        return false;
    }
    if (lmm_type_is_record(&die)) {
        return find_in_record(&die, offset, depth, budget, ret_type);
    }
    if (lmm_type_elements(&die, &element, &count)) {
        uint64_t bytes = lmm_type_bytes(&element);

        return bytes > 0 && find_at(&element, offset % bytes, depth + 1, budget, ret_type);
    }
    if (offset != 0 || dwarf_tag(&die) == DW_TAG_subroutine_type) {
        return false;
    }
    *ret_type = *type;
    return true;
}

bool lmm_type_at(const Dwarf_Die *type, uint64_t offset, Dwarf_Die *ret_type)
{
    int budget = LMM_TYPE_DIES_MAX;

    return find_at(type, offset, 0, &budget, ret_type);
}
