/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/finding.h"

#include <dwarf.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/types/bases.h"
#include "reporter/program/types/file_code.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/type_table.h"

bool lmm_finding_add(struct lmm_finding *finding, const Dwarf_Die *type, unsigned evidence,
                     struct lmm_candidate how)
{
    struct lmm_type_info info;
    const struct lmm_type_info *kept;
    struct lmm_candidate *candidate;

    memset(&info, 0, sizeof(info));
    if (!lmm_type_info_of(type, &info)) {
        return false;
    }
    info.is_base =
        info.kind == LMM_TYPE_RECORD && lmm_bases_has(finding->reader->bases, finding->dwarf, type);
    kept = lmm_type_table_keep(finding->reader->types, &info);
    candidate = kept == NULL ? NULL
                             : lmm_array_add(&finding->facts.items, &finding->facts.count,
                                             sizeof(*finding->facts.items));
    finding->failed |= candidate == NULL;
    if (candidate != NULL) {
        how.type = kept;
        how.evidence = evidence;
        how.is_late |= finding->is_late;
        finding->first = finding->facts.count == 1 ? *type : finding->first;
        *candidate = how;
    }
    return candidate != NULL;
}

bool lmm_finding_add_target(struct lmm_finding *finding, const Dwarf_Die *pointer,
                            unsigned evidence, bool is_inside)
{
    Dwarf_Die target;

    return lmm_type_target(pointer, &target) &&
           lmm_finding_add(finding, &target, evidence,
                           (struct lmm_candidate) {.is_inside = is_inside});
}

bool lmm_finding_is_this(const Dwarf_Die *variable)
{
    Dwarf_Die die = *variable;
    Dwarf_Attribute attribute;
    bool is_artificial = false;

    return dwarf_attr_integrate(&die, DW_AT_artificial, &attribute) != NULL &&
           dwarf_formflag(&attribute, &is_artificial) == 0 && is_artificial;
}

/* Looks for a static variable of the functions around. */
static bool find_static(const struct lmm_finding *finding, enum lmm_place_kind kind, uint64_t at,
                        Dwarf_Die *ret_variable, uint64_t *ret_offset)
{
    for (size_t i = 0; i < finding->variables.count; i++) {
        const struct lmm_variable_place *place = &finding->variables.items[i];
        uint64_t offset = at - (uint64_t) place->offset;
        Dwarf_Die type;

        if (place->kind == kind && lmm_type_of(&place->variable, &type) &&
            offset < lmm_type_bytes(&type)) {
            *ret_variable = place->variable;
            *ret_offset = offset;
            return true;
        }
    }
    return false;
}

bool lmm_finding_variable_of_thread(struct lmm_finding *finding, uint64_t place,
                                    Dwarf_Die *ret_variable, uint64_t *ret_offset)
{
    return lmm_variables_of_thread(finding->dwarf, place, ret_variable, ret_offset) ||
           find_static(finding, LMM_PLACE_THREAD, place, ret_variable, ret_offset);
}

bool lmm_finding_variable_at(struct lmm_finding *finding, enum lmm_place_kind kind, int64_t place,
                             Dwarf_Die *ret_variable, uint64_t *ret_offset)
{
    uint64_t at = (uint64_t) place + finding->bias;

    if (kind == LMM_PLACE_THREAD) {
        return lmm_file_code_thread(finding->reader->code, place, &at) &&
               lmm_finding_variable_of_thread(finding, at, ret_variable, ret_offset);
    }
    return lmm_variables_at(finding->dwarf, at, ret_variable, ret_offset) ||
           find_static(finding, kind, at, ret_variable, ret_offset);
}

bool lmm_finding_holds(const struct lmm_finding *finding, const struct lmm_way_step *step,
                       const struct lmm_variable_place *place)
{
    return step->kind == LMM_WAY_HELD && place->reg == step->reg &&
           (place->kind == LMM_PLACE_REGISTER ||
            (place->kind == LMM_PLACE_VALUE && place->offset == 0)) &&
           place->low < step->to + finding->bias && step->from + finding->bias < place->high;
}
