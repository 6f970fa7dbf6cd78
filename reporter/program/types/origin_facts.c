/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/origin_facts.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/file_code.h"
#include "reporter/program/types/finding.h"
#include "reporter/program/types/type_info.h"

enum {
    DEPTH_MAX = 8, /* of structs in each other */
};

/* One access of an origin: to a word that is loaded, or to the place that is stored to. */
struct access {
    int64_t offset;
    uint32_t scale;
};

static struct access access_of(const struct lmm_way_origin *origin, uint32_t number)
{
    if (number < origin->load_count) {
        return (struct access) {origin->loads[number].offset, origin->loads[number].scale};
    }
    return (struct access) {origin->offset, origin->scale};
}

/* Sets *ret_member to the type of the member of a struct that contains an offset, which becomes the
 * distance from the member's start. */
static bool find_member(const Dwarf_Die *type, uint64_t *offset, Dwarf_Die *ret_member)
{
    Dwarf_Die record;
    Dwarf_Die member;

    if (!lmm_type_strip(type, &record) || dwarf_child(&record, &member) != 0) {
        return false;
    }
    do {
        Dwarf_Attribute attribute;
        Dwarf_Word start;
        Dwarf_Word bytes;

        if (dwarf_tag(&member) == DW_TAG_member && lmm_type_of(&member, ret_member) &&
            dwarf_attr(&member, DW_AT_data_member_location, &attribute) != NULL &&
            dwarf_formudata(&attribute, &start) == 0 &&
            dwarf_aggregate_size(ret_member, &bytes) == 0 && *offset - start < bytes) {
            *offset -= start;
            return true;
        }
    } while (dwarf_siblingof(&member, &member) == 0);
    return false;
}

/* Returns whether an offset in a type is that of an element of an array. */
static bool is_in_array(const Dwarf_Die *type, uint64_t offset)
{
    Dwarf_Die now = *type;

    for (int i = 0; i < DEPTH_MAX; i++) {
        Dwarf_Die stripped;
        Dwarf_Die member;

        if (lmm_type_strip(&now, &stripped) && dwarf_tag(&stripped) == DW_TAG_array_type) {
            return true;
        }
        if (!find_member(&now, &offset, &member)) {
            return false;
        }
        now = member;
    }
    return false;
}

/* Sets *ret_type to the type of the place at an offset in memory of a type. With an index it must be one of an
 * array: compilers fold constants of the index into the offset, which then may be that of another field. */
static bool part_of(const Dwarf_Die *type, struct access access, Dwarf_Die *ret_type)
{
    return access.offset >= 0 &&
           (access.scale == 0 || is_in_array(type, (uint64_t) access.offset)) &&
           lmm_type_at(type, (uint64_t) access.offset, ret_type);
}

/* Does so where a pointer leads to: there may be an array of pointers. */
static bool place_in(const Dwarf_Die *type, struct access access, Dwarf_Die *ret_type)
{
    if (lmm_type_is_pointer(type)) {
        *ret_type = *type;
        return access.offset % (int64_t) sizeof(uint64_t) == 0;
    }
    return part_of(type, access, ret_type);
}

/* Does so for a variable itself. */
static bool place_in_variable(const Dwarf_Die *variable, struct access access, Dwarf_Die *ret_type)
{
    Dwarf_Die type;

    if (!lmm_type_of(variable, &type)) {
        return false;
    }
    if (access.offset == 0 && access.scale == 0 && lmm_type_is_pointer(&type)) {
        *ret_type = type;
        return true;
    }
    return part_of(&type, access, ret_type);
}

/* Looks for a variable at [reg + offset] in the frame. */
static bool find_in_frame(const struct lmm_finding *finding, const struct lmm_way_origin *origin,
                          Dwarf_Die *ret_type)
{
    uint64_t at = origin->at + finding->bias;
    int64_t offset;

    if (!lmm_variables_frame_offset(finding->dwarf, finding->cfi, origin->at + finding->cfi_bias,
                                    origin->reg, access_of(origin, 0).offset, &offset)) {
        return false;
    }
    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];
        Dwarf_Die type;
        Dwarf_Word bytes;

        if (place->kind == LMM_PLACE_FRAME && place->low <= at && at < place->high &&
            place->offset <= offset && lmm_type_of(&place->variable, &type) &&
            dwarf_aggregate_size(&type, &bytes) == 0 &&
            (uint64_t) (offset - place->offset) < bytes) {
            struct access access = {offset - place->offset, access_of(origin, 0).scale};

            return place_in_variable(&place->variable, access, ret_type);
        }
    }
    return false;
}

