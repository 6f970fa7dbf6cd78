/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_facts.h"

#include <dwarf.h>

#include "reporter/program/types/file_code.h"
#include "reporter/program/types/finding.h"
#include "reporter/program/types/object_facts.h"
#include "reporter/program/types/origin_facts.h"
#include "reporter/program/types/type_info.h"

enum {
    PARAMETERS_MAX = 64,
    HEADER_BYTES_MAX = 4096,
};

static void add_held(struct lmm_finding *finding, const struct lmm_way_step *step,
                     const struct lmm_variable_place *place, const Dwarf_Die *type)
{
    Dwarf_Die target;
    const struct lmm_candidate how = {
        .is_inside = step->is_inside,
        .is_late = place->low >= step->sure_to + finding->bias || step->sure_to <= step->from,
    };

    if (lmm_type_target(type, &target)) {
        lmm_finding_add(finding, &target, LMM_MODEL_BY_VARIABLE, how);
    }
}

/* Adds the type of a variable that holds the value while the register does. */
static void look_at_held(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];
        Dwarf_Die type;

        if (lmm_finding_holds(finding, step, place) && !lmm_finding_is_this(&place->variable) &&
            lmm_type_of(&place->variable, &type)) {
            add_held(finding, step, place, &type);
        }
    }
}

/* Adds the type of what lies at an offset in a variable. */
static void add_part(struct lmm_finding *finding, const Dwarf_Die *variable, uint64_t offset,
                     bool is_inside)
{
    Dwarf_Die type;
    Dwarf_Die part;

    if (!lmm_type_of(variable, &type)) {
        return;
    }
    if (offset == 0 && lmm_type_is_pointer(&type)) {
        lmm_finding_add_target(finding, &type, LMM_MODEL_BY_VARIABLE, is_inside);
    } else if (lmm_type_at(&type, offset, &part)) {
        lmm_finding_add_target(finding, &part, LMM_MODEL_BY_STORE, is_inside);
    }
}

/* Sets *ret_offset to how far into a variable a store goes; cfa_offset: where it goes, from the CFA,
 * if that is known. */
static bool find_offset(const struct lmm_variable_place *place, const struct lmm_way_step *step,
                        const int64_t *cfa_offset, uint64_t *ret_offset)
{
    bool is_there = place->kind == LMM_PLACE_FRAME
                        ? cfa_offset != NULL
                        : place->kind == LMM_PLACE_MEMORY && place->reg == step->reg;
    int64_t at = place->kind == LMM_PLACE_FRAME && is_there ? *cfa_offset : step->offset;
    Dwarf_Die type;

    if (!is_there || at < place->offset || !lmm_type_of(&place->variable, &type) ||
        (uint64_t) at - (uint64_t) place->offset >= lmm_type_bytes(&type)) {
        return false;
    }
    *ret_offset = (uint64_t) at - (uint64_t) place->offset;
    return true;
}

/* Looks at a store into the frame: [rsp + 24]. Returns whether it is one. */
static bool look_at_frame(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    uint64_t address = step->from + finding->bias;
    int64_t cfa_offset;
    uint64_t offset;

    if (step->index != LMM_REGISTER_NONE) {
        return false;
    }
    bool is_known =
        lmm_variables_frame_offset(finding->dwarf, finding->cfi, step->from + finding->cfi_bias,
                                   step->reg, step->offset, &cfa_offset);
    bool is_frame = is_known;

    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];

        if (place->low <= step->to + finding->bias && address < place->high &&
            find_offset(place, step, is_known ? &cfa_offset : NULL, &offset)) {
            add_part(finding, &place->variable, offset, step->is_inside);
            is_frame = true;
        }
    }
    return is_frame;
}

/* Adds the type of the field, or of the element, that a pointer in the base register leads to. */
static void look_at_field(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    uint64_t address = step->from + finding->bias;

    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];
        Dwarf_Die type;
        Dwarf_Die target;
        Dwarf_Die part;

        if (place->kind != LMM_PLACE_REGISTER || place->reg != step->reg || place->low > address ||
            address >= place->high || step->offset < 0 || !lmm_type_of(&place->variable, &type) ||
            !lmm_type_target(&type, &target)) {
            continue;
        }
        if (lmm_type_is_pointer(&target)) { /* an element of an array of pointers */
            if (step->offset % 8 == 0 && (step->index == LMM_REGISTER_NONE || step->scale == 8)) {
                lmm_finding_add_target(finding, &target, LMM_MODEL_BY_STORE, step->is_inside);
            }
        } else if (step->index == LMM_REGISTER_NONE &&
                   lmm_type_at(&target, (uint64_t) step->offset, &part)) {
            lmm_finding_add_target(finding, &part, LMM_MODEL_BY_STORE, step->is_inside);
        }
    }
}