/* Looks for a variable in a register, and for the place that it points at. */
static bool find_in_register(const struct lmm_finding *finding, const struct lmm_way_origin *origin,
                             Dwarf_Die *ret_type)
{
    uint64_t at = origin->at + finding->bias;

    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];
        Dwarf_Die type;
        Dwarf_Die target;

        if (place->kind == LMM_PLACE_REGISTER && place->reg == origin->reg && place->low <= at &&
            at < place->high && lmm_type_of(&place->variable, &type) &&
            lmm_type_target(&type, &target) && place_in(&target, access_of(origin, 0), ret_type)) {
            return true;
        }
    }
    return false;
}

/* Looks for the type of a block that an earlier call returned, for the place in it. */
static bool find_in_result(struct lmm_finding *finding, const struct lmm_way_origin *origin,
                           Dwarf_Die *ret_type)
{
    Dwarf_Die target;

    return origin->is_result && finding->find_result != NULL &&
           finding->find_result(finding, origin->at, &target) &&
           place_in(&target, access_of(origin, 0), ret_type);
}

/* Looks for a variable at a fixed address, or at a fixed distance from the thread pointer. */
static bool find_fixed(struct lmm_finding *finding, const struct lmm_way_origin *origin,
                       Dwarf_Die *ret_type)
{
    Dwarf_Die variable;
    uint64_t offset;

    if (!lmm_finding_variable_at(
            finding, origin->reg == LMM_REGISTER_THREAD ? LMM_PLACE_THREAD : LMM_PLACE_FIXED,
            access_of(origin, 0).offset, &variable, &offset)) {
        return false;
    }
    struct access access = {(int64_t) offset, access_of(origin, 0).scale};

    return place_in_variable(&variable, access, ret_type);
}

/* Looks for the variable of the thread that a word of the global offset table is about: the place lies in it
 * at the second access. */
static bool find_dynamic(struct lmm_finding *finding, const struct lmm_way_origin *origin,
                         Dwarf_Die *ret_type)
{
    struct access access = access_of(origin, 1);
    struct lmm_thread_word word;
    Dwarf_Die variable;
    uint64_t offset;

    if (origin->load_count == 0 ||
        !lmm_file_code_thread_word(finding->reader->code, (uint64_t) origin->loads[0].offset,
                                   &word)) {
        return false;
    }
    if (word.name != NULL) {
        return lmm_variables_by_name(finding->scopes, finding->scope_count, word.name, &variable) &&
               place_in_variable(&variable, access, ret_type);
    }
    if (!lmm_finding_variable_of_thread(finding, word.offset + (uint64_t) access.offset, &variable,
                                        &offset)) {
        return false;
    }
    access.offset = (int64_t) offset;
    return place_in_variable(&variable, access, ret_type);
}

/* Looks for the variable of which a word of the global offset table has the address. Its type is that of the place
 * which the second access is to. */
static bool find_named(const struct lmm_finding *finding, const struct lmm_way_origin *origin,
                       Dwarf_Die *ret_type)
{
    const char *name =
        lmm_file_code_slot(finding->reader->code, (uint64_t) access_of(origin, 0).offset);
    Dwarf_Die variable;

    return name != NULL && origin->load_count > 0 && access_of(origin, 0).scale == 0 &&
           lmm_variables_by_name(finding->scopes, finding->scope_count, name, &variable) &&
           place_in_variable(&variable, access_of(origin, 1), ret_type);
}

/* Sets *ret_type to the type of the place that an origin leads to. */
static bool find_place(struct lmm_finding *finding, const struct lmm_way_origin *origin,
                       Dwarf_Die *ret_type)
{
    uint32_t done = 0;
    Dwarf_Die target;

    if (origin->reg >= 0) {
        if (!find_in_frame(finding, origin, ret_type) &&
            !find_in_register(finding, origin, ret_type) &&
            !find_in_result(finding, origin, ret_type)) {
            return false;
        }
    } else if (origin->reg == LMM_REGISTER_DYNAMIC) {
        if (!find_dynamic(finding, origin, ret_type)) {
            return false;
        }
        done = 1;
    } else if (origin->reg == LMM_REGISTER_NONE && find_named(finding, origin, ret_type)) {
        done = 1;
    } else if (!find_fixed(finding, origin, ret_type)) {
        return false;
    }
    while (done++ < origin->load_count) {
        if (!lmm_type_target(ret_type, &target) ||
            !place_in(&target, access_of(origin, done), ret_type)) {
            return false;
        }
    }
    return true;
}

/* ---- Outputs --------------------------------------------------------------------------------- */

/* Returns whether a type is `void **`. */
static bool leads_to_any(const Dwarf_Die *type)
{
    Dwarf_Die pointer;
    Dwarf_Die target;

    return lmm_type_target(type, &pointer) && lmm_type_is_pointer(&pointer) &&
           !lmm_type_target(&pointer, &target);
}

/* Returns whether a parameter takes one register for integers. */
static bool takes_register(const Dwarf_Die *parameter)
{
    Dwarf_Die type;
    Dwarf_Die stripped;
    Dwarf_Attribute attribute;
    Dwarf_Word encoding = DW_ATE_float;

    if (!lmm_type_of(parameter, &type) || !lmm_type_strip(&type, &stripped)) {
        return false;
    }
    if (dwarf_tag(&stripped) == DW_TAG_base_type) {
        dwarf_formudata(dwarf_attr(&stripped, DW_AT_encoding, &attribute), &encoding);
        return lmm_type_bytes(&stripped) <= sizeof(uint64_t) &&
               (encoding == DW_ATE_signed || encoding == DW_ATE_unsigned ||
                encoding == DW_ATE_boolean || encoding == DW_ATE_signed_char ||
                encoding == DW_ATE_unsigned_char);
    }
    return lmm_type_is_pointer(&type) || dwarf_tag(&stripped) == DW_TAG_enumeration_type;
}

/* Returns the number, from 1 on, of a parameter of the function; 0: it is none, or it is not known in which
 * register callers pass it: compilers change the parameters of functions that only they call. */
static uint32_t number_of(const struct lmm_finding *finding, const Dwarf_Die *parameter)
{
    Dwarf_Die function = finding->scopes[0];
    Dwarf_Attribute attribute;
    Dwarf_Word convention = DW_CC_normal;
    uint32_t number = 0;
    Dwarf_Die die;

    dwarf_formudata(dwarf_attr(&function, DW_AT_calling_convention, &attribute), &convention);
    if (convention == DW_CC_nocall || dwarf_child(&function, &die) != 0) {
        return 0;
    }
    do {
        if (dwarf_tag(&die) != DW_TAG_formal_parameter) {
            continue;
        }
        number++;
        if (die.addr == parameter->addr) {
            return number;
        }
        if (!takes_register(&die)) {
            return 0;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
    return 0;
}

/* Returns the number of the parameter that points at the place of an origin, or 0. */
static uint32_t output_of(const struct lmm_finding *finding, const struct lmm_way_origin *origin)
{
    uint64_t at = origin->at + finding->bias;
    bool in_frame = origin->load_count == 1;
    int64_t offset = 0;

    if (origin->reg < 0 || origin->load_count > 1 || origin->offset != 0 || origin->scale != 0 ||
        (in_frame &&
         (origin->loads[0].scale != 0 ||
          !lmm_variables_frame_offset(finding->dwarf, finding->cfi, origin->at + finding->cfi_bias,
                                      origin->reg, origin->loads[0].offset, &offset)))) {
        return 0;
    }
    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];
        bool is_it = in_frame ? place->kind == LMM_PLACE_FRAME && place->offset == offset
                              : place->kind == LMM_PLACE_REGISTER && place->reg == origin->reg;
        Dwarf_Die type;

        if (is_it && place->low <= at && at < place->high && lmm_type_of(&place->variable, &type) &&
            leads_to_any(&type)) {
            return number_of(finding, &place->variable);
        }
    }
    return 0;
}

static void look_at_output(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    if (step->is_inside || !step->has_origin || finding->facts.output != 0) {
        return;
    }
    finding->facts.output = output_of(finding, &step->origin);
    if (finding->facts.output == 0 && step->has_before) {
        finding->facts.output = output_of(finding, &step->before);
    }
}

/* ---- All -------------------------------------------------------------------------------------- */

void lmm_origin_facts_find(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    Dwarf_Die type;

    look_at_output(finding, step);
    bool is_element = step->origin.reg == LMM_REGISTER_THREAD && step->origin.scale != 0;

    if (!step->has_origin || (step->origin.load_count == 0 && !step->has_before && !is_element)) {
        return; /* the operand itself says it */
    }
    if (find_place(finding, &step->origin, &type) ||
        (step->has_before && find_place(finding, &step->before, &type))) {
        lmm_finding_add_target(finding, &type, LMM_MODEL_BY_STORE, step->is_inside);
    }
}