/* Returns whether a store is to a variable of the thread itself. */
static bool is_in_thread(const struct lmm_way_step *step)
{
    return step->has_origin && step->origin.reg == LMM_REGISTER_THREAD &&
           step->origin.load_count == 0 && step->origin.scale == 0;
}

static void look_at_stored(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    Dwarf_Die variable;
    uint64_t offset;

    lmm_origin_facts_find(finding, step);
    if (step->reg == LMM_REGISTER_NONE || is_in_thread(step)) {
        if (lmm_finding_variable_at(
                finding, is_in_thread(step) ? LMM_PLACE_THREAD : LMM_PLACE_FIXED,
                is_in_thread(step) ? step->origin.offset : step->offset, &variable, &offset)) {
            add_part(finding, &variable, offset, step->is_inside);
        }
    } else if (!look_at_frame(finding, step)) {
        look_at_field(finding, step);
    }
}

/* Sets *ret_parameter to a function's parameter, counted from 0 on. */
static bool find_parameter(Dwarf_Die *function, uint32_t number, Dwarf_Die *ret_parameter)
{
    Dwarf_Die die;

    if (dwarf_child(function, &die) != 0) {
        return false;
    }
    for (int i = 0; i < PARAMETERS_MAX; i++) {
        if (dwarf_tag(&die) == DW_TAG_formal_parameter && number-- == 0) {
            *ret_parameter = die;
            return true;
        }
        if (dwarf_siblingof(&die, &die) != 0) {
            return false;
        }
    }
    return false;
}

static void look_at_passed(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    Dwarf_Die scopes[LMM_SYMBOL_FILE_SCOPES_MAX];
    Dwarf_Die parameter;
    Dwarf_Die type;

    if (step->target != 0 && !step->is_inside && !lmm_object_facts_passed(finding, step) &&
        !step->is_loaded &&
        lmm_symbol_file_scopes(finding->reader->file, step->target, scopes) > 0 &&
        find_parameter(&scopes[0], step->argument, &parameter) &&
        !lmm_finding_is_this(&parameter) && lmm_type_of(&parameter, &type)) {
        lmm_finding_add_target(finding, &type, LMM_MODEL_BY_ARGUMENT, false);
    }
}

/* Notes that the function returns a pointer to the inside of the block. */
static void note_inside(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    int32_t added = step->is_unknown                                     ? LMM_HEADER_UNKNOWN
                    : step->added > 0 && step->added <= HEADER_BYTES_MAX ? (int32_t) step->added
                                                                         : 0;

    if (step->is_inside) {
        int32_t before = finding->facts.returns_after;

        finding->facts.returns_after = before != 0 && before != added ? LMM_HEADER_UNKNOWN : added;
    }
}

static void look_at_returned(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    Dwarf_Die type;

    finding->facts.returns |= !step->is_inside;
    note_inside(finding, step);
    if (finding->scope_count > 0 && lmm_type_of(&finding->scopes[0], &type)) {
        bool is_typed =
            lmm_finding_add_target(finding, &type, LMM_MODEL_BY_RETURN, step->is_inside);

        finding->facts.is_generic = !is_typed && lmm_type_is_pointer(&type);
    } else {
        finding->facts.is_generic = finding->scope_count == 0;
    }
}

static void look_at_step(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    /* The type of a function's result is the same on all sides. */
    finding->is_late =
        step->sure_to == 0 && step->kind != LMM_WAY_HELD && step->kind != LMM_WAY_RETURNED;
    switch (step->kind) {
    case LMM_WAY_HELD: look_at_held(finding, step); break;
    case LMM_WAY_STORED: look_at_stored(finding, step); break;
    case LMM_WAY_PASSED: look_at_passed(finding, step); break;
    case LMM_WAY_RETURNED: look_at_returned(finding, step); break;
    case LMM_WAY_FILLED: break;
    }
}

void lmm_way_facts_find(struct lmm_finding *finding)
{
    for (size_t i = 0; i < finding->step_count; i++) {
        look_at_step(finding, &finding->steps[i]);
    }
    finding->is_late = false;
}
